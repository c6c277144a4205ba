/** x.slice(...) and x.at(...) against plain loops over nested arrays, for random shapes and specs. */
import { grad, jit, np, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { randomNumbers } from '../support/tensors.js';
import type { Index } from '../../lib/numpy/indexing.js';

interface Plain {
  shape: number[];
  data: number[];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
const strides = (shape: readonly number[]): number[] => shape.map((_, i) => sizeOf(shape.slice(i + 1)));
const coordinates = (at: number, shape: readonly number[]): number[] => strides(shape).map((s, i) => Math.floor(at / s) % shape[i]!);
const plain = (t: Tensor): Plain => ({ shape: [...t.shape], data: Array.from(t.dataSync()) });

/** Python's range(*slice(start, stop, step).indices(size)). */
function positions([start = null, stop = null, step = null]: readonly (number | null)[], size: number): number[] {
  const by = step ?? 1;
  const out: number[] = [];
  const clip = (v: number) => (by > 0 ? Math.min(size, Math.max(0, v)) : Math.min(size - 1, Math.max(-1, v)));
  const from = start === null ? (by > 0 ? 0 : size - 1) : clip(start < 0 ? start + size : start);
  const to = stop === null ? (by > 0 ? size : -1) : clip(stop < 0 ? stop + size : stop);
  for (let i = from; by > 0 ? i < to : i > to; i += by) out.push(i);
  return out;
}

/** For each element of x[specs] in row-major order, the element of x that it is; at most one index tensor, of any rank. */
function naive(shape: readonly number[], specs: readonly Index[]): { shape: number[]; from: (number | null)[] } {
  const own = specs.filter((s) => s !== null && s !== '...').length;
  const whole = new Array<Index>(shape.length - own).fill(':');
  const dots = specs.indexOf('...');
  const all = dots < 0 ? [...specs, ...whole] : [...specs.slice(0, dots), ...whole, ...specs.slice(dots + 1)];
  // Each part has the result dimensions that it gives, and for each place in them the index into its dimension of x (null for new axes).
  let dim = 0;
  const parts = all.map((spec): { shape: number[]; picks: number[] | null } => {
    if (spec === null) return { shape: [1], picks: null };
    const size = shape[dim++]!;
    if (typeof spec === 'number') return { shape: [], picks: [spec < 0 ? spec + size : spec] };
    if (spec === ':' || Array.isArray(spec)) {
      const picks = positions(spec === ':' ? [] : (spec as number[]), size);
      return { shape: [picks.length], picks };
    }
    const t = plain(spec as Tensor);
    return { shape: t.shape, picks: t.data.map((i) => (i < 0 ? i + size : i)) };
  });
  const out = parts.flatMap((p) => p.shape);
  const step = strides(shape);
  const from = Array.from({ length: sizeOf(out) }, (_, at) => {
    const where = coordinates(at, out);
    let flat = 0;
    let inside = true;
    let d = 0;
    for (const { shape: s, picks } of parts) {
      const own = where.splice(0, s.length);
      if (picks === null) continue;
      const i = picks[own.reduce((n, c, k) => n * s[k]! + c, 0)]!;
      if (i < 0 || i >= shape[d]!) inside = false;
      flat += i * step[d++]!;
    }
    return inside ? flat : null;
  });
  return { shape: out, from };
}

const next = randomNumbers(7);
const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));

function randomSpecs(shape: readonly number[], tensors: boolean, outside: boolean): Index[] {
  let used = !tensors;
  const specs = shape.flatMap((size): Index[] => {
    const kind = int(0, used ? 5 : 6);
    const open = (): number | null => (int(0, 2) === 0 ? null : int(-size - 2, size + 2));
    if (kind === 0) return [int(-size, size - 1)];
    if (kind === 1) return [null, ':'];
    if (kind <= 3) return [[open(), open()]];
    if (kind === 4) return [[open(), open(), [-3, -2, -1, 1, 2, 3][int(0, 5)]!]];
    if (kind === 5) return [':'];
    used = true;
    const form = [[], [2], [3], [2, 2], [0]][int(0, 4)]!;
    const reach = outside ? size + 1 : size;
    return [
      np.array(
        Int32Array.from({ length: sizeOf(form) }, () => int(-reach, reach - 1)),
        { shape: form },
      ),
    ];
  });
  const keep = int(0, specs.length);
  if (int(0, 1) === 0) return specs.slice(0, keep);
  return int(0, 1) === 0 ? ['...', ...specs.slice(keep)] : [...specs, '...'];
}

const shapes = [[5], [4, 3], [2, 3, 4], [1, 6], [3, 1, 2]];
const count = (shape: readonly number[]): Tensor => np.arange(sizeOf(shape), { dtype: 'float32' }).reshape(shape);

/** One advanced index next to numbers obeys NumPy's rule for their place; the naive version knows only those side by side. */
function simple(specs: readonly Index[]): boolean {
  const tensorAt = specs.findIndex((s) => typeof s === 'object' && s !== null && 'aval' in s);
  return tensorAt < 0 || !specs.some((s) => typeof s === 'number');
}

describe('slice', () => {
  test('against loops, 400 random indices', () => {
    for (let round = 0; round < 400; round++) {
      const shape = shapes[round % shapes.length]!;
      const specs = randomSpecs(shape, true, false);
      if (!simple(specs)) continue;
      const want = naive(shape, specs);
      expect(plain(count(shape).slice(...specs)), JSON.stringify(specs)).toEqual({ shape: want.shape, data: want.from });
    }
  });

  test('index tensors outside are clamped, as in JAX', () => {
    const x = np.array([10, 20, 30]);
    expect(x.slice(np.array([5, -1, -9], 'int32')).toArray()).toEqual([30, 30, 10]);
  });

  test('several index tensors broadcast and go together', () => {
    const x = count([2, 3, 4]);
    const i = np.array([1, 0], 'int32');
    const j = np.array([[2], [0]], 'int32');
    const at = (a: number, b: number, c: number) => a * 12 + b * 4 + c;
    expect(x.slice(i, j).shape).toEqual([2, 2, 4]);
    expect(x.slice(i, j, 1).toArray()).toEqual([
      [at(1, 2, 1), at(0, 2, 1)],
      [at(1, 0, 1), at(0, 0, 1)],
    ]);
    expect(x.slice(':', i, np.array([3, 1], 'int32')).toArray()).toEqual([
      [at(0, 1, 3), at(0, 0, 1)],
      [at(1, 1, 3), at(1, 0, 1)],
    ]);
    // Apart, they go to the front.
    expect(x.slice(i, ':', np.array([3, 1], 'int32')).toArray()).toEqual([
      [at(1, 0, 3), at(1, 1, 3), at(1, 2, 3)],
      [at(0, 0, 1), at(0, 1, 1), at(0, 2, 1)],
    ]);
    expect(x.slice(0, ':', i).toArray()).toEqual([
      [at(0, 0, 1), at(0, 1, 1), at(0, 2, 1)],
      [at(0, 0, 0), at(0, 1, 0), at(0, 2, 0)],
    ]);
  });

  test('its gradient puts ones where the elements were', () => {
    const g = grad((x: Tensor) => x.slice(np.array([0, 2, 0], 'int32'), [null, null, -1]).sum())(count([3, 2]));
    expect(g.toArray()).toEqual([
      [2, 2],
      [0, 0],
      [1, 1],
    ]);
  });

  test('mistakes are named', () => {
    const x = count([2, 3]);
    expect(() => x.slice(2)).toThrow('index 2 is out of bounds for dimension 0 of Tensor<float32[2, 3]>: use -2 to 1');
    expect(() => x.slice(0, 0, 0)).toThrow('3 indices are too many');
    expect(() => x.slice('...', '...')).toThrow("at most one '...'");
    expect(() => x.slice([0, 1, 0])).toThrow('step is not 0');
    expect(() => x.slice([0, 0.5])).toThrow('[start, stop]');
    expect(() => x.slice(0.5)).toThrow('index 0.5');
    expect(() => x.slice(x.greater(1))).toThrow('np.where');
    expect(() => x.slice(x)).toThrow('int32 or uint32');
    expect(() => x.slice({} as never)).toThrow('an index is');
  });
});

describe('at', () => {
  test('set and add against loops, 400 random places', () => {
    for (let round = 0; round < 400; round++) {
      const shape = shapes[round % shapes.length]!;
      const specs = randomSpecs(shape, true, true);
      if (!simple(specs)) continue;
      const { shape: place, from } = naive(shape, specs);
      const x = count(shape);
      const values = np.add(count(place), 100);
      const given = plain(values).data;
      const [set, added] = [plain(x).data, plain(x).data];
      from.forEach((at, i) => {
        if (at === null) return;
        set[at] = given[i]!;
        added[at]! += given[i]!;
      });
      const what = JSON.stringify([shape, specs]);
      expect(plain(x.at(...specs).set(values)), what).toEqual({ shape, data: set });
      expect(plain(x.at(...specs).add(values)), what).toEqual({ shape, data: added });
    }
  });

  test('values broadcast, take the dtype of x, and may be bool', () => {
    expect(np.zeros([2, 3]).at(':', 1).set(7).toArray()).toEqual([
      [0, 7, 0],
      [0, 7, 0],
    ]);
    expect(np.zeros([3], 'int32').at(0).add(2.9).toArray()).toEqual([2, 0, 0]);
    expect(
      np
        .full([3], false)
        .at(np.array([2, 2], 'int32'))
        .set(true)
        .toArray(),
    ).toEqual([false, false, true]);
    expect(
      np
        .full([3], true)
        .at([1, null])
        .set(np.array([false, true]))
        .toArray(),
    ).toEqual([true, false, true]);
    expect(() =>
      np
        .zeros([2])
        .at(0)
        .set(np.zeros([2])),
    ).toThrow('do not broadcast');
  });

  test('several index tensors', () => {
    const [i, j] = [np.array([0, 1, 0], 'int32'), np.array([2, 0, 2], 'int32')];
    expect(np.zeros([2, 3]).at(i, j).add(1).toArray()).toEqual([
      [0, 0, 2],
      [1, 0, 0],
    ]);
    expect(
      np
        .zeros([2, 3])
        .at(i, j)
        .set(np.array([1, 2, 3]))
        .toArray(),
    ).toEqual([
      [0, 0, 3],
      [2, 0, 0],
    ]);
    const far = np.array([5, 1, 0], 'int32');
    expect(np.zeros([2, 3]).at(far, j).add(1).toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
    expect(np.zeros([2, 2, 3]).at(i, ':', j).set(1).sum().item()).toBe(4);
  });

  test('NaN that is overwritten does not spread', () => {
    const x = np.array([NaN, 1, 2]);
    expect(
      x
        .at(np.array([0, 0], 'int32'))
        .set(np.array([NaN, 5]))
        .toArray(),
    ).toEqual([5, 1, 2]);
  });

  test('gradients go to the values and to what is left', () => {
    const g = grad((x: Tensor, v: Tensor) => x.at([0, 2]).set(v).square().sum(), { argnums: [0, 1] });
    const [dx, dv] = g(np.array([1, 2, 3]), np.array([5, 6]));
    expect([dx.toArray(), dv.toArray()]).toEqual([
      [0, 0, 6],
      [10, 12],
    ]);
    const rows = np.array([1, 1], 'int32');
    const [dy, dw] = grad((x: Tensor, v: Tensor) => x.at(rows).set(v).square().sum(), { argnums: [0, 1] })(
      np.array([1, 2]),
      np.array([5, 6]),
    );
    expect([dy.toArray(), dw.toArray()]).toEqual([
      [2, 0],
      [0, 12],
    ]);
  });

  test('works inside jit, with traced indices', () => {
    const f = jit((x: Tensor, i: Tensor) => [x.at(i).add(1), x.slice(i), x.at(0).get()]);
    const [added, picked, first] = f(np.zeros([3]), np.array([2, 2], 'int32'));
    expect([added!.toArray(), picked!.toArray(), first!.toArray()]).toEqual([[0, 0, 2], [0, 0], 0]);
  });
});

describe('iteration', () => {
  test('gives the slices along the first axis, traced ones too', () => {
    const [a, b] = count([2, 3]);
    expect([a!.toArray(), b!.toArray()]).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    const sum = jit((x: Tensor) => {
      const [p, q] = x;
      return p!.add(q!);
    });
    expect(sum(count([2, 3])).toArray()).toEqual([3, 5, 7]);
  });

  test('a scalar throws', () => {
    expect(() => [...np.array(1)]).toThrow('is a scalar and has no elements to iterate over');
  });
});
