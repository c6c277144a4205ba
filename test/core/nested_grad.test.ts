import { grad, jit, lax, stopGradient, valueAndGrad, vjp, type Tensor } from 'flaxen';
import { describe, expect, it, vi } from 'vitest';
import { tensor } from '../support/tensors.js';

const { add, mul, sin, cos, exp, reduceSum } = lax;
const cube = (x: Tensor): Tensor => mul(mul(x, x), x);
const at = (f: (x: Tensor) => Tensor, x: number): number => f(tensor(x)).item() as number;

// Each of these ways to write a transform must give the same derivative.
const ways: [string, (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor][] = [
  ['grad', (f) => grad(f)],
  ['jit(grad)', (f) => jit(grad(f))],
  ['grad(jit)', (f) => grad(jit(f))],
  ['jit(grad(jit))', (f) => jit(grad(jit(f)))],
  ['grad(jit(x => f(x)))', (f) => grad(jit((x: Tensor) => f(x)))],
  ['valueAndGrad', (f) => (x) => valueAndGrad(f)(x)[1]],
  ['vjp', (f) => (x) => vjp(f, x)[1](lax.full([], 1))[0]],
];

describe('derivatives of derivatives', () => {
  for (const [first, d1] of ways) {
    for (const [second, d2] of ways) {
      it(`${second} of ${first}`, () => {
        expect(at(d2(d1(cube)), 2)).toBe(12);
        expect(at(d2(d1((x) => sin(mul(x, 2)))), 0.3)).toBeCloseTo(-4 * Math.sin(0.6), 5);
      });
    }
    it(`third and fourth by ${first}`, () => {
      expect(at(d1(d1(d1(cube))), 2)).toBe(6);
      expect(at(d1(d1(d1(d1((x) => mul(cube(x), x))))), 2)).toBe(24);
    });
  }
});

describe('an inner derivative does not see the outer variable', () => {
  // d/dx [x * d/dy (x + y)] = d/dx x = 1: Siskind and Pearlmutter's test of perturbation confusion
  for (const [outer, d] of ways) {
    for (const [inner, e] of ways) {
      it(`${outer} over ${inner}`, () => {
        expect(
          at(
            d((x) => mul(x, e((y) => add(x, y))(tensor(1)))),
            5,
          ),
        ).toBe(1);
        expect(
          at(
            d((x) => mul(x, e((y) => add(x, y))(x))),
            5,
          ),
        ).toBe(1);
        expect(
          at(
            d((x) => e((y) => mul(x, y))(tensor(1))),
            3,
          ),
        ).toBe(1);
        expect(
          at(
            d((x) => e((y) => mul(cube(x), cube(y)))(x)),
            2,
          ),
        ).toBe(15 * 16);
        expect(
          at(
            d((x) => e((y) => mul(stopGradient(x), cube(y)))(x)),
            2,
          ),
        ).toBe(24);
        expect(
          at(
            d((x) => e(() => cube(x))(tensor(1))),
            2,
          ),
        ).toBe(0);
        expect(
          at(
            d((x) => add(cube(x), e((y) => mul(cos(y), exp(y)))(tensor(0.5)))),
            2,
          ),
        ).toBe(12);
      });
    }
  }

  it('three deep, with all closed over', () => {
    // f(x) = d/dy d/dz (x^3 y^2 z^2) at y = x, z = x y: 2 x^3 * 2 * ... checked by hand
    const f = (x: Tensor): Tensor => grad((y: Tensor) => grad((z: Tensor) => mul(mul(cube(x), mul(y, y)), mul(z, z)))(mul(x, y)))(x);
    // d/dz = 2 x^3 y^2 z at z = x y: 2 x^4 y^3; d/dy = 6 x^4 y^2 at y = x: 6 x^6; d/dx = 36 x^5
    expect(at(f, 2)).toBe(6 * 64);
    expect(at(grad(f), 2)).toBe(36 * 32);
    expect(at(jit(grad(f)), 2)).toBe(36 * 32);
  });
});

describe('jit between derivatives', () => {
  it('captures a differentiated value', () => {
    const f = (w: Tensor): Tensor => jit((x: Tensor) => mul(cube(w), x))(tensor(5));
    expect(at(grad(f), 2)).toBe(60);
    expect(at(grad(grad(f)), 2)).toBe(60);
  });

  it('captures one and takes one', () => {
    const f = (w: Tensor): Tensor => jit((x: Tensor) => mul(cube(w), x))(mul(w, w));
    expect(at(grad(f), 2)).toBe(5 * 16);
  });

  it('returns a captured differentiated value as it is', () => {
    expect(
      at(
        grad((w: Tensor) => jit(() => w)()),
        2,
      ),
    ).toBe(1);
    expect(
      at(
        grad((w: Tensor) => mul(...(jit((x: Tensor) => [x, w] as const)(cube(w)) as [Tensor, Tensor]))),
        2,
      ),
    ).toBe(32);
  });

  it('keeps nothing of a differentiated value that it captured', () => {
    let w = tensor(0);
    const functions = [jit((x: Tensor) => mul(cube(w), x)), jit((x: Tensor) => [x, w] as const)] as const;
    const f = (v: Tensor): Tensor => {
      w = v;
      return mul(functions[0](tensor(1)), functions[1](tensor(1))[1]);
    };
    for (const x of [2, 3]) expect(at(grad(f), x)).toBe(4 * x ** 3);
    expect(functions.map((g) => g.cacheSize())).toEqual([0, 0]);
  });

  it('passes arguments through', () => {
    const g = jit((x: Tensor, y: Tensor) => [y, x, mul(x, y)] as const);
    const f = (x: Tensor): Tensor => {
      const [a, b, c] = g(x, cube(x));
      return add(add(a, b), c);
    };
    expect(at(grad(f), 2)).toBe(12 + 1 + 32);
    expect(at(grad(grad(f)), 2)).toBe(12 + 12 * 4);
  });

  it('has outputs that are integers, constants, or unused', () => {
    const g = jit((x: Tensor) => ({ y: cube(x), n: lax.convert(x, 'int32'), k: 3, c: tensor(7), unused: exp(x) }));
    const f = (x: Tensor): Tensor => {
      const { y, n, k, c } = g(x);
      return mul(add(mul(y, k), lax.convert(n, 'float32')), c);
    };
    expect(at(grad(f), 2)).toBe(3 * 12 * 7);
    expect(at(jit(grad(f)), 2)).toBe(3 * 12 * 7);
  });

  it('takes integers and numbers beside', () => {
    const g = jit((x: Tensor, n: Tensor, s: number) =>
      mul(mul(x, lax.convert(n, 'float32')), lax.convert(s as unknown as Tensor, 'float32')),
    );
    expect(grad((x: Tensor) => g(x, tensor(3, 'int32'), 0.5))(tensor(2)).item()).toBe(1.5);
    expect(grad((x: Tensor) => mul(g(x, tensor(3, 'int32'), 4), x))(tensor(2)).item()).toBe(48);
  });

  it('traces function and pullback once', () => {
    const f = vi.fn((x: Tensor) => reduceSum(cube(x)));
    const g = grad(jit(f));
    for (let i = 1; i < 5; i++) expect(g(tensor([i])).toArray()).toEqual([3 * i * i]);
    expect(f).toHaveBeenCalledTimes(2);
  });

  it('a function of other things is left alone', () => {
    const data = jit((x: Tensor) => mul(x, 2));
    expect(grad((w: Tensor) => mul(w, data(tensor(4))))(tensor(3)).item()).toBe(8);
  });

  it('grad inside jit inside grad inside jit', () => {
    const inner = jit((x: Tensor) => grad(cube)(x)); // 3 x^2
    const outer = jit(grad((x: Tensor) => mul(inner(x), x))); // d 3 x^3 = 9 x^2
    expect(at(outer, 2)).toBe(36);
    expect(at(grad(outer), 2)).toBe(36);
  });

  it('a derivative with respect to a whole tree, jitted at every level', () => {
    interface P {
      a: Tensor;
      b: Tensor[];
    }
    const f = jit((p: P) => mul(cube(p.a), p.b[0]!));
    const g = jit(grad(f));
    const h = grad((p: P) => add(g(p).a, g(p).b[0]!)); // 3 a^2 b + a^3
    const out = h({ a: tensor(2), b: [tensor(5)] });
    expect([out.a.item(), out.b[0]!.item()]).toEqual([6 * 2 * 5 + 12, 12]);
  });
});

describe('control flow', () => {
  it('a loop whose length depends on a value', () => {
    const f = (x: Tensor): Tensor => {
      let y = x;
      while ((y.item() as number) < 100) y = mul(y, x);
      return y;
    };
    expect(at(grad(f), 3)).toBe(5 * 81);
  });

  it('a long chain', () => {
    const f = (x: Tensor): Tensor => {
      let y = x;
      for (let i = 0; i < 3000; i++) y = add(y, x);
      return y;
    };
    expect(at(grad(f), 1)).toBe(3001);
  });
});
