/** Functions of one number: exponentials, logarithms, trigonometry, rounding. float32; other dtypes are converted first. */
import { isFloat } from '../core/dtype.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { asFloat, asTensor, type TensorLike } from './operands.js';

const unary =
  (name: string, f: (x: Tensor) => Tensor) =>
  (x: TensorLike): Tensor =>
    f(asFloat(x, name));

/**
 * The square root, float32; NaN below 0.
 * @example np.sqrt(np.array([4, 2])); // => Tensor float32[2] [2, 1.4142]
 */
export const sqrt = unary('sqrt', lax.sqrt);
/**
 * e to the power x, float32.
 * @example np.exp(np.array([0, 1])); // => Tensor float32[2] [1, 2.7183]
 */
export const exp = unary('exp', lax.exp);
/**
 * exp(x) - 1, exact for small x; float32.
 * @example np.expm1(np.array([0, 1])); // => Tensor float32[2] [0, 1.7183]
 */
export const expm1 = unary('expm1', lax.expm1);
/**
 * 2 to the power x.
 * @example np.exp2(np.array([0, 3])); // => Tensor float32[2] [1, 8]
 */
export const exp2 = unary('exp2', (x) => lax.pow(lax.full(x.shape, 2), x));
/**
 * The natural logarithm: -Infinity at 0, NaN below.
 * @example np.log(np.array([1, 10])); // => Tensor float32[2] [0, 2.3026]
 */
export const log = unary('log', lax.log);
/**
 * log(1 + x), exact for small x.
 * @example np.log1p(np.array([0, 1])); // => Tensor float32[2] [0, 0.6931]
 */
export const log1p = unary('log1p', lax.log1p);
/**
 * The logarithm to base 2, float32.
 * @example np.log2(np.array([1, 8])); // => Tensor float32[2] [0, 3]
 */
export const log2 = unary('log2', (x) => lax.div(lax.log(x), Math.LN2));
/**
 * The logarithm to base 10, float32.
 * @example np.log10(np.array([1, 100])); // => Tensor float32[2] [0, 2]
 */
export const log10 = unary('log10', (x) => lax.div(lax.log(x), Math.LN10));
/**
 * The sine of an angle in radians, float32.
 * @example np.sin(np.array([0, np.pi / 2])); // => Tensor float32[2] [0, 1]
 */
export const sin = unary('sin', lax.sin);
/**
 * The cosine of an angle in radians, float32.
 * @example np.cos(np.array([0, np.pi])); // => Tensor float32[2] [1, -1]
 */
export const cos = unary('cos', lax.cos);
/**
 * The tangent of an angle in radians, float32.
 * @example np.tan(np.array([0, np.pi / 4])); // => Tensor float32[2] [0, 1]
 */
export const tan = unary('tan', (x) => lax.div(lax.sin(x), lax.cos(x)));
/**
 * The hyperbolic tangent, float32.
 * @example np.tanh(np.array([0, 1])); // => Tensor float32[2] [0, 0.7616]
 */
export const tanh = unary('tanh', lax.tanh);
/**
 * (e^x - e^-x) / 2, exact for small x.
 * @example np.sinh(np.array([0, 1])); // => Tensor float32[2] [0, 1.1752]
 */
export const sinh = unary('sinh', (x) => lax.mul(lax.sub(lax.expm1(x), lax.expm1(lax.neg(x))), 0.5));
/**
 * (e^x + e^-x) / 2, float32.
 * @example np.cosh(np.array([0, 1])); // => Tensor float32[2] [1, 1.5431]
 */
export const cosh = unary('cosh', (x) => lax.mul(lax.add(lax.exp(x), lax.exp(lax.neg(x))), 0.5));

// Integers and bools are round already.
const rounding =
  (name: string, f: (x: Tensor) => Tensor) =>
  (x: TensorLike): Tensor => {
    const t = asTensor(x, name);
    return isFloat(t.dtype) ? f(t) : t;
  };

/**
 * The greatest whole number that is not above x.
 * @example np.floor(np.array([1.5, -1.5])); // => Tensor float32[2] [1, -2]
 */
export const floor = rounding('floor', lax.floor);
/**
 * The least whole number that is not below x.
 * @example np.ceil(np.array([1.5, -1.5])); // => Tensor float32[2] [2, -1]
 */
export const ceil = rounding('ceil', lax.ceil);
/**
 * Rounds toward zero.
 * @example np.trunc(np.array([1.5, -1.5])); // => Tensor float32[2] [1, -1]
 */
export const trunc = rounding('trunc', lax.trunc);

/**
 * Rounds to the nearest number of `decimals` decimals, halves to even. As jnp.round.
 * @example
 * np.round(np.array([0.5, 1.5, 2.345])); // => Tensor float32[3] [0, 2, 2]
 * np.round(np.array([2.344]), { decimals: 2 }); // => Tensor float32[1] [2.34]
 */
export function round(x: TensorLike, options: { decimals?: number } | number = {}): Tensor {
  const { decimals = 0 } = typeof options === 'number' ? { decimals: options } : options;
  const t = asTensor(x, 'round');
  if (!isFloat(t.dtype)) return t;
  if (decimals === 0) return lax.round(t);
  const factor = 10 ** decimals;
  return lax.div(lax.round(lax.mul(t, factor)), factor);
}
