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
   * When the queue is full the call blocks until a place is free.
   */
  run(program: Program, memory: readonly ArrayBuffer[], places: Uint32Array, after?: readonly number[]): number;
  /** The highest ticket such that it and all before it have finished. */
  completed(): number;
  /** Blocks until the ticket has finished; throws the run's error. Ticket 0 returns at once. */
  wait(ticket: number): void;
  /** A copy of `array` as it is after run `ticket` and before any later run; does not block the event loop. */
  read<A extends WireArray>(array: A, ticket: number): Promise<A>;
  stats(): AddonStats;
  /** Instruction sets compiled in, the one in use, threads; the primitives that there are kernels for. */
  info(): { isa: string; isas: string[]; threads: number; version: string; primitives: string[] };
}

declare const addon: Addon;
export default addon;
