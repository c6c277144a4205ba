/** Samplers of real numbers and what is made from them, bit for bit jax.random's. Each takes a key and never changes it: a key is used once. */
import type { Shape } from '../core/aval.js';
import { broadcastShapes, normalizeAxis, sameShape } from '../core/aval.js';
import { isFloat, type DType } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { erf, nextAfter } from './float32.js';
import { bits, checkKey, checkShape } from './keys.js';

const { fround } = Math;
const SQRT2 = fround(Math.SQRT2);
/** XLA turns a division by a constant into this product. */
const INVERSE_SQRT2 = fround(1 / SQRT2);
const TINY = 2 ** -126;

/** What every sampler of real numbers can be told. */
export interface SampleOptions {
  /** Only float32. */
  readonly dtype?: DType;
}

/** What `uniform` can be told. */
export interface UniformOptions extends SampleOptions {
  /** Included; default 0. A number, or a tensor that broadcasts to the shape. */
  readonly minval?: number | Tensor;
  /** Not included; default 1. */
  readonly maxval?: number | Tensor;
}

function checkSampler<O extends SampleOptions>(name: string, options: O, names: OptionNames<O>): void {
  checkOptions(`random.${name}`, options, names);
  const { dtype = 'float32' } = options;
  if (!isFloat(dtype))
    throw new DTypeError(`random.${name} draws float32, got the dtype ${dtype}: use random.randint or random.bits for integers`);
}

/** Uniform in [0, 1): the upper 23 bits become the mantissa of a number in [1, 2). */
function unit(key: Tensor, shape: Shape): Tensor {
  const mantissa = lax.or(lax.shiftRightLogical(bits(key, shape), 9), 0x3f800000);
  return lax.sub(lax.bitcast(mantissa, 'float32'), 1);
}

/** Uniform between two numbers. The product and the sum are rounded once, so that fused and separate programs agree to the bit. */
function between(key: Tensor, shape: Shape, low: number, high: number): Tensor {
  const [from, to] = [fround(low), fround(high)];
  const u = unit(key, shape);
  return from === 0 && to === 1 ? u : lax.max(lax.fma(u, fround(to - from), from), from);
}

/**
 * Uniform float32 numbers in [minval, maxval). As jax.random.uniform.
 * @example random.uniform(random.PRNGKey(0), [2], { minval: -1, maxval: 1 }); // => Tensor float32[2] [0.8953, 0.9572]
 */
export function uniform(key: Tensor, shape: Shape = [], options: UniformOptions = {}): Tensor {
  checkKey(key, 'uniform');
  checkShape(shape, 'uniform');
  checkSampler('uniform', options, { dtype: true, minval: true, maxval: true });
  const { minval = 0, maxval = 1 } = options;
  for (const [name, v] of Object.entries({ minval, maxval }))
    if (!(v instanceof Tensor) && !(typeof v === 'number' && !Number.isNaN(v)))
      throw new ArgumentError(`random.uniform needs ${name} to be a number or a tensor, got ${String(v)}`);
  if (typeof minval === 'number' && typeof maxval === 'number') return between(key, shape, minval, maxval);
  const bound = (v: number | Tensor): Tensor =>
    typeof v === 'number' ? lax.full(shape, v) : lax.broadcastTo(lax.convert(v, 'float32'), shape);
  const [low, high] = [bound(minval), bound(maxval)];
  return lax.max(low, lax.fma(unit(key, shape), lax.sub(high, low), low));
}

/**
 * Normal float32 numbers with mean 0 and standard deviation 1. As jax.random.normal.
 * @example random.normal(random.PRNGKey(0), [2]); // => Tensor float32[2] [1.6226, 2.0253]
 */
export function normal(key: Tensor, shape: Shape = [], options: SampleOptions = {}): Tensor {
  checkKey(key, 'normal');
  checkShape(shape, 'normal');
  checkSampler('normal', options, { dtype: true });
  return lax.mul(lax.erfInv(between(key, shape, nextAfter(-1, 0), 1)), SQRT2);
}

/**
 * Normal float32 numbers cut off to the open interval (lower, upper). As jax.random.truncated_normal.
 * @example random.truncatedNormal(random.PRNGKey(0), -1, 1, [2]); // => Tensor float32[2] [0.8619, 0.9413]
 */
export function truncatedNormal(key: Tensor, lower: number, upper: number, shape: Shape = [], options: SampleOptions = {}): Tensor {
  checkKey(key, 'truncatedNormal');
  checkShape(shape, 'truncatedNormal');
  checkSampler('truncatedNormal', options, { dtype: true });
  const [from, to] = [fround(lower), fround(upper)];
  if (!(from < to)) throw new ArgumentError(`random.truncatedNormal needs lower < upper, got ${lower} and ${upper}`);
  const u = between(key, shape, erf(fround(from * INVERSE_SQRT2)), erf(fround(to * INVERSE_SQRT2)));
  const x = lax.mul(lax.erfInv(u), SQRT2);
  return lax.min(lax.max(x, nextAfter(from, Infinity)), nextAfter(to, -Infinity));
}

/**
 * True with probability p: bool. `p` is a number, or a float32 tensor that broadcasts to the shape. As jax.random.bernoulli.
 * @example random.bernoulli(random.PRNGKey(0), 0.3, [4]); // => Tensor bool[4] [false, false, false, false]
 */
export function bernoulli(key: Tensor, p: number | Tensor = 0.5, shape?: Shape): Tensor {
  checkKey(key, 'bernoulli');
  if (!(p instanceof Tensor) && !(typeof p === 'number' && !Number.isNaN(p)))
    throw new ArgumentError(`random.bernoulli needs a probability, a number or a tensor, got ${String(p)}`);
  const own = p instanceof Tensor ? p.shape : [];
  const form = shape ?? own;
  checkShape(form, 'bernoulli');
  if (p instanceof Tensor && !isFloat(p.dtype))
    throw new DTypeError(`random.bernoulli needs a float32 probability, got ${p}: convert it with astype('float32')`);
  return lax.lt(unit(key, form), p instanceof Tensor ? lax.broadcastTo(p, form) : p);
}

/**
 * Gumbel float32 numbers, `-log(-log(u))`. As jax.random.gumbel.
 * @example random.gumbel(random.PRNGKey(0), [2]); // => Tensor float32[2] [2.9234, 3.8326]
 */
export function gumbel(key: Tensor, shape: Shape = [], options: SampleOptions = {}): Tensor {
  checkKey(key, 'gumbel');
  checkShape(shape, 'gumbel');
  checkSampler('gumbel', options, { dtype: true });
  return lax.neg(lax.log(lax.neg(lax.log(between(key, shape, TINY, 1)))));
}

/**
 * Exponential float32 numbers with rate 1. As jax.random.exponential.
 * @example random.exponential(random.PRNGKey(0), [2]); // => Tensor float32[2] [2.9501, 3.8434]
 */
export function exponential(key: Tensor, shape: Shape = [], options: SampleOptions = {}): Tensor {
  checkKey(key, 'exponential');
  checkShape(shape, 'exponential');
  checkSampler('exponential', options, { dtype: true });
  return lax.neg(lax.log1p(lax.neg(unit(key, shape))));
}

/** What `categorical` can be told. */
export interface CategoricalOptions {
  /** The axis of the classes; default the last. */
  readonly axis?: number;
  /** The result's shape: it ends in that of the logits without the axis. Default that. */
  readonly shape?: Shape;
}

/**
 * Classes, int32, drawn with probabilities `softmax(logits)` along an axis. As jax.random.categorical.
 * @example random.categorical(random.PRNGKey(0), np.log(np.array([0.1, 0.2, 0.7])), { shape: [5] }); // => Tensor int32[5] [1, 2, 2, 1, 2]
 */
export function categorical(key: Tensor, logits: Tensor, options: CategoricalOptions = {}): Tensor {
  checkKey(key, 'categorical');
  checkOptions('random.categorical', options, { axis: true, shape: true });
  const { axis = -1, shape } = options;
  if (!(logits instanceof Tensor) || !isFloat(logits.dtype) || logits.ndim === 0)
    throw new DTypeError(`random.categorical needs float32 logits [..., classes], got ${String(logits)}`);
  const at = normalizeAxis(axis, logits.ndim);
  const batch = logits.shape.filter((_, i) => i !== at);
  const want = shape ?? batch;
  checkShape(want, 'categorical');
  const prefix = want.slice(0, Math.max(0, want.length - batch.length));
  if (!sameShape([...prefix, ...batch], want) && !sameShape(broadcastShapes([want, batch]), want))
    throw new ShapeError(`random.categorical of ${logits} draws shapes that end in [${batch.join(', ')}], got [${want.join(', ')}]`);
  const tail = want.slice(prefix.length);
  const form = [...prefix, ...tail.slice(0, at), logits.shape[at]!, ...tail.slice(at)];
  return lax.argmax(lax.add(gumbel(key, form), lax.broadcastTo(logits, form)), prefix.length + at);
}
