/** What the compiler knows of a module's `init` and `apply`. */
import { describe, expectTypeOf, it } from 'vitest';
import { nn, type Tensor } from 'flaxen';

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 1 })(x);
});

describe('types', () => {
  // The functions below are checked, not run.
  const check = (f: (key: Tensor, x: Tensor) => void): void => void expectTypeOf(f).toBeFunction();

  it('give apply the result of the forward function, in a pair if mutable is given', () => {
    check((key, x) => {
      const mlp = MLP();
      const variables = mlp.init(key, x, { train: false });
      const { params, batch_stats } = variables;
      expectTypeOf(mlp.apply({ params, batch_stats }, x, { train: true })).toEqualTypeOf<Tensor>();
      expectTypeOf(mlp.apply({ params, batch_stats }, x, { train: true, mutable: false })).toEqualTypeOf<Tensor>();
      expectTypeOf(mlp.apply(variables, x, { train: true, mutable: ['batch_stats'] })).toEqualTypeOf<[Tensor, nn.Variables]>();
      expectTypeOf(mlp.apply(variables, x, { train: true, mutable: true, rngs: { dropout: key } })).toEqualTypeOf<[Tensor, nn.Variables]>();
      expectTypeOf(mlp.apply(variables, x, { train: true, mutable: nn.DenyList('params') })).toEqualTypeOf<[Tensor, nn.Variables]>();
      expectTypeOf(mlp.initWithOutput(key, x, { train: false })).toEqualTypeOf<[Tensor, nn.Variables]>();
      const [y, updates] = mlp.apply({ params, batch_stats }, x, { train: true, mutable: ['batch_stats'] });
      expectTypeOf(y).toEqualTypeOf<Tensor>();
      expectTypeOf(updates.batch_stats).toEqualTypeOf<nn.Collection>();
      // @ts-expect-error -- train is missing
      mlp.apply(variables, x, { mutable: ['batch_stats'] });
      // @ts-expect-error -- train is missing
      mlp.init(key, x);
      // @ts-expect-error -- no such option
      mlp.init(key, x, { train: true, trian: true });
      // @ts-expect-error -- an input is missing
      mlp.apply(variables, { train: true });
    });
  });

  it('take functions without options, and options that may be left out', () => {
    const Plain = nn.module(
      'Plain',
      ({ features }: { features: number }) =>
        (x: Tensor) =>
          nn.Dense({ features })(x),
    );
    const Two = nn.module('Two', () => (x: Tensor, y: Tensor) => ({ x, y }));
    check((key, x) => {
      const plain = Plain({ features: 3, name: 'plain' });
      expectTypeOf(plain.apply(plain.init(key, x), x)).toEqualTypeOf<Tensor>();
      expectTypeOf(plain.apply({}, x, { rngs: { dropout: key } })).toEqualTypeOf<Tensor>();
      expectTypeOf(plain.apply({}, x, { mutable: 'batch_stats' })).toEqualTypeOf<[Tensor, nn.Variables]>();
      expectTypeOf(Two().apply({}, x, x)).toEqualTypeOf<{ x: Tensor; y: Tensor }>();
      expectTypeOf(Two().apply({}, x, x, { mutable: [] })).toEqualTypeOf<[{ x: Tensor; y: Tensor }, nn.Variables]>();
      const bn = nn.BatchNorm({ momentum: 0.9 });
      expectTypeOf(bn.init(key, x, { useRunningAverage: false })).toEqualTypeOf<nn.Variables>();
      expectTypeOf(bn.apply({}, x, { useRunningAverage: false, mask: x, mutable: ['batch_stats'] })).toEqualTypeOf<
        [Tensor, nn.Variables]
      >();
      expectTypeOf(bn.apply({}, x)).toEqualTypeOf<Tensor>();
      // @ts-expect-error -- the features are missing
      nn.Dense();
      // @ts-expect-error -- the features are missing
      Plain({});
      // @ts-expect-error -- no such option
      plain.apply({}, x, { train: true });
      // @ts-expect-error -- no second input
      Two().apply({}, x);
    });
  });

  it('know named methods', () => {
    const Auto = nn.module('Auto', ({ size }: { size: number }) => {
      const encode = (x: Tensor) => nn.Dense({ features: size })(x);
      return { encode, __call__: (x: Tensor, { scale = 1 }: { scale?: number } = {}) => [encode(x), scale] as const };
    });
    check((key, x) => {
      const auto = Auto({ size: 2 });
      expectTypeOf(auto.apply({}, x, { scale: 2 })).toEqualTypeOf<readonly [Tensor, number]>();
      expectTypeOf(auto.bind({}).methods.encode(x)).toEqualTypeOf<Tensor>();
      expectTypeOf(auto(x)).toEqualTypeOf<readonly [Tensor, number]>();
      auto.apply({}, x, { method: 'encode' });
      auto.init(key, x, { method: 'encode' });
    });
  });
});
