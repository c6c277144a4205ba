/** Primitives that move elements and compute nothing. */
import { Aval, formatShape, normalizeAxes, normalizeAxis, sameShape, sizeOf, type Shape } from '../aval.js';
import { bind1 } from '../bind.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { full } from './creation.js';
import { sub } from './elementwise.js';
import { reduceSum } from './reduction.js';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const reshapePrimitive = definePrimitive<{ shape: Shape }>({
  name: 'reshape',
  infer([x], { shape }) {
    if (sizeOf(shape) !== x!.size) {
      throw new ShapeError(`cannot reshape ${x!} (${x!.size} elements) to ${formatShape(shape)} (${sizeOf(shape)} elements)`);
    }
    return [x!.with({ shape })];
  },
  grad: ({ inputs, ct }) => [reshape(ct, inputs[0]!.shape)],
});

/**
 * The same elements in row-major order under another shape.
 * @example lax.reshape(np.array([1, 2, 3, 4]), [2, 2]); // => Tensor float32[2, 2] [[1, 2], [3, 4]]
 */
export const reshape = (x: Tensor, shape: Shape): Tensor => (sameShape(x.shape, shape) ? x : bind1(reshapePrimitive, [x], { shape }));

const transposePrimitive = definePrimitive<{ perm: readonly number[] }>({
  name: 'transpose',
  infer([x], { perm }) {
    const seen = new Set(perm);
    if (perm.length !== x!.rank || seen.size !== x!.rank || perm.some((p) => !(Number.isInteger(p) && p >= 0 && p < x!.rank))) {
      throw new ShapeError(`transpose of ${x!} needs each of its ${x!.rank} axes once, got ${formatShape(perm)}`);
    }
    return [x!.with({ shape: perm.map((p) => x!.shape[p]!) })];
  },
  grad: ({ params, ct }) => [
    transpose(
      ct,
      range(params.perm.length).map((i) => params.perm.indexOf(i)),
    ),
  ],
});

/**
 * Output dimension `i` is input dimension `perm[i]`.
 * @example lax.transpose(np.array([[1, 2, 3]]), [1, 0]); // => Tensor float32[3, 1] [[1], [2], [3]]
 */
export const transpose = (x: Tensor, perm: readonly number[]): Tensor =>
  perm.length === x.ndim && perm.every((p, i) => p === i) ? x : bind1(transposePrimitive, [x], { perm });

const broadcastPrimitive = definePrimitive<{ dims: readonly number[]; shape: Shape }>({
  name: 'broadcast',
  infer([x], { dims, shape }) {
    const bad =
      dims.length !== x!.rank ||
      dims.some((d, i) => !(d in shape) || (i > 0 && d <= dims[i - 1]!) || (x!.shape[i] !== 1 && x!.shape[i] !== shape[d]));
    if (bad) throw new ShapeError(`cannot broadcast ${x!} to ${formatShape(shape)} along dimensions ${formatShape(dims)}`);
    return [x!.with({ shape })];
  },
  grad({ inputs, params, ct }) {
    const from = inputs[0]!.shape;
    const kept = params.dims.filter((d, i) => from[i] === params.shape[d]);
    const axes = range(params.shape.length).filter((d) => !kept.includes(d));
    return [reshape(reduceSum(ct, axes), from)];
  },
});

/**
 * Input dimension `i` becomes output dimension `dims[i]`; sizes of 1 stretch.
 * @example lax.broadcast(np.array([1, 2]), [2, 3], [0]); // => Tensor float32[2, 3] [[1, 1, 1], [2, 2, 2]]
 */
export const broadcast = (x: Tensor, shape: Shape, dims: readonly number[]): Tensor =>
  sameShape(x.shape, shape) ? x : bind1(broadcastPrimitive, [x], { dims, shape });

/**
 * NumPy's broadcast_to: dimensions are matched from the last.
 * @example lax.broadcastTo(np.array([1, 2]), [2, 2]); // => Tensor float32[2, 2] [[1, 2], [1, 2]]
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (x.ndim > shape.length) throw new ShapeError(`cannot broadcast ${x} to ${formatShape(shape)}, which has fewer dimensions`);
  return broadcast(
    x,
    shape,
    range(x.ndim).map((i) => i + shape.length - x.ndim),
  );
}

const reversePrimitive = definePrimitive<{ axes: readonly number[] }>({
  name: 'reverse',
  infer: ([x]) => [x!],
  grad: ({ params, ct }) => [reverse(ct, params.axes)],
});

/**
 * Each of `axes` counted backward.
 * @example lax.reverse(np.array([1, 2, 3]), [0]); // => Tensor float32[3] [3, 2, 1]
 */
export const reverse = (x: Tensor, axes: readonly number[]): Tensor =>
  axes.length === 0 ? x : bind1(reversePrimitive, [x], { axes: normalizeAxes(axes, x.ndim) });

const slicePrimitive = definePrimitive<{ start: readonly number[]; limit: readonly number[]; strides: readonly number[] }>({
  name: 'slice',
  infer([x], { start, limit, strides }) {
    const shape = x!.shape.map((d, i) => {
      const [s, l, k] = [start[i]!, limit[i]!, strides[i]!];
      if (!(s >= 0 && s <= l && l <= d && k >= 1 && [s, l, k].every(Number.isInteger))) {
        throw new ShapeError(
          `slice ${s}:${l}:${k} of dimension ${i} does not lie in ${x!}; use whole numbers 0 <= start <= limit <= ${d} and a stride of at least 1`,
        );
      }
      return Math.ceil((l - s) / k);
    });
    return [x!.with({ shape })];
  },
  grad({ inputs, params: { start, strides }, ct }) {
    const shape = inputs[0]!.shape;
    const spread = ct.shape.map((n, i) => (n === 0 ? 0 : (n - 1) * strides[i]! + 1));
    return [
      pad(ct, full([], 0, ct.dtype), {
        low: [...start],
        high: shape.map((d, i) => d - start[i]! - spread[i]!),
        interior: strides.map((k) => k - 1),
      }),
    ];
  },
});

/**
 * Elements `start` (inclusive) to `limit` (exclusive) by `strides` of each dimension.
 * @example lax.slice(np.array([1, 2, 3, 4, 5]), [1], [5], [2]); // => Tensor float32[2] [2, 4]
 */
export function slice(x: Tensor, start: readonly number[], limit: readonly number[], strides?: readonly number[]): Tensor {
  if (start.every((s) => s === 0) && sameShape(limit, x.shape) && (strides?.every((k) => k === 1) ?? true)) return x;
  return bind1(slicePrimitive, [x], { start, limit, strides: strides ?? x.shape.map(() => 1) });
}

/**
 * `slice` along one axis.
 * @example lax.sliceAxis(np.array([[1, 2, 3], [4, 5, 6]]), 1, 0, 2); // => Tensor float32[2, 2] [[1, 2], [4, 5]]
 */
export function sliceAxis(x: Tensor, axis: number, start: number, limit: number): Tensor {
  return slice(
    x,
    x.shape.map((_, i) => (i === axis ? start : 0)),
    x.shape.map((d, i) => (i === axis ? limit : d)),
  );
}

const padPrimitive = definePrimitive<{ low: readonly number[]; high: readonly number[]; interior: readonly number[] }>({
  name: 'pad',
  infer([x, value], { low, high, interior }) {
    if (value!.rank !== 0 || value!.dtype !== x!.dtype)
      throw new DTypeError(`pad needs a scalar ${x!.dtype} to fill ${x!} with, got ${value!}`);
    const shape = x!.shape.map((d, i) => {
      if (![low[i], high[i], interior[i]].every((w) => Number.isInteger(w) && w! >= 0))
        throw new ShapeError(`pad of ${x!} needs whole widths of at least 0, got ${low[i]}, ${high[i]}, ${interior[i]}`);
      return low[i]! + high[i]! + d + Math.max(0, d - 1) * interior[i]!;
    });
    return [x!.with({ shape })];
  },
  grad({ inputs, params: { low, interior }, ct, needs }) {
    const shape = inputs[0]!.shape;
    const limit = shape.map((d, i) => low[i]! + (d === 0 ? 0 : (d - 1) * (interior[i]! + 1) + 1));
    const dx = slice(
      ct,
      low,
      limit,
      interior.map((k) => k + 1),
    );
    const all = (t: Tensor) => reduceSum(t, range(t.ndim));
    return [dx, needs[1] ? sub(all(ct), all(dx)) : null];
  },
});

/**
 * Puts `low` and `high` fillers around each dimension and `interior` between its elements.
 * @example lax.pad(np.array([1, 2]), np.array(0), { low: [1], high: [0], interior: [1] }); // => Tensor float32[4] [0, 1, 0, 2]
 */
export const pad = (
  x: Tensor,
  value: Tensor,
  widths: { low: readonly number[]; high: readonly number[]; interior: readonly number[] },
): Tensor => bind1(padPrimitive, [x, value], widths);

const concatenatePrimitive = definePrimitive<{ axis: number }>({
  name: 'concatenate',
  infer(inputs, { axis }) {
    const first = inputs[0]!;
    let along = 0;
    for (const a of inputs) {
      if (a.rank !== first.rank || a.shape.some((d, i) => i !== axis && d !== first.shape[i])) {
        throw new ShapeError(`concatenate along axis ${axis} needs shapes that agree elsewhere, got ${inputs.join(', ')}`);
      }
      if (a.dtype !== first.dtype) throw new DTypeError(`concatenate needs inputs of one dtype, got ${inputs.join(', ')}`);
      along += a.shape[axis]!;
    }
    return [
      Aval.of(
        first.shape.map((d, i) => (i === axis ? along : d)),
        first.dtype,
      ),
    ];
  },
  grad({ inputs, params: { axis }, ct, needs }) {
    let at = 0;
    return inputs.map((t, i) => {
      const start = at;
      at += t.shape[axis]!;
      return needs[i] ? sliceAxis(ct, axis, start, at) : null;
    });
  },
});

/**
 * The tensors one after another along `axis`; shapes agree elsewhere.
 * @example lax.concatenate([np.array([1, 2]), np.array([3])], 0); // => Tensor float32[3] [1, 2, 3]
 */
export function concatenate(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 0) throw new ShapeError('concatenate needs at least one tensor');
  return tensors.length === 1 ? tensors[0]! : bind1(concatenatePrimitive, tensors, { axis: normalizeAxis(axis, tensors[0]!.ndim) });
}
