/** Elementwise primitives: inputs of one shape and dtype. A JavaScript number stands for a tensor full of it. */
import { Aval, sameShape } from '../aval.js';
import { bind1, refuse } from '../bind.js';
import { isFloat, isInteger, type DType } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive, type GradContext, type Primitive } from '../primitive.js';
import { Tensor } from '../tensor.js';
import { full, zerosLike } from './creation.js';

/** A tensor, or a number that stands for a tensor full of it. */
export type Operand = Tensor | number;
type Rule = (context: GradContext) => (Tensor | null)[];
type Kind = 'float' | 'number' | 'integer' | 'bits' | 'any';

const accepts: Record<Kind, (d: DType) => boolean> = {
  float: isFloat,
  number: (d) => d !== 'bool',
  integer: isInteger,
  bits: (d) => !isFloat(d),
  any: () => true,
};
const wanted: Record<Kind, string> = {
  float: 'float32',
  number: 'float32, int32 or uint32',
  integer: 'int32 or uint32',
  bits: 'int32, uint32 or bool',
  any: 'any dtype',
};

function elementwise(name: string, kind: Kind, grad: Rule | null, result?: DType): Primitive {
  return definePrimitive({
    name,
    elementwise: true,
    infer(inputs) {
      const first = inputs[0]!;
      for (const a of inputs) {
        if (!sameShape(a.shape, first.shape)) {
          throw new ShapeError(`${name} needs inputs of one shape, got ${inputs.join(' and ')}; broadcast them first`);
        }
        if (a.dtype !== first.dtype)
          throw new DTypeError(`${name} needs inputs of one dtype, got ${inputs.join(' and ')}; convert them first`);
        if (!accepts[kind](a.dtype)) throw new DTypeError(`${name} takes ${wanted[kind]}, got ${a}; convert it with astype`);
      }
      return [first.with({ dtype: result ?? first.dtype, weak: result === undefined && inputs.every((a) => a.weak) })];
    },
    grad,
  });
}

const unary = (name: string, kind: Kind, grad: Rule | null, result?: DType) => {
  const primitive = elementwise(name, kind, grad, result);
  return (x: Tensor): Tensor => bind1(primitive, [x], {});
};

/** Numbers take the other operand's dtype and shape. */
function pair(name: string, x: Operand, y: Operand): [Tensor, Tensor] {
  for (const v of [x, y]) if (typeof v !== 'number' && !(v instanceof Tensor)) refuse(name, v);
  if (typeof x !== 'number') return [x, typeof y === 'number' ? full(x.shape, y, x.dtype) : y];
  if (typeof y === 'number') throw new DTypeError(`${name} of two numbers: compute it in JavaScript`);
  return [full(y.shape, x, y.dtype), y];
}

const binary = (name: string, kind: Kind, grad: Rule | null, result?: DType) => {
  const primitive = elementwise(name, kind, grad, result);
  return (x: Operand, y: Operand): Tensor => bind1(primitive, pair(name, x, y), {});
};

// A rule for each input, computed only where it is needed.
const each =
  (...rules: ((c: GradContext) => Tensor)[]): Rule =>
  (c) =>
    rules.map((rule, i) => (c.needs[i] ? rule(c) : null));
const x = (c: GradContext): Tensor => c.inputs[0]!;
const y = (c: GradContext): Tensor => c.inputs[1]!;
const out = (c: GradContext): Tensor => c.outputs[0]!;

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
 * True where x is neither NaN nor infinite.
 * @example lax.isFinite(np.array([1, Infinity])); // => Tensor bool[2] [true, false]
 */
export const isFinite = unary('isFinite', 'float', null, 'bool');
/**
 * The complement: of truth on bool, of bits on integers.
 * @example lax.not(np.array([true, false])); // => Tensor bool[2] [false, true]
 */
export const not = unary('not', 'bits', null);

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
 * x == y: bool.
 * @example lax.eq(np.array([1, 2]), 2); // => Tensor bool[2] [false, true]
 */
export const eq = binary('eq', 'any', null, 'bool');
/**
 * x != y: bool.
 * @example lax.ne(np.array([1, 2]), 2); // => Tensor bool[2] [true, false]
 */
export const ne = binary('ne', 'any', null, 'bool');
/**
 * x < y: bool.
 * @example lax.lt(np.array([1, 2]), 2); // => Tensor bool[2] [true, false]
 */
export const lt = binary('lt', 'any', null, 'bool');
/**
 * x <= y: bool.
 * @example lax.le(np.array([1, 2]), 2); // => Tensor bool[2] [true, true]
 */
export const le = binary('le', 'any', null, 'bool');
/**
 * x > y: bool.
 * @example lax.gt(np.array([1, 2]), 1); // => Tensor bool[2] [false, true]
 */
export const gt = binary('gt', 'any', null, 'bool');
/**
 * x >= y: bool.
 * @example lax.ge(np.array([1, 2]), 2); // => Tensor bool[2] [false, true]
 */
export const ge = binary('ge', 'any', null, 'bool');
/**
 * Logical on bool, bitwise on integers.
 * @example lax.and(np.array([6, 5], 'int32'), 3); // => Tensor int32[2] [2, 1]
 */
export const and = binary('and', 'bits', null);
/**
 * Logical on bool, bitwise on integers.
 * @example lax.or(np.array([4, 5], 'int32'), 3); // => Tensor int32[2] [7, 7]
 */
export const or = binary('or', 'bits', null);
/**
 * Logical on bool, bitwise on integers.
 * @example lax.xor(np.array([6, 5], 'int32'), 3); // => Tensor int32[2] [5, 6]
 */
export const xor = binary('xor', 'bits', null);
/**
 * x shifted left by y bits; 32 and more give 0.
 * @example lax.shiftLeft(np.array([1, 3], 'int32'), 4); // => Tensor int32[2] [16, 48]
 */
export const shiftLeft = binary('shiftLeft', 'integer', null);
/**
 * x shifted right by y bits, zeros coming in; 32 and more give 0.
 * @example lax.shiftRightLogical(np.array([16, 48], 'int32'), 4); // => Tensor int32[2] [1, 3]
 */
export const shiftRightLogical = binary('shiftRightLogical', 'integer', null);

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

const selectPrimitive = definePrimitive({
  name: 'select',
  elementwise: true,
  infer([pred, onTrue, onFalse]) {
    if (pred!.dtype !== 'bool') throw new DTypeError(`select needs a bool condition, got ${pred!}; compare it with something`);
    if (onTrue!.dtype !== onFalse!.dtype) throw new DTypeError(`select needs branches of one dtype, got ${onTrue!} and ${onFalse!}`);
    if (!sameShape(pred!.shape, onTrue!.shape) || !sameShape(onTrue!.shape, onFalse!.shape)) {
      throw new ShapeError(`select needs inputs of one shape, got ${pred!}, ${onTrue!} and ${onFalse!}`);
    }
    return [onTrue!.with({ weak: onTrue!.weak && onFalse!.weak })];
  },
  grad: ({ inputs, ct, needs }) => [
    null,
    needs[1] ? select(inputs[0]!, ct, zerosLike(ct)) : null,
    needs[2] ? select(inputs[0]!, zerosLike(ct), ct) : null,
  ],
});

/**
 * `pred ? onTrue : onFalse`, element by element; one branch may be a number.
 * @example lax.select(np.array([true, false]), np.array([1, 2]), 0); // => Tensor float32[2] [1, 0]
 */
export function select(pred: Tensor, onTrue: Operand, onFalse: Operand): Tensor {
  const [a, b] =
    typeof onTrue === 'number' && typeof onFalse === 'number'
      ? [full(pred.shape, onTrue), full(pred.shape, onFalse)]
      : pair('select', onTrue, onFalse);
  return bind1(selectPrimitive, [pred, a, b], {});
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

const bitcastPrimitive = definePrimitive<{ dtype: string }>({
  name: 'bitcast',
  elementwise: true,
  infer([a], { dtype }) {
    if (a!.dtype === 'bool' || dtype === 'bool') throw new DTypeError(`bitcast works between dtypes of four bytes, got ${a!} to ${dtype}`);
    return [Aval.of(a!.shape, dtype as DType)];
  },
  grad: null,
});

/**
 * The same bits read as another dtype of four bytes.
 * @example lax.bitcast(np.array([1]), 'uint32'); // => Tensor uint32[1] [1065353216]
 */
export const bitcast = (a: Tensor, dtype: DType): Tensor => bind1(bitcastPrimitive, [a], { dtype });
