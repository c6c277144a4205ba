/** Elementwise primitives on all dtypes they take, and on shapes from nothing to several blocks of a thread pool. */
import type { DType } from 'flaxen';
import { input, type Case, type Input } from './case.js';
import type { Tolerance } from './compare.js';
import { FLOATS, INTS, sizeOf, Source, UINTS } from './data.js';

const FLOAT: DType[] = ['float32'];
const INTEGERS: DType[] = ['int32', 'uint32'];
const NUMBERS: DType[] = [...FLOAT, ...INTEGERS];
const BITS: DType[] = [...INTEGERS, 'bool'];
const ALL: DType[] = [...NUMBERS, 'bool'];

const SHAPES: number[][] = [[], [0], [1], [7], [16], [33], [3, 0, 2], [5, 13], [2, 3, 4, 5], [2, 1, 3, 1, 7], [4099], [70_001]];

interface Row {
  readonly dtypes: readonly DType[];
  readonly arity: number;
  readonly tolerance: Tolerance;
  /** Where the function lives; numbers from here are tried beside arbitrary ones. */
  readonly range?: readonly [number, number];
}

const exact = (arity: number, dtypes: readonly DType[], range?: readonly [number, number]): Row => ({
  arity,
  dtypes,
  tolerance: 'exact',
  range,
});
const near = (ulps: number, low: number, high: number, arity = 1): Row => ({
  arity,
  dtypes: FLOAT,
  tolerance: { ulps },
  range: [low, high],
});

const ROWS: Record<string, Row> = {
  neg: exact(1, NUMBERS),
  abs: exact(1, NUMBERS),
  sign: exact(1, NUMBERS),
  floor: exact(1, FLOAT, [-5, 5]),
  ceil: exact(1, FLOAT, [-5, 5]),
  round: exact(1, FLOAT, [-5, 5]),
  exp: near(3, -104, 89),
  expm1: near(3, -18, 20),
  log: exact(1, FLOAT, [0, 10]),
  log1p: exact(1, FLOAT, [-1, 2]),
  sqrt: exact(1, FLOAT, [0, 100]),
  rsqrt: near(3, 0, 100),
  sin: near(3, -10, 10),
  cos: near(3, -10, 10),
  tanh: near(3, -10, 10),
  logistic: near(3, -90, 90),
  erf: near(3, -4, 4),
  erfInv: exact(1, FLOAT, [-1, 1]),
  isFinite: exact(1, FLOAT),
  not: exact(1, BITS),
  add: exact(2, NUMBERS),
  sub: exact(2, NUMBERS),
  mul: exact(2, NUMBERS),
  div: exact(2, NUMBERS),
  rem: exact(2, NUMBERS, [-20, 20]),
  pow: near(3, 0, 5, 2),
  max: exact(2, ALL),
  min: exact(2, ALL),
  eq: exact(2, ALL, [0, 2]),
  ne: exact(2, ALL, [0, 2]),
  lt: exact(2, ALL, [0, 2]),
  le: exact(2, ALL, [0, 2]),
  gt: exact(2, ALL, [0, 2]),
  ge: exact(2, ALL, [0, 2]),
  and: exact(2, BITS),
  or: exact(2, BITS),
  xor: exact(2, BITS),
  shiftLeft: exact(2, INTEGERS, [0, 40]),
  shiftRightLogical: exact(2, INTEGERS, [0, 40]),
  fma: exact(3, FLOAT),
};

const edgesOf = (dtype: DType): readonly number[] =>
  dtype === 'float32' ? FLOATS : dtype === 'int32' ? INTS : dtype === 'uint32' ? UINTS : [0, 1];

/** Every pair (triple) of edges, in one vector an operand. */
function edges(dtype: DType, arity: number): Input[] {
  const list = edgesOf(dtype);
  const n = list.length;
  return Array.from({ length: arity }, (_, k) => ({
    shape: [n ** arity],
    dtype,
    values: Float64Array.from({ length: n ** arity }, (_, i) => list[Math.floor(i / n ** k) % n]!),
  }));
}

function operands(source: Source, shape: readonly number[], dtype: DType, { arity, range }: Row): Input[] {
  const inRange = (): number => {
    const x = source.between(...range!);
    return dtype === 'float32' ? x : Math.max(dtype === 'int32' ? -2147483648 : 0, Math.trunc(x));
  };
  return Array.from({ length: arity }, () => {
    const ranged = range !== undefined && dtype !== 'bool';
    return input(shape, dtype, () => (ranged && source.chance(0.7) ? inRange() : source.anything(dtype)));
  });
}

function* rows(): Generator<Case> {
  for (const [op, row] of Object.entries(ROWS)) {
    const source = new Source(op.length * 31 + row.arity);
    for (const dtype of row.dtypes) {
      yield { op, label: 'edges', inputs: edges(dtype, row.arity), params: {}, tolerance: row.tolerance };
      for (const shape of SHAPES)
        yield { op, label: 'random', inputs: operands(source, shape, dtype, row), params: {}, tolerance: row.tolerance };
    }
  }
}

function* selects(): Generator<Case> {
  const source = new Source(5);
  for (const dtype of ALL) {
    for (const shape of SHAPES) {
      const values = [input(shape, 'bool', () => source.below(2)), ...[0, 1].map(() => input(shape, dtype, () => source.anything(dtype)))];
      yield { op: 'select', label: dtype, inputs: values, params: {}, tolerance: 'exact' };
    }
  }
}

function* conversions(): Generator<Case> {
  const source = new Source(6);
  for (const from of ALL) {
    for (const to of ALL) {
      yield { op: 'convert', label: 'edges', inputs: edges(from, 1), params: { dtype: to }, tolerance: 'exact' };
      for (const shape of SHAPES) {
        const any = input(shape, from, () =>
          from === 'float32' && source.chance(0.5) ? source.between(-3e9, 5e9) : source.anything(from),
        );
        yield { op: 'convert', label: 'random', inputs: [any], params: { dtype: to }, tolerance: 'exact' };
      }
    }
  }
  for (const from of NUMBERS) {
    for (const to of NUMBERS) {
      // A NaN's bits are the one thing that a backend may change on the way.
      const whole = (x: number): number => (Number.isNaN(x) || (x | 0) >= 0x7f800000 || x >>> 0 > 0xff800000 ? 1 : x);
      for (const shape of SHAPES) {
        const inputs = [input(shape, from, () => whole(source.anything(from)))];
        yield { op: 'bitcast', label: 'random', inputs, params: { dtype: to }, tolerance: 'exact' };
      }
    }
  }
}

function* creations(): Generator<Case> {
  for (const dtype of ALL) {
    for (const shape of SHAPES) {
      const values =
        dtype === 'bool' ? [0, 1, 2, NaN] : [0, -0, 1, -1, 0.1, 2.7, -2.7, 1e10, -1e10, 2147483648, 4294967295, NaN, Infinity, -Infinity];
      for (const value of sizeOf(shape) > 100 ? values.slice(0, 3) : values) {
        yield { op: 'full', label: `${value}`, inputs: [], params: { value, shape, dtype }, tolerance: 'exact' };
      }
      if (dtype === 'bool') continue;
      for (let axis = 0; axis < shape.length; axis++) {
        yield { op: 'iota', label: `axis ${axis}`, inputs: [], params: { axis, shape, dtype }, tolerance: 'exact' };
      }
    }
  }
}

export function* elementwiseCases(): Generator<Case> {
  yield* rows();
  yield* selects();
  yield* conversions();
  yield* creations();
}
