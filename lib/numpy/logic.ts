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

/**
 * x == y, element by element: bool. Operands are brought to one dtype first.
 * @example np.equal(np.array([1, 2]), 2); // => Tensor bool[2] [false, true]
 */
export const equal = comparison('equal', lax.eq);
/**
 * x != y, element by element: bool.
 * @example np.notEqual(np.array([1, 2]), 2); // => Tensor bool[2] [true, false]
 */
export const notEqual = comparison('notEqual', lax.ne);
/**
 * x < y, element by element: bool.
 * @example np.less(np.array([1, 2]), 2); // => Tensor bool[2] [true, false]
 */
export const less = comparison('less', lax.lt);
/**
 * x <= y, element by element: bool.
 * @example np.lessEqual(np.array([1, 2]), 2); // => Tensor bool[2] [true, true]
 */
export const lessEqual = comparison('lessEqual', lax.le);
/**
 * x > y, element by element: bool.
 * @example np.greater(np.array([1, 2]), 1); // => Tensor bool[2] [false, true]
 */
export const greater = comparison('greater', lax.gt);
/**
 * x >= y, element by element: bool.
 * @example np.greaterEqual(np.array([1, 2]), 2); // => Tensor bool[2] [false, true]
 */
export const greaterEqual = comparison('greaterEqual', lax.ge);

// Numbers count as true where they are not 0.
const logical =
  (name: string, f: Binary) =>
  (x: TensorLike, y: TensorLike): Tensor => {
    const [a, b] = promotedPair(name, asBool(x, name), asBool(y, name));
    return f(a, b);
  };

/**
 * True where both are true (not 0): bool.
 * @example np.logicalAnd(np.array([true, true]), np.array([1, 0])); // => Tensor bool[2] [true, false]
 */
export const logicalAnd = logical('logicalAnd', lax.and);
/**
 * True where one of them, or both, is true (not 0): bool.
 * @example np.logicalOr(np.array([true, false]), np.array([0, 0])); // => Tensor bool[2] [true, false]
 */
export const logicalOr = logical('logicalOr', lax.or);
/**
 * True where exactly one of them is true (not 0): bool.
 * @example np.logicalXor(np.array([true, true]), np.array([true, false])); // => Tensor bool[2] [false, true]
 */
export const logicalXor = logical('logicalXor', lax.xor);
/**
 * True where x is false (0): bool.
 * @example np.logicalNot(np.array([1, 0])); // => Tensor bool[2] [false, true]
 */
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

/**
 * The bits that both have; integers, or bools.
 * @example np.bitwiseAnd(np.array([6, 5], 'int32'), 3); // => Tensor int32[2] [2, 1]
 */
export const bitwiseAnd = bitwise('bitwiseAnd', lax.and);
/**
 * The bits that one of them has; integers, or bools.
 * @example np.bitwiseOr(np.array([4, 5], 'int32'), 3); // => Tensor int32[2] [7, 7]
 */
export const bitwiseOr = bitwise('bitwiseOr', lax.or);
/**
 * The bits that exactly one of them has; integers, or bools.
 * @example np.bitwiseXor(np.array([6, 5], 'int32'), 3); // => Tensor int32[2] [5, 6]
 */
export const bitwiseXor = bitwise('bitwiseXor', lax.xor);
/**
 * The bits that x does not have; integers, or bools.
 * @example np.bitwiseNot(np.array([0, 5], 'int32')); // => Tensor int32[2] [-1, -6]
 */
export const bitwiseNot = (x: TensorLike): Tensor => lax.not(asTensor(x, 'bitwiseNot'));
/**
 * x shifted left by y bits; 32 and more give 0.
 * @example np.leftShift(np.array([1, 3], 'int32'), 4); // => Tensor int32[2] [16, 48]
 */
export const leftShift = bitwise('leftShift', lax.shiftLeft);
/**
 * x shifted right by y bits: int32 keeps its sign, uint32 fills with zeros.
 * @example np.rightShift(np.array([16, -16], 'int32'), 2); // => Tensor int32[2] [4, -4]
 */
export function rightShift(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = bits('rightShift', x, y);
  if (a.dtype === 'uint32') return lax.shiftRightLogical(a, b);
  const flip = lax.select(lax.lt(a, 0), fit(-1, a.shape, a.dtype), fit(0, a.shape, a.dtype));
  return lax.xor(lax.shiftRightLogical(lax.xor(a, flip), b), flip);
}

/**
 * True where x is NaN.
 * @example np.isnan(np.array([1, NaN])); // => Tensor bool[2] [false, true]
 */
export function isnan(x: TensorLike): Tensor {
  const t = asTensor(x, 'isnan');
  return isFloat(t.dtype) ? lax.ne(t, t) : lax.full(t.shape, 0, 'bool');
}

/**
 * True where x is infinite.
 * @example np.isinf(np.array([1, -Infinity])); // => Tensor bool[2] [false, true]
 */
export function isinf(x: TensorLike): Tensor {
  const t = asTensor(x, 'isinf');
  return isFloat(t.dtype) ? lax.eq(lax.abs(t), Infinity) : lax.full(t.shape, 0, 'bool');
}

/**
 * True where x is neither NaN nor infinite.
 * @example np.isfinite(np.array([1, NaN, Infinity])); // => Tensor bool[3] [true, false, false]
 */
export function isfinite(x: TensorLike): Tensor {
  const t = asTensor(x, 'isfinite');
  return isFloat(t.dtype) ? lax.isFinite(t) : lax.full(t.shape, 1, 'bool');
}

/**
 * `onTrue` where `condition` holds (is not 0), else `onFalse`; all three broadcast. Use it in place of `if` on traced values. As jnp.where.
 * @example
 * const x = np.array([-1, 2]);
 * np.where(x.greater(0), x, 0); // => Tensor float32[2] [0, 2]
 */
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

/** What `isclose` and `allclose` can be told. */
export interface CloseOptions {
  /** Relative to |y|; default 1e-5. */
  readonly rtol?: number;
  /** Absolute; default 1e-8. */
  readonly atol?: number;
  /** Whether NaN is close to NaN; default false. */
  readonly equalNan?: boolean;
}

/**
 * `|x - y| <= atol + rtol * |y|`, element by element; equal infinities are close. As jnp.isclose.
 * @example np.isclose(np.array([1, 1]), np.array([1 + 1e-7, 1.1])); // => Tensor bool[2] [true, false]
 */
export function isclose(x: TensorLike, y: TensorLike, { rtol = 1e-5, atol = 1e-8, equalNan = false }: CloseOptions = {}): Tensor {
  const [a, b] = promotedPair('isclose', x, y, 'float');
  const near = lax.le(lax.abs(lax.sub(a, b)), lax.add(lax.mul(lax.abs(b), rtol), atol));
  const out = lax.or(lax.and(near, lax.and(lax.isFinite(a), lax.isFinite(b))), lax.eq(a, b));
  return equalNan ? lax.or(out, lax.and(isnan(a), isnan(b))) : out;
}

/**
 * Whether all elements are close (see `isclose`): a bool scalar.
 * @example np.allclose(np.array([1, 2]), np.array([1, 2.1]), { rtol: 0.1 }); // => Tensor bool[] true
 */
export const allclose = (x: TensorLike, y: TensorLike, options: CloseOptions = {}): Tensor => lax.reduceMin(isclose(x, y, options));

/**
 * Whether x and y have one shape and equal elements: a bool scalar. As jnp.array_equal.
 * @example np.arrayEqual(np.ones([2]), np.ones([3])); // => Tensor bool[] false
 */
export function arrayEqual(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = [settle(x, 'arrayEqual'), settle(y, 'arrayEqual')];
  if (shapeOf(a).join() !== shapeOf(b).join()) return lax.full([], 0, 'bool');
  return lax.reduceMin(equal(a, b));
}
