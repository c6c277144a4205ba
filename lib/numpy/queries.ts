/** Names of dtypes, and what a tensor is. */
import type { Shape } from '../core/aval.js';
import { asTensor, type TensorLike } from './operands.js';

/** The dtype's name, for `np.zeros([2], np.float32)`. */
export const float32 = 'float32';
/** The dtype's name, for `np.zeros([2], np.int32)`. */
export const int32 = 'int32';
/** The dtype's name, for `np.zeros([2], np.uint32)`. */
export const uint32 = 'uint32';
/** The dtype of true and false; `bool_`, as in NumPy. */
export const bool_ = 'bool';

/** A new axis of size 1 in an index: `x.slice(np.newaxis, 0)`. */
export const newaxis = null;
/** The ratio of a circle's circumference to its diameter. */
export const pi = Math.PI;
/** The base of the natural logarithm. */
export const e = Math.E;
/** Infinity, under NumPy's name. */
export const inf = Infinity;
/** Not a number, under NumPy's name. */
export const nan = NaN;

/**
 * The sizes of the dimensions; `[]` for a number.
 * @example np.shape(np.ones([2, 3])); // => [2, 3]
 */
export const shape = (x: TensorLike): Shape => asTensor(x, 'shape').shape;
/**
 * How many dimensions the shape has; 0 for a number.
 * @example np.ndim(np.ones([2, 3])); // => 2
 */
export const ndim = (x: TensorLike): number => asTensor(x, 'ndim').ndim;
/**
 * How many elements there are, the product of the shape; 1 for a number.
 * @example np.size(np.ones([2, 3])); // => 6
 */
export const size = (x: TensorLike): number => asTensor(x, 'size').size;
