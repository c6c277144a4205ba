import { errors, jit, lax, setBackend, Tensor, tree } from 'flaxen';
import { describe, expect, it, vi } from 'vitest';
import { registerTreeClass } from '../../lib/core/tree.js';
import { backendInfo } from 'flaxen';
import { tensor } from '../support/tensors.js';

const double = (x: Tensor): Tensor => lax.mul(x, 2);

describe('the cache', () => {
  it('traces once for each shape and dtype', () => {
    const f = vi.fn(double);
    const g = jit(f);
    g(tensor([1, 2]));
    g(tensor([3, 4]));
    expect(f).toHaveBeenCalledTimes(1);
    g(tensor([1, 2, 3]));
    g(tensor([1, 2], 'int32'));
    expect(f).toHaveBeenCalledTimes(3);
    expect(g(tensor([5, 6])).toArray()).toEqual([10, 12]);
    expect(f).toHaveBeenCalledTimes(3);
    expect(g.cacheSize()).toBe(3);
  });

  it('keys numbers by kind, not by value', () => {
    const f = vi.fn((x: Tensor, rate: number) => lax.mul(x, lax.convert(rate as unknown as Tensor, 'float32')));
    const g = jit(f);
    const x = tensor(2);
    for (const rate of [0.1, 0.2, 0.5, Infinity, 3e9]) expect(g(x, rate).item()).toBe(Math.fround(2 * Math.fround(rate)));
    expect(f).toHaveBeenCalledTimes(1);
    for (const rate of [1, 2, -3]) expect(g(x, rate).item()).toBe(2 * rate);
    expect(f).toHaveBeenCalledTimes(2);
  });

  it('keys booleans, strings and functions by value', () => {
    const f = vi.fn((x: Tensor, { train, mode, act }: { train: boolean; mode: string; act: (x: Tensor) => Tensor }) =>
      train ? act(x) : mode === 'neg' ? lax.neg(x) : x,
    );
    const g = jit(f);
    const x = tensor([2]);
    const options = { train: true, mode: 'neg', act: double };
    expect(g(x, options).toArray()).toEqual([4]);
    expect(g(x, { ...options }).toArray()).toEqual([4]);
    expect(f).toHaveBeenCalledTimes(1);
    expect(g(x, { ...options, act: lax.neg }).toArray()).toEqual([-2]);
    expect(g(x, { ...options, train: false }).toArray()).toEqual([-2]);
    expect(g(x, { ...options, train: false, mode: 'id' }).toArray()).toEqual([2]);
    expect(f).toHaveBeenCalledTimes(4);
  });

  it('keys tree structures', () => {
    const f = vi.fn((t: object) => tree.leaves(t).length);
    const g = jit(f);
    const x = tensor(1);
    expect([g({ a: x }), g({ a: x, b: x }), g({ a: [x, x] }), g({ b: x }), g([x]), g({ a: null })]).toEqual([1, 2, 2, 1, 1, 0]);
    expect(f).toHaveBeenCalledTimes(6);
    g({ a: tensor(2) });
    expect(f).toHaveBeenCalledTimes(6);
  });

  it('keys the number of arguments', () => {
    const g = jit((...xs: Tensor[]) => xs.reduce((a, b) => lax.add(a, b)));
    const x = tensor(1);
    expect([g(x).item(), g(x, x).item(), g(x, x, x).item(), g(x).item()]).toEqual([1, 2, 3, 1]);
  });

  it('tells weak types apart', () => {
    const kinds: boolean[] = [];
    const g = jit((x: Tensor | number) => {
      kinds.push((x as Tensor).weakType);
      return x;
    });
    g(tensor(2, 'int32'));
    g(2);
    g(tensor(2, 'int32'));
    expect(kinds).toEqual([false, true]);
  });

  it('compiles anew for another backend', () => {
    const f = vi.fn(double);
    const g = jit(f);
    const x = tensor([1]);
    const before = backendInfo().name;
    g(x);
    try {
      setBackend(before === 'reference' ? 'reference64' : 'reference');
      expect(g(x).toArray()).toEqual([2]); // the buffer moves over
      expect(f).toHaveBeenCalledTimes(2);
    } finally {
      setBackend(before);
    }
    g(x);
    expect(f).toHaveBeenCalledTimes(2);
  });

  it('survives an error in the function', () => {
    let fail = true;
    const g = jit((x: Tensor) => {
      if (fail) throw new Error('boom');
      return double(x);
    });
    expect(() => g(tensor(1))).toThrow('boom');
    fail = false;
    expect(g(tensor(1)).item()).toBe(2);
    expect(lax.add(tensor(1), 1).item()).toBe(2); // no trace stays open
  });
});

describe('arguments and results', () => {
  it('are any trees', () => {
    const g = jit((state: { w: Tensor; inner: [Tensor, null] }, s: number) => ({
      sum: lax.add(state.w, state.inner[0]),
      pair: [double(state.w), null, [s]],
    }));
    const out = g({ w: tensor([1, 2]), inner: [tensor([3, 4]), null] }, 5);
    expect(tree.map((t: Tensor) => t.toArray(), out)).toEqual({ sum: [4, 6], pair: [[2, 4], null, [5]] });
  });

  it('are registered classes', () => {
    class State {
      constructor(
        readonly w: Tensor,
        readonly tag: string,
      ) {}
    }
    registerTreeClass(State, {
      names: () => ['w'],
      children: (s) => [s.w],
      aux: (s) => [s.tag],
      build: ([tag], [w]) => new State(w as Tensor, tag as string),
    });
    const f = vi.fn((s: State) => new State(double(s.w), s.tag + '!'));
    const g = jit(f);
    const out = g(new State(tensor(1), 'a'));
    expect(out).toBeInstanceOf(State);
    expect([out.w.item(), out.tag]).toEqual([2, 'a!']);
    g(new State(tensor(1), 'b'));
    expect(f).toHaveBeenCalledTimes(2);
  });

  it('typed arrays become tensors', () => {
    const f = vi.fn(double as unknown as (x: Float32Array) => Tensor);
    const g = jit(f);
    expect(g(new Float32Array([1, 2])).toArray()).toEqual([2, 4]);
    expect(g(new Float32Array([3, 4])).toArray()).toEqual([6, 8]);
    expect(f).toHaveBeenCalledTimes(1);
  });

  it('an argument that comes back keeps its numbers, and keys come out sorted', () => {
    const x = tensor([1, 2]);
    const out = jit((a: Tensor) => ({ z: a, same: a, twice: double(a) }))(x);
    expect(out.z.buffer).toBe(x.buffer);
    expect(out.same.toArray()).toEqual([1, 2]);
    expect(Object.keys(out)).toEqual(['same', 'twice', 'z']);
  });

  it('constants, captured tensors and plain values come out', () => {
    const outside = tensor([7]);
    const g = jit((x: Tensor) => ({ x: double(x), outside, made: lax.full([2], 3), n: 5, s: 'text', nothing: null }));
    for (let i = 0; i < 2; i++) {
      const out = g(tensor(1));
      expect([out.x.item(), out.outside.toArray(), out.made.toArray(), out.n, out.s, out.nothing]).toEqual([
        2,
        [7],
        [3, 3],
        5,
        'text',
        null,
      ]);
    }
  });

  it('one value may come out several times', () => {
    const [a, b] = jit((x: Tensor) => {
      const y = double(x);
      return [y, y] as const;
    })(tensor([1]));
    expect([a.toArray(), b.toArray()]).toEqual([[2], [2]]);
  });

  it('no tensors at all is fine', () => {
    expect(jit(() => ({ a: 1 }))()).toEqual({ a: 1 });
    expect(jit((x: Tensor) => x.shape)(tensor([1, 2]))).toEqual([2]);
    expect(jit(() => undefined)()).toBeUndefined();
  });

  it('a number that comes back is a tensor', () => {
    const out = jit((n: number) => n as unknown as Tensor)(2.5);
    expect(out).toBeInstanceOf(Tensor);
    expect(out.item()).toBe(2.5);
  });

  it('unused arguments are no inputs', () => {
    const text = jit((x: Tensor, _unused: Tensor) => double(x))
      .lower(tensor([1]), tensor([1, 2, 3]))
      .asText();
    expect(text).not.toContain('float32[3]');
  });
});

describe('closures', () => {
  it('are captured by value when traced', () => {
    let w = tensor([10]);
    const f = jit((x: Tensor) => lax.add(x, w));
    expect(f(tensor([1])).toArray()).toEqual([11]);
    w = tensor([20]);
    expect(f(tensor([2])).toArray()).toEqual([12]); // pure functions only, as in JAX
  });

  it('capture a tensor once', () => {
    const w = tensor([10]);
    const text = jit((x: Tensor) => lax.mul(lax.add(x, w), w))
      .lower(tensor([1]))
      .asText();
    expect(text.split('\n')[1]).toBe('inputs  %0: float32[1]  %1: float32[1]');
  });

  it('capture an argument of the same buffer as its own value', () => {
    const w = tensor([10]);
    expect(jit((x: Tensor) => lax.sub(x, w))(w).toArray()).toEqual([0]);
  });

  it('operations on captured tensors are part of the program', () => {
    const w = tensor([1, 2]);
    expect(jit((x: Tensor) => lax.add(x, lax.mul(w, 3)))(tensor([1, 1])).toArray()).toEqual([4, 7]);
  });
});

describe('nesting', () => {
  it('inlines a jitted function into the caller', () => {
    const inner = jit((x: Tensor) => double(x));
    const outer = jit((x: Tensor) => lax.add(inner(inner(x)), 1));
    expect(outer(tensor(3)).item()).toBe(13);
    expect(
      outer
        .lower(tensor(3))
        .asText()
        .match(/ = mul /g)?.length,
    ).toBeGreaterThanOrEqual(2);
  });

  it('a jitted function may call itself on another shape', () => {
    const total: (x: Tensor) => Tensor = jit((x: Tensor) =>
      x.size === 1 ? lax.reshape(x, []) : lax.add(total(lax.slice(x, [0], [1])), total(lax.slice(x, [1], [x.size]))),
    );
    expect(total(tensor([1, 2, 3, 4])).item()).toBe(10);
  });
});

describe('lower().asText()', () => {
  it('shows the graph and the program, without running', () => {
    const f = jit((x: Tensor, y: Tensor) => lax.reduceSum(lax.mul(x, y), 0), { name: 'weigh' });
    const text = f.lower(tensor([[1, 2]]), tensor([[3, 4]])).asText();
    const lines = text.split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'graph of weigh',
      'inputs  %0: float32[1, 2]  %1: float32[1, 2]',
      '%2: float32[1, 2] = mul %0 %1',
      '%3: float32[2] = reduceSum %2 axes=[0]',
      'outputs %3',
    ]);
    expect(text).toContain('\nprogram\n');
  });
  it('leaves dead code out', () => {
    const text = jit((x: Tensor) => {
      lax.exp(x);
      return double(x);
    })
      .lower(tensor([1]))
      .asText();
    expect(text).not.toContain('exp');
  });
  it('says when there is nothing to compute', () => {
    expect(
      jit((x: Tensor) => x)
        .lower(tensor(1))
        .asText(),
    ).toContain('(nothing to compute)');
  });
  it('shares the cache with the calls', () => {
    const f = vi.fn(double);
    const g = jit(f);
    g.lower(tensor([1]));
    g(tensor([1]));
    expect(f).toHaveBeenCalledTimes(1);
  });
});

it('checks its options', () => {
  expect(() => jit(double, { donate: [-1] })).toThrow(errors.ArgumentError);
  expect(() => jit(double, { donate: [0.5] })).toThrow(/donate of double lists positions of arguments, got 0.5/);
});
