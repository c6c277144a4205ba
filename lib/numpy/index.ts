/** NumPy's functions with JAX's semantics, on tensors and traced values alike. */
import './methods.js';

export * from './arithmetic.js';
export * from './creation.js';
export { einsum } from './einsum.js';
export { oneHot, take, takeAlongAxis, type TakeMode, type TakeOptions } from './gathering.js';
export type { Index } from './indexing.js';
export * from './joining.js';
export * from './linalg.js';
export * from './logic.js';
export * from './math.js';
export { resultType, type DTypeOption, type TensorLike, type TypedArray } from './operands.js';
export * from './ordering.js';
export * from './queries.js';
export * from './reductions.js';
export * from './shaping.js';
export type { Place } from './updating.js';
