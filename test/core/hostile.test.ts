/** Values that cannot be meant: each gets an error that names it and the mend, none a crash, an endless loop or a rejection that nobody sees. */
import { errors, grad, jit, lax, nn, np, optim, random, training, tree, valueAndGrad, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';

const key = random.PRNGKey(0);
const x = np.ones([2, 3]);
const wrong = (value: unknown): never => value as never;
const { ArgumentError, ShapeError, TreeStructureError } = errors;

function throws(run: () => unknown, type: new (...a: never[]) => Error, message: RegExp): void {
  expect(run).toThrow(type);
  expect(run).toThrow(message);
}

describe('trees that hold themselves', () => {
  const params: Record<string, unknown> = { w: np.ones([2]) };
  params.self = params;
  const own: unknown[] = [];
  own.push(own);
  it.each<[string, () => unknown, RegExp]>([
    ['tree.map', () => tree.map((v: Tensor) => v, params), /cannot hold itself, and this one does at self: leave that reference out/],
    ['tree.leaves', () => tree.leaves({ a: own }), /at a\/0/],
    ['an argument of jit', () => jit((p: typeof params) => p.w as Tensor)(params), /at 0\/self/],
    ['a result of jit', () => jit(() => params as never)(), /at self/],
    ['grad', () => grad((p: typeof params) => (p.w as Tensor).sum())(params), /at self/],
    ['an optimizer', () => optim.adam(1).init(params), /at self/],
    ['mutable variables', () => nn.Dense({ features: 1 }).apply({ params }, x, { mutable: true }), /at self/],
  ])('%s', (_, run, message) => throws(run, TreeStructureError, message));
  it('saveCheckpoint', async () => {
    await expect(training.saveCheckpoint('never', params)).rejects.toThrow(TreeStructureError);
  });
  it('np.array', () => throws(() => np.array(wrong(own)), ShapeError, /nested deeper than the 8 dimensions/));
  it('and trees without end', () => {
    let deep: unknown = x;
    for (let i = 0; i < 1e5; i++) deep = [deep];
    throws(() => tree.leaves(deep), TreeStructureError, /at most 500 levels/);
  });
});

it('a shape of what is no number is not mistaken for another that reads the same', () => {
  np.zeros([2, 3]);
  np.zeros([]);
  for (const shape of [[null], [undefined], ['2', '3'], [[2, 3]]]) {
    throws(() => np.zeros(wrong(shape)), ShapeError, /dimensions are whole numbers of at least 0, got \[/);
    throws(() => lax.zeros(wrong(shape)), ShapeError, /dimensions are whole numbers/);
  }
});

it('a function that is async is refused, and what it rejects with later ends no process', async () => {
  const unseen: unknown[] = [];
  const note = (reason: unknown): number => unseen.push(reason);
  process.on('unhandledRejection', note);
  const broken = wrong(async () => Promise.reject(new Error('later')));
  for (const run of [
    () => grad(broken)(x),
    () => valueAndGrad(broken, { hasAux: true })(x),
    () => nn.Dense({ features: 2, kernelInit: broken }).init(key, x),
  ])
    throws(run, errors.FlaxenError, /async/);
  throws(() => nn.module('M', broken)().init(key), ArgumentError, /must return its forward function/);
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', note);
  expect(unseen).toEqual([]);
});

it('a static argument that is new at each call does not fill the memory with programs', () => {
  const f = jit((v: Tensor, _name: string) => v.add(1));
  for (let i = 0; i < 1100; i++) f.lower(x, `call ${i}`);
  expect(f.cacheSize()).toBe(1024);
});

describe('random', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['split', () => random.split(key, wrong('3')), /a whole number of keys, got 3/],
    ['split', () => random.split(key, wrong(null)), /got null/],
    ['randint', () => random.randint(key, [1], 0, 2, wrong({ type: 'int32' })), /random.randint has no option "type"/],
    ['permutation', () => random.permutation(key, 3, wrong({ axes: 0 })), /random.permutation has no option "axes"/],
    ['choice', () => random.choice(key, 3, [1], wrong({ p: [1, 0, 0] })), /random.choice has no option "p"/],
    ['choice', () => random.choice(key, wrong('abc')), /from a tensor, or from the whole numbers below one, got string abc/],
    ['categorical', () => random.categorical(key, x, wrong({ dim: 0 })), /random.categorical has no option "dim"/],
    ['uniform', () => random.uniform(key, [1], { minval: NaN }), /minval to be a number or a tensor, got NaN/],
    ['bernoulli', () => random.bernoulli(key, NaN), /a probability, a number or a tensor, got NaN/],
  ])('%s', (_, run, message) => throws(run, ArgumentError, message));
});

describe('np', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['array', () => np.array(wrong(10n)), /got bigint 10 at the root/],
    ['einsum', () => np.einsum(wrong(3), x), /subscripts such as 'ij,jk->ik' first, got number 3/],
    ['arange', () => np.arange(NaN), /got number NaN/],
  ])('%s', (_, run, message) => throws(run, ArgumentError, message));
  it('axes of a scalar', () => throws(() => np.sum(np.array(1), 0), ShapeError, /axis 0 is out of bounds .* a scalar has no axes/));
});

describe('hyperparameters that are no finite numbers', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['sgd', () => optim.sgd(Infinity), /needs a learning rate: a finite number, .* got Infinity/],
    ['momentum', () => optim.sgd(0.1, { momentum: NaN }), /sgd needs momentum to be a finite number, got NaN/],
    ['rmsprop', () => optim.rmsprop(0.1, { momentum: wrong('0.9') }), /rmsprop needs momentum to be a finite number, got 0.9/],
    ['adam', () => optim.adam(0.1, { b1: NaN }), /scaleByAdam needs b1 to be a finite number, got NaN/],
    ['adamw', () => optim.adamw(0.1, { eps: Infinity }), /scaleByAdam needs eps to be a finite number/],
    ['weight decay', () => optim.adamw(0.1, { weightDecay: NaN }), /addDecayedWeights needs weightDecay to be a finite number/],
    ['a schedule', () => optim.cosineDecaySchedule(NaN, 10), /cosineDecaySchedule needs initValue to be a finite number, got NaN/],
    ['a loss', () => optim.huberLoss(x, null, { delta: NaN }), /huberLoss needs delta to be a finite number/],
    ['parameters', () => optim.adam(0.1).init({ w: 3 }), /parameters that are tensors, got number 3 at w/],
  ])('%s', (_, run, message) => throws(run, ArgumentError, message));
  it('a step that counts nothing', () => {
    const state = training.TrainState.create({ applyFn: () => x, params: { w: x }, tx: optim.sgd(1) });
    throws(() => state.replace({ step: 1.5 }), ArgumentError, /step counts updates: a whole number or an int32 scalar, got 1.5/);
    throws(() => state.replace({ step: wrong('x') }), ArgumentError, /got x/);
  });
});

describe('layers', () => {
  const batchNorm = (config: object): unknown => nn.BatchNorm({ useRunningAverage: false, ...config }).init(key, x);
  it.each<[string, () => unknown, RegExp]>([
    ['momentum', () => batchNorm({ momentum: NaN }), /BatchNorm needs momentum to be a finite number, got NaN/],
    ['epsilon', () => batchNorm({ epsilon: 'small' }), /BatchNorm needs epsilon to be a finite number of at least 0, got "small"/],
    ['useBias', () => batchNorm({ useBias: 'no' }), /BatchNorm needs useBias to be true or false, got "no"/],
    [
      'a traced flag',
      () => batchNorm({ useRunningAverage: np.array(false) }),
      /useRunningAverage to be true or false, known when it is called; got Tensor<bool/,
    ],
    ['LayerNorm', () => nn.LayerNorm({ epsilon: NaN }), /LayerNorm needs epsilon/],
    [
      'Dense',
      () => nn.Dense({ features: 2, precision: wrong('best') }),
      /Dense needs precision to be 'default', 'high', 'highest' or 'bfloat16', got "best"/,
    ],
    ['Conv', () => nn.Conv({ features: 2, kernelSize: [3], useBias: wrong(1) }), /Conv needs useBias to be true or false, got 1/],
    ['Dropout', () => nn.Dropout({ rate: 0.5 }).apply({}, x, wrong({ train: true })), /a call of Dropout has no option "train"/],
    ['LayerNorm', () => nn.LayerNorm().init(key, x, wrong({ train: true })), /a call of LayerNorm has no option "train"/],
    ['an initializer', () => nn.Dense({ features: 2, kernelInit: wrong(() => 3) }).init(key, x), /one of its parameters is 3/],
    [
      'a parameter',
      () => nn.Dense({ features: 2 }).apply({ params: { kernel: new Float32Array(6) } }, x),
      /"kernel" in "\/" is a Float32Array: make it a tensor/,
    ],
    ['nn.module', () => nn.module('M', wrong(3)), /nn.module needs a function from the configuration/],
  ])('%s', (_, run, message) => throws(run, ArgumentError, message));
  it("a dtype that is no float, in Flax's words", () => {
    for (const layer of [nn.BatchNorm({ dtype: 'int32', useRunningAverage: true }), nn.Dense({ features: 2, dtype: 'int32' })])
      throws(() => layer.init(key, x), errors.DTypeError, /Dtype must be inexact: .* got the dtype "int32"/);
  });
  it('running statistics of another shape, or no tensors', () => {
    const params = { scale: np.ones([3]), bias: np.zeros([3]) };
    for (const [mean, why] of [
      [np.zeros([4]), 'of shape \\[4\\] does not broadcast over an input of shape \\[2, 3\\]'],
      [[0, 0, 0], 'is a value of class Array, no tensor'],
    ] as const) {
      const variables = { params, batch_stats: { mean, var: np.ones([3]) } };
      const message = new RegExp(`BatchNorm in "/": the running "mean" ${why}: pass the batch_stats`);
      throws(() => nn.BatchNorm({ useRunningAverage: true }).apply(variables, x), ShapeError, message);
      throws(() => nn.BatchNorm({ useRunningAverage: false }).apply(variables, x, { mutable: ['batch_stats'] }), ShapeError, message);
    }
  });
  it('running statistics of size 1 stretch in training too', () => {
    const variables = { params: { scale: np.ones([3]), bias: np.zeros([3]) }, batch_stats: { mean: np.ones([1]), var: np.ones([1]) } };
    const [, { batch_stats }] = nn.BatchNorm({ useRunningAverage: false, momentum: 0.5 }).apply(variables, x, { mutable: ['batch_stats'] });
    expect(tree.map((v: Tensor) => v.toArray(), batch_stats)).toEqual({ mean: [1, 1, 1], var: [0.5, 0.5, 0.5] });
  });
  it('a mask of null is none', () => {
    const norm = nn.BatchNorm({ useRunningAverage: false });
    const variables = norm.init(key, x);
    const with_ = norm.apply(variables, x, { mask: null, mutable: ['batch_stats'] })[0];
    expect(with_.toArray()).toEqual(norm.apply(variables, x, { mutable: ['batch_stats'] })[0].toArray());
  });
});
