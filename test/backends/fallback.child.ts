/** The design's program, as a user writes it: it knows of no backend. Prints the backend's name and the losses of some steps. */
import { backendInfo, jit, nn, np, optim, random, training, valueAndGrad, type Tensor } from 'flaxen';

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 2 })(x);
});

const mlp = MLP();
const { params, batch_stats } = mlp.init(random.PRNGKey(0), np.ones([1, 3]), { train: false });
let state = training.TrainState.create({ applyFn: mlp.apply, params, batch_stats, tx: optim.adam(1e-2) });
type State = typeof state;
type Batch = { image: Tensor; label: Tensor };

const trainStep = jit(
  (state: State, batch: Batch) => {
    const lossFn = (params: State['params']) => {
      const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, batch.image, {
        train: true,
        mutable: ['batch_stats'],
      });
      return [optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.label).mean(), updates] as const;
    };
    const [[loss, updates], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
    return [state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats }), loss] as const;
  },
  { donate: [0] },
);

const batch = { image: random.normal(random.PRNGKey(1), [32, 3]), label: random.randint(random.PRNGKey(2), [32], 0, 2) };
const losses: number[] = [];
for (let step = 0; step < 20; step++) {
  const [next, loss] = trainStep(state, batch);
  state = next;
  losses.push(Number(loss.item()));
}
console.log(JSON.stringify({ backend: backendInfo(), losses }));
