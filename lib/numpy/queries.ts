/** Names of dtypes, and what a tensor is. */
import type { Shape } from '../core/aval.js';
import { asTensor, type TensorLike } from './operands.js';

export const float32 = 'float32';
export const int32 = 'int32';
export const uint32 = 'uint32';
/** The dtype of true and false; `bool_`, as in NumPy. */
export const bool_ = 'bool';

export const newaxis = null;
export const pi = Math.PI;
export const e = Math.E;
export const inf = Infinity;
export const nan = NaN;

export const shape = (x: TensorLike): Shape => asTensor(x, 'shape').shape;
export const ndim = (x: TensorLike): number => asTensor(x, 'ndim').ndim;
export const size = (x: TensorLike): number => asTensor(x, 'size').size;
