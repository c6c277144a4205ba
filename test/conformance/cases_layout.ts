/** Primitives that move elements, with random shapes and parameters: results are exact for every dtype. */
import type { DType } from 'flaxen';
import { DTYPES } from '../../lib/core/dtype.js';
import { input, type Case, type Input } from './case.js';
import { Source } from './data.js';

const ROUNDS = 40;

type Draw = (source: Source, dtype: DType) => { inputs: Input[]; params: Case['params']; label?: string } | null;

const any = (source: Source, shape: readonly number[], dtype: DType): Input => input(shape, dtype, () => source.anything(dtype));
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Indices about an axis of `length`: mostly inside, some far outside. */
function someIndices(source: Source, shape: readonly number[], length: number): Input {
  const dtype = source.pick<DType>(['int32', 'uint32']);
  const outside =
    dtype === 'int32' ? [-1, -length, length, length + 1, 2147483647, -2147483648] : [length, length + 1, 4294967295, 2147483648];
  return input(shape, dtype, () => (length === 0 || source.chance(0.15) ? source.pick(outside) : source.below(length)));
}

const axisOf = (source: Source, shape: readonly number[]): number => source.below(shape.length);
const ranked = (source: Source, limit?: number): number[] => source.shape(limit, 1 + source.below(5));
const replace = (shape: readonly number[], axis: number, ...by: number[]): number[] => [
  ...shape.slice(0, axis),
  ...by,
  ...shape.slice(axis + 1),
];

const DRAWS: Record<string, Draw> = {
  reshape(source, dtype) {
    const shape = source.shape();
    const parts = source.shuffle(shape.filter((d) => d !== 1));
    const to = source.chance(0.5) ? [shape.reduce((n, d) => n * d, 1)] : [1, ...parts];
    return { inputs: [any(source, shape, dtype)], params: { shape: to } };
  },
  transpose(source, dtype) {
    const shape = source.shape();
    return { inputs: [any(source, shape, dtype)], params: { perm: source.shuffle(range(shape.length)) } };
  },
  broadcast(source, dtype) {
    const shape = source.shape();
    const dims = shape.map((_, i) => i).filter(() => source.chance(0.6));
    const from = dims.map((d) => (source.chance(0.3) ? 1 : shape[d]!));
    return { inputs: [any(source, from, dtype)], params: { dims, shape } };
  },
  reverse(source, dtype) {
    const shape = source.shape();
    return { inputs: [any(source, shape, dtype)], params: { axes: range(shape.length).filter(() => source.chance(0.5)) } };
  },
  slice(source, dtype) {
    const shape = source.shape();
    const start = shape.map((d) => source.below(d + 1));
    const limit = shape.map((d, i) => start[i]! + source.below(d - start[i]! + 1));
    return { inputs: [any(source, shape, dtype)], params: { start, limit, strides: shape.map(() => source.pick([1, 1, 2, 3, 50])) } };
  },
  pad(source, dtype) {
    const shape = source.shape(300);
    const widths = () => shape.map(() => source.pick([0, 0, 1, 3]));
    return {
      inputs: [any(source, shape, dtype), any(source, [], dtype)],
      params: { low: widths(), high: widths(), interior: shape.map(() => source.pick([0, 0, 1, 2])) },
    };
  },
  concatenate(source, dtype) {
    const shape = ranked(source, 800);
    const axis = axisOf(source, shape);
    const parts = range(1 + source.below(5)).map(() => replace(shape, axis, source.pick([0, 1, 2, 5, 16, 33])));
    return { inputs: parts.map((p) => any(source, p, dtype)), params: { axis } };
  },
  take(source, dtype) {
    const shape = ranked(source, 1000);
    const axis = axisOf(source, shape);
    const mode = source.pick(['clip', 'fill']);
    const places = source.pick([[], [1], [7], [2, 3], [0], [40]]);
    if (mode === 'clip' && shape[axis] === 0) return null;
    return { inputs: [any(source, shape, dtype), someIndices(source, places, shape[axis]!)], params: { axis, mode }, label: mode };
  },
  takeAlong(source, dtype) {
    const shape = ranked(source, 1000);
    const axis = axisOf(source, shape);
    const mode = source.pick(['clip', 'fill']);
    if (mode === 'clip' && shape[axis] === 0) return null;
    const at = someIndices(source, replace(shape, axis, source.pick([0, 1, 2, 9])), shape[axis]!);
    return { inputs: [any(source, shape, dtype), at], params: { axis, mode }, label: mode };
  },
  scatterAdd(source, dtype) {
    if (dtype === 'bool') return null;
    const shape = ranked(source, 1000);
    const axis = axisOf(source, shape);
    const places = source.pick([[], [1], [7], [2, 3], [0], [40]]);
    return {
      inputs: [any(source, shape, dtype), someIndices(source, places, shape[axis]!), any(source, replace(shape, axis, ...places), dtype)],
      params: { axis },
    };
  },
  scatterAddAlong(source, dtype) {
    if (dtype === 'bool') return null;
    const shape = ranked(source, 1000);
    const axis = axisOf(source, shape);
    const like = replace(shape, axis, source.pick([0, 1, 2, 9, 40]));
    return { inputs: [any(source, shape, dtype), someIndices(source, like, shape[axis]!), any(source, like, dtype)], params: { axis } };
  },
  sort(source, dtype) {
    const shape = ranked(source);
    const operands = range(1 + source.below(3));
    // Few distinct keys, so that ties tell whether the order is stable.
    const key = (type: DType): Input => {
      const few = range(5).map(() => source.anything(type));
      return input(shape, type, () => (source.chance(0.7) ? source.pick(few) : source.anything(type)));
    };
    const inputs = operands.map((i) => key(i === 0 ? dtype : source.pick(DTYPES)));
    return { inputs, params: { axis: axisOf(source, shape), numKeys: 1 + source.below(inputs.length) } };
  },
};

/** Large ones, where work is split among threads. */
function* large(): Generator<Case> {
  const source = new Source(12);
  const x = (shape: number[]): Input => input(shape, 'float32', () => source.normal());
  const one = (op: string, inputs: Input[], params: Case['params']): Case => ({ op, label: 'large', inputs, params, tolerance: 'exact' });
  yield one('transpose', [x([301, 257])], { perm: [1, 0] });
  yield one('transpose', [x([17, 65, 67])], { perm: [2, 0, 1] });
  yield one('broadcast', [x([257])], { dims: [1], shape: [301, 257] });
  yield one('broadcast', [x([301, 1])], { dims: [0, 1], shape: [301, 257] });
  yield one('slice', [x([301, 257])], { start: [3, 5], limit: [300, 250], strides: [1, 1] });
  yield one('pad', [x([301, 257]), x([])], { low: [1, 2], high: [3, 4], interior: [0, 0] });
  yield one('concatenate', [x([301, 100]), x([301, 157])], { axis: 1 });
  yield one('take', [x([1000, 65]), someIndices(source, [3000], 1000)], { axis: 0, mode: 'fill' });
  yield one('scatterAdd', [x([1000, 65]), someIndices(source, [3000], 1000), x([3000, 65])], { axis: 0 });
  yield one('sort', [x([50_001])], { axis: 0, numKeys: 1 });
  yield one('sort', [x([3, 20_011]), x([3, 20_011])], { axis: 1, numKeys: 1 });
}

export function* layoutCases(): Generator<Case> {
  for (const [op, draw] of Object.entries(DRAWS)) {
    const source = new Source(1000 + op.length);
    for (const dtype of DTYPES) {
      for (let i = 0; i < ROUNDS; i++) {
        const drawn = draw(source, dtype);
        if (drawn !== null)
          yield { op, label: drawn.label ?? `random ${i}`, inputs: drawn.inputs, params: drawn.params, tolerance: 'exact' };
      }
    }
  }
  yield* large();
}
