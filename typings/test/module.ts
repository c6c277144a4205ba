/** What the compiler knows of modules: configurations, forward functions, `init`, `apply`. Compiled, never run. */
import { expectTypeOf } from 'vitest';
import { nn, type Tensor } from 'flaxen';

declare const key: Tensor;
declare const x: Tensor;

// A configuration's type comes from configure's parameter.
const MLP = nn.module('MLP', ({ hidden, out = 1 }: { hidden: number; out?: number }) => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.relu(nn.BatchNorm({ useRunningAverage: !train })(nn.Dense({ features: hidden })(x)));
  return nn.Dense({ features: out })(x);
});
const mlp = MLP({ hidden: 4 });
MLP({ hidden: 4, out: 2, name: 'head' });
// @ts-expect-error -- hidden is missing
MLP();
// @ts-expect-error -- hidden is missing
MLP({});
// @ts-expect-error -- hidden is a number
MLP({ hidden: '4' });
// @ts-expect-error -- no such field
MLP({ hidden: 4, width: 2 });

// init: the forward function's arguments after the keys.
const variables = mlp.init(key, x, { train: false });
expectTypeOf(variables).toEqualTypeOf<nn.Variables>();
expectTypeOf(mlp.init({ params: key, dropout: key }, x, { train: false })).toEqualTypeOf<nn.Variables>();
expectTypeOf(mlp.tabulate(key, x, { train: false })).toEqualTypeOf<string>();
// @ts-expect-error -- no keys
mlp.init(x, { train: false });
// @ts-expect-error -- no input
mlp.init(key, { train: false });
// @ts-expect-error -- a seed is no key
mlp.init(0, x, { train: false });

// apply without mutable gives the result, with it a pair.
expectTypeOf(mlp.apply(variables, x, { train: false })).toEqualTypeOf<Tensor>();
expectTypeOf(mlp.apply(variables, x, { train: true, mutable: 'batch_stats' })).toEqualTypeOf<[Tensor, nn.Variables]>();
expectTypeOf(mlp.apply(variables, x, { train: true, mutable: [] })).toEqualTypeOf<[Tensor, nn.Variables]>();
// @ts-expect-error -- the result is a tensor, not a pair
const [y] = mlp.apply(variables, x, { train: false }) as Tensor & { [Symbol.iterator]: never };
// @ts-expect-error -- mutable names collections
mlp.apply(variables, x, { train: true, mutable: 3 });
// @ts-expect-error -- train is a boolean
mlp.apply(variables, x, { train: 'yes' });
// @ts-expect-error -- rngs are keys
mlp.apply(variables, x, { train: false, rngs: { dropout: 1 } });

// Results of any type; several inputs; options that may be left out.
const Pair = nn.module('Pair', () => (a: Tensor, b: Tensor, { scale = 1 }: { scale?: number } = {}) => ({ sum: a.add(b), scale }));
expectTypeOf(Pair().apply({}, x, x)).toEqualTypeOf<{ sum: Tensor; scale: number }>();
expectTypeOf(Pair().apply({}, x, x, { scale: 2, mutable: true })).toEqualTypeOf<[{ sum: Tensor; scale: number }, nn.Variables]>();
expectTypeOf(Pair()(x, x)).toEqualTypeOf<{ sum: Tensor; scale: number }>();
// @ts-expect-error -- one input of two
Pair().apply({}, x);

// Modules as values: every module is an nn.Module, in a configuration too.
const Wrapped = nn.module(
  'Wrapped',
  ({ layer }: { layer: nn.Module }) =>
    (x: Tensor) =>
      nn.relu(layer(x) as Tensor),
);
Wrapped({ layer: nn.Dense({ features: 3 }) });
Wrapped({ layer: mlp });
Wrapped({ layer: nn.Sequential({ layers: [nn.Dense({ features: 3 }), nn.relu] }) });
const modules: nn.Module[] = [mlp, Pair(), nn.Dropout({ rate: 0.5 }), nn.BatchNorm()];
modules[0]!.init(key, x, { train: false });
// @ts-expect-error -- a function is no module
Wrapped({ layer: nn.relu });
// @ts-expect-error -- nn.Dense is what makes modules
Wrapped({ layer: nn.Dense });

// A typed module: what its forward function takes is known.
const Typed = nn.module(
  'Typed',
  ({ layer }: { layer: nn.Module<(x: Tensor) => Tensor> }) =>
    (x: Tensor) =>
      layer(x),
);
Typed({ layer: nn.Dense({ features: 3 }) });
// @ts-expect-error -- its forward function takes an option that layer(x) does not give
Typed({ layer: mlp });

// Layers.
nn.BatchNorm({ momentum: 0.9, epsilon: 1e-3, axis: [1, 2] });
// @ts-expect-error -- no such option
nn.BatchNorm({ decay: 0.9 });
// @ts-expect-error -- a rate is a must
nn.Dropout({});

// Hooks.
expectTypeOf(nn.param('w', nn.initializers.ones, [2])).toEqualTypeOf<Tensor>();
expectTypeOf(nn.param('pair', (_key: Tensor, n: number) => [n, n] as const, 3)).toEqualTypeOf<readonly [number, number]>();
expectTypeOf(nn.variable('state', 'n', () => ({ count: 0 })).value).toEqualTypeOf<{ count: number }>();
// @ts-expect-error -- a shape is an array
nn.param('w', nn.initializers.ones, 2);
void y;

// mutable: false is none; a boolean that is not known yet may give either.
expectTypeOf(mlp.apply(variables, x, { train: false, mutable: false })).toEqualTypeOf<Tensor>();
expectTypeOf(mlp.apply(variables, x, { train: true, mutable: true })).toEqualTypeOf<[Tensor, nn.Variables]>();
expectTypeOf(mlp.apply(variables, x, { train: true, mutable: nn.DenyList('params') })).toEqualTypeOf<[Tensor, nn.Variables]>();
// @ts-expect-error -- train is missing beside mutable
mlp.apply(variables, x, { mutable: true });
// @ts-expect-error -- no such option
mlp.apply(variables, x, { train: true, mutabel: true });
// @ts-expect-error -- variables come first
mlp.apply(x, { train: false });

// Several methods: __call__ types apply; a method is named by a string.
const Coder = nn.module('Coder', () => ({
  __call__: (x: Tensor) => x,
  encode: (x: Tensor, { scale = 1 }: { scale?: number } = {}) => x.mul(scale),
}));
expectTypeOf(Coder().apply({}, x)).toEqualTypeOf<Tensor>();
// @ts-expect-error -- an input is missing
Coder().apply({});

// Inside a module an instance is called like its forward function.
expectTypeOf(mlp(x, { train: true })).toEqualTypeOf<Tensor>();
// @ts-expect-error -- train is missing
mlp(x);
// @ts-expect-error -- layers take their configuration as one object
nn.Dense(4);
// @ts-expect-error -- Python's name
nn.Dense({ features: 4, use_bias: false });
// @ts-expect-error -- a list of layers has a name
nn.Sequential([nn.relu]);
// @ts-expect-error -- an initializer is made by calling its factory
nn.Dense({ features: 4, kernelInit: nn.initializers.lecunNormal });
