/** Elementwise primitives. TensorFlow differs from the contract at a few edges: zeros' signs, NaN in sign, integers divided by zero, shifts. */
import type { DType } from '../../../core/dtype.js';
import type { Builder, Value } from '../graph.js';
import { convert } from './convert.js';
import { erfInv, fma, log, log1p } from './exact_math.js';
import { list, spread, type Kernel, type Kernels } from './kernel.js';

type OfDtype = (b: Builder, x: Value, y: Value, dtype: DType) => Value;
/** A kernel of one or two inputs, told the first one's dtype. */
const byDtype = (f: OfDtype): Kernel => spread((b, [x, y], { inputs }) => f(b, x!, y!, inputs[0]!.dtype));
const unary = (name: string): Kernel => byDtype((b, x) => b.unary(name, x));
/**
 * Functions of which TensorFlow has a vector version and a scalar one, for the last elements, that may differ in the last bit. Computed in the result's shape, even
 * where the operands are smaller, an element has the bits that the primitive by itself gives.
 */
const inPlace = (f: OfDtype): Kernel =>
  spread((b, operands, { inputs, outputs }) => {
    const { shape } = outputs[0]!;
    const [x, y] = operands.map((v, i) => (i > 0 && b.numberOf(v) !== null ? v : b.broadcast(v, shape)));
    return f(b, x!, y!, inputs[0]!.dtype);
  });
const binary = (name: string): Kernel => byDtype((b, x, y) => b.binary(name, x, y));

/** TensorFlow's float32 kernels of some functions are less accurate than the contract asks, so that they are computed in double precision. */
const tanh: OfDtype = (b, x) => b.cast(b.unary('Tanh', b.cast(x, 'double')), 'float');

/** TensorFlow's kernel gives NaN for infinity; beyond 6 the result is 1. */
const erf: OfDtype = (b, x) => {
  const near = b.binary('Minimum', b.binary('Maximum', x, b.float(-6)), b.float(6));
  return b.cast(b.unary('Erf', b.cast(near, 'double')), 'float');
};

const logistic: OfDtype = (b, x) => b.binary('RealDiv', b.float(1), b.binary('AddV2', b.float(1), b.unary('Exp', b.unary('Neg', x))));

/** Applies `f` to uint32 operands as such, elsewhere to what is there. */
function unsigned(b: Builder, dtype: DType, operands: readonly Value[], f: (...operands: Value[]) => Value): Value {
  if (dtype !== 'uint32') return f(...operands);
  const result = f(...operands.map((x) => b.bitcast(x, 'uint32')));
  return result.type === 'uint32' ? b.bitcast(result, 'int32') : result;
}

const comparison = (name: string): Kernel =>
  byDtype((b, x, y, dtype) => {
    const [l, r] = dtype === 'bool' ? [b.cast(x, 'int32'), b.cast(y, 'int32')] : [x, y];
    return unsigned(b, dtype, [l, r], (l, r) => b.binary(name, l, r, 'bool'));
  });
const equality = (name: string): Kernel => byDtype((b, x, y) => b.binary(name, x, y, 'bool'));
const bits = (ofInts: string, ofBools: string): Kernel => byDtype((b, x, y, dtype) => b.binary(dtype === 'bool' ? ofBools : ofInts, x, y));

/** -0 < +0 here, so of two equal floats the one with the wanted sign: their bits and-ed (max) or or-ed (min). */
function extremum(name: 'Maximum' | 'Minimum'): Kernel {
  const [ofBools, ofBits] = name === 'Maximum' ? ['LogicalOr', 'BitwiseAnd'] : ['LogicalAnd', 'BitwiseOr'];
  return byDtype((b, x, y, dtype) => {
    if (dtype === 'bool') return b.binary(ofBools, x, y);
    if (dtype !== 'float32') return unsigned(b, dtype, [x, y], (x, y) => b.binary(name, x, y));
    const constant = b.numberOf(x) ?? b.numberOf(y);
    if (name === 'Maximum' && Object.is(constant, 0)) return relu(b, b.numberOf(x) === null ? x : y, b.numberOf(x) === null ? y : x);
    if (constant !== null && constant !== 0) return b.binary(name, x, y);
    const either = b.bitcast(b.binary(ofBits, b.bitcast(x, 'int32'), b.bitcast(y, 'int32')), 'float');
    return b.select(b.binary('Equal', x, y, 'bool'), either, b.binary(name, x, y));
  });
}

/** max(x, zero): adding the zero makes -0 what the maximum with it is. */
const relu = (b: Builder, x: Value, zero: Value): Value => b.binary('AddV2', b.unary('Relu', x), zero);

const isZero = (b: Builder, x: Value): Value => b.binary('Equal', x, b.int32(0), 'bool');

/** The divisor without what TensorFlow or the processor refuse: 0, and -1, which overflows with INT_MIN. */
const harmless = (b: Builder, y: Value): Value => {
  const isMinusOne = b.binary('Equal', y, b.int32(-1), 'bool');
  return b.select(b.binary('LogicalOr', isZero(b, y), isMinusOne), b.int32(1), y);
};

/** An operation on uint32 numbers that TensorFlow has for wider integers only. */
function widened(b: Builder, name: string, x: Value, y: Value): Value {
  const wide = (v: Value): Value => b.cast(b.bitcast(v, 'uint32'), 'int64');
  return b.cast(b.binary(name, wide(x), wide(y)), 'int32');
}

/** Truncating division; by zero all bits are set. */
const divide: OfDtype = (b, x, y, dtype) => {
  if (dtype === 'float32') return b.binary('RealDiv', x, y);
  if (dtype === 'uint32') {
    const quotient = widened(b, 'TruncateDiv', x, b.select(isZero(b, y), b.int32(1), y));
    return b.select(isZero(b, y), b.int32(-1), quotient);
  }
  const quotient = b.binary('TruncateDiv', x, harmless(b, y));
  const negated = b.select(b.binary('Equal', y, b.int32(-1), 'bool'), b.unary('Neg', x), quotient);
  return b.select(isZero(b, y), b.int32(-1), negated);
};

/** The remainder with the dividend's sign; by zero the dividend. The remainder by -1 is that by 1. */
const remainder: OfDtype = (b, x, y, dtype) => {
  if (dtype === 'float32') return b.binary('Mod', x, y);
  const rest =
    dtype === 'uint32' ? widened(b, 'TruncateMod', x, b.select(isZero(b, y), b.int32(1), y)) : b.binary('TruncateMod', x, harmless(b, y));
  return b.select(isZero(b, y), x, rest);
};

function shift(name: 'LeftShift' | 'RightShift'): Kernel {
  return byDtype((b, x, y) => {
    const shifted = b.bitcast(b.binary(name, b.bitcast(x, 'uint32'), b.bitcast(y, 'uint32')), 'int32');
    const amount = b.numberOf(y);
    if (amount !== null && amount >= 0 && amount < 32) return shifted;
    const inside = b.binary('Equal', b.binary('BitwiseAnd', y, b.int32(~31)), b.int32(0), 'bool');
    return b.select(inside, shifted, b.int32(0));
  });
}

const sign: OfDtype = (b, x, _, dtype) => {
  if (dtype === 'int32') return b.unary('Sign', x);
  if (dtype === 'uint32') return b.cast(b.binary('NotEqual', x, b.int32(0), 'bool'), 'int32');
  const ordinary = b.binary('Greater', b.unary('Abs', x), b.float(0), 'bool'); // neither zero nor NaN
  return b.select(ordinary, b.unary('Sign', x), x);
};

const abs: OfDtype = (b, x, _, dtype) => {
  if (dtype === 'float32') return b.unary('Abs', x);
  return dtype === 'uint32' ? x : b.select(b.binary('Less', x, b.int32(0), 'bool'), b.unary('Neg', x), x);
};

export const elementwiseKernels: Kernels = {
  neg: unary('Neg'),
  abs: byDtype(abs),
  sign: byDtype(sign),
  floor: unary('Floor'),
  ceil: unary('Ceil'),
  round: unary('Rint'),
  exp: inPlace((b, x) => b.unary('Exp', x)),
  expm1: inPlace((b, x) => b.unary('Expm1', x)),
  log: byDtype(log),
  log1p: byDtype(log1p),
  sqrt: unary('Sqrt'),
  rsqrt: inPlace((b, x) => b.unary('Rsqrt', x)),
  sin: inPlace((b, x) => b.unary('Sin', x)),
  cos: inPlace((b, x) => b.unary('Cos', x)),
  tanh: byDtype(tanh),
  logistic: inPlace(logistic),
  erf: byDtype(erf),
  erfInv: byDtype(erfInv),
  isFinite: byDtype((b, x) => b.op1('IsFinite', [x], { T: { kind: 'type', value: 'float' } }, { type: 'bool', shape: x.shape })),
  not: byDtype((b, x, _, dtype) => b.unary(dtype === 'bool' ? 'LogicalNot' : 'Invert', x)),
  convert,
  bitcast: spread((b, [x], { outputs }) => b.bitcast(x!, outputs[0]!.dtype === 'float32' ? 'float' : 'int32')),
  add: binary('AddV2'),
  sub: binary('Sub'),
  mul: binary('Mul'),
  div: byDtype(divide),
  rem: byDtype(remainder),
  pow: inPlace((b, x, y) => b.binary('Pow', x, y)),
  max: extremum('Maximum'),
  min: extremum('Minimum'),
  eq: equality('Equal'),
  ne: equality('NotEqual'),
  lt: comparison('Less'),
  le: comparison('LessEqual'),
  gt: comparison('Greater'),
  ge: comparison('GreaterEqual'),
  and: bits('BitwiseAnd', 'LogicalAnd'),
  or: bits('BitwiseOr', 'LogicalOr'),
  xor: bits('BitwiseXor', 'NotEqual'),
  shiftLeft: shift('LeftShift'),
  shiftRightLogical: shift('RightShift'),
  select: spread((b, [condition, x, y]) => b.select(condition!, x!, y!)),
  fma: spread((b, [x, y, z]) => fma(b, x!, y!, z!)),
  /** Sizes of one come where the input lacks a dimension; what is left to do, elementwise operations do themselves. */
  broadcast: spread((b, [x], { params, inputs, outputs }) => {
    const from = inputs[0]!.shape;
    const lead = from.length - x!.shape.length;
    const shape = outputs[0]!.shape.map(() => 1);
    list(params, 'dims').forEach((d, i) => (shape[d] = i < lead ? 1 : x!.shape[i - lead]!));
    while (shape[0] === 1) shape.shift();
    return b.reshape(x!, shape);
  }),
};
