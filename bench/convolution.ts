/**
 * A train step of examples/mnist-cnn.ts's net on the cpu backend, whose convolutions and pooling run on tfjs-node, against the same net in tfjs-node's own
 * layers, in one process and by turns.
 *
 *   npx tsx bench/convolution.ts [batch]
 */
import { createRequire } from 'node:module';
import { jit, nn, np, optim, random, setBackend, training, valueAndGrad, type Tensor } from 'flaxen';

const BATCH = Number(process.argv[2] ?? 128);
const WIDTHS = [16, 32];
const ROUNDS = 9;
const STEPS = 10;

const CNN = nn.module('CNN', () => (x: Tensor, { train }: { train: boolean }) => {
  for (const features of WIDTHS) {
    x = nn.Conv({ features, kernelSize: [3, 3], useBias: false })(x);
    x = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(x);
    x = nn.maxPool(nn.relu(x), [2, 2], { strides: [2, 2] });
  }
  return nn.Dense({ features: 10 })(np.reshape(x, [x.shape[0]!, -1]));
});

/** Returns a function that runs so many steps and reads the last loss. */
function flaxen(backend: string): (steps: number) => number {
  setBackend(backend);
  const cnn = CNN();
  const image = random.normal(random.PRNGKey(1), [BATCH, 28, 28, 1]);
  const label = random.randint(random.PRNGKey(2), [BATCH], 0, 10);
  const { params, batch_stats } = cnn.init(random.PRNGKey(0), image, { train: false });
  let state = training.TrainState.create({ applyFn: cnn.apply, params, batch_stats, tx: optim.adam(1e-3) });
  type State = typeof state;
  const step = jit(
    (state: State, image: Tensor, label: Tensor) => {
      const lossFn = (params: State['params']) => {
        const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, image, {
          train: true,
          mutable: ['batch_stats'],
        });
        return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), updates] as const;
      };
      const [[loss, updates], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
      return [state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats }), loss] as const;
    },
    { donate: [0], name: 'step' },
  );
  return (steps) => {
    setBackend(backend);
    let loss: Tensor | undefined;
    for (let i = 0; i < steps; i++) [state, loss] = step(state, image, label);
    return loss!.item() as number;
  };
}

interface Tf {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the package's types would need its installation
  [name: string]: any;
}

function tfjsNode(): (steps: number) => number {
  /* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return */
  const tf = createRequire(import.meta.url)('@tensorflow/tfjs-node') as Tf;
  const model = tf.sequential();
  WIDTHS.forEach((filters, i) => {
    model.add(tf.layers.conv2d({ filters, kernelSize: 3, padding: 'same', useBias: false, ...(i === 0 && { inputShape: [28, 28, 1] }) }));
    model.add(tf.layers.batchNormalization());
    model.add(tf.layers.reLU());
    model.add(tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }));
  });
  model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ units: 10 }));
  const image = tf.randomNormal([BATCH, 28, 28, 1]);
  const label = tf.oneHot(tf.randomUniformInt([BATCH], 0, 10), 10);
  const optimizer = tf.train.adam(1e-3);
  return (steps) => {
    let last = NaN;
    for (let i = 0; i < steps; i++) {
      const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(label, model.apply(image, { training: true })), true);
      if (i === steps - 1) last = loss.dataSync()[0];
      loss.dispose();
    }
    return last;
  };
  /* eslint-enable */
}

const median = (xs: number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1]!;
const contenders = { 'flaxen, cpu': flaxen('cpu'), 'flaxen, tfjs': flaxen('tfjs'), 'tfjs-node layers': tfjsNode() };
const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(contenders)) {
    const started = performance.now();
    run(STEPS);
    if (round >= 0) times[name]!.push((performance.now() - started) / STEPS);
  }
}
console.log(`batch ${BATCH}, convolutions of ${WIDTHS.join(' and ')} features`);
for (const [name, list] of Object.entries(times)) {
  console.log(
    `${name.padEnd(18)} ${median(list).toFixed(1)} ms a step (${Math.min(...list).toFixed(1)} to ${Math.max(...list).toFixed(1)})`,
  );
}
