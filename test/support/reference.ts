/**
 * A plain interpreter of the wire graph (docs/primitives.md) that the tests compare backends with: clear rather than fast. With precision 'float32'
 * each primitive's result is rounded once; with 'float64' float32 values stay double, which makes it an oracle and fit for finite differences.
 */
import type { Backend, Buffer, DataArray, DType, Executable, WireGraph } from '../../lib/backends/backend.js';
import { registerBackend } from '../../lib/backends/select.js';
import { formatWire } from '../../lib/core/trace.js';
import { elementwiseKernels } from './reference_elementwise.js';
import { layerKernels } from './reference_layers.js';
import { layoutKernels } from './reference_layout.js';
import { reductionKernels } from './reference_reduction.js';
import { flushedResult, newStorage, sizeOf, type Kernel, type Precision, type Storage, type Value } from './reference_value.js';
import { windowKernels } from './reference_windows.js';

export const kernels: ReadonlyMap<string, Kernel> = new Map(
  Object.entries({ ...elementwiseKernels, ...layoutKernels, ...reductionKernels, ...layerKernels, ...windowKernels }),
);

class ReferenceBuffer implements Buffer {
  donatedTo: string | null = null;
  constructor(
    readonly backend: ReferenceBackend,
    readonly dtype: DType,
    readonly data: Storage,
  ) {}
  get length(): number {
    return this.data.length;
  }
}

class ReferenceExecutable implements Executable {
  constructor(
    private readonly backend: ReferenceBackend,
    private readonly graph: WireGraph,
  ) {}

  run(inputs: readonly Buffer[]): Buffer[] {
    const { graph, backend } = this;
    if (inputs.length !== graph.inputs.length) throw new RangeError(`a graph of ${graph.inputs.length} inputs got ${inputs.length}`);
    const values: Value[] = graph.inputs.map((aval, i) => {
      const data = backend.adopt(inputs[i]!);
      if (data.length !== sizeOf(aval.shape)) throw new RangeError(`input ${i} has ${data.length} elements, the graph says ${aval.shape}`);
      return { ...aval, data };
    });
    for (const node of graph.nodes) {
      const outputs = node.outputs.map((aval) => ({ ...aval, data: newStorage(aval.dtype, sizeOf(aval.shape), backend.precision) }));
      const operands = node.inputs.map((i) => values[i]!);
      kernels.get(node.op)!(operands, outputs, node.params, backend.precision);
      if (backend.flushes) outputs.forEach(flush);
      values.push(...outputs);
    }
    return graph.outputs.map((id) => new ReferenceBuffer(backend, values[id]!.dtype, values[id]!.data));
  }

  text(): string {
    return `interpreted in ${this.backend.precision}\n${formatWire(this.graph)}`;
  }
}

/** Puts zeros of their sign for subnormal floats. */
function flush({ dtype, data }: Value): void {
  if (dtype === 'float32') data.forEach((x, i) => (data[i] = flushedResult(x)));
}

export class ReferenceBackend implements Backend {
  constructor(
    readonly name: string,
    readonly precision: Precision,
    /** Whether arithmetic gives zero for a subnormal float32, as it does where the processor's flag for that is set. */
    readonly flushes = false,
  ) {}

  compile(graph: WireGraph): Executable {
    for (const { op } of graph.nodes) if (!kernels.has(op)) throw new TypeError(`the reference knows no primitive "${op}"`);
    return new ReferenceExecutable(this, graph);
  }

  /** Takes a Float64Array for float32 too, whose numbers stay as they are in double precision. */
  fromHost(data: DataArray | Float64Array, dtype: DType): Buffer {
    const storage = newStorage(dtype, data.length, this.precision);
    storage.set(data);
    if (this.flushes) flush({ dtype, shape: [data.length], data: storage });
    return new ReferenceBuffer(this, dtype, storage);
  }

  /** The numbers of a buffer, which may be another backend's. */
  adopt(buffer: Buffer): Storage {
    return buffer instanceof ReferenceBuffer && buffer.backend === this
      ? buffer.data
      : (this.fromHost(buffer.backend.readSync(buffer), buffer.dtype) as ReferenceBuffer).data;
  }

  read(buffer: Buffer): Promise<DataArray> {
    return Promise.resolve(this.readSync(buffer));
  }

  /** With 'float64' float32 values come as a Float64Array. */
  readSync(buffer: Buffer): DataArray {
    return (buffer as ReferenceBuffer).data.slice() as DataArray;
  }
}

registerBackend('reference', () => new ReferenceBackend('reference', 'float32'));
registerBackend('referenceFlushed', () => new ReferenceBackend('referenceFlushed', 'float32', true));
registerBackend('reference64', () => new ReferenceBackend('reference64', 'float64'));
