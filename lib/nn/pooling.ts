/** Pooling: what windows of the spatial dimensions come to. */
import type { Shape } from '../core/aval.js';
import {
  add,
  broadcast,
  convert,
  div,
  iota,
  max,
  maxPool as maxPoolPrimitive,
  min,
  mul,
  neg,
  sub,
  sumPool,
} from '../core/primitives/index.js';
import type { PoolOptions } from '../core/primitives/pooling.js';
import type { Tensor } from '../core/tensor.js';
import { canonicalPadding, padsOf, perDimension, withOneBatch } from './windows.js';

/** What the pooling functions can be told. */
export interface PoolingOptions {
  /** How far windows lie apart along each spatial dimension. Default 1. */
  strides?: readonly number[];
  /** Default 'VALID'. */
  padding?: 'SAME' | 'VALID' | 'SAME_LOWER' | readonly (readonly [number, number])[];
}

/** Pools x [batch..., spatial..., features], with any number of batch dimensions brought to one. */
function pool(
  name: string,
  x: Tensor,
  windowShape: Shape,
  { strides: given, padding = 'VALID' }: PoolingOptions,
  apply: (x: Tensor, options: PoolOptions) => Tensor,
): Tensor {
  const window = perDimension(name, 'a window', windowShape, windowShape.length);
  const strides = perDimension(name, 'strides', given, window.length);
  return withOneBatch(name, x, window.length, (input) => {
    const named = canonicalPadding(name, padding, window.length);
    const pads = typeof named === 'string' ? padsOf(name, named, { spatial: input.shape.slice(1, -1), extents: window, strides }) : named;
    return apply(input, { window, strides, low: pads.map((p) => p[0]), high: pads.map((p) => p[1]) });
  });
}

/**
 * The greatest element of each window of `windowShape` (the spatial dimensions) of x [batch..., spatial..., features]; the padding counts as -infinity. The
 * gradient goes to a window's first maximum. As flax.linen.max_pool.
 * @example nn.maxPool(np.ones([8, 28, 28, 16]), [2, 2], { strides: [2, 2] }).shape; // => [8, 14, 14, 16]
 */
export const maxPool = (x: Tensor, windowShape: Shape, options: PoolingOptions = {}): Tensor =>
  pool('maxPool', x, windowShape, options, maxPoolPrimitive);

/**
 * The least element of each window, the padding being infinity. As flax.linen.min_pool.
 * @example nn.minPool(np.array([1, 5, 3, 2], { dtype: 'float32' }).reshape([1, 4, 1]), [2]).ravel().toArray(); // => [1, 3, 2]
 */
export const minPool = (x: Tensor, windowShape: Shape, options: PoolingOptions = {}): Tensor =>
  pool('minPool', x, windowShape, options, (input, own) => neg(maxPoolPrimitive(neg(input), own)));

/** How many elements of x, the padding left out, lie in each window; shaped like the pooled result y. */
function counts(spatial: Shape, y: Tensor, { window, strides, low }: PoolOptions): Tensor {
  return spatial
    .map((size, i) => {
      const axis = i + 1;
      const first = sub(mul(iota([y.shape[axis]!], 0), strides[i]!), low[i]!);
      const inside = max(sub(min(add(first, window[i]!), size), max(first, 0)), 0);
      return broadcast(convert(inside, y.dtype), y.shape, [axis]);
    })
    .reduce((a, b) => mul(a, b));
}

/**
 * The mean of each window of `windowShape` of x [batch..., spatial..., features]. The padding counts as zeros, or with `countIncludePad: false` not at all. As
 * flax.linen.avg_pool.
 * @example nn.avgPool(np.array([1, 5, 3, 2], { dtype: 'float32' }).reshape([1, 4, 1]), [2], { strides: [2] }).ravel().toArray(); // => [3, 2.5]
 */
export const avgPool = (x: Tensor, windowShape: Shape, options: PoolingOptions & { countIncludePad?: boolean } = {}): Tensor =>
  pool('avgPool', x, windowShape, options, (input, own) => {
    const y = sumPool(input, own);
    const { countIncludePad = true } = options;
    return div(y, countIncludePad ? windowShape.reduce((n, d) => n * d, 1) : counts(input.shape.slice(1, -1), y, own));
  });
