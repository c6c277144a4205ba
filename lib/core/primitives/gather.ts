/** Primitives that pick elements by index, and their transposes. */
import { Aval, formatShape, normalizeAxis } from '../aval.js';
import { bind1 } from '../bind.js';
import { isInteger } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { full, zerosLike } from './creation.js';
import { and } from './bits.js';
import { ge, lt, select } from './comparison.js';
import { convert, max, min, mul } from './elementwise.js';
import { broadcast } from './layout.js';

/** What an index outside the axis gives: the nearest element, or NaN (the dtype's extreme for integers). */
export type GatherMode = 'clip' | 'fill';
type Params = { axis: number; mode: string };

function checkIndices(name: string, indices: Aval): void {
  if (!isInteger(indices.dtype))
    throw new DTypeError(`${name} needs int32 or uint32 indices, got ${indices}; convert them with astype('int32')`);
}

function checkSummable(name: string, x: Aval): void {
  if (x.dtype === 'bool') throw new DTypeError(`${name} takes numbers, got ${x}; convert it with astype('int32')`);
}

const clamp = (indices: Tensor, size: number): Tensor => min(max(indices, 0), Math.max(0, size - 1));
const inRange = (indices: Tensor, size: number): Tensor => and(ge(indices, 0), lt(indices, size));

const takePrimitive = definePrimitive<Params>({
  name: 'take',
  infer([x, indices], { axis, mode }) {
    checkIndices('take', indices!);
    if (mode === 'clip' && x!.shape[axis] === 0 && indices!.size > 0)
      throw new ShapeError(`take from axis ${axis} of ${x!}, which is empty, has no result`);
    return [Aval.of([...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)], x!.dtype)];
  },
  grad({ inputs, params: { axis, mode }, ct }) {
    const [x, indices] = inputs as [Tensor, Tensor];
    return [scatterAdd(zerosLike(x), mode === 'clip' ? clamp(indices, x.shape[axis]!) : indices, ct, axis), null];
  },
});

/**
 * Slices of `x` at `indices` along `axis`: shape `x[:axis] + indices + x[axis+1:]`. Negative indices do not wrap.
 * @example lax.take(np.array([[1, 2], [3, 4], [5, 6]]), np.array([2, 0], 'int32'), 0); // => Tensor float32[2, 2] [[5, 6], [1, 2]]
 */
export const take = (x: Tensor, indices: Tensor, axis: number, mode: GatherMode = 'fill'): Tensor =>
  bind1(takePrimitive, [x, indices], { axis: normalizeAxis(axis, x.ndim), mode });

const scatterAddPrimitive = definePrimitive<{ axis: number }>({
  name: 'scatterAdd',
  infer([x, indices, updates], { axis }) {
    checkIndices('scatterAdd', indices!);
    const want = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
    if (want.join() !== updates!.shape.join()) {
      throw new ShapeError(
        `scatterAdd into ${x!} at ${indices!} along axis ${axis} needs updates of shape ${formatShape(want)}, got ${updates!}`,
      );
    }
    checkSummable('scatterAdd', x!);
    if (updates!.dtype !== x!.dtype) throw new DTypeError(`scatterAdd needs updates of the operand's dtype, got ${x!} and ${updates!}`);
    return [x!];
  },
  grad({ inputs, params: { axis }, ct, needs }) {
    const [x, indices, updates] = inputs as [Tensor, Tensor, Tensor];
    if (!needs[2]) return [ct, null, null];
    const size = x.shape[axis]!;
    if (size === 0) return [ct, null, zerosLike(updates)];
    const picked = take(ct, clamp(indices, size), axis, 'clip');
    const dims = indices.shape.map((_, i) => axis + i);
    return [ct, null, mul(picked, broadcast(convert(inRange(indices, size), ct.dtype), picked.shape, dims))];
  },
});

/**
 * `x` with `updates` added at `indices` along `axis`, in index order; updates outside are dropped.
 * @example lax.scatterAdd(np.zeros([3]), np.array([0, 2, 2], 'int32'), np.array([1, 2, 3]), 0); // => Tensor float32[3] [1, 0, 5]
 */
export const scatterAdd = (x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor =>
  bind1(scatterAddPrimitive, [x, indices, updates], { axis: normalizeAxis(axis, x.ndim) });

function checkAlong(name: string, x: Aval, indices: Aval, axis: number): void {
  checkIndices(name, indices);
  if (x.rank !== indices.rank || x.shape.some((d, i) => i !== axis && d !== indices.shape[i])) {
    throw new ShapeError(`${name} along axis ${axis} needs indices that agree with ${x} elsewhere, got ${indices}`);
  }
}

const takeAlongPrimitive = definePrimitive<Params>({
  name: 'takeAlong',
  infer([x, indices], { axis, mode }) {
    checkAlong('takeAlong', x!, indices!, axis);
    if (mode === 'clip' && x!.shape[axis] === 0 && indices!.size > 0)
      throw new ShapeError(`takeAlong axis ${axis} of ${x!}, which is empty, has no result`);
    return [Aval.of(indices!.shape, x!.dtype)];
  },
  grad({ inputs, params: { axis, mode }, ct }) {
    const [x, indices] = inputs as [Tensor, Tensor];
    return [scatterAddAlong(zerosLike(x), mode === 'clip' ? clamp(indices, x.shape[axis]!) : indices, ct, axis), null];
  },
});

/**
 * `out[.., i, ..] = x[.., indices[.., i, ..], ..]` along `axis`. Negative indices do not wrap.
 * @example lax.takeAlong(np.array([[1, 2], [3, 4]]), np.array([[1], [0]], 'int32'), 1); // => Tensor float32[2, 1] [[2], [3]]
 */
export const takeAlong = (x: Tensor, indices: Tensor, axis: number, mode: GatherMode = 'fill'): Tensor =>
  bind1(takeAlongPrimitive, [x, indices], { axis: normalizeAxis(axis, x.ndim), mode });

const scatterAddAlongPrimitive = definePrimitive<{ axis: number }>({
  name: 'scatterAddAlong',
  infer([x, indices, updates], { axis }) {
    checkAlong('scatterAddAlong', x!, indices!, axis);
    if (indices!.shape.join() !== updates!.shape.join())
      throw new ShapeError(`scatterAddAlong needs updates shaped like the indices, got ${indices!} and ${updates!}`);
    checkSummable('scatterAddAlong', x!);
    if (updates!.dtype !== x!.dtype)
      throw new DTypeError(`scatterAddAlong needs updates of the operand's dtype, got ${x!} and ${updates!}`);
    return [x!];
  },
  grad({ inputs, params: { axis }, ct, needs }) {
    const [x, indices, updates] = inputs as [Tensor, Tensor, Tensor];
    if (!needs[2]) return [ct, null, null];
    const size = x.shape[axis]!;
    if (size === 0) return [ct, null, zerosLike(updates)];
    const picked = takeAlong(ct, clamp(indices, size), axis, 'clip');
    return [ct, null, select(inRange(indices, size), picked, full(picked.shape, 0, ct.dtype))];
  },
});

/**
 * The transpose of `takeAlong`.
 * @example lax.scatterAddAlong(np.zeros([2, 2]), np.array([[1], [0]], 'int32'), np.array([[5], [7]]), 1); // => Tensor float32[2, 2] [[0, 5], [7, 0]]
 */
export const scatterAddAlong = (x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor =>
  bind1(scatterAddAlongPrimitive, [x, indices, updates], { axis: normalizeAxis(axis, x.ndim) });
