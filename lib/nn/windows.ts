/** Strides, dilations and paddings of convolution and pooling, as their configurations state them. */
import { formatShape, type Shape } from '../core/aval.js';
import { ArgumentError } from '../core/errors.js';
import { reshape } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';

/** One number for all spatial dimensions, or one for each. */
export type PerDimension = number | readonly number[];
/** How much is put before and after each spatial dimension. */
export type Pads = readonly (readonly [low: number, high: number])[];

/** A kind of padding, or its width: one for all sides, or for each spatial dimension one for both sides or `[low, high]`. */
export type Padding =
  'SAME' | 'VALID' | 'SAME_LOWER' | 'CIRCULAR' | 'REFLECT' | 'CAUSAL' | number | readonly (number | readonly [number, number])[];

const isArray = (x: unknown): boolean => Array.isArray(x);

/** A configured value for each of `rank` spatial dimensions; a single number counts for all, null for 1. */
export function perDimension(name: string, what: string, value: PerDimension | null | undefined, rank: number): readonly number[] {
  const list = typeof value === 'number' ? Array.from({ length: rank }, () => value) : (value ?? Array.from({ length: rank }, () => 1));
  if (!isArray(list) || list.length !== rank || list.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new ArgumentError(
      `${name} needs ${what} of at least 1, one number or one for each of ${rank} spatial dimensions, got ${JSON.stringify(value)}`,
    );
  }
  return list;
}

/** A padding by name, or its widths for each dimension. */
export function canonicalPadding(name: string, padding: Padding, rank: number): string | Pads {
  if (typeof padding === 'string') return padding;
  const list = typeof padding === 'number' ? Array.from({ length: rank }, () => padding) : padding;
  const pairs = Array.isArray(list) ? list.map((p: number | readonly number[]) => (typeof p === 'number' ? [p, p] : p)) : [];
  if (pairs.length !== rank || pairs.some((p) => !Array.isArray(p) || p.length !== 2 || !p.every(Number.isInteger))) {
    throw new ArgumentError(
      `${name} got the padding ${JSON.stringify(padding)}: use a name such as 'SAME', a number, or for each of ${rank} dimensions a number or [low, high]`,
    );
  }
  return pairs as unknown as Pads;
}

/** What 'SAME' and its like come to. As jax.lax.padtype_to_pads. */
export function padsOf(
  name: string,
  padding: string,
  { spatial, extents, strides }: { spatial: Shape; extents: readonly number[]; strides: readonly number[] },
): Pads {
  return spatial.map((d, i) => {
    const total = Math.max(0, (Math.ceil(d / strides[i]!) - 1) * strides[i]! + extents[i]! - d);
    const half = Math.floor(total / 2);
    if (padding === 'VALID') return [0, 0];
    if (padding === 'SAME') return [half, total - half];
    if (padding === 'SAME_LOWER') return [total - half, half];
    throw new ArgumentError(
      `${name} has no padding ${JSON.stringify(padding)}: use 'SAME', 'VALID', 'SAME_LOWER' or [low, high] for each dimension`,
    );
  });
}

/** Runs `f` on x with all its batch dimensions (any number) as one in front, and gives the result x's own again. */
export function withOneBatch(name: string, x: Tensor, spatial: number, f: (x: Tensor) => Tensor): Tensor {
  const batch = x.ndim - spatial - 1;
  if (batch < 0)
    throw new ArgumentError(
      `${name} over ${spatial} dimensions needs [batch..., spatial..., features], got ${x} of shape ${formatShape(x.shape)}`,
    );
  if (batch === 1) return f(x);
  const lead = x.shape.slice(0, batch);
  const y = f(reshape(x, [lead.reduce((n, d) => n * d, 1), ...x.shape.slice(batch)]));
  return reshape(y, [...lead, ...y.shape.slice(1)]);
}
