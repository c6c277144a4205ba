/** Steps of random programs that move elements. */
import { lax, type Tensor } from 'flaxen';
import { tensorOf } from '../support/tensors.js';
import { sizeOf } from './data.js';
import type { Draw, StepKind } from './random_program.js';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const small = (v: Tensor): boolean => v.size <= 10_000;
const ranked = (v: Tensor): boolean => v.ndim > 0 && small(v);

const on =
  (fits: (v: Tensor) => boolean, make: (x: Tensor, draw: Draw) => ((x: Tensor) => Tensor) | null): StepKind =>
  (draw) => {
    const at = draw.find(fits);
    const f = at === null ? null : make(draw.values[at]!, draw);
    return f === null ? null : (values) => f(values[at!]!);
  };

/** Values of one dtype in several positions. */
const concatenate: StepKind = ({ source, values, find }) => {
  const first = find(ranked);
  if (first === null) return null;
  const { shape, dtype } = values[first]!;
  const axis = source.below(shape.length);
  const fits = (v: Tensor): boolean =>
    v.dtype === dtype && v.ndim === shape.length && v.shape.every((d, i) => i === axis || d === shape[i]);
  const parts = [first, find(fits)!, ...(source.chance(0.3) ? [find(fits)!] : [])];
  return (v) =>
    lax.concatenate(
      parts.map((i) => v[i]!),
      axis,
    );
};

/** Makes a value fit another one's shape, as NumPy would. */
const broadcastTo: StepKind = ({ values, find }) => {
  const to = find((v) => v.ndim > 0 && small(v));
  if (to === null) return null;
  const { shape } = values[to]!;
  const fits = (v: Tensor): boolean => v.ndim <= shape.length && v.shape.every((d, i) => d === 1 || d === shape[i + shape.length - v.ndim]);
  const from = find((v) => fits(v) && v.shape.join() !== shape.join());
  return from === null ? null : (v) => lax.broadcastTo(v[from]!, shape);
};

const pad: StepKind = ({ source, values, find }) => {
  const at = find((v) => v.size < 2000);
  if (at === null) return null;
  const { shape, dtype } = values[at]!;
  const filler = find((v) => v.ndim === 0 && v.dtype === dtype);
  const widths = (): number[] => shape.map(() => source.pick([0, 0, 1, 2]));
  const config = { low: widths(), high: widths(), interior: shape.map(() => source.pick([0, 0, 1])) };
  return (v) => lax.pad(v[at]!, filler === null ? lax.full([], 1, dtype) : v[filler]!, config);
};

export const layoutSteps: readonly StepKind[] = [
  on(ranked, (x, { source }) => {
    const perm = source.shuffle(range(x.ndim));
    return (v) => lax.transpose(v, perm);
  }),
  on(ranked, (x, { source }) => {
    const axes = range(x.ndim).filter(() => source.chance(0.6));
    return (v) => lax.reverse(v, axes);
  }),
  on(ranked, (x, { source }) => {
    const start = x.shape.map((d) => source.below(Math.min(3, d + 1)));
    const limit = x.shape.map((d, i) => d - source.below(Math.min(3, d - start[i]! + 1)));
    const strides = x.shape.map(() => source.pick([1, 1, 1, 2]));
    return (v) => lax.slice(v, start, limit, strides);
  }),
  on(small, (x, { source }) => {
    const shape = source.pick([[x.size], [1, x.size], [...x.shape].reverse(), [...x.shape, 1]]);
    return shape.length > 8 || sizeOf(shape) !== x.size ? null : (v) => lax.reshape(v, shape);
  }),
  on(
    (v) => v.size <= 500 && v.ndim < 4,
    (x, { source }) => {
      const n = source.pick([1, 2, 3, 5]);
      const at = source.below(x.ndim + 1);
      const shape = [...x.shape.slice(0, at), n, ...x.shape.slice(at)];
      const dims = range(shape.length).filter((d) => d !== at);
      return (v) => lax.broadcast(v, shape, dims);
    },
  ),
  on(
    (v) => ranked(v) && !v.shape.includes(0),
    (x, { source }) => {
      const axis = source.below(x.ndim);
      const places = source.pick([[], [3], [2, 2]]);
      const mode = source.pick(['clip', 'fill'] as const);
      if (mode === 'fill' && x.dtype === 'float32') return null; // NaN would spread
      const numbers = source.fill(sizeOf(places), () => source.below(x.shape[axis]! + 2) - 1);
      return (v) => lax.take(v, tensorOf(numbers, places, 'int32'), axis, mode);
    },
  ),
  concatenate,
  broadcastTo,
  broadcastTo,
  pad,
];
