/** Tensors from host memory. Data is always copied. */
import { currentBackend } from '../backends/select.js';
import { Aval, formatShape, sizeOf, type Shape } from './aval.js';
import { allocate, dtypeOf, type DataArray, type DType } from './dtype.js';
import { ArgumentError, ShapeError } from './errors.js';
import { Tensor } from './tensor.js';

/** A view on a detached ArrayBuffer looks empty; making a new view on it throws, which tells the two apart. */
function checkAttached(array: ArrayBufferView): void {
  if (array.byteLength > 0) return;
  try {
    new Uint8Array(array.buffer);
  } catch {
    throw new ArgumentError(
      'the array is detached: its memory was transferred away (postMessage or structuredClone); copy it before transferring',
    );
  }
}

/** A tensor with a copy of a typed array's numbers. Float64Array becomes float32; Uint8Array is bool only if asked, else int32. */
export function fromTypedArray(array: ArrayBufferView, shape?: Shape, dtype?: DType): Tensor {
  checkAttached(array);
  if (array instanceof DataView || !('length' in array) || array instanceof BigInt64Array || array instanceof BigUint64Array) {
    throw new ArgumentError(
      `cannot make a tensor from a ${array.constructor.name}: pass a Float32Array, Int32Array, Uint32Array or another array of numbers`,
    );
  }
  const source = array as unknown as DataArray;
  const own = dtypeOf(array) ?? (array instanceof Float64Array ? 'float32' : 'int32');
  const to = dtype ?? own;
  const form = shape ?? [source.length];
  if (sizeOf(form) !== source.length)
    throw new ShapeError(`${source.length} numbers do not fill the shape ${formatShape(form)}, which has ${sizeOf(form)} elements`);
  return fromNumbers(source, Aval.of(form, to));
}

/** A tensor of this type from any list of numbers, converted as `convert` does: truncated and saturated for integers, `!= 0` for bool. */
export function fromNumbers(numbers: ArrayLike<number>, aval: Aval): Tensor {
  const backend = currentBackend();
  if (dtypeOf(numbers as DataArray) === aval.dtype) return Tensor.concrete(aval, backend.fromHost(numbers as DataArray, aval.dtype));
  const data = allocate(aval.dtype, numbers.length);
  for (let i = 0; i < numbers.length; i++) data[i] = cast(numbers[i]!, aval.dtype);
  return Tensor.concrete(aval, backend.fromHost(data, aval.dtype));
}

function cast(x: number, dtype: DType): number {
  if (dtype === 'float32') return x;
  if (dtype === 'bool') return x !== 0 ? 1 : 0;
  if (Number.isNaN(x)) return 0;
  const [low, high] = dtype === 'int32' ? [-2147483648, 2147483647] : [0, 4294967295];
  return Math.min(high, Math.max(low, Math.trunc(x)));
}
