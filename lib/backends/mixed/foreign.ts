/** What a split program asks of the backend that runs its foreign segments: arrays in and out with as few copies as it can. */
import type { Backend, Buffer, DataArray, DType, Executable, WireGraph } from '../backend.js';

export interface Foreign {
  readonly name: string;
  compile(graph: WireGraph): Executable;
  /** A buffer of this array's numbers as they are now; used before the array changes. */
  lend(array: DataArray, dtype: DType): Buffer;
  /** The buffer's numbers in an array that nobody else has. */
  take(buffer: Buffer): DataArray;
  /** Says that the buffer will not be used again. */
  discard(buffer: Buffer): void;
}

/** Any backend as a foreign one. */
export const foreignFrom = (backend: Backend): Foreign => ({
  name: backend.name,
  compile: (graph) => backend.compile(graph),
  lend: (array, dtype) => backend.fromHost(array, dtype),
  take: (buffer) => backend.readSync(buffer),
  discard: () => {},
});
