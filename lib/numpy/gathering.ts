/** Picking elements by index. */
import { broadcastShapes, normalizeAxis } from '../core/aval.js';
import { isInteger, type DType } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { remainder } from './arithmetic.js';
import { asNumeric, asTensor, cast, checkDType, settle, type TensorLike } from './operands.js';

/** What an index outside gives: NaN (the dtype's extreme for integers), the nearest element, or the one that wrapping around leads to. */
export type TakeMode = 'fill' | 'clip' | 'wrap';

/** What `take` can be told. */
export interface TakeOptions {
  /** The axis; flattened if null, which is the default. */
  readonly axis?: number | null;
  /** Default 'fill', in which negative indices count from the end; in 'clip' they give the first element. */
  readonly mode?: TakeMode;
}

/** Indices as an integer tensor. */
export function asIndices(indices: TensorLike, name: string): Tensor {
  const t = asTensor(settle(indices, name), name);
  if (!isInteger(t.dtype)) throw new DTypeError(`np.${name} needs int32 or uint32 indices, got ${t}: convert them with astype('int32')`);
  return t;
}

/** Negative indices counted from the end. */
export const fromEnd = (indices: Tensor, size: number): Tensor =>
  indices.dtype === 'uint32' ? indices : lax.select(lax.lt(indices, 0), lax.add(indices, size), indices);

/**
 * Elements of x at `indices` along an axis: `x.shape[:axis] + indices.shape + x.shape[axis+1:]`. As jnp.take.
 * @example
 * np.take(np.array([10, 20, 30]), np.array([2, -3], 'int32')); // => Tensor float32[2] [30, 10]
 * np.take(np.ones([4, 3]), np.array([0, 1], 'int32'), { axis: 0 }).shape; // => [2, 3]
 */
export function take(x: TensorLike, indices: TensorLike, given: number | null | TakeOptions = {}): Tensor {
  const { axis = null, mode = 'fill' } = typeof given === 'number' || given === null ? { axis: given } : given;
  const own = asTensor(x, 'take');
  const t = axis === null ? lax.reshape(own, [own.size]) : own;
  const at = normalizeAxis(axis ?? 0, t.ndim);
  const picked = asIndices(indices, 'take');
  const size = t.shape[at]!;
  return lax.take(t, resolve('take', mode === 'fill' ? fromEnd(picked, size) : picked, size, mode), at, mode === 'fill' ? 'fill' : 'clip');
}

function resolve(name: string, indices: Tensor, size: number, mode: TakeMode): Tensor {
  switch (mode) {
    case 'fill':
    case 'clip':
      return indices;
    case 'wrap':
      return remainder(indices, size);
    default:
      throw new ArgumentError(`np.${name} got the mode "${String(mode)}": use 'fill', 'clip' or 'wrap'`);
  }
}

/**
 * Elements of x at indices of x's rank: `out[..i..] = x[..indices[..i..]..]` along `axis` (the last by default); the other dimensions broadcast. As jnp.take_along_axis.
 * @example
 * const x = np.array([[3, 1, 2], [6, 5, 4]]);
 * np.takeAlongAxis(x, np.argsort(x)); // => Tensor float32[2, 3] [[1, 2, 3], [4, 5, 6]]
 */
export function takeAlongAxis(
  x: TensorLike,
  indices: TensorLike,
  axis: number | null = -1,
  { mode = 'fill' }: { mode?: TakeMode } = {},
): Tensor {
  const [own, picked] = [asTensor(x, 'takeAlongAxis'), asIndices(indices, 'takeAlongAxis')];
  const t = axis === null ? lax.reshape(own, [own.size]) : own;
  if (t.ndim !== picked.ndim) throw new ShapeError(`np.takeAlongAxis needs indices of x's rank, got ${picked} for ${t}`);
  const at = normalizeAxis(axis ?? 0, t.ndim);
  const rest = (shape: readonly number[]) => shape.map((d, i) => (i === at ? 1 : d));
  const others = broadcastShapes([rest(t.shape), rest(picked.shape)], 'np.takeAlongAxis');
  const spread = (v: Tensor) => lax.broadcastTo(v, others.map((d, i) => (i === at ? v.shape[at]! : d))); // prettier-ignore
  return lax.takeAlong(
    spread(t),
    spread(resolve('takeAlongAxis', fromEnd(picked, t.shape[at]!), t.shape[at]!, mode)),
    at,
    mode === 'fill' ? 'fill' : 'clip',
  );
}

/**
 * One-hot rows: [..., numClasses] with 1 where the class is the index, all 0 for indices outside. float32 unless a dtype is given. As jax.nn.one_hot.
 * @example np.oneHot(np.array([0, 2], 'int32'), 3); // => Tensor float32[2, 3] [[1, 0, 0], [0, 0, 1]]
 */
export function oneHot(x: TensorLike, numClasses: number, given: { dtype?: DType; axis?: number } = {}): Tensor {
  const { dtype = 'float32', axis = -1 } = given;
  if (!Number.isInteger(numClasses) || numClasses < 0)
    throw new ArgumentError(`np.oneHot needs a whole number of classes, got ${numClasses}`);
  const t = asNumeric(x, 'oneHot');
  const at = normalizeAxis(axis, t.ndim + 1);
  const shape = [...t.shape.slice(0, at), numClasses, ...t.shape.slice(at)];
  const dims = t.shape.map((_, i) => (i < at ? i : i + 1));
  const hot = lax.eq(lax.broadcast(t, shape, dims), lax.iota(shape, at, t.dtype));
  return cast(hot, checkDType(dtype, 'oneHot'));
}
