/** A program in segments, native and foreign by turns. What crosses between them are arrays of the host. */
import { sizeOf } from '../../core/aval.js';
import { BackendError } from '../../core/errors.js';
import type { Buffer, DataArray, DType, Executable, WireGraph, WireNode } from '../backend.js';
import { Block } from '../memory.js';
import type { NativeBackend, NativeExecutable } from '../native.js';
import { NativeBuffer } from '../native_buffer.js';
import type { Steps } from '../run_queue.js';
import type { Foreign } from './foreign.js';
import { partition, type Segment } from './partition.js';

interface NativeStage extends Segment {
  readonly foreign: false;
  readonly program: NativeExecutable;
  /** Memory for what only crosses, the same in each run: runs in steps happen one after the other. Null for results. */
  readonly into: readonly (NativeBuffer | null)[];
}

interface ForeignStage extends Segment {
  readonly foreign: true;
  readonly program: Executable;
  /** For each output whether the host reads it, as a result or in a native segment, and whether a foreign segment does later. */
  readonly toHost: readonly boolean[];
  readonly stays: readonly boolean[];
  /** Values that no later foreign segment reads. */
  readonly last: readonly number[];
}

type Stage = NativeStage | ForeignStage;

export class MixedExecutable implements Executable {
  private readonly stages: readonly Stage[];
  private readonly inputs: readonly { dtype: DType; length: number }[];
  private readonly outputs: readonly { dtype: DType; length: number }[];
  private readonly lacking: readonly string[];

  constructor(
    private readonly backend: NativeBackend,
    private readonly foreign: Foreign,
    graph: WireGraph,
    isNative: (node: WireNode) => boolean,
  ) {
    const avals = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)];
    const typeOf = (id: number) => ({ dtype: avals[id]!.dtype, length: sizeOf(avals[id]!.shape) });
    this.inputs = graph.inputs.map((_, id) => typeOf(id));
    this.outputs = graph.outputs.map(typeOf);
    this.lacking = [...new Set(graph.nodes.filter((node) => !isNative(node)).map((node) => node.op))];
    const segments = partition(graph, isNative);
    const lastForeignRead = new Map<number, number>();
    segments.forEach(({ foreign, reads }, at) => foreign && reads.forEach((id) => lastForeignRead.set(id, at)));
    const nativeReads = new Set(segments.flatMap(({ foreign, reads }) => (foreign ? [] : reads)));
    this.stages = segments.map((segment, at): Stage => {
      const { writes, results, reads } = segment;
      if (segment.foreign) {
        return {
          ...segment,
          foreign: true,
          program: foreign.compile(segment.graph),
          toHost: writes.map((id, k) => results[k]!.length > 0 || nativeReads.has(id)),
          stays: writes.map((id, k) => (lastForeignRead.get(id) ?? at) > at && writes.indexOf(id) === k),
          last: reads.filter((id) => lastForeignRead.get(id) === at),
        };
      }
      const into = writes.map((id, k) => (results[k]!.length > 0 ? null : backend.allocate(typeOf(id).dtype, typeOf(id).length)));
      return { ...segment, foreign: false, program: backend.compileNative(segment.graph), into };
    });
  }

  run(inputs: readonly Buffer[]): Buffer[] {
    const { backend } = this;
    if (inputs.length !== this.inputs.length) {
      throw new BackendError(`a program of ${this.inputs.length} inputs got ${inputs.length}: pass one buffer for each`);
    }
    const own = inputs.map((buffer, i) => {
      const { dtype, length } = this.inputs[i]!;
      if (buffer.dtype !== dtype || buffer.length !== length) {
        throw new BackendError(`input ${i} is ${buffer.dtype} of ${buffer.length} elements, the program takes ${dtype} of ${length}`);
      }
      return backend.adopt(buffer);
    });
    const results = this.outputs.map(({ dtype, length }) => NativeBuffer.promised(backend, dtype, length));
    backend.enqueue(this.steps(own, results), results);
    return results;
  }

  private *steps(inputs: readonly NativeBuffer[], results: readonly NativeBuffer[]): Steps {
    for (const { error } of inputs) if (error !== null) throw error;
    const values: (NativeBuffer | undefined)[] = [...inputs]; // by the whole graph's ids
    const lent: (Buffer | undefined)[] = []; // the same for the foreign backend
    const keep = (stage: Stage, k: number, buffer: NativeBuffer): void => {
      values[stage.writes[k]!] = buffer;
      for (const slot of stage.results[k]!) results[slot]!.become(buffer);
    };
    try {
      for (const stage of this.stages) {
        if (!stage.foreign) {
          const made = stage.program.start(
            stage.reads.map((id) => values[id]!),
            stage.into,
          );
          made.forEach((buffer, k) => keep(stage, k, buffer as NativeBuffer));
          continue;
        }
        yield stage.reads.reduce((latest, id) => (lent[id] === undefined ? Math.max(latest, values[id]!.ticket) : latest), 0);
        const given = stage.reads.map((id) => (lent[id] ??= this.foreign.lend(values[id]!.view(), values[id]!.dtype)));
        const made = stage.program.run(given);
        made.forEach((buffer, k) => {
          if (stage.toHost[k]) keep(stage, k, this.adopt(this.foreign.take(buffer), buffer.dtype));
          if (stage.stays[k]) lent[stage.writes[k]!] = buffer;
          else this.foreign.discard(buffer);
        });
        for (const id of stage.last) this.discard(lent, id);
      }
    } finally {
      lent.forEach((_, id) => this.discard(lent, id));
    }
  }

  /** An array that nobody else has, as a buffer. */
  private adopt(array: DataArray, dtype: DType): NativeBuffer {
    return new NativeBuffer(this.backend, dtype, array.length, new Block(array.buffer as ArrayBuffer), array.byteOffset, 0);
  }

  private discard(lent: (Buffer | undefined)[], id: number): void {
    if (lent[id] !== undefined) this.foreign.discard(lent[id]);
    lent[id] = undefined;
  }

  text(): string {
    const { stages, lacking, foreign } = this;
    const parts = stages.map(({ foreign: other, program, reads, writes }, i) => {
      const values = (ids: readonly number[]): string => ids.map((id) => `%${id}`).join(' ');
      return `segment ${i + 1}, ${other ? foreign.name : 'C++'}: ${values(reads)} -> ${values(writes)}\n${program.text()}`;
    });
    return [
      `split in ${stages.length} segment${stages.length === 1 ? '' : 's'}: ${lacking.join(', ')} run on ${foreign.name}`,
      ...parts,
    ].join('\n\n');
  }
}
