/** The native addon's surface: what native/addon.cc exports. Nothing outside lib/backends may import it. */

export type DType = 'float32' | 'int32' | 'uint32' | 'bool';
export type WireArray = Float32Array | Int32Array | Uint32Array | Uint8Array;
export type WireParams = Record<string, number | boolean | string | readonly number[]>;

export interface WireAval {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** One application of a primitive; its outputs take the next value ids. */
export interface WireNode {
  readonly op: string;
  readonly inputs: readonly number[];
  readonly params: WireParams;
  readonly outputs: readonly WireAval[];
}

/** A traced function; docs/primitives.md is the contract. */
export interface WireGraph {
  readonly inputs: readonly WireAval[];
  readonly nodes: readonly WireNode[];
  readonly outputs: readonly number[];
  /** Indexes of inputs whose memory may become an output's. */
  readonly donated: readonly number[];
}

/** A compiled graph; freed with its JS handle. */
export interface Program {
  /** For each output: the donated input whose memory it takes over, or -1. */
  readonly aliases: readonly number[];
  /** Estimated nanoseconds of one run; small programs run inline on the calling thread. */
  readonly cost: number;
  /** Bytes of scratch memory that one run needs. */
  readonly arenaBytes: number;
  /** The scheduled program, one line a step. */
  text(): string;
}

export interface AddonStats {
  readonly programs: number;
  readonly queued: number;
  readonly completed: number;
  readonly arenaBytes: number;
}

export interface Addon {
  /** Compiles a graph; throws TypeError or RangeError that names the node and the mend. */
  compile(graph: WireGraph): Program;
  /**
   * Runs a program. `memory` lists the buffers that its arrays lie in, and `places` where in them: for each input, then for each output
   * without an alias, an index of `memory` and a byte offset. (A call to N-API for every array would cost a small step more than its
   * arithmetic; small arrays share buffers.) Returns 0 when the run finished inline, else a ticket (a growing integer) of the queued run.
   * Runs happen in the order of the calls. `after` lists tickets of earlier runs that made the inputs: when one of them failed, so does this.
   * When the queue is full the call blocks until a place is free. `kept` is the caller's promise that until the run has finished nobody detaches or
   * resizes the buffers, nor changes the list, which keeps them alive: N-API offers no way to hold memory that is detached, and a run that writes to it
   * then ends the process. Unless it is `true` the call blocks until the run has finished, so that there is nothing to promise.
   */
  run(program: Program, memory: readonly ArrayBuffer[], places: Uint32Array, after?: readonly number[], kept?: boolean): number;
  /** The highest ticket such that it and all before it have finished. */
  completed(): number;
  /** Blocks until the ticket has finished; throws the run's error. Ticket 0 returns at once. */
  wait(ticket: number): void;
  /** A copy of `array` as it is after run `ticket` and before any later run. It blocks until then, unless `kept` promises what it does for `run`. */
  read<A extends WireArray>(array: A, ticket: number, kept?: boolean): Promise<A>;
  stats(): AddonStats;
  /** Whether the system's loader finds the NVIDIA driver. */
  hasCudaDriver(): boolean;
  /** Opens a CUDA library (for the life of the process) and says what it finds; throws where it cannot be opened or is of another version. */
  cudaLibrary(path: string): CudaLibraryInfo;
  /** A device as this thread uses it: a stream and memory of its own, at most `limit` bytes (0: nine tenths of what is free). */
  CudaDevice: new (path: string, ordinal: number, limit: number) => CudaDevice;
  /** Instruction sets compiled in, the one in use, threads; the primitives that there are kernels for. */
  info(): { isa: string; isas: string[]; threads: number; version: string; primitives: string[] };
}

export interface CudaLibraryInfo {
  /** CUDA versions, 13.0 as 13000: what the driver supports (0 without one), and the library's own. */
  readonly driver: number;
  readonly runtime: number;
  /** A cudaError_t, 0 when all went well. */
  readonly error: number;
  readonly errorText: string;
  /** `capability` is 10 * major + minor, `memory` in bytes. */
  readonly devices: readonly { readonly name: string; readonly capability: number; readonly processors: number; readonly memory: number }[];
}

/** A graph compiled for a device; freed with its JS handle. */
export interface CudaProgram {
  readonly aliases: readonly number[];
  readonly arenaBytes: number;
  text(): string;
}

/** Arrays have numbers. An array lives as long as the object that owns it; `code` of errors for want of memory is ERR_FLAXEN_DEVICE_MEMORY. */
export interface CudaDevice {
  /** An array of undefined contents: its number. */
  allocate(owner: object, bytes: number): number;
  /** A program, or the indexes of the nodes that there are no kernels for. */
  compile(graph: WireGraph): CudaProgram | number[];
  /**
   * Queues a run. `arrays` begins with the numbers of the inputs; those of the results are written behind them. `owners` has an object for
   * each result that takes over no input's memory.
   */
  run(program: CudaProgram, arrays: Uint32Array, owners: readonly object[]): void;
  /** Copies `data`, which may change afterwards, into an array. */
  write(array: number, data: WireArray): void;
  /** Fills `into` from an array behind all that is queued. It blocks until then, unless `kept` promises that nobody detaches or resizes `into` meanwhile. */
  read<A extends WireArray>(array: number, into: A, kept?: boolean): Promise<A>;
  readSync<A extends WireArray>(array: number, into: A): A;
  /** Blocks until all that is queued is done. */
  synchronize(): void;
  /** Lets go of the memory of arrays whose owners have been collected, which else happens when some is needed. */
  sweep(): void;
  /** Arrays alive; bytes in them and the scratch memory, taken from the device, allowed at most, of the scratch memory. */
  stats(): { arrays: number; usedBytes: number; reservedBytes: number; limitBytes: number; arenaBytes: number };
}

declare const addon: Addon;
export default addon;
