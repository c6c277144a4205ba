/** Elementwise primitives: inputs of one shape and dtype. A JavaScript number stands for a tensor full of it. */
import { Aval, sameShape } from '../aval.js';
import { bind1 } from '../bind.js';
import { isFloat, isInteger, type DType } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive, type GradContext, type Primitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { full, zerosLike } from './creation.js';

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

export const neg = unary(
  'neg',
  'number',
  each((c) => neg(c.ct)),
);
export const abs = unary(
  'abs',
  'number',
  each((c) => select(ge(x(c), 0), c.ct, neg(c.ct))), // 1 at 0, as in JAX
);
export const sign = unary('sign', 'number', null);
export const floor = unary('floor', 'float', null);
export const ceil = unary('ceil', 'float', null);
export const round = unary('round', 'float', null);
export const exp = unary(
  'exp',
  'float',
  each((c) => mul(c.ct, out(c))),
);
export const expm1 = unary(
  'expm1',
  'float',
  each((c) => mul(c.ct, add(out(c), 1))),
);
export const log = unary(
  'log',
  'float',
  each((c) => div(c.ct, x(c))),
);
export const log1p = unary(
  'log1p',
  'float',
  each((c) => div(c.ct, add(x(c), 1))),
);
export const sqrt = unary(
  'sqrt',
  'float',
  each((c) => div(c.ct, mul(out(c), 2))),
);
export const rsqrt = unary(
  'rsqrt',
  'float',
  each((c) => mul(c.ct, mul(div(out(c), x(c)), -0.5))),
);
export const sin = unary(
  'sin',
  'float',
  each((c) => mul(c.ct, cos(x(c)))),
);
export const cos = unary(
  'cos',
  'float',
  each((c) => neg(mul(c.ct, sin(x(c))))),
);
export const tanh = unary(
  'tanh',
  'float',
  each((c) => mul(add(c.ct, mul(c.ct, out(c))), sub(1, out(c)))),
);
export const logistic = unary(
  'logistic',
  'float',
  each((c) => mul(c.ct, mul(out(c), sub(1, out(c))))),
);
export const erf = unary(
  'erf',
  'float',
  each((c) => mul(c.ct, mul(exp(neg(mul(x(c), x(c)))), 2 / Math.sqrt(Math.PI)))),
);
export const erfInv = unary(
  'erfInv',
  'float',
  each((c) => mul(c.ct, mul(exp(mul(out(c), out(c))), Math.sqrt(Math.PI) / 2))),
);
export const isFinite = unary('isFinite', 'float', null, 'bool');
export const not = unary('not', 'bits', null);

export const add = binary(
  'add',
  'number',
  each(
    (c) => c.ct,
    (c) => c.ct,
  ),
);
export const sub = binary(
  'sub',
  'number',
  each(
    (c) => c.ct,
    (c) => neg(c.ct),
  ),
);
export const mul = binary(
  'mul',
  'number',
  each(
    (c) => mul(c.ct, y(c)),
    (c) => mul(x(c), c.ct),
  ),
);
export const div = binary(
  'div',
  'number',
  each(
    (c) => div(c.ct, y(c)),
    (c) => neg(div(mul(c.ct, x(c)), mul(y(c), y(c)))),
  ),
);
/** The remainder with the dividend's sign, C's fmod. */
export const rem = binary(
  'rem',
  'number',
  each(
    (c) => c.ct,
    (c) => neg(mul(c.ct, trunc(div(x(c), y(c))))),
  ),
);
export const pow = binary(
  'pow',
  'float',
  each(powGradBase, (c) => mul(c.ct, mul(log(select(eq(x(c), 0), 1, x(c))), out(c)))),
);
export const max = binary(
  'max',
  'any',
  each(
    (c) => mul(c.ct, share(x(c), y(c), out(c))),
    (c) => mul(c.ct, share(y(c), x(c), out(c))),
  ),
);
export const min = binary(
  'min',
  'any',
  each(
    (c) => mul(c.ct, share(x(c), y(c), out(c))),
    (c) => mul(c.ct, share(y(c), x(c), out(c))),
  ),
);
export const eq = binary('eq', 'any', null, 'bool');
export const ne = binary('ne', 'any', null, 'bool');
export const lt = binary('lt', 'any', null, 'bool');
export const le = binary('le', 'any', null, 'bool');
export const gt = binary('gt', 'any', null, 'bool');
export const ge = binary('ge', 'any', null, 'bool');
export const and = binary('and', 'bits', null);
export const or = binary('or', 'bits', null);
export const xor = binary('xor', 'bits', null);
export const shiftLeft = binary('shiftLeft', 'integer', null);
export const shiftRightLogical = binary('shiftRightLogical', 'integer', null);

/** Rounds toward zero. */
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

/** `pred ? onTrue : onFalse`, element by element; one branch may be a number. */
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

/** `a * b + c`, rounded once. */
export const fma = (a: Tensor, b: Operand, c: Operand): Tensor => bind1(fmaPrimitive, [a, pair('fma', a, b)[1], pair('fma', a, c)[1]], {});

const convertPrimitive = definePrimitive<{ dtype: string }>({
  name: 'convert',
  infer: ([a], { dtype }) => [a!.with({ dtype: dtype as DType, weak: false })],
  grad: ({ inputs, outputs, ct }) => [isFloat(inputs[0]!.dtype) && isFloat(outputs[0]!.dtype) ? ct : null],
});

/** The same numbers in another dtype; floats are truncated toward zero and saturate. */
export const convert = (a: Tensor, dtype: DType): Tensor =>
  a.dtype === dtype && !a.aval.weak ? a : bind1(convertPrimitive, [a], { dtype });

const bitcastPrimitive = definePrimitive<{ dtype: string }>({
  name: 'bitcast',
  infer([a], { dtype }) {
    if (a!.dtype === 'bool' || dtype === 'bool') throw new DTypeError(`bitcast works between dtypes of four bytes, got ${a!} to ${dtype}`);
    return [Aval.of(a!.shape, dtype as DType)];
  },
  grad: null,
});

/** The same bits read as another dtype of four bytes. */
export const bitcast = (a: Tensor, dtype: DType): Tensor => bind1(bitcastPrimitive, [a], { dtype });
