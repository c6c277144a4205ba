/** Sorting, running sums and products. */
import { normalizeAxis } from '../core/aval.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { asFloat, asNumeric, asTensor, options, type TensorLike } from './operands.js';
import { isnan, where } from './logic.js';
import { any, mean, type Axis } from './reductions.js';

/** What `sort` and `argsort` can be told. */
export interface SortOptions {
  /** The axis; default the last, null flattens. */
  readonly axis?: number | null;
  /** The greatest first. */
  readonly descending?: boolean;
}

const flattened = (t: Tensor, axis: number | null): [Tensor, number] =>
  axis === null ? [lax.reshape(t, [t.size]), 0] : [t, normalizeAxis(axis, t.ndim)];

/**
 * The elements in ascending order along an axis (the last), NaN at the end. As jnp.sort.
 * @example np.sort(np.array([3, 1, 2])); // => Tensor float32[3] [1, 2, 3]
 */
export function sort(x: TensorLike, given?: number | null | SortOptions): Tensor {
  const { axis = -1, descending = false } = options<SortOptions>('sort', given, { axis: true, descending: true });
  const [t, at] = flattened(asTensor(x, 'sort'), axis);
  const sorted = lax.sort([t], at)[0]!;
  return descending ? lax.reverse(sorted, [at]) : sorted;
}

/**
 * The indices, int32, that sort x along an axis (the last); equal ones keep their order. As jnp.argsort.
 * @example np.argsort(np.array([3, 1, 2])); // => Tensor int32[3] [1, 2, 0]
 */
export function argsort(x: TensorLike, given?: number | null | SortOptions): Tensor {
  const { axis = -1, descending = false } = options<SortOptions>('argsort', given, { axis: true, descending: true });
  const [t, at] = flattened(asTensor(x, 'argsort'), axis);
  const indices = lax.iota(t.shape, at);
  if (!descending) return lax.sort([t, indices], at)[1]!;
  // Equal ones keep their order when the mirrored tensor is sorted and mirrored back.
  return lax.reverse(lax.sort([lax.reverse(t, [at]), lax.reverse(indices, [at])], at)[1]!, [at]);
}

/**
 * Running sums along an axis, flattened without one; bool sums to int32. As jnp.cumsum.
 * @example np.cumsum(np.array([1, 2, 3])); // => Tensor float32[3] [1, 3, 6]
 */
export function cumsum(x: TensorLike, given?: number | null | { axis?: number | null }): Tensor {
  const { axis = null } = options<{ axis?: number | null }>('cumsum', given, { axis: true });
  const [t, at] = flattened(asNumeric(x, 'cumsum'), axis);
  return lax.cumsum(t, at);
}

/**
 * Running products along an axis, flattened without one; bool multiplies to int32. As jnp.cumprod.
 * @example np.cumprod(np.array([1, 2, 3])); // => Tensor float32[3] [1, 2, 6]
 */
export function cumprod(x: TensorLike, given?: number | null | { axis?: number | null }): Tensor {
  const { axis = null } = options<{ axis?: number | null }>('cumprod', given, { axis: true });
  const [t, at] = flattened(asNumeric(x, 'cumprod'), axis);
  let out = t;
  const n = t.shape[at]!;
  // Each round multiplies by the product that ends `shift` places before, so that spans double (Hillis & Steele 1986).
  for (let shift = 1; shift < n; shift *= 2) {
    const earlier = lax.mul(lax.sliceAxis(out, at, shift, n), lax.sliceAxis(out, at, 0, n - shift));
    out = lax.concatenate([lax.sliceAxis(out, at, 0, shift), earlier], at);
  }
  return out;
}

/**
 * The middle element in order, or the mean of the two middle ones, float32; NaN if there is one. As jnp.median.
 * @example np.median(np.array([3, 1, 2, 10])); // => Tensor float32[] 2.5
 */
export function median(x: TensorLike, given?: Axis | { axis?: Axis; keepdims?: boolean }): Tensor {
  const { axis = null, keepdims = false } = options<{ axis?: Axis; keepdims?: boolean }>('median', given, { axis: true, keepdims: true });
  const t = asFloat(x, 'median');
  const axes = axis === null ? t.shape.map((_, i) => i) : (typeof axis === 'number' ? [axis] : axis).map((a) => normalizeAxis(a, t.ndim));
  const others = t.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const kept = others.map((i) => t.shape[i]!);
  const n = axes.reduce((size, a) => size * t.shape[a]!, 1);
  const rows = lax.reshape(lax.transpose(t, [...others, ...axes]), [...kept, n]);
  const middle = lax.sliceAxis(lax.sort([rows], kept.length)[0]!, kept.length, Math.floor((n - 1) / 2), Math.floor(n / 2) + 1);
  const out = where(any(isnan(rows), -1), NaN, mean(middle, -1));
  return keepdims ? lax.reshape(out, t.shape.map((d, i) => (axes.includes(i) ? 1 : d))) : out; // prettier-ignore
}
