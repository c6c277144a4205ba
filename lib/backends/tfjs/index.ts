/** The tfjs backend: any program on TensorFlow's CPU kernels, through tfjs-node's binding. Nothing of TensorFlow shows outside this folder. */
import { sizeOf } from '../../core/aval.js';
import { allocate } from '../../core/dtype.js';
import { BackendError } from '../../core/errors.js';
import type { Backend, Buffer, DataArray, DType, Executable, WireAval, WireGraph } from '../backend.js';
import type { Foreign } from '../mixed/foreign.js';
import { formatOps } from './format.js';
import type { TfGraph } from './graph.js';
import { loadTfjsNode, type TfjsNode } from './load.js';
import { lower } from './lower.js';
import { ProgramRunner } from './runner.js';
import { sessionsAreRequired } from './session_fault.js';
import { Store, TfjsBuffer } from './store.js';

class TfjsExecutable implements Executable {
  private readonly outputs: readonly WireAval[];
  constructor(
    private readonly backend: TfjsBackend,
    private readonly graph: WireGraph,
    private readonly program: TfGraph,
    private readonly runner: ProgramRunner,
  ) {
    const avals = [...graph.inputs, ...graph.nodes.flatMap((n) => n.outputs)];
    this.outputs = graph.outputs.map((id) => avals[id]!);
  }

  run(inputs: readonly Buffer[]): Buffer[] {
    const { graph, backend } = this;
    const { store } = backend;
    if (inputs.length !== graph.inputs.length)
      throw new BackendError(`a program of ${graph.inputs.length} inputs got ${inputs.length}: pass one buffer an input`);
    const tensors = new Array<number>(inputs.length);
    for (let i = 0; i < inputs.length; i++) {
      const { shape, dtype } = graph.inputs[i]!;
      const buffer = backend.adopt(inputs[i]!);
      if (buffer.dtype !== dtype || buffer.length !== sizeOf(shape))
        throw new BackendError(`input ${i} is ${buffer.dtype} of ${buffer.length} elements, the program takes ${dtype}[${shape}]`);
      tensors[i] = store.tensor(buffer, shape);
    }
    const results = this.runner.run(tensors);
    const buffers = results.map((id, i) => store.fromTensor(this.outputs[i]!.dtype, id, this.outputs[i]!.shape));
    for (const i of graph.donated) if (inputs[i] instanceof TfjsBuffer) store.discard(inputs[i]);
    store.endRun();
    return buffers;
  }

  text(): string {
    return formatOps(this.program, this.runner.how);
  }
}

class TfjsBackend implements Backend, Foreign {
  readonly name = 'tfjs';
  readonly store: Store;
  private readonly dropped = new FinalizationRegistry((runner: ProgramRunner) => runner.dispose());

  constructor(
    readonly tfjsNode: TfjsNode,
    private readonly worthLoadingMs?: number,
  ) {
    this.store = new Store(this, tfjsNode.binding);
  }

  compile(graph: WireGraph): Executable {
    const program = lower(graph);
    const runner = new ProgramRunner(this.tfjsNode.binding, program, this.worthLoadingMs);
    const executable = new TfjsExecutable(this, graph, program, runner);
    this.dropped.register(executable, runner);
    return executable;
  }

  fromHost(data: DataArray, dtype: DType): Buffer {
    const array = allocate(dtype, data.length);
    array.set(data);
    return this.store.fromArray(dtype, array);
  }

  /** A buffer of this backend: itself, or a copy of another backend's. */
  adopt(buffer: Buffer): TfjsBuffer {
    if (buffer instanceof TfjsBuffer && buffer.backend === this) return buffer;
    return this.fromHost(buffer.backend.readSync(buffer), buffer.dtype) as TfjsBuffer;
  }

  /** Programs run to their end before `run` returns, so that the numbers are always there. */
  read(buffer: Buffer): Promise<DataArray> {
    return Promise.resolve(this.readSync(buffer));
  }

  readSync(buffer: Buffer): DataArray {
    return this.store.read(buffer as TfjsBuffer);
  }

  lend(array: DataArray, dtype: DType): Buffer {
    return this.store.fromArray(dtype, array);
  }

  take(buffer: Buffer): DataArray {
    return this.store.read(buffer as TfjsBuffer);
  }

  discard(buffer: Buffer): void {
    this.store.discard(buffer as TfjsBuffer);
  }
}

/**
 * Loads tfjs-node; throws an UnavailableError where it is missing, a BackendError for a wrong setting. A program that has run for more than `worthLoadingMs`
 * becomes a session; the tests say -1, to have one from the first run on.
 */
export function openTfjs(worthLoadingMs?: number): Backend & Foreign {
  sessionsAreRequired(); // a wrong setting is told here and not by the program that first needs it
  return new TfjsBackend(loadTfjsNode(), worthLoadingMs);
}
