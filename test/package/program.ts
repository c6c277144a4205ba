/** The guide's program as a user has it: trains a step or two and says what runs it. Each kind of project gets its own translation of this file. */
import { backendInfo, jit, nn, np, optim, random, training, tree, valueAndGrad, type Tensor } from 'flaxen';

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 2 })(x);
});

const mlp = MLP();
const variables = mlp.init(random.PRNGKey(0), np.ones([1, 3]), { train: false });
const { params, batch_stats } = variables;
const shapes = tree.map((v: Tensor) => v.shape, variables);
let state = training.TrainState.create({ applyFn: mlp.apply, params, batch_stats, tx: optim.adam(1e-2) });
type State = typeof state;
type Batch = { image: Tensor; label: Tensor };

const trainStep = jit(
  (state: State, batch: Batch) => {
    const lossFn = (params: State['params']) => {
      const variables = { params, batch_stats: state.batch_stats };
      const [logits, updates] = state.applyFn(variables, batch.image, { train: true, mutable: ['batch_stats'] });
      const loss = optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.label).mean();
      return [loss, { logits, updates }] as const;
    };
    const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
    state = state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats });
    const accuracy = np.mean(np.equal(np.argmax(logits, -1), batch.label));
    return [state, { loss, accuracy }] as const;
  },
  { donate: [0] },
);

const image = random.normal(random.PRNGKey(1), [64, 3]);
const label = np.greater(image.sum(1), 0).astype('int32');
const losses: number[] = [];
for (let step = 0; step < 200; step++) {
  const [next, { loss }] = trainStep(state, { image, label });
  state = next;
  losses.push(loss.item() as number);
}
console.log(JSON.stringify({ backend: backendInfo().name, shapes, first: losses[0], last: losses.at(-1) }));
