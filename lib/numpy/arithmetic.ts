/** Arithmetic with broadcasting and JAX's promotion. All functions return a tensor of the broadcast shape. */
import { isFloat } from '../core/dtype.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { asFloat, asNumeric, asTensor, promotedPair, settle, type TensorLike } from './operands.js';

/**
 * x + y; `or` on two bools.
 * @example
 * np.add(np.array([1, 2]), 10); // => Tensor float32[2] [11, 12]
 * np.add(np.ones([2, 1]), np.ones([3])).shape; // => [2, 3]
 */
export function add(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('add', x, y);
  return a.dtype === 'bool' ? lax.or(a, b) : lax.add(a, b);
}

/**
 * x - y. Bools have none: use np.logicalXor, or convert them.
 * @example np.subtract(np.array([1, 2]), 10); // => Tensor float32[2] [-9, -8]
 */
export function subtract(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('subtract', x, y);
  if (a.dtype === 'bool') throw new DTypeError(`np.subtract takes numbers, got ${a} and ${b}: use np.logicalXor, or astype('int32')`);
  return lax.sub(a, b);
}

/**
 * x * y; `and` on two bools.
 * @example np.multiply(np.array([1, 2]), 10); // => Tensor float32[2] [10, 20]
 */
export function multiply(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('multiply', x, y);
  return a.dtype === 'bool' ? lax.and(a, b) : lax.mul(a, b);
}

/**
 * x / y, always float32.
 * @example np.divide(np.array([1, 2], 'int32'), 4); // => Tensor float32[2] [0.25, 0.5]
 */
export function divide(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('divide', x, y, 'float');
  return lax.div(a, b);
}

/**
 * `divide` under its other name.
 * @example np.trueDivide(1, 4); // => Tensor float32[] 0.25
 */
export const trueDivide = divide;

/**
 * x / y rounded toward minus infinity, in the operands' dtype; on float32 as Python's `//`.
 * @example np.floorDivide(np.array([7, -7], 'int32'), 2); // => Tensor int32[2] [3, -4]
 */
export function floorDivide(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('floorDivide', x, y, 'numeric');
  if (a.dtype === 'uint32') return lax.div(a, b);
  if (a.dtype === 'int32') {
    const quotient = lax.div(a, b);
    const inexact = lax.and(lax.ne(lax.sign(a), lax.sign(b)), lax.ne(lax.rem(a, b), 0));
    return lax.select(inexact, lax.sub(quotient, 1), quotient);
  }
  const mod = lax.rem(a, b);
  const quotient = lax.div(lax.select(lax.eq(b, 0), a, lax.sub(a, mod)), b);
  const down = lax.and(lax.ne(mod, 0), lax.ne(lax.sign(b), lax.sign(mod)));
  return lax.round(lax.select(down, lax.sub(quotient, 1), quotient));
}

/**
 * The remainder with the divisor's sign, Python's `%`. An integer modulo 0 is 0, a float NaN.
 * @example np.remainder(np.array([7, -7], 'int32'), 3); // => Tensor int32[2] [1, 2]
 */
export function remainder(x: TensorLike, y: TensorLike): Tensor {
  const divisor = settle(y, 'remainder');
  const [a, b] = promotedPair('remainder', x, divisor, 'numeric');
  if (typeof divisor === 'number' && divisor > 0) {
    const left = lax.rem(a, b);
    return a.dtype === 'uint32' ? left : lax.select(lax.lt(left, 0), lax.add(left, b), left);
  }
  const by = isFloat(a.dtype) ? b : lax.select(lax.eq(b, 0), 1, b);
  const left = lax.rem(a, by);
  if (a.dtype === 'uint32') return left;
  const otherSign = lax.and(lax.ne(lax.lt(left, 0), lax.lt(by, 0)), lax.ne(left, 0));
  return lax.select(otherSign, lax.add(left, by), left);
}

/**
 * `remainder` under its other name.
 * @example np.mod(np.array([7, -7]), 3); // => Tensor float32[2] [1, 2]
 */
export const mod = remainder;

/**
 * x to the power y. A whole number y is unrolled into multiplications, whose gradient is right at x = 0 too; integers to a negative power throw.
 * As jnp.power.
 * @example np.power(np.array([2, 3]), 2); // => Tensor float32[2] [4, 9]
 */
export function power(x: TensorLike, y: TensorLike): Tensor {
  const exponent = settle(y, 'power');
  if (typeof exponent === 'number' && Number.isInteger(exponent)) return integerPower(asNumeric(x, 'power'), exponent);
  const base = settle(x, 'power');
  const [a, b] = promotedPair('power', base, exponent, 'numeric');
  return isFloat(a.dtype) ? lax.pow(a, b) : powerOfIntegers(a, b);
}

/**
 * `power` under its other name.
 * @example np.pow(np.array([4, 9]), 0.5); // => Tensor float32[2] [2, 3]
 */
export const pow = power;

/** `x` multiplied by itself, squares first: the order of jax.lax.integer_pow. */
function integerPower(x: Tensor, exponent: number): Tensor {
  if (exponent === 0) return lax.full(x.shape, 1, x.dtype);
  if (exponent < 0 && !isFloat(x.dtype)) {
    throw new ArgumentError(
      `np.power cannot raise the integers ${x} to the negative power ${exponent}: convert them with astype('float32')`,
    );
  }
  let result: Tensor | null = null;
  for (let left = Math.abs(exponent); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = result === null ? x : lax.mul(result, x);
    if (left > 1) x = lax.mul(x, x);
  }
  return exponent < 0 ? lax.div(1, result!) : result!;
}

// Binary exponentiation; exponents past 63 would overflow for every base but 0, 1 and -1.
function powerOfIntegers(x: Tensor, y: Tensor): Tensor {
  let result = lax.full(x.shape, 1, x.dtype);
  for (let bit = 0; bit < 6; bit++) {
    result = lax.select(lax.ne(lax.and(y, 2 ** bit), 0), lax.mul(result, x), result);
    if (bit < 5) x = lax.mul(x, x);
  }
  return result;
}

/**
 * -x.
 * @example np.negative(np.array([1, -2])); // => Tensor float32[2] [-1, 2]
 */
export function negative(x: TensorLike): Tensor {
  const t = asTensor(x, 'negative');
  if (t.dtype === 'bool') throw new DTypeError(`np.negative takes numbers, got ${t}: use np.logicalNot, or astype('int32')`);
  return lax.neg(t);
}

/**
 * x.
 * @example np.positive(np.array([1, -2])); // => Tensor float32[2] [1, -2]
 */
export const positive = (x: TensorLike): Tensor => asTensor(x, 'positive');

/**
 * |x|. Its gradient at 0 is 1, as in JAX.
 * @example np.abs(np.array([1, -2])); // => Tensor float32[2] [1, 2]
 */
export function abs(x: TensorLike): Tensor {
  const t = asTensor(x, 'abs');
  return t.dtype === 'bool' || t.dtype === 'uint32' ? t : lax.abs(t);
}

/**
 * `abs` under its other name.
 * @example np.absolute(np.array([1, -2])); // => Tensor float32[2] [1, 2]
 */
export const absolute = abs;

/**
 * -1, 0 or 1 by the sign of x; NaN stays.
 * @example np.sign(np.array([3, 0, -2])); // => Tensor float32[3] [1, 0, -1]
 */
export function sign(x: TensorLike): Tensor {
  const t = asTensor(x, 'sign');
  if (t.dtype === 'bool') throw new DTypeError(`np.sign takes numbers, got ${t}: convert it with astype('int32')`);
  return lax.sign(t);
}

/**
 * x * x.
 * @example np.square(np.array([2, -3])); // => Tensor float32[2] [4, 9]
 */
export function square(x: TensorLike): Tensor {
  const t = asNumeric(x, 'square');
  return lax.mul(t, t);
}

/**
 * 1 / x, float32.
 * @example np.reciprocal(np.array([2, 4])); // => Tensor float32[2] [0.5, 0.25]
 */
export const reciprocal = (x: TensorLike): Tensor => lax.div(1, asFloat(x, 'reciprocal'));

/**
 * The greater of x and y; NaN if either is. Equal ones share the gradient.
 * @example np.maximum(np.array([1, 5]), 3); // => Tensor float32[2] [3, 5]
 */
export function maximum(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('maximum', x, y);
  return lax.max(a, b);
}

/**
 * The lesser of x and y; NaN if either is. Equal ones share the gradient.
 * @example np.minimum(np.array([1, 5]), 3); // => Tensor float32[2] [1, 3]
 */
export function minimum(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('minimum', x, y);
  return lax.min(a, b);
}

/**
 * `minimum(maximum(x, min), max)`; a bound that is null or left out does not bind. As jnp.clip.
 * @example np.clip(np.array([-2, 0.5, 7]), 0, 1); // => Tensor float32[3] [0, 0.5, 1]
 */
export function clip(x: TensorLike, min?: TensorLike | null, max?: TensorLike | null): Tensor {
  let out = asTensor(x, 'clip');
  if (min !== null && min !== undefined) out = maximum(min, out);
  if (max !== null && max !== undefined) out = minimum(max, out);
  return out;
}

/**
 * `log(exp(x) + exp(y))` without overflow, float32.
 * @example np.logaddexp(1000, 1000); // => Tensor float32[] 1000.6932
 */
export function logaddexp(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedPair('logaddexp', x, y, 'float');
  const difference = lax.sub(a, b);
  const alike = lax.and(lax.ne(difference, difference), lax.eq(a, b)); // equal infinities
  const apart = lax.select(alike, 0, difference);
  const top = lax.select(lax.ge(a, b), a, b); // at a tie on the side that abs takes there, so that all derivatives are right
  return lax.add(top, lax.log1p(lax.exp(lax.neg(lax.abs(apart)))));
}

/**
 * x with NaN and infinities replaced: by 0 and float32's extremes unless told. As jnp.nan_to_num.
 * @example np.nanToNum(np.array([NaN, Infinity, 1]), { posinf: 99 }); // => Tensor float32[3] [0, 99, 1]
 */
export function nanToNum(x: TensorLike, options: { nan?: number; posinf?: number; neginf?: number } = {}): Tensor {
  const t = asTensor(x, 'nanToNum');
  if (!isFloat(t.dtype)) return t;
  const { nan = 0, posinf = FLOAT32_MAX, neginf = -FLOAT32_MAX } = options;
  let out = lax.select(lax.ne(t, t), nan, t);
  out = lax.select(lax.eq(out, Infinity), posinf, out);
  return lax.select(lax.eq(out, -Infinity), neginf, out);
}

const FLOAT32_MAX = 3.4028234663852886e38;

/**
 * x at another dtype; floats are truncated toward zero, NaN gives 0, to bool is `x != 0`.
 * @example np.astype(np.array([1.9, -1.9]), 'int32'); // => Tensor int32[2] [1, -1]
 */
export function astype(x: TensorLike, dtype: Tensor['dtype']): Tensor {
  const t = asTensor(x, 'astype');
  return lax.convert(t, dtype);
}
