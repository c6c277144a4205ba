/** Arithmetic and functions of numbers, element by element: inputs of one shape and dtype. A JavaScript number stands for a tensor full of it. */
import { bind1 } from '../bind.js';
import { isFloat, type DType } from '../dtype.js';
import { definePrimitive, type GradContext } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { eq, ge, lt, select } from './comparison.js';
import { full } from './creation.js';
import { binary, each, elementwise, out, pair, unary, x, y, type Operand } from './elementwise_rules.js';

/**
 * -x.
 * @example lax.neg(np.array([1, -2])); // => Tensor float32[2] [-1, 2]
 */
export const neg = unary(
  'neg',
  'number',
  each((c) => neg(c.ct)),
);
/**
 * |x|, with gradient 1 at 0.
 * @example lax.abs(np.array([1, -2])); // => Tensor float32[2] [1, 2]
 */
export const abs = unary(
  'abs',
  'number',
  each((c) => select(ge(x(c), 0), c.ct, neg(c.ct))), // 1 at 0, as in JAX
);
/**
 * -1, 0 or 1 by the sign of x.
 * @example lax.sign(np.array([3, 0, -2])); // => Tensor float32[3] [1, 0, -1]
 */
export const sign = unary('sign', 'number', null);
/**
 * The greatest whole number that is not above x; float32.
 * @example lax.floor(np.array([1.5, -1.5])); // => Tensor float32[2] [1, -2]
 */
export const floor = unary('floor', 'float', null);
/**
 * The least whole number that is not below x; float32.
 * @example lax.ceil(np.array([1.5, -1.5])); // => Tensor float32[2] [2, -1]
 */
export const ceil = unary('ceil', 'float', null);
/**
 * The nearest whole number, halves to even; float32.
 * @example lax.round(np.array([0.5, 1.5, 1.7])); // => Tensor float32[3] [0, 2, 2]
 */
export const round = unary('round', 'float', null);
/**
 * e to the power x; float32.
 * @example lax.exp(np.array([0, 1])); // => Tensor float32[2] [1, 2.7183]
 */
export const exp = unary(
  'exp',
  'float',
  each((c) => mul(c.ct, out(c))),
);
/**
 * exp(x) - 1, exact for small x; float32.
 * @example lax.expm1(np.array([0, 1])); // => Tensor float32[2] [0, 1.7183]
 */
export const expm1 = unary(
  'expm1',
  'float',
  each((c) => mul(c.ct, add(out(c), 1))),
);
/**
 * The natural logarithm; float32.
 * @example lax.log(np.array([1, 10])); // => Tensor float32[2] [0, 2.3026]
 */
export const log = unary(
  'log',
  'float',
  each((c) => div(c.ct, x(c))),
);
/**
 * log(1 + x), exact for small x; float32.
 * @example lax.log1p(np.array([0, 1])); // => Tensor float32[2] [0, 0.6931]
 */
export const log1p = unary(
  'log1p',
  'float',
  each((c) => div(c.ct, add(x(c), 1))),
);
/**
 * The square root; float32.
 * @example lax.sqrt(np.array([4, 2])); // => Tensor float32[2] [2, 1.4142]
 */
export const sqrt = unary(
  'sqrt',
  'float',
  each((c) => div(c.ct, mul(out(c), 2))),
);
/**
 * 1 / sqrt(x); float32.
 * @example lax.rsqrt(np.array([4, 16])); // => Tensor float32[2] [0.5, 0.25]
 */
export const rsqrt = unary(
  'rsqrt',
  'float',
  each((c) => mul(c.ct, mul(div(out(c), x(c)), -0.5))),
);
/**
 * The sine; float32.
 * @example lax.sin(np.array([0, 1])); // => Tensor float32[2] [0, 0.8415]
 */
export const sin = unary(
  'sin',
  'float',
  each((c) => mul(c.ct, cos(x(c)))),
);
/**
 * The cosine; float32.
 * @example lax.cos(np.array([0, 1])); // => Tensor float32[2] [1, 0.5403]
 */
export const cos = unary(
  'cos',
  'float',
  each((c) => neg(mul(c.ct, sin(x(c))))),
);
/**
 * The hyperbolic tangent; float32.
 * @example lax.tanh(np.array([0, 1])); // => Tensor float32[2] [0, 0.7616]
 */
export const tanh = unary(
  'tanh',
  'float',
  each((c) => mul(add(c.ct, mul(c.ct, out(c))), sub(1, out(c)))),
);
/**
 * 1 / (1 + exp(-x)), without overflow; float32.
 * @example lax.logistic(np.array([0, 2])); // => Tensor float32[2] [0.5, 0.8808]
 */
export const logistic = unary(
  'logistic',
  'float',
  each((c) => mul(c.ct, mul(out(c), sub(1, out(c))))),
);
/**
 * The error function; float32.
 * @example lax.erf(np.array([0, 1])); // => Tensor float32[2] [0, 0.8427]
 */
export const erf = unary(
  'erf',
  'float',
  each((c) => mul(c.ct, mul(exp(neg(mul(x(c), x(c)))), 2 / Math.sqrt(Math.PI)))),
);
/**
 * The inverse of the error function; float32.
 * @example lax.erfInv(np.array([0, 0.5])); // => Tensor float32[2] [0, 0.4769]
 */
export const erfInv = unary(
  'erfInv',
  'float',
  each((c) => mul(c.ct, mul(exp(mul(out(c), out(c))), Math.sqrt(Math.PI) / 2))),
);

/**
 * x + y; integers wrap.
 * @example lax.add(np.array([1, 2]), 10); // => Tensor float32[2] [11, 12]
 */
export const add = binary(
  'add',
  'number',
  each(
    (c) => c.ct,
    (c) => c.ct,
  ),
);
/**
 * x - y; integers wrap.
 * @example lax.sub(np.array([1, 2]), 10); // => Tensor float32[2] [-9, -8]
 */
export const sub = binary(
  'sub',
  'number',
  each(
    (c) => c.ct,
    (c) => neg(c.ct),
  ),
);
/**
 * x * y; integers wrap.
 * @example lax.mul(np.array([1, 2]), 10); // => Tensor float32[2] [10, 20]
 */
export const mul = binary(
  'mul',
  'number',
  each(
    (c) => mul(c.ct, y(c)),
    (c) => mul(x(c), c.ct),
  ),
);
/**
 * x / y; on integers truncated toward zero.
 * @example
 * lax.div(np.array([1, 2]), 4); // => Tensor float32[2] [0.25, 0.5]
 * lax.div(np.array([7, -7], 'int32'), 2); // => Tensor int32[2] [3, -3]
 */
export const div = binary(
  'div',
  'number',
  each(
    (c) => div(c.ct, y(c)),
    (c) => neg(div(mul(c.ct, x(c)), mul(y(c), y(c)))),
  ),
);
/**
 * The remainder with the dividend's sign, C's fmod.
 * @example lax.rem(np.array([7, -7]), 3); // => Tensor float32[2] [1, -1]
 */
export const rem = binary(
  'rem',
  'number',
  each(
    (c) => c.ct,
    (c) => neg(mul(c.ct, trunc(div(x(c), y(c))))),
  ),
);
/**
 * x to the power y; float32.
 * @example lax.pow(np.array([2, 9]), 0.5); // => Tensor float32[2] [1.4142, 3]
 */
export const pow = binary(
  'pow',
  'float',
  each(powGradBase, (c) => mul(c.ct, mul(log(select(eq(x(c), 0), 1, x(c))), out(c)))),
);
/**
 * The greater of x and y; NaN if either is. Equal ones share the gradient.
 * @example lax.max(np.array([1, 5]), 3); // => Tensor float32[2] [3, 5]
 */
export const max = binary(
  'max',
  'any',
  each(
    (c) => mul(c.ct, share(x(c), y(c), out(c))),
    (c) => mul(c.ct, share(y(c), x(c), out(c))),
  ),
);
/**
 * The lesser of x and y; NaN if either is. Equal ones share the gradient.
 * @example lax.min(np.array([1, 5]), 3); // => Tensor float32[2] [1, 3]
 */
export const min = binary(
  'min',
  'any',
  each(
    (c) => mul(c.ct, share(x(c), y(c), out(c))),
    (c) => mul(c.ct, share(y(c), x(c), out(c))),
  ),
);

/**
 * Rounds toward zero.
 * @example lax.trunc(np.array([1.5, -1.5])); // => Tensor float32[2] [1, -1]
 */
export const trunc = (v: Tensor): Tensor => select(lt(v, 0), ceil(v), floor(v));

function powGradBase(c: GradContext): Tensor {
  const isZero = eq(y(c), 0); // x^0 is constant, at x = 0 too
  return mul(c.ct, select(isZero, 0, mul(y(c), pow(x(c), select(isZero, 1, sub(y(c), 1))))));
}

// The part of a maximum's cotangent that goes to `a`: all, none, or half at a tie.
function share(a: Tensor, b: Tensor, result: Tensor): Tensor {
  return div(select(eq(a, result), full(a.shape, 1, a.dtype), 0), select(eq(b, result), full(a.shape, 2, a.dtype), 1));
}

const fmaPrimitive = elementwise('fma', 'float', ({ inputs, ct, needs }) => [
  needs[0] ? mul(ct, inputs[1]!) : null,
  needs[1] ? mul(ct, inputs[0]!) : null,
  ct,
]);

/**
 * `a * b + c`, rounded once.
 * @example lax.fma(np.array([1, 2]), 10, 0.5); // => Tensor float32[2] [10.5, 20.5]
 */
export const fma = (a: Tensor, b: Operand, c: Operand): Tensor => bind1(fmaPrimitive, [a, pair('fma', a, b)[1], pair('fma', a, c)[1]], {});

const convertPrimitive = definePrimitive<{ dtype: string }>({
  name: 'convert',
  elementwise: true,
  infer: ([a], { dtype }) => [a!.with({ dtype: dtype as DType, weak: false })],
  grad: ({ inputs, outputs, ct }) => [isFloat(inputs[0]!.dtype) && isFloat(outputs[0]!.dtype) ? ct : null],
});

/**
 * The same numbers in another dtype; floats are truncated toward zero and saturate.
 * @example lax.convert(np.array([1.9, -1.9]), 'int32'); // => Tensor int32[2] [1, -1]
 */
export const convert = (a: Tensor, dtype: DType): Tensor =>
  a.dtype === dtype && !a.aval.weak ? a : bind1(convertPrimitive, [a], { dtype });
