/**
 * Synchronous train steps of the guide's model on tfjs-node: some until code is loaded and V8's young generation has its full size (6,500 steps on Node 26), then
 * 10,000 of which each 250th adds to what is printed: the number of TensorFlow's tensors and the resident memory in MiB.
 */
import { jit, nn, np, optim, random, setBackend, training, valueAndGrad, type Tensor } from 'flaxen';
import { loadTfjsNode } from '../../lib/backends/tfjs/load.js';

const BEFORE = 8_000;
const STEPS = 10_000;
const donate = process.argv[2] === 'donated' ? [0] : [];
setBackend('tfjs');

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 2 })(x);
});
const image = random.normal(random.PRNGKey(1), [32, 3]);
const label = random.randint(random.PRNGKey(2), [32], 0, 2);
const mlp = MLP();
const { params, batch_stats } = mlp.init(random.PRNGKey(0), image, { train: false });
let state = training.TrainState.create({ applyFn: mlp.apply, params, batch_stats, tx: optim.adam(1e-2) });
type State = typeof state;
const step = jit(
  (state: State, image: Tensor, label: Tensor) => {
    const lossFn = (params: State['params']) => {
      const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, image, { train: true, mutable: ['batch_stats'] });
      return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), { logits, updates }] as const;
    };
    const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
    const accuracy = np.mean(np.equal(np.argmax(logits, -1), label));
    return [state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats }), loss, accuracy] as const;
  },
  { donate },
);

const { binding } = loadTfjsNode();
const tensors: number[] = [];
const resident: number[] = [];
for (let i = 1 - BEFORE; i <= STEPS; i++) {
  [state] = step(state, image, label);
  if (i <= 0 || i % 250 !== 0) continue;
  tensors.push(binding.getNumOfTensors());
  resident.push(process.memoryUsage.rss() / 2 ** 20);
}
console.log(JSON.stringify({ tensors, resident, loss: step(state, image, label)[1].item() }));
