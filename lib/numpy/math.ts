/** Functions of one number: exponentials, logarithms, trigonometry, rounding. float32; other dtypes are converted first. */
import { isFloat } from '../core/dtype.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { asFloat, asTensor, type TensorLike } from './operands.js';

const unary =
  (name: string, f: (x: Tensor) => Tensor) =>
  (x: TensorLike): Tensor =>
    f(asFloat(x, name));

export const sqrt = unary('sqrt', lax.sqrt);
export const exp = unary('exp', lax.exp);
export const expm1 = unary('expm1', lax.expm1);
/** 2 to the power x. */
export const exp2 = unary('exp2', (x) => lax.pow(lax.full(x.shape, 2), x));
/** The natural logarithm: -Infinity at 0, NaN below. */
export const log = unary('log', lax.log);
/** log(1 + x), exact for small x. */
export const log1p = unary('log1p', lax.log1p);
export const log2 = unary('log2', (x) => lax.div(lax.log(x), Math.LN2));
export const log10 = unary('log10', (x) => lax.div(lax.log(x), Math.LN10));
export const sin = unary('sin', lax.sin);
export const cos = unary('cos', lax.cos);
export const tan = unary('tan', (x) => lax.div(lax.sin(x), lax.cos(x)));
export const tanh = unary('tanh', lax.tanh);
/** (e^x - e^-x) / 2, exact for small x. */
export const sinh = unary('sinh', (x) => lax.mul(lax.sub(lax.expm1(x), lax.expm1(lax.neg(x))), 0.5));
export const cosh = unary('cosh', (x) => lax.mul(lax.add(lax.exp(x), lax.exp(lax.neg(x))), 0.5));

// Integers and bools are round already.
const rounding =
  (name: string, f: (x: Tensor) => Tensor) =>
  (x: TensorLike): Tensor => {
    const t = asTensor(x, name);
    return isFloat(t.dtype) ? f(t) : t;
  };

export const floor = rounding('floor', lax.floor);
export const ceil = rounding('ceil', lax.ceil);
/** Rounds toward zero. */
export const trunc = rounding('trunc', lax.trunc);

/** Rounds to the nearest number of `decimals` decimals, halves to even. As jnp.round. */
export function round(x: TensorLike, options: { decimals?: number } | number = {}): Tensor {
  const { decimals = 0 } = typeof options === 'number' ? { decimals: options } : options;
  const t = asTensor(x, 'round');
  if (!isFloat(t.dtype)) return t;
  if (decimals === 0) return lax.round(t);
  const factor = 10 ** decimals;
  return lax.div(lax.round(lax.mul(t, factor)), factor);
}
