/** What a backend is: it compiles graphs and holds arrays. It knows no module and no transform. */
import type { WireGraph } from '../../typings/addon.js';
import type { DataArray, DType } from '../core/dtype.js';

export type { DataArray, DType };
// A traced function as a backend receives it is what the addon takes; docs/primitives.md is the contract.
export type { WireAval, WireGraph, WireNode, WireParams } from '../../typings/addon.js';

/** An array that a backend holds, perhaps still being computed. */
export interface Buffer {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly length: number;
  /** The function that took this buffer's memory over, or null while it is alive. */
  donatedTo: string | null;
}

/** A compiled graph. */
export interface Executable {
  /** Starts a run, in order after all earlier ones; inputs that the graph donates are dead afterwards. */
  run(inputs: readonly Buffer[]): Buffer[];
  /** The program that the graph became, for people. */
  text(): string;
}

export interface Backend {
  readonly name: string;
  compile(graph: WireGraph): Executable;
  /** A buffer with a copy of `data`, whose kind of array matches `dtype`. */
  fromHost(data: DataArray, dtype: DType): Buffer;
  /** A copy of the numbers once they are there, without blocking the event loop. */
  read(buffer: Buffer): Promise<DataArray>;
  /** The same, blocking. */
  readSync(buffer: Buffer): DataArray;
}
