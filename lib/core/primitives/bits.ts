/** Logic on bool and bits of numbers, element by element. */
import { Aval } from '../aval.js';
import { bind1 } from '../bind.js';
import type { DType } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { binary, unary } from './elementwise_rules.js';

/**
 * The complement: of truth on bool, of bits on integers.
 * @example lax.not(np.array([true, false])); // => Tensor bool[2] [false, true]
 */
export const not = unary('not', 'bits', null);
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
