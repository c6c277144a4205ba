/**
 * Who owns TensorFlow's tensors. They live until they are deleted, but inside a synchronous loop JavaScript never learns that a value was dropped. So tensors stay
 * TensorFlow's while they are in use; those that nobody used while many others were made move to memory that V8 allocates, and so reclaims in such a loop too.
 * Donated ones go at once.
 */
import { sameShape, sizeOf, type Shape } from '../../core/aval.js';
import type { DataArray, DType } from '../../core/dtype.js';
import type { Backend, Buffer } from '../backend.js';
import { heldAs } from './lower.js';
import { TF_TYPES, type Binding } from './load.js';

// So much may be made between two uses of a tensor before it moves.
const TENSORS_BETWEEN = 1024;
const BYTES_BETWEEN = 128 * 2 ** 20;
// Tensors of so many bytes also go when V8 finds that nobody holds them. Of smaller ones few bytes can wait, and each entry of a registry costs V8 more than they take.
export const LARGE_BYTES = 2 ** 16;
const NONE = -1;

/**
 * Where the numbers of a buffer are: TensorFlow's tensor, or an array (uint32 as int32), or both. A class, since V8 learns from object literals that outlive
 * collections to make them in its old generation, where one that nobody holds keeps its array alive for long.
 */
class Cell {
  id = NONE;
  /** What had been made in all when it was last used. */
  tensorsBefore = 0;
  bytesBefore = 0;
  /** The run that last used or made it. */
  run = 0;
  /** Its neighbours among the cells with a tensor, null elsewhere. */
  before: Cell | null = null;
  after: Cell | null = null;

  constructor(
    public shape: Shape,
    public host: DataArray | null,
    readonly bytes: number,
  ) {}
}

/**
 * Cells in the order in which they were appended. Linked by the cells themselves: a Set leaves its outgrown tables behind, each with a pointer to the next, and
 * once V8 has moved one of those to its old generation it keeps all later ones alive, and what they list, until that is collected.
 */
class CellList {
  first: Cell | null = null;
  private last: Cell | null = null;

  append(cell: Cell): void {
    cell.before = this.last;
    if (this.last === null) this.first = cell;
    else this.last.after = cell;
    this.last = cell;
  }

  remove(cell: Cell): void {
    const { before, after } = cell;
    if (before === null) this.first = after;
    else before.after = after;
    if (after === null) this.last = before;
    else after.before = before;
    cell.before = cell.after = null;
  }
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
  /** Cells with a tensor, about in the order of their last uses. */
  private readonly live = new CellList();
  /** How many tensors have been made so far, and of how many bytes. */
  private tensors = 0;
  private bytes = 0;
  private run = 0;
  private readonly dropped = new FinalizationRegistry((cell: Cell) => this.release(cell));

  constructor(
    private readonly backend: Backend,
    private readonly binding: Binding,
  ) {}

  /** A buffer of numbers that nobody else will change. */
  fromArray(dtype: DType, host: DataArray): TfjsBuffer {
    const array = host instanceof Uint32Array ? new Int32Array(host.buffer, host.byteOffset, host.length) : host;
    return this.buffer(dtype, [], array, host.byteLength);
  }

  /** A buffer that owns a tensor. */
  fromTensor(dtype: DType, id: number, shape: Shape): TfjsBuffer {
    const buffer = this.buffer(dtype, shape, null, sizeOf(shape) * (dtype === 'bool' ? 1 : 4));
    this.keep(buffer, id, shape);
    return buffer;
  }

  /** The buffer's tensor; it stays the buffer's. */
  tensor(buffer: TfjsBuffer, shape: Shape): number {
    const { cell, dtype } = buffer;
    if (cell.id !== NONE && sameShape(cell.shape, shape)) {
      this.touch(cell);
      return cell.id;
    }
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

  /** Ends a run: moves out what has not been used for long, but nothing of this run and the one before, however much they made. */
  endRun(): void {
    this.run++;
    for (let cell = this.live.first; cell !== null; cell = this.live.first) {
      if (cell.run >= this.run - 2 || this.isRecent(cell, TENSORS_BETWEEN, BYTES_BETWEEN)) return;
      cell.host = this.array(cell);
      this.release(cell);
    }
  }

  private isRecent(cell: Cell, tensors: number, bytes: number): boolean {
    return this.tensors - cell.tensorsBefore <= tensors && this.bytes - cell.bytesBefore <= bytes;
  }

  /** Notes a use. The order is put right in time only, which costs a step less. */
  private touch(cell: Cell): void {
    cell.run = this.run;
    if (!this.isRecent(cell, TENSORS_BETWEEN / 2, BYTES_BETWEEN / 2)) {
      this.live.remove(cell);
      this.live.append(cell);
      cell.tensorsBefore = this.tensors;
      cell.bytesBefore = this.bytes;
    }
  }

  private buffer(dtype: DType, shape: Shape, host: DataArray | null, bytes: number): TfjsBuffer {
    return new TfjsBuffer(this.backend, dtype, bytes / (dtype === 'bool' ? 1 : 4), new Cell(shape, host, bytes));
  }

  private array(cell: Cell): DataArray {
    return cell.host ?? this.binding.tensorDataSync(cell.id);
  }

  private keep(buffer: TfjsBuffer, id: number, shape: Shape): void {
    const { cell } = buffer;
    cell.id = id;
    cell.shape = shape;
    this.live.append(cell);
    cell.run = this.run;
    cell.tensorsBefore = ++this.tensors;
    cell.bytesBefore = this.bytes += cell.bytes;
    if (cell.bytes >= LARGE_BYTES) this.dropped.register(buffer, cell, cell);
  }

  private release(cell: Cell): void {
    if (cell.id === NONE) return;
    this.binding.deleteTensor(cell.id);
    cell.id = NONE;
    this.live.remove(cell);
    if (cell.bytes >= LARGE_BYTES) this.dropped.unregister(cell); // the registry's own entries would pile up too
  }
}
