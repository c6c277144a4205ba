/** What the reference interpreter computes with: arrays with a shape, and walks over them. */
import type { DType, WireAval, WireParams } from '../../lib/backends/backend.js';
import { allocate } from '../../lib/core/dtype.js';

/** How float32 values are held: as they are, or in double precision, which makes the interpreter an oracle. */
export type Precision = 'float32' | 'float64';

export type Storage = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array;

export interface Value extends WireAval {
  readonly data: Storage;
}

/** Fills `outputs`. Storing rounds (or wraps), so that arithmetic on doubles inside a kernel is rounded once. */
export type Kernel = (inputs: readonly Value[], outputs: readonly Value[], params: WireParams, precision: Precision) => void;

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export const newStorage = (dtype: DType, length: number, precision: Precision): Storage =>
  dtype === 'float32' && precision === 'float64' ? new Float64Array(length) : allocate(dtype, length);

export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/** Calls `visit` for every index of `shape` in row-major order. The index array is reused. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[], at: number) => void): void {
  const size = sizeOf(shape);
  const index = shape.map(() => 0);
  for (let at = 0; at < size; at++) {
    visit(index, at);
    for (let d = shape.length - 1; d >= 0; d--) {
      if (++index[d]! < shape[d]!) break;
      index[d] = 0;
    }
  }
}

export const dot = (index: readonly number[], strides: readonly number[]): number => index.reduce((at, k, d) => at + k * strides[d]!, 0);

/** The axis as the middle of `[outer, axis, inner]`. */
export function aroundAxis(shape: readonly number[], axis: number): { outer: number; length: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) };
}

export const list = (params: WireParams, name: string): readonly number[] => params[name] as readonly number[];
export const number = (params: WireParams, name: string): number => params[name] as number;

/** What an index outside gives in mode 'fill', and where reductions of nothing start. */
export const LEAST: Record<DType, number> = { float32: -Infinity, int32: -2147483648, uint32: 0, bool: 0 };
export const GREATEST: Record<DType, number> = { float32: Infinity, int32: 2147483647, uint32: 4294967295, bool: 1 };

export const LEAST_NORMAL = 2 ** -126;

/** A subnormal float32 becomes the zero of its sign. */
export const flushed = (x: number): number => (Math.abs(x) < LEAST_NORMAL ? Math.sign(x) * 0 : x);

/** So does the least normal one, for a result: a processor decides before or after it rounds. */
export const flushedResult = (x: number): number => (Math.abs(x) === LEAST_NORMAL ? Math.sign(x) * 0 : flushed(x));
