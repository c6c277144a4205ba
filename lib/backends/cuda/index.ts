/** The CUDA backend: arrays live on a device, programs are queued on its stream by the addon, through a library that it opens. */
import type { CudaDevice, CudaProgram } from '../../../typings/addon.js';
import { sizeOf } from '../../core/aval.js';
import { allocate } from '../../core/dtype.js';
import { ArgumentError, BackendError, FlaxenError, MemoryError, UnavailableError } from '../../core/errors.js';
import { turnIfDue } from '../../core/event_loop.js';
import type { Backend, Buffer, DataArray, DType, Executable, WireGraph } from '../backend.js';
import { openNative } from '../native.js';
import { describeDevices, examineLibrary, isSupported, locate, memoryLimit, type DeviceInfo } from './load.js';
import { SplitExecutable } from './split.js';

/** Owns memory of the device: what the addon's weak reference points at. Buffers share it when a donated one is taken over. */
class Block {
  id = -1;
}

class CudaBuffer implements Buffer {
  donatedTo: string | null = null;
  constructor(
    readonly backend: Backend,
    readonly dtype: DType,
    readonly length: number,
    readonly block: Block,
  ) {}
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array, bool: Uint8Array };

/** What the addon throws, as errors of the language. */
function rethrow(error: unknown): never {
  if (error instanceof FlaxenError || !(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
  const Class = (error as NodeJS.ErrnoException).code === 'ERR_FLAXEN_DEVICE_MEMORY' ? MemoryError : BackendError;
  throw new Class(error.message, { cause: error });
}

/** What `call` gives; its errors as those of the language. */
function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    rethrow(error);
  }
}

class CudaExecutable implements Executable {
  /** The numbers of the run's arrays: those of the inputs, and then, by the addon, those of the results. */
  private readonly ids: Uint32Array;
  private readonly inputs: readonly { dtype: DType; length: number }[];
  private readonly outputs: readonly { dtype: DType; length: number }[];
  constructor(
    private readonly backend: CudaBackend,
    private readonly program: CudaProgram,
    graph: WireGraph,
  ) {
    const avals = [...graph.inputs, ...graph.nodes.flatMap((n) => n.outputs)];
    const typeOf = ({ dtype, shape }: (typeof avals)[number]) => ({ dtype, length: sizeOf(shape) });
    this.inputs = graph.inputs.map(typeOf);
    this.outputs = graph.outputs.map((o) => typeOf(avals[o]!));
    this.ids = new Uint32Array(this.inputs.length + this.outputs.length);
  }

  run(inputs: readonly Buffer[]): Buffer[] {
    const { backend, program, ids, outputs } = this;
    const { aliases } = program;
    if (inputs.length !== this.inputs.length) {
      throw new BackendError(`a program of ${this.inputs.length} inputs got ${inputs.length}: pass one buffer for each`);
    }
    // A copy from another backend may let go of arrays that nobody holds, so all are here before their numbers are taken.
    const own = inputs.map((buffer) => backend.adopt(buffer));
    for (let i = 0; i < own.length; i++) ids[i] = own[i]!.block.id;
    const blocks: Block[] = [];
    const results = outputs.map(({ dtype, length }, k) => {
      const from = aliases[k]!;
      const block = from >= 0 ? own[from]!.block : new Block();
      if (from < 0) blocks.push(block);
      return new CudaBuffer(backend, dtype, length, block);
    });
    translated(() => backend.device.run(program, ids, blocks));
    for (let k = 0; k < results.length; k++) results[k]!.block.id = ids[own.length + k]!;
    return results;
  }

  text(): string {
    return this.program.text();
  }
}

export class CudaBackend implements Backend {
  readonly name = 'cuda';
  private host: Backend | null = null;
  constructor(readonly device: CudaDevice) {}

  compile(graph: WireGraph): Executable {
    const program = translated(() => this.device.compile(graph));
    if (!Array.isArray(program)) return new CudaExecutable(this, program, graph);
    const lacking = new Set(program.map((n) => graph.nodes[n]!));
    return new SplitExecutable(this, (this.host ??= openNative()), graph, (node) => !lacking.has(node));
  }

  fromHost(data: DataArray, dtype: DType): CudaBuffer {
    const block = new Block();
    let bytes = data;
    if (!(data instanceof ARRAYS[dtype])) {
      bytes = allocate(dtype, data.length);
      bytes.set(data);
    }
    translated(() => {
      block.id = this.device.allocate(block, bytes.byteLength);
      this.device.write(block.id, bytes);
    });
    return new CudaBuffer(this, dtype, data.length, block);
  }

  /** A buffer of this device: itself, or a copy of another's. */
  adopt(buffer: Buffer): CudaBuffer {
    if (buffer instanceof CudaBuffer && buffer.backend === this) return buffer;
    return this.fromHost(buffer.backend.readSync(buffer), buffer.dtype);
  }

  async read(buffer: Buffer): Promise<DataArray> {
    const { block, dtype, length } = buffer as CudaBuffer;
    try {
      const data = await this.device.read(block.id, allocate(dtype, length), true);
      await turnIfDue();
      return data;
    } catch (error) {
      rethrow(error);
    }
  }

  readSync(buffer: Buffer): DataArray {
    const { block, dtype, length } = buffer as CudaBuffer;
    return translated(() => this.device.readSync(block.id, allocate(dtype, length)));
  }
}

/** The devices, in CUDA's order; CUDA_VISIBLE_DEVICES narrows it. Throws an UnavailableError where there are none to use. */
export function cudaDevices(): DeviceInfo[] {
  const { addon, path } = locate();
  return describeDevices(examineLibrary(addon, path));
}

/** The devices in use, by library and ordinal: each is opened once. */
const opened = new Map<string, CudaBackend>();

/** Opens a device, by default the first that is supported. Throws an UnavailableError where there is none, an ArgumentError for one that is not there. */
export function openCuda(ordinal?: number): Backend {
  const { addon, path } = locate();
  const info = examineLibrary(addon, path);
  const first = ordinal ?? info.devices.findIndex(isSupported);
  const device = info.devices[first];
  if (device === undefined || !isSupported(device)) {
    const there = describeDevices(info).map((d) => `${d.ordinal} (${d.name}, capability ${d.capability})`);
    throw new ArgumentError(`there is no usable CUDA device ${String(ordinal)}: choose one of ${there.join(', ')}`);
  }
  const key = `${path}#${first}`;
  let backend = opened.get(key);
  if (backend === undefined) {
    const limit = memoryLimit();
    try {
      backend = new CudaBackend(new addon.CudaDevice(path, first, limit));
    } catch (cause) {
      // Such as one that another process has for itself, or whose memory is full: no reason for a program not to run elsewhere.
      const why = `the CUDA device ${first} (${device.name}) cannot be opened: ${(cause as Error).message}`;
      throw new UnavailableError(why, 'See what nvidia-smi says of it.', { cause });
    }
    opened.set(key, backend);
  }
  return backend;
}

export type { DeviceInfo };
