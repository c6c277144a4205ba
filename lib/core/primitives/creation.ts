/** Primitives that make tensors from nothing. */
import { Aval, normalizeAxis, type Shape } from '../aval.js';
import { bind1 } from '../bind.js';
import type { DType } from '../dtype.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';

const fullPrimitive = definePrimitive<{ value: number; shape: readonly number[]; dtype: string }>({
  name: 'full',
  infer: (_, { shape, dtype }) => [Aval.of(shape, dtype as DType)],
  grad: null,
});

/**
 * A tensor whose every element is `value`.
 * @example lax.full([2, 2], 7, 'int32'); // => Tensor int32[2, 2] [[7, 7], [7, 7]]
 */
export const full = (shape: Shape, value: number, dtype: DType = 'float32'): Tensor => bind1(fullPrimitive, [], { value, shape, dtype });

/**
 * A tensor of zeros.
 * @example lax.zeros([3]); // => Tensor float32[3] [0, 0, 0]
 */
export const zeros = (shape: Shape, dtype: DType = 'float32'): Tensor => full(shape, 0, dtype);
/**
 * Zeros of x's shape and dtype.
 * @example lax.zerosLike(np.array([true, true])); // => Tensor bool[2] [false, false]
 */
export const zerosLike = (x: Tensor): Tensor => full(x.shape, 0, x.dtype);

const iotaPrimitive = definePrimitive<{ axis: number; shape: readonly number[]; dtype: string }>({
  name: 'iota',
  infer: (_, { shape, dtype }) => [Aval.of(shape, dtype as DType)],
  grad: null,
});

/**
 * A tensor that counts 0, 1, 2, ... along `axis`.
 * @example lax.iota([2, 3], 1); // => Tensor int32[2, 3] [[0, 1, 2], [0, 1, 2]]
 */
export const iota = (shape: Shape, axis = 0, dtype: DType = 'int32'): Tensor =>
  bind1(iotaPrimitive, [], { axis: normalizeAxis(axis, shape.length), shape, dtype });
