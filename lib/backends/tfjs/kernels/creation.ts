/** Primitives that make tensors from nothing. */
import { spread, number, range, type Kernels } from './kernel.js';

const LARGEST_CONSTANT = 4096;
const INT_MIN = -2147483648;

/** A number as the bits of a 32-bit integer: truncated and saturated, as `convert` does. */
function toInteger(x: number, dtype: 'int32' | 'uint32'): number {
  if (Number.isNaN(x)) return 0;
  const [low, high] = dtype === 'int32' ? [INT_MIN, 2147483647] : [0, 4294967295];
  return Math.min(high, Math.max(low, Math.trunc(x))) | 0;
}

export const creationKernels: Kernels = {
  full: spread((b, _, { params, outputs }) => {
    const value = number(params, 'value');
    const { dtype } = outputs[0]!;
    if (dtype === 'float32') return b.float(value);
    return dtype === 'bool' ? b.bool(value !== 0) : b.int32(toInteger(value, dtype));
  }),
  iota: spread((b, _, { params, outputs }) => {
    const { shape, dtype } = outputs[0]!;
    const axis = number(params, 'axis');
    const length = shape[axis]!;
    const counted =
      length <= LARGEST_CONSTANT
        ? b.constant('int32', [length], Int32Array.from(range(length)))
        : b.op1('Range', [b.int32(0), b.int32(length), b.int32(1)], { Tidx: { kind: 'type', value: 'int32' } }, { type: 'int32', shape: [length] }); // prettier-ignore
    const placed = b.reshape(counted, [length, ...shape.slice(axis + 1).map(() => 1)]);
    return dtype === 'float32' ? b.cast(placed, 'float') : placed;
  }),
};
