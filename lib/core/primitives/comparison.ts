/** Comparison, element by element, and the choice by what it gave. */
import { sameShape } from '../aval.js';
import { bind1 } from '../bind.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { full, zerosLike } from './creation.js';
import { binary, pair, unary, type Operand } from './elementwise_rules.js';

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
 * True where x is neither NaN nor infinite.
 * @example lax.isFinite(np.array([1, Infinity])); // => Tensor bool[2] [true, false]
 */
export const isFinite = unary('isFinite', 'float', null, 'bool');

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
