/** The C++ backend: arrays live in memory that V8 allocates (and so reclaims inside a synchronous loop), programs run in the addon. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Addon, Program } from '../../typings/addon.js';
import { sizeOf } from '../core/aval.js';
import { BackendError, MemoryError, UnavailableError } from '../core/errors.js';
import { cutShort } from './addon_file.js';
import type { Backend, Buffer, DataArray, DType, Executable, WireGraph } from './backend.js';
import { place, type Block } from './memory.js';
import type { Foreign } from './mixed/foreign.js';
import { MixedExecutable } from './mixed/program.js';
import { NativeBuffer } from './native_buffer.js';
import { addonMend, packageRoot, packageVersion, permissionNeeded } from './package.js';
import { Room } from './room.js';
import { Job, RunQueue, type Steps } from './run_queue.js';
import { openTfjs } from './tfjs/index.js';

let runs = 0;

export class NativeExecutable implements Executable {
  private readonly aliases: readonly number[];
  /** Where the arrays of a run lie; filled anew for each. */
  private readonly places: Uint32Array;
  constructor(
    private readonly backend: NativeBackend,
    private readonly program: Program,
    inputs: number,
    private readonly outputs: readonly { dtype: DType; length: number }[],
  ) {
    this.aliases = program.aliases;
    this.places = new Uint32Array(2 * (inputs + this.aliases.filter((a) => a < 0).length));
  }

  run(inputs: readonly Buffer[]): Buffer[] {
    return this.backend.queue.busy ? this.later(inputs) : this.start(inputs);
  }

  /** Runs after all runs in steps that are under way. */
  private later(inputs: readonly Buffer[]): Buffer[] {
    const own = inputs.map((buffer) => this.backend.adopt(buffer));
    const results = this.outputs.map(({ dtype, length }) => NativeBuffer.promised(this.backend, dtype, length));
    this.backend.enqueue(this.steps(own, results), results);
    return results;
  }

  private *steps(inputs: readonly NativeBuffer[], results: readonly NativeBuffer[]): Steps {
    for (const { error } of inputs) if (error !== null) throw error;
    this.start(inputs).forEach((made, k) => results[k]!.become(made as NativeBuffer));
    yield* [];
  }

  /** Runs now. Results lie in the buffers of `into` where it has one and no donated input takes it over. */
  start(inputs: readonly Buffer[], into: readonly (NativeBuffer | null)[] | null = null): Buffer[] {
    const { backend, places, aliases, outputs } = this;
    const memory: ArrayBuffer[] = [];
    const run = ++runs;
    let after: number[] | undefined;
    let at = 0;
    const list = (block: Block, offset: number): void => {
      if (block.run !== run) {
        block.run = run;
        block.index = memory.push(block.bytes) - 1;
      }
      places[at++] = block.index;
      places[at++] = offset;
    };
    const own: NativeBuffer[] = new Array(inputs.length) as NativeBuffer[];
    for (let i = 0; i < inputs.length; i++) {
      const buffer = backend.adopt(inputs[i]!);
      own[i] = buffer;
      list(buffer.block, buffer.offset);
      if (buffer.ticket !== 0) {
        if (buffer.ticket < 0) return this.later(inputs); // its run has failed, and so will this
        after ??= [];
        if (!after.includes(buffer.ticket)) after.push(buffer.ticket);
      }
    }
    const results: NativeBuffer[] = new Array(outputs.length) as NativeBuffer[];
    for (let k = 0; k < outputs.length; k++) {
      const { dtype, length } = outputs[k]!;
      const from = aliases[k]!;
      const result = from >= 0 ? new NativeBuffer(backend, dtype, length, own[from]!.block, own[from]!.offset, 0) : (into?.[k] ?? backend.allocate(dtype, length)); // prettier-ignore
      if (from < 0) list(result.block, result.offset);
      results[k] = result;
    }
    const ticket = backend.addon.run(this.program, memory, places, after, true); // nobody else ever gets these buffers
    if (ticket !== 0) backend.newest = ticket;
    if (ticket !== 0 || into !== null) for (const result of results) result.ticket = ticket;
    return results;
  }

  text(): string {
    return this.program.text();
  }
}

export class NativeBackend implements Backend {
  readonly queue: RunQueue;
  /** The ticket of the run that was queued last. */
  newest = 0;
  private readonly room = new Room({
    run: () => runs,
    idle: () => this.addon.completed() >= this.newest,
    settle: () => this.finishRuns(),
  });
  /** What the addon said last: calls of it are slow, so it is asked once for each run that starts (`askedIn`), and about a ticket once. */
  private readonly known = { askedIn: 0, completed: 0, succeeded: -1 };
  /** `kernels` are the primitives that the addon runs; `openForeign` gives what runs the others, or throws. */
  constructor(
    readonly addon: Addon,
    private readonly kernels: ReadonlySet<string>,
    private readonly openForeign: (primitive: string) => Foreign,
    readonly name = 'cpu',
  ) {
    this.queue = new RunQueue(addon);
  }

  compile(graph: WireGraph): Executable {
    const lacking = graph.nodes.find((node) => !this.kernels.has(node.op));
    if (lacking === undefined) return this.compileNative(graph);
    return new MixedExecutable(this, this.openForeign(lacking.op), graph, (node) => this.kernels.has(node.op));
  }

  compileNative(graph: WireGraph): NativeExecutable {
    const avals = [...graph.inputs, ...graph.nodes.flatMap((n) => n.outputs)];
    const outputs = graph.outputs.map((o) => ({ dtype: avals[o]!.dtype, length: sizeOf(avals[o]!.shape) }));
    return new NativeExecutable(this, this.addon.compile(graph), graph.inputs.length, outputs);
  }

  /** Starts a run in steps, or queues it behind those under way; it makes or breaks the promises of `results`. */
  enqueue(steps: Steps, results: readonly NativeBuffer[]): void {
    const job = new Job(steps, (error) => results.forEach((result) => result.fail(error)));
    for (const result of results) result.job = job;
    this.queue.add(job);
  }

  /** Waits for all queued runs, whatever becomes of them: their results say so to whom reads them. */
  private finishRuns(): void {
    try {
      this.addon.wait(this.newest);
    } catch {
      // the newest has failed, and so is over
    }
  }

  /** An array of undefined contents. */
  allocate(dtype: DType, length: number): NativeBuffer {
    const bytes = dtype === 'bool' ? length : 4 * length;
    try {
      this.room.take(bytes);
      return place(bytes, (block, offset) => new NativeBuffer(this, dtype, length, block, offset, 0));
    } catch (cause) {
      throw new MemoryError(`cannot allocate ${length} elements of ${dtype}: ${(cause as Error).message}; use smaller batches or shapes`, {
        cause,
      });
    }
  }

  fromHost(data: DataArray, dtype: DType): Buffer {
    const buffer = this.allocate(dtype, data.length);
    buffer.view().set(data);
    return buffer;
  }

  private settleIfOver(buffer: NativeBuffer): void {
    const { known } = this;
    if (buffer.ticket > known.completed && known.askedIn !== runs) {
      known.completed = this.addon.completed();
      known.askedIn = runs;
    }
    if (buffer.ticket <= known.completed) this.settle(buffer);
  }

  /** A buffer of this backend: itself, or a copy of another backend's. */
  adopt(buffer: Buffer): NativeBuffer {
    if (buffer instanceof NativeBuffer && buffer.backend === this) {
      if (buffer.ticket > 0) this.settleIfOver(buffer);
      return buffer;
    }
    return this.fromHost(buffer.backend.readSync(buffer), buffer.dtype) as NativeBuffer;
  }

  async read(buffer: Buffer): Promise<DataArray> {
    const own = buffer as NativeBuffer;
    if (own.job !== null) await own.job.done;
    if (own.error !== null) throw own.error;
    if (own.ticket === 0) return own.view().slice();
    return this.addon.read(own.view(), own.ticket, true);
  }

  readSync(buffer: Buffer): DataArray {
    this.settle(buffer as NativeBuffer);
    return (buffer as NativeBuffer).view().slice();
  }

  /** Waits for the run that writes the buffer; throws that run's error. */
  private settle(buffer: NativeBuffer): void {
    if (buffer.job !== null) this.queue.finish(buffer.job);
    if (buffer.error !== null) throw buffer.error;
    if (buffer.ticket === 0) return;
    if (buffer.ticket !== this.known.succeeded) this.addon.wait(buffer.ticket);
    this.known.succeeded = buffer.ticket;
    buffer.ticket = 0;
  }
}

/**
 * Loads the addon: a prebuilt binary or the local build, found by node-gyp-build from the package's root. Throws an UnavailableError where
 * there is none, it is damaged or the system cannot load it, and a BackendError where a setting such as FLAXEN_ISA is wrong.
 */
export function loadAddon(): Addon {
  let addon: Addon;
  try {
    const require = createRequire(join(packageRoot, 'package.json'));
    const file = (require('node-gyp-build') as { path(folder: string): string }).path(packageRoot);
    const damage = cutShort(file);
    if (damage !== null) throw new UnavailableError(`the addon is damaged: ${file} ${damage}`, addonMend());
    addon = require(file) as Addon;
  } catch (cause) {
    if (cause instanceof UnavailableError) throw cause;
    const error = cause as NodeJS.ErrnoException;
    const line = error.message.split('\n')[0]!;
    const forbidden = permissionNeeded(error);
    if (forbidden !== null)
      throw new UnavailableError("Node's permission model forbids the addon", `Start Node with ${forbidden}.`, { cause });
    if (error.message.startsWith('No native build was found')) throw new UnavailableError('the addon is not built', addonMend(), { cause });
    if (error.code === 'ERR_DLOPEN_FAILED') throw new UnavailableError(`the addon does not load: ${line}`, addonMend(), { cause });
    throw new BackendError(line, { cause });
  }
  const { version } = addon.info();
  if (version !== packageVersion())
    throw new UnavailableError(`the addon is built from flaxen ${version}, not ${packageVersion()}`, addonMend());
  return addon;
}

/** tfjs-node runs what the C++ kernels lack; it is opened by the first program that needs it. */
let tfjs: Foreign | null = null;

function openTfjsFor(primitive: string): Foreign {
  try {
    return (tfjs ??= openTfjs());
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    const { why, mend } = error;
    throw new UnavailableError(`the primitive "${primitive}" has no C++ kernel and runs through tfjs-node, but ${why}`, mend, {
      cause: error,
    });
  }
}

export function openNative(): Backend {
  const addon = loadAddon();
  return new NativeBackend(addon, new Set(addon.info().primitives), openTfjsFor);
}
