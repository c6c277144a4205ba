/**
 * Trains a small convolutional net with batch normalization on MNIST. The convolutions and the pooling run on tfjs-node's kernels, all else on flaxen's own.
 *
 *   npx tsx examples/mnist-cnn.ts [--epochs 3] [--batch 128] [--lr 0.002] [--seed 0] [--train 60000]
 */
import { parseArgs } from 'node:util';
import { backendInfo, jit, nn, np, optim, random, training, valueAndGrad, type Tensor } from 'flaxen';
import { loadMnist, type Dataset } from './support/mnist.js';
import { Progress } from './support/progress.js';

const { values: flags } = parseArgs({
  options: {
    epochs: { type: 'string', default: '3' },
    batch: { type: 'string', default: '128' },
    lr: { type: 'string', default: '0.002' },
    seed: { type: 'string', default: '0' },
    train: { type: 'string', default: '60000' },
  },
});
const number = (name: keyof typeof flags, least: number): number => {
  const value = Number(flags[name]);
  if (!(value >= least)) throw new Error(`--${name} must be a number of at least ${least}, got "${flags[name]}"`);
  return value;
};
const epochs = number('epochs', 1);
const batchSize = number('batch', 1);
const seed = number('seed', 0);

const CNN = nn.module('CNN', () => (x: Tensor, { train }: { train: boolean }) => {
  for (const features of [16, 32]) {
    x = nn.Conv({ features, kernelSize: [3, 3], useBias: false })(x); // BatchNorm has a bias
    x = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(x); // over batch, height and width
    x = nn.relu(x);
    x = nn.maxPool(x, [2, 2], { strides: [2, 2] });
  }
  return nn.Dense({ features: 10 })(np.reshape(x, [x.shape[0]!, -1]));
});

const { train, test } = await loadMnist();
const count = Math.min(number('train', batchSize), train.count);
const stepsPerEpoch = Math.floor(count / batchSize);
const imagesOf = (data: Dataset, n: number): Tensor => np.array(data.images.subarray(0, n * 784), { shape: [n, 28, 28, 1] });
const images = imagesOf(train, count);
const labels = np.array(train.labels.subarray(0, count));
console.log(
  `MNIST: ${count.toLocaleString('en')} training and ${test.count.toLocaleString('en')} test images; backend ${backendInfo().name}`,
);

const cnn = CNN();
const [initKey, shuffleKey] = random.split(random.PRNGKey(seed)) as unknown as [Tensor, Tensor];
const { params, batch_stats } = cnn.init(initKey, np.ones([1, 28, 28, 1]), { train: false });
const tx = optim.adam(optim.cosineDecaySchedule(number('lr', 0), epochs * stepsPerEpoch));
let state = training.TrainState.create({ applyFn: cnn.apply, params, batch_stats, tx });
type State = typeof state;

const trainStep = jit(
  (state: State, images: Tensor, labels: Tensor, rows: Tensor) => {
    const image = np.take(images, rows, { axis: 0 });
    const label = np.take(labels, rows, { axis: 0 });
    const lossFn = (params: State['params']) => {
      const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, image, { train: true, mutable: ['batch_stats'] });
      return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), updates] as const;
    };
    const [[loss, updates], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
    return [state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats }), loss] as const;
  },
  { donate: [0], name: 'trainStep' },
);

const evalStep = jit((state: State, image: Tensor, label: Tensor) => {
  const logits = state.applyFn({ params: state.params, batch_stats: state.batch_stats }, image, { train: false });
  return np.sum(np.equal(np.argmax(logits, -1), label));
});

/** The share of the test images that the net names right, 1,000 at a time. */
async function accuracy(): Promise<number> {
  const part = 1000;
  let right = 0;
  for (let at = 0; at < test.count; at += part) {
    const image = np.array(test.images.subarray(at * 784, (at + part) * 784), { shape: [part, 28, 28, 1] });
    right += (await evalStep(state, image, np.array(test.labels.subarray(at, at + part))).data())[0]!;
  }
  return right / test.count;
}

for (let epoch = 0; epoch < epochs; epoch++) {
  const order = random.permutation(random.foldIn(shuffleKey, epoch), count);
  const bar = new Progress(`epoch ${epoch + 1}/${epochs}`, stepsPerEpoch);
  const started = performance.now();
  const rate = (steps: number) =>
    `${Math.round((steps * batchSize) / ((performance.now() - started) / 1000)).toLocaleString('en')} images/s`;
  let loss = NaN;
  for (let step = 0; step < stepsPerEpoch; step++) {
    let result: Tensor;
    [state, result] = trainStep(state, images, labels, order.slice([step * batchSize, (step + 1) * batchSize]));
    if (step % 20 === 19 || step === stepsPerEpoch - 1) {
      loss = (await result.data())[0]!;
      bar.update(step + 1, `loss ${loss.toFixed(4)}  ${rate(step + 1)}`);
    }
  }
  const speed = rate(stepsPerEpoch);
  bar.finish(`loss ${loss.toFixed(4)}  test accuracy ${(100 * (await accuracy())).toFixed(2)}%  ${speed}`);
}
