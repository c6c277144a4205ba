/** Means and variances over axes, and normalization by them, composed of elementary operations. */
import { formatShape, type Shape } from '../core/aval.js';
import { DTypeError, ShapeError } from '../core/errors.js';
import { add, broadcastTo, convert, div, max, mul, reduceSum, reshape, rsqrt, select, sub } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';

export interface StatisticsOptions {
  /** `max(0, E[x^2] - E[x]^2)` in one pass over x, else `E[(x - mean)^2]` in two. */
  readonly fastVariance: boolean;
  /** Which elements count; broadcasts to x. */
  readonly mask?: Tensor | null;
  /** A further mean over each of these means, across devices or examples. */
  readonly across?: (mean: Tensor) => Tensor;
}

/** `shape` with 1 in place of `axes`. */
const keepShape = (shape: Shape, axes: readonly number[]): Shape => shape.map((d, i) => (axes.includes(i) ? 1 : d));

/** `v` over the axes of `shape` that are not in `axes`, stretched to `shape`; sizes of 1 stretch too. */
export function spread(v: Tensor, shape: Shape, axes: readonly number[], what: string): Tensor {
  let at = 0;
  const kept = shape.map((_, i) => (axes.includes(i) ? 1 : (v.shape[at++] ?? 1)));
  if (at !== v.ndim || kept.some((d, i) => d !== 1 && d !== shape[i])) {
    throw new ShapeError(`${what} of shape ${formatShape(v.shape)} does not broadcast over an input of shape ${formatShape(shape)}`);
  }
  return broadcastTo(reshape(v, kept), shape);
}

/** The biased mean and variance of x [float32] over `axes`, which disappear. */
export function statistics(
  x: Tensor,
  axes: readonly number[],
  { fastVariance, mask, across = (m) => m }: StatisticsOptions,
): [Tensor, Tensor] {
  if (mask && mask.dtype !== 'bool') throw new DTypeError(`a mask is bool, got ${String(mask)}; convert it with astype('bool')`);
  const where = mask ? broadcastTo(mask, x.shape) : null;
  const count = where === null ? null : reduceSum(convert(where, x.dtype), axes);
  const size = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  const meanOf = (v: Tensor): Tensor =>
    across(where === null ? div(reduceSum(v, axes), size) : div(reduceSum(select(where, v, 0), axes), count!));

  const mean = meanOf(x);
  if (fastVariance) return [mean, max(sub(meanOf(mul(x, x)), mul(mean, mean)), 0)];
  const centered = sub(x, broadcastTo(reshape(mean, keepShape(x.shape, axes)), x.shape));
  return [mean, meanOf(mul(centered, centered))];
}

/** `(x - mean) * (rsqrt(variance + epsilon) * scale) + bias`; statistics lack `axes`, scale and bias have the shape of `featureAxes`. */
export function normalize(
  x: Tensor,
  { mean, variance, scale, bias }: { mean: Tensor; variance: Tensor; scale: Tensor | null; bias: Tensor | null },
  { axes, featureAxes, epsilon }: { axes: readonly number[]; featureAxes: readonly number[]; epsilon: number },
): Tensor {
  const others = x.shape.map((_, i) => i).filter((i) => !featureAxes.includes(i));
  const inverse = spread(rsqrt(add(variance, epsilon)), x.shape, axes, 'a variance');
  const factor = scale === null ? inverse : mul(inverse, spread(scale, x.shape, others, 'a scale'));
  const y = mul(sub(x, spread(mean, x.shape, axes, 'a mean')), factor);
  return bias === null ? y : add(y, spread(bias, x.shape, others, 'a bias'));
}
