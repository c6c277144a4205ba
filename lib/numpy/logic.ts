/** Comparisons, logic, bits, and choice by condition. */
import { broadcastShapes } from '../core/aval.js';
import { isFloat } from '../core/dtype.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { asBool, asTensor, commonDType, fit, promotedPair, settle, shapeOf, type TensorLike } from './operands.js';

type Binary = (x: Tensor, y: Tensor) => Tensor;

const comparison =
  (name: string, f: Binary) =>
  (x: TensorLike, y: TensorLike): Tensor => {
    const [a, b] = promotedPair(name, x, y);
    return f(a, b);
  };

/** x == y, element by element: bool. Operands are brought to one dtype first. */
export const equal = comparison('equal', lax.eq);
export const notEqual = comparison('notEqual', lax.ne);
export const less = comparison('less', lax.lt);
export const lessEqual = comparison('lessEqual', lax.le);
export const greater = comparison('greater', lax.gt);
export const greaterEqual = comparison('greaterEqual', lax.ge);

// Numbers count as true where they are not 0.
const logical =
  (name: string, f: Binary) =>
  (x: TensorLike, y: TensorLike): Tensor => {
    const [a, b] = promotedPair(name, asBool(x, name), asBool(y, name));
    return f(a, b);
  };

export const logicalAnd = logical('logicalAnd', lax.and);
export const logicalOr = logical('logicalOr', lax.or);
export const logicalXor = logical('logicalXor', lax.xor);
export const logicalNot = (x: TensorLike): Tensor => lax.not(asBool(x, 'logicalNot'));

function bits(name: string, x: TensorLike, y: TensorLike): [Tensor, Tensor] {
  const [a, b] = promotedPair(name, x, y);
  if (isFloat(a.dtype)) throw new DTypeError(`np.${name} takes integers or bools, got ${a} and ${b}: convert them with astype('int32')`);
  return [a, b];
}
const bitwise =
  (name: string, f: Binary) =>
  (x: TensorLike, y: TensorLike): Tensor =>
    f(...bits(name, x, y));

export const bitwiseAnd = bitwise('bitwiseAnd', lax.and);
export const bitwiseOr = bitwise('bitwiseOr', lax.or);
export const bitwiseXor = bitwise('bitwiseXor', lax.xor);
export const bitwiseNot = (x: TensorLike): Tensor => lax.not(asTensor(x, 'bitwiseNot'));
/** x shifted left by y bits; 32 and more give 0. */
export const leftShift = bitwise('leftShift', lax.shiftLeft);
/** x shifted right by y bits: int32 keeps its sign, uint32 fills with zeros. */
export function rightShift(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = bits('rightShift', x, y);
  if (a.dtype === 'uint32') return lax.shiftRightLogical(a, b);
  const flip = lax.select(lax.lt(a, 0), fit(-1, a.shape, a.dtype), fit(0, a.shape, a.dtype));
  return lax.xor(lax.shiftRightLogical(lax.xor(a, flip), b), flip);
}

/** True where x is NaN. */
export function isnan(x: TensorLike): Tensor {
  const t = asTensor(x, 'isnan');
  return isFloat(t.dtype) ? lax.ne(t, t) : lax.full(t.shape, 0, 'bool');
}

/** True where x is infinite. */
export function isinf(x: TensorLike): Tensor {
  const t = asTensor(x, 'isinf');
  return isFloat(t.dtype) ? lax.eq(lax.abs(t), Infinity) : lax.full(t.shape, 0, 'bool');
}

/** True where x is neither NaN nor infinite. */
export function isfinite(x: TensorLike): Tensor {
  const t = asTensor(x, 'isfinite');
  return isFloat(t.dtype) ? lax.isFinite(t) : lax.full(t.shape, 1, 'bool');
}

/** `onTrue` where `condition` holds (is not 0), else `onFalse`; all three broadcast. Use it in place of `if` on traced values. As jnp.where. */
export function where(condition: TensorLike, onTrue: TensorLike, onFalse: TensorLike): Tensor {
  if (onTrue === undefined || onFalse === undefined) {
    throw new ArgumentError(
      'np.where needs all three of condition, onTrue and onFalse: the positions of true elements have no static shape',
    );
  }
  const pred = asBool(condition, 'where');
  const branches = [settle(onTrue, 'where'), settle(onFalse, 'where')];
  const shape = broadcastShapes([pred.shape, ...branches.map(shapeOf)], 'np.where');
  const dtype = commonDType(branches); // the condition has no say
  const [a, b] = branches.map((v) => fit(v, shape, dtype)) as [Tensor, Tensor];
  return lax.select(lax.broadcastTo(pred, shape), a, b);
}

export interface CloseOptions {
  /** Relative to |y|; default 1e-5. */
  readonly rtol?: number;
  /** Absolute; default 1e-8. */
  readonly atol?: number;
  /** Whether NaN is close to NaN; default false. */
  readonly equalNan?: boolean;
}

/** `|x - y| <= atol + rtol * |y|`, element by element; equal infinities are close. As jnp.isclose. */
export function isclose(x: TensorLike, y: TensorLike, { rtol = 1e-5, atol = 1e-8, equalNan = false }: CloseOptions = {}): Tensor {
  const [a, b] = promotedPair('isclose', x, y, 'float');
  const near = lax.le(lax.abs(lax.sub(a, b)), lax.add(lax.mul(lax.abs(b), rtol), atol));
  const out = lax.or(lax.and(near, lax.and(lax.isFinite(a), lax.isFinite(b))), lax.eq(a, b));
  return equalNan ? lax.or(out, lax.and(isnan(a), isnan(b))) : out;
}

/** Whether all elements are close (see `isclose`): a bool scalar. */
export const allclose = (x: TensorLike, y: TensorLike, options: CloseOptions = {}): Tensor => lax.reduceMin(isclose(x, y, options));

/** Whether x and y have one shape and equal elements: a bool scalar. As jnp.array_equal. */
export function arrayEqual(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = [settle(x, 'arrayEqual'), settle(y, 'arrayEqual')];
  if (shapeOf(a).join() !== shapeOf(b).join()) return lax.full([], 0, 'bool');
  return lax.reduceMin(equal(a, b));
}
