/** Element types, and how they combine: JAX's promotion lattice with 64-bit types off. */
import { MemoryError } from './errors.js';

/** The types that elements can have. */
export type DType = 'float32' | 'int32' | 'uint32' | 'bool';
/** The typed array that a dtype's numbers come in; bool comes as 0 and 1. */
export type DataArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

export const DTYPES: readonly DType[] = ['float32', 'int32', 'uint32', 'bool'];

export const isFloat = (dtype: DType): boolean => dtype === 'float32';
export const isInteger = (dtype: DType): boolean => dtype === 'int32' || dtype === 'uint32';

export function allocate(dtype: DType, length: number): DataArray {
  try {
    return newArray(dtype, length);
  } catch (cause) {
    throw new MemoryError(`cannot allocate ${length} elements of ${dtype}: use smaller batches or shapes`, { cause });
  }
}

function newArray(dtype: DType, length: number): DataArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'uint32':
      return new Uint32Array(length);
    case 'bool':
      return new Uint8Array(length);
  }
}

/** A view of `length` elements. */
export function viewOf(dtype: DType, buffer: ArrayBuffer, offset: number, length: number): DataArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer, offset, length);
    case 'int32':
      return new Int32Array(buffer, offset, length);
    case 'uint32':
      return new Uint32Array(buffer, offset, length);
    case 'bool':
      return new Uint8Array(buffer, offset, length);
  }
}

/** The dtype that a typed array holds, or null for kinds that flaxen has no dtype for. */
export function dtypeOf(array: ArrayBufferView): DType | null {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Uint32Array) return 'uint32';
  return null;
}

/** A type that takes part in promotion; `weak` is the type of a JavaScript number, which yields to any array's. */
export interface TypeLike {
  readonly dtype: DType;
  readonly weak: boolean;
}

/** The type of an operation on all of `types`: jnp.promote_types, weak types included. */
export function promote(types: readonly TypeLike[]): TypeLike {
  let weakFloat = false;
  let weakInt = false;
  let strong: DType | null = null;
  for (const { dtype, weak } of types) {
    if (weak) {
      if (dtype === 'float32') weakFloat = true;
      else weakInt = true;
    } else {
      strong = strong === null ? dtype : join(strong, dtype);
    }
  }
  if (strong === 'float32') return { dtype: 'float32', weak: false };
  if (weakFloat) return { dtype: 'float32', weak: true };
  if (strong === null || (strong === 'bool' && weakInt)) return { dtype: 'int32', weak: true };
  return { dtype: strong, weak: false };
}

function join(a: DType, b: DType): DType {
  if (a === b) return a;
  if (a === 'float32' || b === 'float32') return 'float32';
  if (a === 'bool') return b;
  if (b === 'bool') return a;
  return 'int32'; // int32 with uint32: JAX's int64, narrowed
}

/** A number is a weak int32 when it is a whole number of 32 bits, else a weak float32. */
export function typeOfNumber(value: number): TypeLike {
  return { dtype: Number.isInteger(value) && Math.abs(value) <= 2147483647 ? 'int32' : 'float32', weak: true };
}
