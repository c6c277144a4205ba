/** Samplers of integers and orders, bit for bit jax.random's. */
import { formatShape, normalizeAxis, type Shape } from '../core/aval.js';
import { isInteger, type DType } from '../core/dtype.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import { checkOptions } from '../core/options.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { bits, checkKey, checkShape, split } from './keys.js';

const pair = (key: Tensor): [Tensor, Tensor] => {
  const keys = split(key);
  return [0, 1].map((i) => lax.reshape(lax.sliceAxis(keys, 0, i, i + 1), [2])) as [Tensor, Tensor];
};

/**
 * Integers in [minval, maxval), int32 or uint32; minval where the interval is empty. Bounds are numbers or integer tensors that broadcast. As jax.random.randint.
 * @example random.randint(random.PRNGKey(0), [4], 0, 10); // => Tensor int32[4] [9, 0, 2, 3]
 */
export function randint(
  key: Tensor,
  shape: Shape,
  minval: number | Tensor,
  maxval: number | Tensor,
  options: { dtype?: DType } = {},
): Tensor {
  checkKey(key, 'randint');
  checkShape(shape, 'randint');
  checkOptions('random.randint', options, { dtype: true });
  const { dtype = 'int32' } = options;
  if (!isInteger(dtype))
    throw new DTypeError(`random.randint draws int32 or uint32, got the dtype ${dtype}: use random.uniform for floats`);
  const [low, high] = [bound(minval, dtype, shape), bound(maxval, dtype, shape)];
  const span = spanOf(low, high, maxval, dtype, shape);
  const [k1, k2] = pair(key);
  const [upper, lower] = [bits(k1, shape), bits(k2, shape)];
  // 64 random bits modulo the span: 2^32 = 2^16 * 2^16, each factor reduced so that nothing overflows.
  const half = lax.rem(lax.full(shape, 2 ** 16, 'uint32'), span);
  const multiplier = lax.rem(lax.mul(half, half), span);
  const offset = lax.rem(lax.add(lax.mul(lax.rem(upper, span), multiplier), lax.rem(lower, span)), span);
  return lax.add(low, dtype === 'int32' ? lax.bitcast(offset, 'int32') : offset);
}

const limits: Record<'int32' | 'uint32', [number, number]> = { int32: [-(2 ** 31), 2 ** 31 - 1], uint32: [0, 2 ** 32 - 1] };

function bound(value: number | Tensor, dtype: DType, shape: Shape): Tensor {
  if (value instanceof Tensor) {
    if (!isInteger(value.dtype)) throw new DTypeError(`random.randint needs integer bounds, got ${value}: convert it with astype('int32')`);
    return lax.broadcastTo(lax.convert(value, dtype), shape);
  }
  if (!Number.isInteger(value)) throw new ArgumentError(`random.randint needs whole numbers as bounds, got ${String(value)}`);
  const [least, greatest] = limits[dtype as 'int32' | 'uint32'];
  return lax.full(shape, Math.min(greatest, Math.max(least, value)), dtype);
}

/** How many integers there are to choose from, uint32; 2^32 wraps to 0, and a remainder by 0 is the dividend. */
function spanOf(low: Tensor, high: Tensor, maxval: number | Tensor, dtype: DType, shape: Shape): Tensor {
  const difference = lax.sub(high, low);
  const span = lax.select(
    lax.le(high, low),
    lax.full(shape, 1, 'uint32'),
    dtype === 'int32' ? lax.bitcast(difference, 'uint32') : difference,
  );
  const past = typeof maxval === 'number' && maxval > limits[dtype as 'int32' | 'uint32'][1];
  return past ? lax.select(lax.gt(high, low), lax.add(span, 1), span) : span;
}

/** What `permutation` can be told. */
export interface PermutationOptions {
  /** The axis to permute; default 0. */
  readonly axis?: number;
  /** Whether each slice along the axis is shuffled on its own. */
  readonly independent?: boolean;
}

/**
 * The numbers 0 to n-1 in random order, int32, or a tensor in random order along an axis. As jax.random.permutation.
 * @example random.permutation(random.PRNGKey(0), 5); // => Tensor int32[5] [0, 1, 4, 3, 2]
 */
export function permutation(key: Tensor, x: number | Tensor, options: PermutationOptions = {}): Tensor {
  checkKey(key, 'permutation');
  checkOptions('random.permutation', options, { axis: true, independent: true });
  const { axis = 0, independent = false } = options;
  if (typeof x === 'number') {
    if (!Number.isInteger(x) || x < 0)
      throw new ArgumentError(`random.permutation takes a whole number of at least 0, or a tensor, got ${x}`);
    return shuffle(key, lax.iota([x]), 0);
  }
  if (!(x instanceof Tensor) || x.ndim === 0)
    throw new ArgumentError(
      `random.permutation takes a number that is known when it is called, or a tensor of at least one dimension, got ${String(x)}`,
    );
  const at = normalizeAxis(axis, x.ndim);
  if (independent || x.ndim === 1) return shuffle(key, x, at);
  return lax.take(x, shuffle(key, lax.iota([x.shape[at]!]), 0), at, 'clip');
}

/** Sorts by random words, in so many rounds that two elements hardly ever get equal words in all of them. */
function shuffle(key: Tensor, x: Tensor, axis: number): Tensor {
  const rounds = Math.ceil((3 * Math.log(Math.max(1, x.size))) / Math.log(2 ** 32 - 1));
  for (let i = 0; i < rounds; i++) {
    const [next, own] = pair(key);
    key = next;
    x = lax.sort([bits(own, x.shape), x], axis)[1]!;
  }
  return x;
}

/** What `choice` can be told. */
export interface ChoiceOptions {
  /** Whether an element may be drawn more than once; default true. */
  readonly replace?: boolean;
  /** The axis to draw along; default 0. */
  readonly axis?: number;
}

/**
 * Elements drawn uniformly from 0 to n-1, or from a tensor along an axis. As jax.random.choice without probabilities: for those see `categorical`.
 * @example random.choice(random.PRNGKey(0), 100, [3], { replace: false }); // => Tensor int32[3] [0, 36, 1]
 */
export function choice(key: Tensor, a: number | Tensor, shape: Shape = [], options: ChoiceOptions = {}): Tensor {
  checkKey(key, 'choice');
  checkShape(shape, 'choice');
  checkOptions('random.choice', options, { replace: true, axis: true });
  const { replace = true, axis = 0 } = options;
  if (typeof a !== 'number' && !(a instanceof Tensor))
    throw new ArgumentError(`random.choice draws from a tensor, or from the whole numbers below one, got ${typeof a} ${String(a)}`);
  const at = typeof a === 'number' ? 0 : normalizeAxis(axis, a.ndim);
  const n = typeof a === 'number' ? a : a.shape[at]!;
  const draws = shape.reduce((m, d) => m * d, 1);
  if (!Number.isInteger(n) || (n < 1 && draws > 0))
    throw new ArgumentError(`random.choice needs at least one element to draw from, got ${String(a)}`);
  if (!replace && draws > n)
    throw new ArgumentError(`random.choice cannot draw ${draws} of ${n} elements without replacement, shape ${formatShape(shape)}`);
  if (replace) {
    const indices = randint(key, shape, 0, n);
    return typeof a === 'number' ? indices : lax.take(a, indices, at, 'clip');
  }
  const drawn = lax.sliceAxis(permutation(key, a, { axis: at }), at, 0, draws);
  return lax.reshape(drawn, typeof a === 'number' ? shape : [...a.shape.slice(0, at), ...shape, ...a.shape.slice(at + 1)]);
}
