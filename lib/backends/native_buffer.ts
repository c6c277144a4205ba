/** An array in memory that V8 allocates, written by native runs. */
import { viewOf } from '../core/dtype.js';
import type { Backend, Buffer, DataArray, DType } from './backend.js';
import { Block } from './memory.js';
import type { Job } from './run_queue.js';

const NOWHERE = new Block(new ArrayBuffer(0));
const UNKNOWN = -1;

export class NativeBuffer implements Buffer {
  donatedTo: string | null = null;
  /** The run in steps that will make this array, and what became of it if it failed. */
  job: Job | null = null;
  error: Error | null = null;
  constructor(
    readonly backend: Backend,
    readonly dtype: DType,
    readonly length: number,
    public block: Block,
    public offset: number,
    /** The native run that writes this array; 0 once nothing is pending, negative while there is no array or never will be. */
    public ticket: number,
  ) {}

  /** A buffer whose array a run in steps will make. */
  static promised(backend: Backend, dtype: DType, length: number): NativeBuffer {
    return new NativeBuffer(backend, dtype, length, NOWHERE, 0, UNKNOWN);
  }

  /** Keeps a promise. */
  become({ block, offset, ticket }: NativeBuffer): void {
    this.block = block;
    this.offset = offset;
    this.ticket = ticket;
    this.job = null;
  }

  /** Breaks a promise that is not kept already. */
  fail(error: Error): void {
    if (this.ticket === UNKNOWN) this.error = error;
    this.job = null;
  }

  /** The numbers where they lie. */
  view(): DataArray {
    return viewOf(this.dtype, this.block.bytes, this.offset, this.length);
  }
}
