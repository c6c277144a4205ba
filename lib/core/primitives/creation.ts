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

/** A tensor whose every element is `value`. */
export const full = (shape: Shape, value: number, dtype: DType = 'float32'): Tensor => bind1(fullPrimitive, [], { value, shape, dtype });

export const zeros = (shape: Shape, dtype: DType = 'float32'): Tensor => full(shape, 0, dtype);
export const zerosLike = (x: Tensor): Tensor => full(x.shape, 0, x.dtype);

const iotaPrimitive = definePrimitive<{ axis: number; shape: readonly number[]; dtype: string }>({
  name: 'iota',
  infer: (_, { shape, dtype }) => [Aval.of(shape, dtype as DType)],
  grad: null,
});

/** A tensor that counts 0, 1, 2, ... along `axis`. */
export const iota = (shape: Shape, axis = 0, dtype: DType = 'int32'): Tensor =>
  bind1(iotaPrimitive, [], { axis: normalizeAxis(axis, shape.length), shape, dtype });
