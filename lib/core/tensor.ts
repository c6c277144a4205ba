/** The one kind of value: an immutable array, concrete or traced. */
import type { Buffer } from '../backends/backend.js';
import { Aval, formatShape, type Shape } from './aval.js';
import type { DataArray, DType } from './dtype.js';
import { ConcretizationError, DonatedError, ShapeError } from './errors.js';
import { turnIfDue } from './event_loop.js';
import type { TapeNode } from './tape.js';
import type { Trace } from './trace.js';

/** util.inspect.custom, without asking those who compile against these types for Node's own. */
const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** A value of the graph that is being traced. */
export interface Variable {
  readonly trace: Trace;
  readonly id: number;
}

/** Where a differentiated value came from: the output `index` of `node`. */
export interface Origin {
  readonly node: TapeNode;
  readonly index: number;
}

/** Numbers or booleans in arrays in arrays, as deep as a tensor has dimensions. */
export type NestedArray = number | boolean | NestedArray[];

/**
 * An immutable n-dimensional array: `shape`, `dtype` (float32, int32, uint32, bool), and either numbers on a backend or, inside `jit`, a variable of the graph.
 * Needs no disposal. Methods for common operations (`add`, `mean`, `reshape`, ...) are those of `np`.
 * @example
 * const x = np.array([[1, 2], [3, 4]]);
 * x.shape; // => [2, 2]
 * x.mul(10).sum(0); // => Tensor float32[2] [40, 60]
 * await x.data(); // => Float32Array(4) [1, 2, 3, 4]
 */
export class Tensor {
  /** @internal */
  constructor(
    /** Shape, dtype and weakness together; equal types are one object. */
    readonly aval: Aval,
    /** @internal */ readonly buffer: Buffer | null,
    /** @internal */ readonly variable: Variable | null,
    /** @internal */ readonly origin: Origin | null,
  ) {}

  /** @internal */
  static concrete(aval: Aval, buffer: Buffer): Tensor {
    return new Tensor(aval, buffer, null, null);
  }

  /** @internal The same value, made by another node of the tape, or by none. */
  withOrigin(origin: Origin | null): Tensor {
    return new Tensor(this.aval, this.buffer, this.variable, origin);
  }

  /** The sizes of the dimensions; `[]` for a scalar. */
  get shape(): Shape {
    return this.aval.shape;
  }
  /** The elements' type: float32, int32, uint32 or bool. */
  get dtype(): DType {
    return this.aval.dtype;
  }
  /** How many dimensions there are. */
  get ndim(): number {
    return this.aval.rank;
  }
  /** How many elements there are. */
  get size(): number {
    return this.aval.size;
  }
  /** True for a value whose dtype yields to others', as that of a JavaScript number does. */
  get weakType(): boolean {
    return this.aval.weak;
  }

  /** @internal The buffer, if there is one that may still be read. */
  live(what: string): Buffer {
    if (this.buffer === null) {
      throw new ConcretizationError(
        `${what} needs the numbers of ${this}, which is traced: inside jit or vmap there are only shapes. ` +
          'Return the value and read it outside, use np.where instead of branching on it, or make the argument static by passing a boolean or string.',
      );
    }
    if (this.buffer.donatedTo !== null) {
      throw new DonatedError(
        `tensor was donated to ${this.buffer.donatedTo}: its memory (${this.aval}) now holds a result. Use the returned value, or drop the donate option.`,
      );
    }
    return this.buffer;
  }

  /**
   * The numbers in row-major order, as a copy, once they are computed; never blocks the event loop. `bool` comes as a Uint8Array of 0 and 1. Rejects with
   * DonatedError where the memory was donated, ConcretizationError where the tensor is traced.
   * @example await np.array([[1, 2], [3, 4]]).data(); // => Float32Array(4) [1, 2, 3, 4]
   */
  async data(): Promise<DataArray> {
    const buffer = this.live('data()');
    const data = await buffer.backend.read(buffer);
    await turnIfDue();
    return data;
  }

  /**
   * Like `data()`, but blocks until the numbers are there.
   * @example np.array([true, false]).dataSync(); // => Uint8Array(2) [1, 0]
   */
  dataSync(): DataArray {
    const buffer = this.live('dataSync()');
    return buffer.backend.readSync(buffer);
  }

  /**
   * The only element as a number (a boolean for dtype bool); blocks until it is there. Throws ShapeError where there are more.
   * @example
   * np.array([[7]]).item(); // => 7
   * np.ones([2]).item(); // throws ShapeError: item() needs a tensor of one element, got Tensor<float32[2]>; …
   */
  item(): number | boolean {
    if (this.size !== 1) throw new ShapeError(`item() needs a tensor of one element, got ${this}; use toArray() or dataSync()`);
    const buffer = this.live('item()');
    const value = buffer.backend.readSync(buffer)[0]!;
    return this.dtype === 'bool' ? value !== 0 : value;
  }

  /**
   * Nested arrays of numbers (booleans for dtype bool), a bare one for a scalar; blocks until they are there.
   * @example np.eye(2).toArray(); // => [[1, 0], [0, 1]]
   */
  toArray(): NestedArray {
    const buffer = this.live('toArray()');
    return nest(buffer.backend.readSync(buffer), this.shape, this.dtype);
  }

  /**
   * Nested arrays, once they are computed; never blocks the event loop.
   * @example await np.array([[1, 2], [3, 4]]).sum(0).array(); // => [4, 6]
   */
  async array(): Promise<NestedArray> {
    return nest(await this.data(), this.shape, this.dtype);
  }

  /**
   * `toArray()`, for JSON.stringify; blocks until the numbers are there.
   * @example JSON.stringify({ loss: np.array(0.5) }); // => '{"loss":0.5}'
   */
  toJSON(): NestedArray {
    return this.toArray();
  }

  /**
   * Dtype and shape, without the numbers.
   * @example np.ones([2, 3]).toString(); // => 'Tensor<float32[2, 3]>'
   */
  toString(): string {
    return this.buffer === null ? `Traced<${this.aval}>` : `Tensor<${this.aval}>`;
  }

  [Symbol.toPrimitive](hint: string): string | number | boolean {
    if (hint === 'string') return this.toString();
    if (this.buffer !== null && this.size !== 1) {
      throw new ShapeError(
        `${this} is no single number: JavaScript's operators do not work on tensors, use np.add, np.multiply, np.less and so on`,
      );
    }
    this.live('a JavaScript operator or comparison');
    return this.item();
  }

  [inspectCustom](): string {
    if (this.buffer === null) return this.toString();
    if (this.buffer.donatedTo !== null) return `Tensor<${this.aval}> (donated to ${this.buffer.donatedTo})`;
    if (this.size > 1000) return `${this}`;
    return `Tensor ${this.dtype}${formatShape(this.shape)} ${format(this.toArray())}`;
  }
}

const format = (value: NestedArray): string => {
  if (Array.isArray(value)) return `[${value.map(format).join(', ')}]`;
  return typeof value === 'number' ? shortest(value) : String(value);
};

/** As few digits as tell a float32 from its neighbours: 0.1, not 0.10000000149011612. */
function shortest(value: number): string {
  if (!Number.isSafeInteger(value)) {
    for (let digits = 6; digits <= 9; digits++) {
      const rounded = Number(value.toPrecision(digits));
      if (Math.fround(rounded) === value) return String(rounded);
    }
  }
  return String(value);
}

function nest(data: DataArray, shape: Shape, dtype: DType): NestedArray {
  let at = 0;
  const level = (dim: number): NestedArray => {
    if (dim === shape.length) {
      const value = data[at++]!;
      return dtype === 'bool' ? value !== 0 : value;
    }
    return Array.from({ length: shape[dim]! }, () => level(dim + 1));
  };
  return level(0);
}
