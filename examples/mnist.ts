/**
 * Trains the same MLP on MNIST with and without batch normalization and draws both learning curves.
 *
 *   npx tsx examples/mnist.ts [--epochs 5] [--batch 128] [--lr 0.002] [--seed 0] [--out out/mnist.html]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { backendInfo, jit, nn, np, optim, random, training, valueAndGrad, type Tensor } from 'flaxen';
import { page, type Series } from './support/chart.js';
import { loadMnist, PIXELS, type Dataset } from './support/mnist.js';
import { Progress } from './support/progress.js';

const { values: flags } = parseArgs({
  options: {
    epochs: { type: 'string', default: '5' },
    batch: { type: 'string', default: '128' },
    lr: { type: 'string', default: '0.002' },
    seed: { type: 'string', default: '0' },
    out: { type: 'string', default: 'out/mnist.html' },
  },
});
const number = (name: 'epochs' | 'batch' | 'lr' | 'seed', least: number): number => {
  const value = Number(flags[name]);
  if (!(value >= least)) throw new Error(`--${name} must be a number of at least ${least}, got "${flags[name]}"`);
  return value;
};
const epochs = number('epochs', 1);
const batchSize = number('batch', 1);
const learningRate = number('lr', 0);
const seed = number('seed', 0);

const MLP = nn.module('MLP', ({ batchNorm }: { batchNorm: boolean }) => (x: Tensor, { train }: { train: boolean }) => {
  for (const features of [512, 256]) {
    x = nn.Dense({ features })(x);
    if (batchNorm) x = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(x);
    x = nn.relu(x);
  }
  return nn.Dense({ features: 10 })(x);
});

interface Curve {
  loss: [number, number][];
  accuracy: [number, number][];
  imagesPerSecond: number;
}

/** Trains one model and returns its curves: the loss by step, the test accuracy by epoch. */
async function run(title: string, batchNorm: boolean, train: Dataset, test: Dataset): Promise<Curve> {
  const model = MLP({ batchNorm });
  const [initKey, shuffleKey] = random.split(random.PRNGKey(seed)) as unknown as [Tensor, Tensor];
  const stepsPerEpoch = Math.floor(train.count / batchSize);
  const schedule = optim.cosineDecaySchedule(learningRate, epochs * stepsPerEpoch);
  const { params, batch_stats = {} } = model.init(initKey, np.ones([1, PIXELS]), { train: false });
  let state = training.TrainState.create({ applyFn: model.apply, params, batch_stats, tx: optim.adam(schedule) });
  type State = typeof state;

  const images = np.array(train.images, { shape: [train.count, PIXELS] });
  const labels = np.array(train.labels);
  const testImages = np.array(test.images, { shape: [test.count, PIXELS] });
  const testLabels = np.array(test.labels);

  const trainStep = jit(
    (state: State, images: Tensor, labels: Tensor, rows: Tensor) => {
      const image = np.take(images, rows, { axis: 0 });
      const label = np.take(labels, rows, { axis: 0 });
      const lossFn = (params: State['params']) => {
        const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, image, {
          train: true,
          mutable: ['batch_stats'],
        });
        return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), { logits, updates }] as const;
      };
      const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
      state = state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats ?? {} });
      return [state, { loss, accuracy: np.mean(np.equal(np.argmax(logits, -1), label)) }] as const;
    },
    { donate: [0], name: 'trainStep' },
  );

  const evalStep = jit((state: State, image: Tensor, label: Tensor) => {
    const logits = state.applyFn({ params: state.params, batch_stats: state.batch_stats }, image, { train: false });
    return np.mean(np.equal(np.argmax(logits, -1), label));
  });

  const curve: Curve = { loss: [], accuracy: [], imagesPerSecond: 0 };
  let trainingTime = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = random.permutation(random.foldIn(shuffleKey, epoch), train.count);
    const bar = new Progress(`${title.padEnd(12)} epoch ${epoch + 1}/${epochs}`, stepsPerEpoch);
    const started = performance.now();
    const rate = (step: number) => Math.round(((step + 1) * batchSize) / ((performance.now() - started) / 1000));
    for (let step = 0; step < stepsPerEpoch; step++) {
      const rows = order.slice([step * batchSize, (step + 1) * batchSize]);
      let metrics: { loss: Tensor; accuracy: Tensor };
      [state, metrics] = trainStep(state, images, labels, rows);
      if (step % 20 === 19 || step === stepsPerEpoch - 1) {
        const [loss, accuracy] = [(await metrics.loss.data())[0]!, (await metrics.accuracy.data())[0]!];
        curve.loss.push([epoch * stepsPerEpoch + step + 1, loss]);
        bar.update(
          step + 1,
          `loss ${loss.toFixed(4)}  accuracy ${(100 * accuracy).toFixed(1)}%  ${rate(step).toLocaleString('en')} images/s`,
        );
      }
    }
    trainingTime += performance.now() - started;
    const accuracy = (await evalStep(state, testImages, testLabels).data())[0]!;
    curve.accuracy.push([epoch + 1, 100 * accuracy]);
    bar.finish(
      `loss ${curve.loss.at(-1)![1].toFixed(4)}  test accuracy ${(100 * accuracy).toFixed(2)}%  ${rate(stepsPerEpoch - 1).toLocaleString('en')} images/s`,
    );
  }
  curve.imagesPerSecond = Math.round((epochs * stepsPerEpoch * batchSize) / (trainingTime / 1000));
  return curve;
}

/** A running mean of every `window` neighbours, so that a noisy loss can be read. */
const smooth = (points: readonly [number, number][], window = 10): [number, number][] =>
  points.map(([x], i) => {
    const near = points.slice(Math.max(0, i - window + 1), i + 1);
    return [x, near.reduce((sum, p) => sum + p[1], 0) / near.length];
  });

const { train, test } = await loadMnist();
console.log(
  `MNIST: ${train.count.toLocaleString('en')} training and ${test.count.toLocaleString('en')} test images; backend ${backendInfo().name}`,
);
const runs = [
  { name: 'BatchNorm', color: '#0b6bcb', curve: await run('BatchNorm', true, train, test) },
  { name: 'no BatchNorm', color: '#d1570c', curve: await run('no BatchNorm', false, train, test) },
];

const series = (pick: (c: Curve) => [number, number][]): Series[] =>
  runs.map((r) => ({ name: r.name, color: r.color, points: pick(r.curve) }));
const out = resolve(flags.out);
await mkdir(dirname(out), { recursive: true });
await writeFile(
  out,
  page(
    'MNIST with and without batch normalization',
    [
      { title: 'Training loss', xLabel: 'step', yLabel: 'cross entropy', series: series((c) => smooth(c.loss)) },
      { title: 'Test accuracy', xLabel: 'epoch', yLabel: '%', series: series((c) => c.accuracy) },
    ],
    [
      ['', 'test accuracy', 'last loss', 'images/s'],
      ...runs.map(({ name, curve }) => [
        name,
        `${curve.accuracy.at(-1)![1].toFixed(2)}%`,
        smooth(curve.loss).at(-1)![1].toFixed(4),
        curve.imagesPerSecond.toLocaleString('en'),
      ]),
    ],
  ),
);
console.log(`learning curves: ${pathToFileURL(out).href}`);
