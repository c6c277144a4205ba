/** Memory of arrays. Small ones share buffers: what a run hands to the addon is buffers, not arrays, and a buffer of its own costs V8 half a microsecond. */

const SLAB_BYTES = 4096;
const LARGEST_PIECE = 256;

/** A buffer that V8 allocates, with one array in it or several. */
export class Block {
  /** The run that last listed this block, and its index in that list. */
  run = 0;
  index = 0;
  constructor(readonly bytes: ArrayBuffer) {}
}

/** Hands out pieces of a block, one after the other; a block lives as long as any of its pieces. */
class Slab {
  block = new Block(new ArrayBuffer(SLAB_BYTES));
  private used = 0;
  constructor(private readonly alignment: number) {}

  /** The offset of a new piece in `block`. */
  take(bytes: number): number {
    if (this.used + bytes > SLAB_BYTES) {
      this.block = new Block(new ArrayBuffer(SLAB_BYTES));
      this.used = 0;
    }
    const start = this.used;
    this.used += Math.ceil(bytes / this.alignment) * this.alignment;
    return start;
  }
}

// Scalars have slabs of their own: a program's user keeps its losses for long, and they must not keep its parameters' memory alive.
const scalars = new Slab(4);
const vectors = new Slab(64);

/** Calls `made(block, offset)` with memory of undefined contents for an array of so many bytes. Throws RangeError when there is no memory. */
export function place<T>(bytes: number, made: (block: Block, offset: number) => T): T {
  if (bytes > LARGEST_PIECE || bytes === 0) return made(new Block(new ArrayBuffer(bytes)), 0);
  const slab = bytes <= 4 ? scalars : vectors;
  const offset = slab.take(bytes);
  return made(slab.block, offset);
}
