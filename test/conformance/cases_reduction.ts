/** Reductions, running sums and matrix products. Integers are exact; floats within the rounding that their number of terms explains. */
import type { DType } from 'flaxen';
import { withBackend } from '../support/tensors.js';
import { currentBackend } from '../../lib/backends/select.js';
import { input, runCase, type Case, type Input } from './case.js';
import { UNIT, type Tolerance } from './compare.js';
import { Source } from './data.js';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const absolute = (x: Input): Input => ({ ...x, values: x.values.map(Math.abs) });

/** An error of `roundings` roundings of the same primitive on absolute values. */
function relativeToAbsolutes(op: string, inputs: readonly Input[], params: Case['params'], roundings: number): Tolerance {
  let totals: ArrayLike<number> | null = null;
  return {
    error: () => (i) => {
      totals ??= withBackend('reference64', () =>
        runCase(currentBackend(), { op, label: '', inputs: inputs.map(absolute), params, tolerance: 'exact' }),
      )[0]!;
      return roundings * UNIT * totals[i]! + 1e-38;
    },
  };
}

const SHAPES = [
  [],
  [0],
  [1],
  [5],
  [64],
  [1000],
  [7, 0],
  [0, 7],
  [3, 17],
  [17, 3],
  [129, 257],
  [4, 5, 6],
  [2, 1, 3, 1, 5],
  [33, 2, 65],
  [3, 40_000],
  [40_000, 3],
  [150_001],
];

/** All axes, each alone, and every pair. */
function axesOf(rank: number): number[][] {
  const pairs = range(rank).flatMap((a) => range(a).map((b) => [b, a]));
  return [range(rank), ...range(rank).map((a) => [a]), ...pairs].filter(
    (axes, i, all) => axes.length > 0 && all.findIndex((o) => o.join() === axes.join()) === i,
  );
}

function* reductions(): Generator<Case> {
  const source = new Source(21);
  const dtypes: Record<string, DType[]> = {
    reduceSum: ['float32', 'int32', 'uint32'],
    reduceProd: ['float32', 'int32', 'uint32'],
    reduceMax: ['float32', 'int32', 'uint32', 'bool'],
    reduceMin: ['float32', 'int32', 'uint32', 'bool'],
  };
  for (const [op, list] of Object.entries(dtypes)) {
    for (const dtype of list) {
      for (const shape of SHAPES) {
        for (const axes of axesOf(shape.length)) {
          const terms = axes.reduce((n, a) => n * shape[a]!, 1);
          const tame = dtype === 'float32' && (op === 'reduceSum' || op === 'reduceProd');
          const value = (): number => (op === 'reduceProd' ? 1 + source.normal() / 2 / Math.sqrt(1 + terms) : source.normal() + 0.3);
          const inputs = [input(shape, dtype, () => (tame ? Math.fround(value()) : source.anything(dtype)))];
          const roundings = op === 'reduceSum' ? 8 + Math.log2(1 + terms) : 2 + terms;
          // Which zero wins among +0 and -0 is open.
          const tolerance = tame ? relativeToAbsolutes(op, inputs, { axes }, roundings) : { ulps: 0 };
          yield { op, label: 'random', inputs, params: { axes }, tolerance };
        }
      }
    }
  }
  // One special number decides a whole float sum.
  for (const [op, special, n] of [
    ['reduceSum', NaN, 100],
    ['reduceSum', Infinity, 1000],
    ['reduceProd', 0, 77],
    ['reduceProd', NaN, 5],
  ] as const) {
    for (const at of [0, 3, n - 1]) {
      const inputs = [input([n], 'float32', (i) => (i === at ? special : 1))];
      yield { op, label: `${special} at ${at}`, inputs, params: { axes: [0] }, tolerance: 'exact' };
    }
  }
  yield {
    op: 'reduceSum',
    label: 'opposite infinities',
    inputs: [input([40], 'float32', (i) => (i === 3 ? Infinity : i === 30 ? -Infinity : 1))],
    params: { axes: [0] },
    tolerance: 'exact',
  };
}

function* alongAxis(): Generator<Case> {
  const source = new Source(22);
  for (const shape of SHAPES) {
    for (const axis of range(shape.length)) {
      for (const dtype of ['float32', 'int32', 'uint32', 'bool'] as const) {
        const few = range(4).map(() => source.anything(dtype));
        const ties = input(shape, dtype, () => (source.chance(0.5) ? source.pick(few) : source.anything(dtype)));
        if (shape[axis] !== 0)
          for (const op of ['argmax', 'argmin']) yield { op, label: dtype, inputs: [ties], params: { axis }, tolerance: 'exact' };
        if (dtype === 'bool') continue;
        const tame = input(shape, dtype, () => (dtype === 'float32' ? source.normal() : source.anything(dtype)));
        for (const reverse of [false, true]) {
          const params = { axis, reverse };
          const tolerance = dtype === 'float32' ? relativeToAbsolutes('cumsum', [tame], params, 2 + shape[axis]!) : 'exact';
          yield { op: 'cumsum', label: dtype, inputs: [tame], params, tolerance };
        }
      }
    }
  }
}

const dims = (lhsContract: number[], rhsContract: number[], lhsBatch: number[] = [], rhsBatch: number[] = []) => ({
  lhsContract,
  rhsContract,
  lhsBatch,
  rhsBatch,
});

function* products(): Generator<Case> {
  const source = new Source(23);
  const layouts: [number[], number[], ReturnType<typeof dims>][] = [
    [[3], [3], dims([0], [0])],
    [[5], [7], dims([], [])],
    [[], [4], dims([], [])],
    [[3, 4], [4], dims([1], [0])],
    [[2, 3, 4], [4, 5], dims([2], [0])],
    [[2, 3, 4], [2, 4, 5], dims([2], [1], [0], [0])],
    [[2, 4, 3], [2, 5, 4], dims([1], [2], [0], [0])],
    [[3, 2, 4], [4, 3, 5], dims([2], [0], [0], [1])],
    [[2, 3, 4, 5], [3, 5, 2, 6], dims([3], [1], [0, 1], [2, 0])],
    [[2, 3, 4], [4, 3, 5], dims([1, 2], [1, 0])],
    [[6, 2], [6, 3], dims([], [], [0], [0])],
    [[0, 3], [3, 4], dims([1], [0])],
    [[2, 0], [0, 3], dims([1], [0])],
    [[2, 3], [3, 0], dims([1], [0])],
    [[0, 2, 3], [0, 3, 2], dims([2], [1], [0], [0])],
  ];
  for (const m of [1, 2, 7, 16, 33, 130]) {
    for (const n of [1, 3, 8, 17, 64, 129]) {
      for (const k of [1, 5, 32, 257]) {
        const transposed = source.below(4);
        const x = transposed & 1 ? [k, m] : [m, k];
        const y = transposed & 2 ? [n, k] : [k, n];
        layouts.push([x, y, dims([transposed & 1 ? 0 : 1], [transposed & 2 ? 1 : 0])]);
      }
    }
  }
  layouts.push(
    [[3, 33, 70], [3, 70, 45], dims([2], [1], [0], [0])],
    [[300, 400], [400, 200], dims([1], [0])],
    [[16, 2000], [2000, 16], dims([1], [0])],
  );
  for (const [xs, ys, params] of layouts) {
    const terms = params.lhsContract.reduce((n, d) => n * xs[d]!, 1);
    const inputs = [input(xs, 'float32', () => source.normal()), input(ys, 'float32', () => source.normal())];
    const roundings = 4 + 2 * Math.sqrt(terms);
    yield { op: 'dotGeneral', label: 'float32', inputs, params, tolerance: relativeToAbsolutes('dotGeneral', inputs, params, roundings) };
    if (terms > 40) continue;
    for (const dtype of ['int32', 'uint32'] as const) {
      const whole = [xs, ys].map((shape) => input(shape, dtype, () => source.anything(dtype)));
      yield { op: 'dotGeneral', label: dtype, inputs: whole, params, tolerance: 'exact' };
    }
  }
}

function* denses(): Generator<Case> {
  const source = new Source(24);
  const shapes: [number[], number][] = [
    [[3], 4],
    [[1, 3], 4],
    [[5, 1], 1],
    [[0, 3], 4],
    [[2, 0], 4],
    [[2, 3], 0],
    [[2, 3, 5], 7],
    [[2, 1, 3, 5], 33],
    [[64, 128], 64],
    [[128, 784], 33],
    [[33, 17], 10],
    [[257, 64], 129],
  ];
  for (const [shape, width] of shapes) {
    const depth = shape[shape.length - 1]!;
    for (const biased of [true, false]) {
      const inputs = [shape, [depth, width], ...(biased ? [[width]] : [])].map((s) => input(s, 'float32', () => source.normal()));
      const tolerance = relativeToAbsolutes('dense', inputs, {}, 6 + 2 * Math.sqrt(depth));
      yield { op: 'dense', label: biased ? 'with bias' : 'without bias', inputs, params: {}, tolerance };
    }
  }
}

export function* reductionCases(): Generator<Case> {
  yield* reductions();
  yield* alongAxis();
  yield* products();
  yield* denses();
}
