/** The dtype that a layer computes in. */
import { DTYPES, isFloat, promote, type DType } from '../core/dtype.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';

/** `dtype` if it is given, else what the inputs promote to, and float32 at least. As flax.linen.dtypes.canonicalize_dtype. */
export function computeDtype(dtype: DType | null | undefined, inputs: readonly Tensor[]): DType {
  if (dtype && DTYPES.includes(dtype) && !isFloat(dtype))
    throw new DTypeError(`Dtype must be inexact: a layer computes in float32, got the dtype "${dtype}"`);
  for (const t of inputs) {
    if (!(t instanceof Tensor))
      throw new ArgumentError(
        `a layer computes with tensors, and one of its parameters is ${String(t)}: its initializer must return a tensor, such as np.zeros(shape)`,
      );
  }
  return dtype ?? promote([...inputs.map((t) => t.aval), { dtype: 'float32', weak: true }]).dtype;
}
