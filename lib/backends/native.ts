/** The C++ backend: arrays live in memory that V8 allocates (and so reclaims inside a synchronous loop), programs run in the addon. */
import { createRequire } from 'node:module';
import type { Addon, Program } from '../../typings/addon.js';
import { sizeOf } from '../core/aval.js';
import { allocate } from '../core/dtype.js';
import { BackendError, UnavailableError } from '../core/errors.js';
import type { Backend, Buffer, DataArray, DType, Executable, WireGraph } from './backend.js';
import { addonMend, packageRoot } from './package.js';
import { allocateResult } from './slab.js';

class NativeBuffer implements Buffer {
  donatedTo: string | null = null;
  constructor(
    readonly backend: Backend,
    readonly dtype: DType,
    readonly array: DataArray,
    /** The run that writes this array; 0 once nothing is pending. */
    public ticket: number,
  ) {}
  get length(): number {
    return this.array.length;
  }
}

class NativeExecutable implements Executable {
  private readonly aliases: readonly number[];
  constructor(
    private readonly backend: NativeBackend,
    private readonly program: Program,
    private readonly outputs: readonly { dtype: DType; length: number }[],
  ) {
    this.aliases = program.aliases;
  }

  run(inputs: readonly Buffer[]): Buffer[] {
    const { addon } = this.backend;
    const arrays: DataArray[] = new Array(inputs.length) as DataArray[];
    let after: number[] | undefined;
    for (let i = 0; i < inputs.length; i++) {
      const buffer = this.backend.adopt(inputs[i]!);
      arrays[i] = buffer.array;
      if (buffer.ticket !== 0) {
        after ??= [];
        if (!after.includes(buffer.ticket)) after.push(buffer.ticket);
      }
    }
    const outputs = this.outputs;
    const results: DataArray[] = new Array(outputs.length) as DataArray[];
    for (let i = 0; i < outputs.length; i++) {
      const from = this.aliases[i]!;
      results[i] = from >= 0 ? arrays[from]! : allocateResult(outputs[i]!.dtype, outputs[i]!.length);
    }
    const ticket = addon.run(this.program, arrays, results, after);
    const buffers: Buffer[] = new Array(outputs.length) as Buffer[];
    for (let i = 0; i < outputs.length; i++) buffers[i] = new NativeBuffer(this.backend, outputs[i]!.dtype, results[i]!, ticket);
    return buffers;
  }

  text(): string {
    return this.program.text();
  }
}

class NativeBackend implements Backend {
  readonly name = 'cpu';
  constructor(readonly addon: Addon) {}

  compile(graph: WireGraph): Executable {
    const avals = [...graph.inputs, ...graph.nodes.flatMap((n) => n.outputs)];
    const outputs = graph.outputs.map((o) => ({ dtype: avals[o]!.dtype, length: sizeOf(avals[o]!.shape) }));
    return new NativeExecutable(this, this.addon.compile(graph), outputs);
  }

  fromHost(data: DataArray, dtype: DType): Buffer {
    const array = allocate(dtype, data.length);
    array.set(data);
    return new NativeBuffer(this, dtype, array, 0);
  }

  /** A buffer of this backend: itself, or a copy of another backend's. */
  adopt(buffer: Buffer): NativeBuffer {
    if (buffer instanceof NativeBuffer && buffer.backend === this) {
      if (buffer.ticket !== 0 && buffer.ticket <= this.addon.completed()) this.settle(buffer);
      return buffer;
    }
    return this.fromHost(buffer.backend.readSync(buffer), buffer.dtype) as NativeBuffer;
  }

  async read(buffer: Buffer): Promise<DataArray> {
    const { array, ticket } = buffer as NativeBuffer;
    if (ticket === 0) return array.slice();
    return this.addon.read(array, ticket);
  }

  readSync(buffer: Buffer): DataArray {
    this.settle(buffer as NativeBuffer);
    return (buffer as NativeBuffer).array.slice();
  }

  /** Waits for the run that writes the buffer; throws that run's error. */
  private settle(buffer: NativeBuffer): void {
    if (buffer.ticket === 0) return;
    this.addon.wait(buffer.ticket);
    buffer.ticket = 0;
  }
}

/**
 * Loads the addon: a prebuilt binary or the local build, found by node-gyp-build from the package's root. Throws an UnavailableError where
 * there is none or the system cannot load it, and a BackendError where a setting such as FLAXEN_ISA is wrong.
 */
export function loadAddon(): Addon {
  const load = createRequire(import.meta.url)('node-gyp-build') as (dir: string) => Addon;
  try {
    return load(packageRoot);
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException;
    const line = error.message.split('\n')[0]!;
    if (error.message.startsWith('No native build was found')) throw new UnavailableError('the addon is not built', addonMend(), { cause });
    if (error.code === 'ERR_DLOPEN_FAILED') throw new UnavailableError(`the addon does not load: ${line}`, addonMend(), { cause });
    throw new BackendError(line, { cause });
  }
}

export const openNative = (): Backend => new NativeBackend(loadAddon());
