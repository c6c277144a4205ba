/** Nested, shared, named and passed-in modules against real Flax. */
import { describe, expect, it } from 'vitest';
import { grad, nn, tree, type Tensor } from 'flaxen';
import { add, broadcastTo, concatenate, full, dotGeneral, max, mul, reduceMax, sin, sub } from '../../lib/core/primitives/index.js';
import { expectGolden, golden, toTensor } from '../support/golden.js';
import { key, keyOrder, meanOf, shapes } from './support.js';

const matmul = (x: Tensor, y: Tensor): Tensor => dotGeneral(x, y, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] });

const ResBlock = nn.module('ResBlock', ({ features }: { features: number }) => (x: Tensor, { train }: { train: boolean }) => {
  let residual = x;
  let y = nn.Dense({ features, useBias: false })(x);
  y = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(y);
  y = nn.relu(y);
  y = nn.Dense({ features, useBias: false })(y);
  y = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(y);
  if (residual.shape.join() !== y.shape.join()) residual = nn.Dense({ features, name: 'proj' })(residual);
  return nn.relu(add(y, residual));
});

const ResMLP = nn.module('ResMLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 6, name: 'stem' })(x);
  x = ResBlock({ features: 6 })(x, { train });
  x = ResBlock({ features: 8 })(x, { train });
  x = ResBlock({ features: 8, name: 'last_block' })(x, { train });
  return nn.Dense({ features: 2, name: 'head' })(x);
});

const MixedNames = nn.module('MixedNames', () => (x: Tensor) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.Dense({ features: 4, name: 'mid' })(x);
  x = nn.tanh(nn.Dense({ features: 4 })(x));
  const shared = nn.Dense({ features: 4 });
  x = shared(nn.tanh(shared(x)));
  for (let i = 0; i < 2; i++) x = nn.Dense({ features: 3, name: `loop_${i}` })(x);
  return nn.Dense({ features: 2 })(x);
});

// What Flax's setup does, configure does; names of attributes become explicit ones.
const SetupModel = nn.module('SetupModel', () => {
  const enc = nn.Dense({ features: 5, name: 'enc' });
  const layers = [4, 3].map((features, i) => nn.Dense({ features, name: `layers_${i}` }));
  const heads = { a: nn.Dense({ features: 1, name: 'heads_a' }), b: nn.Dense({ features: 2, name: 'heads_b' }) };
  const scale = nn.param('scale', nn.initializers.ones, [3]);
  return (x: Tensor) => {
    x = nn.relu(enc(x));
    for (const layer of layers) x = layer(x);
    x = mul(x, broadcastTo(scale, x.shape));
    return concatenate([heads.a(x), heads.b(x)], -1);
  };
});

const Inner = nn.module('Inner', ({ features }: { features: number }) => (x: Tensor) => {
  const k = nn.param('kernel', nn.initializers.normal(0.5), [x.shape[1]!, features]);
  const g = nn.param('gain', nn.initializers.lecunNormal(), [features, 2]);
  return matmul(matmul(x, k), g);
});

const Outer = nn.module('Outer', ({ inner }: { inner: (x: Tensor) => Tensor }) => (x: Tensor): Tensor => {
  x = inner(x);
  x = Inner({ features: 3 })(x);
  return nn.Sequential({ layers: [nn.Dense({ features: 4 }), nn.relu, nn.Dense({ features: 2 })] })(x) as Tensor;
});

const Counter = nn.module('Counter', () => (x: Tensor) => {
  const isInitialized = nn.hasVariable('stats', 'count');
  const count = nn.variable('stats', 'count', () => full([], 0));
  const big = nn.variable('stats', 'largest', (shape: number[]) => full(shape, -1), [x.shape[1]!]);
  if (isInitialized) {
    count.value = add(count.value, 1);
    big.value = max(big.value, reduceMax(x, 0));
  }
  return nn.Dense({ features: 2 })(sub(x, broadcastTo(big.value, x.shape)));
});

const file = 'nested_modules';
const { inputs, outputs } = golden(file);

type Call = (x: Tensor, variables: nn.VariablesLike, train: boolean) => [Tensor, nn.Variables | undefined];
const withTrain = ResMLP();
const plain =
  (m: nn.Module<(x: Tensor) => Tensor>): Call =>
  (x, v) => [m.apply(v, x), undefined];
const outer = Outer({ inner: Inner({ features: 4 }) });
const counter = Counter();
const models: Record<string, { init: (k: Tensor, x: Tensor) => nn.Variables; call: Call }> = {
  res_mlp: {
    init: (k, x) => withTrain.init(k, x, { train: false }),
    call: (x, v, train) =>
      train ? withTrain.apply(v, x, { train, mutable: ['batch_stats'] }) : [withTrain.apply(v, x, { train }), undefined],
  },
  mixed_names: { init: MixedNames().init, call: plain(MixedNames()) },
  setup_model: { init: SetupModel().init, call: plain(SetupModel()) },
  outer: { init: outer.init, call: plain(outer) },
  counter: { init: counter.init, call: (x, v) => counter.apply(v, x, { mutable: ['stats'] }) },
};

describe.each(Object.keys(models))('%s', (name) => {
  const { init, call } = models[name]!;
  const want = outputs[name];
  const x = toTensor(inputs[name].x);
  const variables = init(key(inputs[name].seed), x);
  const check = (actual: unknown, output: string): void => expectGolden({ [output]: actual }, { [output]: want[output] }, file, name);

  it('has the variables that Flax has, in the same order, bit for bit', () => {
    check(variables, 'variables');
    expect(keyOrder(variables)).toEqual(want.key_order);
    expect(shapes(variables)).toEqual(want.shapes);
    expect(tree.leavesWithPath(variables).map(([path]) => path.join('/'))).toEqual(want.leaf_paths);
    expect(tree.reduce((n, leaf: Tensor) => n + leaf.size, variables.params, 0)).toBe(want.param_count);
    const expected = new Map(tree.leavesWithPath(want.variables).map(([path, leaf]) => [path.join('/'), leaf]));
    for (const [path, leaf] of tree.leavesWithPath(variables)) {
      const data = Array.from({ length: (leaf as Tensor).size }, (_, i) => expected.get(`${path.join('/')}/data/${i}`));
      expect(Array.from((leaf as Tensor).dataSync())).toEqual(data);
    }
  });

  it('gives the same outputs, updates and gradients', () => {
    check(call(x, variables, false)[0], 'y_eval');
    const collections = Object.keys(variables).filter((c) => c !== 'params');
    if (collections.length > 0) {
      const [y, updates] = call(x, variables, true);
      check(y, 'y_train');
      check(updates, 'updates');
      const [y2, updates2] = call(x, { ...variables, ...updates }, true);
      check(y2, 'y_train_2');
      check(updates2, 'updates_2');
    }
    const loss = (params: nn.Collection): Tensor => meanOf(sin(call(x, { ...variables, params }, true)[0]));
    check(grad(loss)(variables.params), 'grad_mean_sin');
  });
});
