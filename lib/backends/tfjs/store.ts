/**
 * Who owns TensorFlow's tensors. They live until they are deleted, but inside a synchronous loop JavaScript never learns that a value was dropped. So results stay
 * TensorFlow's while they are recent; the oldest beyond a bound move to memory that V8 allocates, and so reclaims in such a loop too. Donated ones go at once.
 */
import { sameShape, sizeOf, type Shape } from '../../core/aval.js';
import type { DataArray, DType } from '../../core/dtype.js';
import type { Backend, Buffer } from '../backend.js';
import { heldAs } from './lower.js';
import { TF_TYPES, type Binding } from './load.js';

const MOST_TENSORS = 4096;
const MOST_BYTES = 128 * 2 ** 20;
const NONE = -1;

/** Where the numbers of a buffer are: TensorFlow's tensor, or an array (uint32 as int32), or both. */
interface Cell {
  id: number;
  shape: Shape;
  host: DataArray | null;
  readonly bytes: number;
}

export class TfjsBuffer implements Buffer {
  donatedTo: string | null = null;
  constructor(
    readonly backend: Backend,
    readonly dtype: DType,
    readonly length: number,
    /** @internal */ readonly cell: Cell,
  ) {}
}

export class Store {
  /** Cells with a tensor, the oldest first. */
  private readonly live = new Set<Cell>();
  private bytes = 0;
  private readonly dropped = new FinalizationRegistry((cell: Cell) => this.release(cell));

  constructor(
    private readonly backend: Backend,
    private readonly binding: Binding,
  ) {}

  /** A buffer of numbers that nobody else will change. */
  fromArray(dtype: DType, host: DataArray): TfjsBuffer {
    const array = host instanceof Uint32Array ? new Int32Array(host.buffer, host.byteOffset, host.length) : host;
    return this.buffer(dtype, { id: NONE, shape: [], host: array, bytes: host.byteLength });
  }

  /** A buffer that owns a tensor. */
  fromTensor(dtype: DType, id: number, shape: Shape): TfjsBuffer {
    const buffer = this.buffer(dtype, { id: NONE, shape, host: null, bytes: sizeOf(shape) * (dtype === 'bool' ? 1 : 4) });
    this.keep(buffer, id, shape);
    return buffer;
  }

  /** The buffer's tensor; it stays the buffer's. */
  tensor(buffer: TfjsBuffer, shape: Shape): number {
    const { cell, dtype } = buffer;
    if (cell.id !== NONE && sameShape(cell.shape, shape)) return cell.id;
    const host = this.array(cell);
    this.release(cell);
    this.keep(buffer, this.binding.createTensor(shape, TF_TYPES[heldAs[dtype]], host), shape);
    cell.host = null;
    return cell.id;
  }

  /** A copy of the numbers. */
  read({ cell, dtype }: TfjsBuffer): DataArray {
    const array = cell.host === null ? this.binding.tensorDataSync(cell.id) : cell.host.slice();
    return dtype === 'uint32' ? new Uint32Array(array.buffer, array.byteOffset, array.length) : array;
  }

  /** Deletes the tensor of a buffer that nobody will use again. */
  discard({ cell }: TfjsBuffer): void {
    this.release(cell);
    cell.host = null;
  }

  /** Moves the oldest tensors out while there are too many. */
  shrink(): void {
    for (const cell of this.live) {
      if (this.live.size <= MOST_TENSORS && this.bytes <= MOST_BYTES) return;
      cell.host = this.array(cell);
      this.release(cell);
    }
  }

  private buffer(dtype: DType, cell: Cell): TfjsBuffer {
    return new TfjsBuffer(this.backend, dtype, cell.bytes / (dtype === 'bool' ? 1 : 4), cell);
  }

  private array(cell: Cell): DataArray {
    return cell.host ?? this.binding.tensorDataSync(cell.id);
  }

  private keep(buffer: TfjsBuffer, id: number, shape: Shape): void {
    const { cell } = buffer;
    cell.id = id;
    cell.shape = shape;
    this.live.add(cell);
    this.bytes += cell.bytes;
    this.dropped.register(buffer, cell, cell);
  }

  private release(cell: Cell): void {
    if (cell.id === NONE) return;
    this.binding.deleteTensor(cell.id);
    cell.id = NONE;
    this.live.delete(cell);
    this.bytes -= cell.bytes;
    this.dropped.unregister(cell); // the registry's own entries would pile up too
  }
}
