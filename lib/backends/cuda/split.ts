/** A program with nodes that there are no CUDA kernels for: the host runs those, the device all others, in as few turns as the graph allows. */
import type { Backend, Buffer, Executable, WireGraph, WireNode } from '../backend.js';
import { partition, type Segment } from '../mixed/partition.js';

interface Stage extends Segment {
  readonly program: Executable;
}

/** A segment takes the buffers of the other side as it takes any foreign ones: by a copy. Reading those of the device waits for it. */
export class SplitExecutable implements Executable {
  private readonly stages: readonly Stage[];
  private readonly lacking: readonly string[];

  constructor(
    private readonly device: { readonly name: string; adopt(buffer: Buffer): Buffer; compile(graph: WireGraph): Executable },
    private readonly host: Backend,
    private readonly graph: WireGraph,
    isOnDevice: (node: WireNode) => boolean,
  ) {
    this.lacking = [...new Set(graph.nodes.filter((node) => !isOnDevice(node)).map((node) => node.op))];
    this.stages = partition(graph, isOnDevice).map((segment) => ({
      ...segment,
      program: (segment.foreign ? host : device).compile(segment.graph),
    }));
  }

  run(inputs: readonly Buffer[]): Buffer[] {
    const values: (Buffer | undefined)[] = [...inputs]; // by the whole graph's ids
    const results = new Array<Buffer>(this.graph.outputs.length);
    for (const { foreign, program, reads, writes, results: slots } of this.stages) {
      const made = program.run(reads.map((id) => values[id]!));
      made.forEach((buffer, k) => {
        values[writes[k]!] = buffer;
        for (const slot of slots[k]!) results[slot] = foreign ? this.device.adopt(buffer) : buffer;
      });
    }
    return results;
  }

  text(): string {
    const { stages, lacking, host, device } = this;
    const values = (ids: readonly number[]): string => ids.map((id) => `%${id}`).join(' ');
    const parts = stages.map(({ foreign, program, reads, writes }, i) => {
      return `segment ${i + 1}, ${foreign ? host.name : device.name}: ${values(reads)} -> ${values(writes)}\n${program.text()}`;
    });
    const head = `split in ${stages.length} segment${stages.length === 1 ? '' : 's'}: ${lacking.join(', ')} run on ${host.name}`;
    return [head, ...parts].join('\n\n');
  }
}
