/** The program that the design promises, line by line, on a small synthetic set until it has learned. */
import { jit, nn, np, optim, random, training, tree, valueAndGrad, type Tensor } from 'flaxen';
import { expect, test } from 'vitest';

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 1 })(x);
});

test("the guide's variables, shapes and mutable apply", () => {
  const mlp = MLP();
  const x = np.ones([1, 3]);
  const variables = mlp.init(random.PRNGKey(0), x, { train: false });
  const { params, batch_stats } = variables;
  expect(tree.map((v: Tensor) => v.shape, variables)).toEqual({
    batch_stats: { BatchNorm_0: { mean: [4], var: [4] } },
    params: {
      BatchNorm_0: { bias: [4], scale: [4] },
      Dense_0: { bias: [4], kernel: [3, 4] },
      Dense_1: { bias: [1], kernel: [4, 1] },
    },
  });

  const [y, updates] = mlp.apply({ params, batch_stats }, x, { train: true, mutable: ['batch_stats'] });
  expect(y.shape).toEqual([1, 1]);
  expect(Object.keys(updates)).toEqual(['batch_stats']);
});

const Classifier = nn.module('Classifier', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 16 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 3 })(x);
});

interface Batch {
  image: Tensor;
  label: Tensor;
}

/** Three classes by the angle of the first two features. */
function dataset(seed: number, rows: number): Batch {
  const image = random.normal(random.PRNGKey(seed), [rows, 5]);
  const label = (image.toArray() as number[][]).map((r) => (r[1]! > Math.abs(r[0]!) ? 0 : r[0]! > 0 ? 1 : 2));
  return { image, label: np.array(Int32Array.from(label)) };
}

test('it trains, then evaluates with the running averages', async () => {
  const mlp = Classifier();
  const { params, batch_stats } = mlp.init(random.PRNGKey(0), np.ones([1, 5]), { train: false });
  type Params = typeof params;

  let state = training.TrainState.create({ applyFn: mlp.apply, params, batch_stats, tx: optim.adam(1e-2) });
  type State = typeof state;

  const trainStep = jit(
    (state: State, batch: Batch) => {
      const lossFn = (params: Params) => {
        const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, batch.image, {
          train: true,
          mutable: ['batch_stats'],
        });
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

  const evalStep = jit((state: State, batch: Batch) => {
    const logits = state.applyFn({ params: state.params, batch_stats: state.batch_stats }, batch.image, { train: false });
    const loss = optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.label).mean();
    return { loss, accuracy: np.mean(np.equal(np.argmax(logits, -1), batch.label)) };
  });

  const [train, held] = [dataset(1, 512), dataset(2, 256)];
  const before = evalStep(state, held);
  const mean = new training.MeanMetrics<{ loss: Tensor; accuracy: Tensor }>();
  let metrics: { loss: Tensor; accuracy: Tensor };
  for (let epoch = 0; epoch < 20; epoch++) {
    mean.reset();
    for (const batch of training.batches(random.foldIn(random.PRNGKey(7), epoch), train, 32, { dropRemainder: true })) {
      [state, metrics] = trainStep(state, batch);
      mean.add(metrics);
    }
  }
  const last = await mean.result();
  const after = evalStep(state, held);
  expect(state.step.item()).toBe(20 * 16);
  expect(last.accuracy).toBeGreaterThan(0.9);
  expect(await after.accuracy.array()).toBeGreaterThan(0.93);
  expect(await after.loss.array()).toBeLessThan(((await before.loss.array()) as number) / 3);
  expect(trainStep.cacheSize()).toBe(1);

  // Running averages: an example's logits do not depend on what stands beside it.
  const alone = state.applyFn({ params: state.params, batch_stats: state.batch_stats }, np.take(held.image, np.arange(1), { axis: 0 }), {
    train: false,
  });
  const together = state.applyFn({ params: state.params, batch_stats: state.batch_stats }, held.image, { train: false });
  const [a, b] = [(alone.toArray() as number[][])[0]!, (together.toArray() as number[][])[0]!];
  a.forEach((v, i) => expect(v).toBeCloseTo(b[i]!, 5));
});

const PlainMLP = nn.module('MLP', () => (x: Tensor) => nn.Dense({ features: 3 })(nn.relu(nn.Dense({ features: 16 })(x))));

test('the variant without BatchNorm needs neither train nor mutable', () => {
  const mlp = PlainMLP();
  const { params } = mlp.init(random.PRNGKey(0), np.ones([1, 5]));
  let state = training.TrainState.create({ applyFn: mlp.apply, params, tx: optim.sgd(0.5, { momentum: 0.9 }) });
  type State = typeof state;
  const trainStep = jit(
    (state: State, batch: Batch) => {
      const lossFn = (params: State['params']) =>
        optim.softmaxCrossEntropyWithIntegerLabels(state.applyFn({ params }, batch.image), batch.label).mean();
      const [loss, grads] = valueAndGrad(lossFn)(state.params);
      return [state.applyGradients({ grads }), loss] as const;
    },
    { donate: [0] },
  );
  const data = dataset(1, 256);
  const losses: number[] = [];
  for (let i = 0; i < 100; i++) {
    const [next, loss] = trainStep(state, data);
    state = next;
    losses.push(loss.item() as number);
  }
  expect(losses[0]!).toBeGreaterThan(0.8);
  expect(losses.at(-1)!).toBeLessThan(0.2);
});

test('a declared state type does as well as an inferred one', () => {
  type Stats = { BatchNorm_0: { mean: Tensor; var: Tensor } };
  const step = (state: training.TrainState<{ batch_stats: Stats }>, batch_stats: Stats): training.TrainState<{ batch_stats: Stats }> =>
    state.replace({ batch_stats });
  const stats: Stats = { BatchNorm_0: { mean: np.zeros([2]), var: np.ones([2]) } };
  const state = training.TrainState.create({
    applyFn: (): Tensor => np.ones([1]),
    params: { w: np.ones([2]) },
    batch_stats: stats,
    tx: optim.adam(1),
  });
  const mean: Tensor = step(state, stats).batch_stats.BatchNorm_0.mean;
  expect(mean).toBe(stats.BatchNorm_0.mean);
  const bias: Tensor = state.params.w;
  expect(bias.shape).toEqual([2]);
  const count: Tensor = state.opt_state[0].count;
  expect(count.item()).toBe(0);
});
