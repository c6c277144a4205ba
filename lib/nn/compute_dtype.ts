/** The dtype that a layer computes in. */
import { promote, type DType } from '../core/dtype.js';
import type { Tensor } from '../core/tensor.js';

/** `dtype` if it is given, else what the inputs promote to, and float32 at least. As flax.linen.dtypes.canonicalize_dtype. */
export function computeDtype(dtype: DType | undefined, inputs: readonly Tensor[]): DType {
  return dtype ?? promote([...inputs.map((t) => t.aval), { dtype: 'float32', weak: true }]).dtype;
}
