/** A program as TensorFlow operations, and what builds it. Every operation is pure; equal ones are built once. */
import { totalmem } from 'node:os';
import { sameShape, sizeOf, type Shape } from '../../core/aval.js';
import { MemoryError } from '../../core/errors.js';
import type { TfType } from './load.js';

export type Attribute =
  | { readonly kind: 'type'; readonly value: TfType }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string };
export type Attributes = Readonly<Record<string, Attribute>>;

export const type = (value: TfType): Attribute => ({ kind: 'type', value });
export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const bool = (value: boolean): Attribute => ({ kind: 'bool', value });
export const string = (value: string): Attribute => ({ kind: 'string', value });

export type ConstantData = Float32Array | Int32Array | Uint8Array;

/** A tensor of the program. Its shape may be smaller than what it stands for: elementwise operations broadcast as NumPy does. */
export interface Value {
  readonly id: number;
  readonly type: TfType;
  readonly shape: Shape;
}

export interface TensorType {
  readonly type: TfType;
  readonly shape: Shape;
}

export type Source =
  | { readonly from: 'input'; readonly index: number }
  | { readonly from: 'constant'; readonly data: ConstantData }
  | { readonly from: 'op'; readonly op: Op; readonly output: number };

export interface Op {
  readonly name: string;
  readonly attributes: Attributes;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The primitive that needed it, for messages. */
  readonly origin: string;
}

/** A finished program: `ops` in an order in which they can run. */
export interface TfGraph {
  readonly inputs: readonly Value[];
  readonly ops: readonly Op[];
  /** Where each value comes from, by id. */
  readonly sources: readonly Source[];
  /** Distinct values, each the result of an operation. */
  readonly outputs: readonly Value[];
}

export class Builder {
  readonly inputs: Value[] = [];
  readonly ops: Op[] = [];
  readonly sources: Source[] = [];
  /** The node that is being lowered, for messages. */
  origin = '';
  private readonly built = new Map<string, readonly Value[]>();

  input({ type, shape }: TensorType): Value {
    const value = this.value({ type, shape }, { from: 'input', index: this.inputs.length });
    this.inputs.push(value);
    return value;
  }

  constant(type: 'float' | 'int32' | 'bool', shape: Shape, data: ConstantData): Value {
    const key = data.length > 64 ? null : `${type}${shape.join()}:${Array.from(data, (x) => (Object.is(x, -0) ? '-0' : x)).join()}`;
    const found = key === null ? undefined : this.built.get(key);
    if (found !== undefined) return found[0]!;
    const value = this.value({ type, shape }, { from: 'constant', data });
    if (key !== null) this.built.set(key, [value]);
    return value;
  }

  float(x: number): Value {
    return this.constant('float', [], Float32Array.of(x));
  }

  /** A number, or a vector of them. */
  int32(x: number | readonly number[]): Value {
    return typeof x === 'number' ? this.constant('int32', [], Int32Array.of(x)) : this.constant('int32', [x.length], Int32Array.from(x));
  }

  bool(x: boolean): Value {
    return this.constant('bool', [], Uint8Array.of(x ? 1 : 0));
  }

  /** The number that a constant scalar holds, or null. */
  numberOf(x: Value): number | null {
    const source = this.sources[x.id]!;
    return source.from === 'constant' && source.data.length === 1 ? source.data[0]! : null;
  }

  /** Appends an operation with the outputs given; attributes must be complete but for those with defaults. */
  op(name: string, inputs: readonly Value[], attributes: Attributes, outputs: readonly TensorType[]): readonly Value[] {
    const key = `${name}(${inputs.map((x) => x.id).join()})${JSON.stringify(attributes)}${outputs.map((o) => o.shape.join()).join(';')}`;
    const found = this.built.get(key);
    if (found !== undefined) return found;
    const values: Value[] = [];
    const op: Op = { name, attributes, inputs, outputs: values, origin: this.origin };
    outputs.forEach((o, output) => values.push(this.value(o, { from: 'op', op, output })));
    this.ops.push(op);
    this.built.set(key, values);
    return values;
  }

  /** `x` as a tensor of its own. */
  copy(x: Value): Value {
    const values: Value[] = [];
    const op: Op = { name: 'Identity', attributes: { T: type(x.type) }, inputs: [x], outputs: values, origin: this.origin };
    values.push(this.value(x, { from: 'op', op, output: 0 }));
    this.ops.push(op);
    return values[0]!;
  }

  op1(name: string, inputs: readonly Value[], attributes: Attributes, output: TensorType): Value {
    return this.op(name, inputs, attributes, [output])[0]!;
  }

  /** An operation of one tensor that keeps shape and type. */
  unary(name: string, x: Value): Value {
    return this.op1(name, [x], typed(name, x), x);
  }

  /** An operation of two tensors of one type that broadcast; the result has another type for comparisons. */
  binary(name: string, x: Value, y: Value, result: TfType = x.type): Value {
    const shape = broadcastShapes(x.shape, y.shape);
    if (shape.length > LARGEST_BROADCAST && !sameShape(x.shape, y.shape)) {
      x = this.broadcast(x, shape);
      y = this.broadcast(y, shape);
    }
    return this.op1(name, [x, y], typed(name, x), { type: result, shape });
  }

  /** `condition ? x : y`, all of which broadcast. */
  select(condition: Value, x: Value, y: Value): Value {
    let parts = [condition, x, y];
    const shape = parts.map((p) => p.shape).reduce(broadcastShapes);
    if (shape.length > LARGEST_BROADCAST) parts = parts.map((p) => this.broadcast(p, shape));
    return this.op1('SelectV2', parts, { T: type(x.type) }, { type: x.type, shape });
  }

  cast(x: Value, to: TfType): Value {
    return x.type === to ? x : this.op1('Cast', [x], { SrcT: type(x.type), DstT: type(to) }, { type: to, shape: x.shape });
  }

  /** The same bits as another type of the same size. */
  bitcast(x: Value, to: TfType): Value {
    return x.type === to ? x : this.op1('Bitcast', [x], { T: type(x.type), type: type(to) }, { type: to, shape: x.shape });
  }

  reshape(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x;
    return this.op1('Reshape', [x, this.int32(shape)], { T: type(x.type), Tshape: type('int32') }, { type: x.type, shape });
  }

  transpose(x: Value, perm: readonly number[]): Value {
    if (perm.every((p, i) => p === i)) return x;
    const shape = perm.map((p) => x.shape[p]!);
    return this.op1('Transpose', [x, this.int32(perm)], { T: type(x.type), Tperm: type('int32') }, { type: x.type, shape });
  }

  /** `x` repeated to fill `shape`, as NumPy broadcasts. */
  broadcast(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x;
    if (sizeOf(x.shape) === sizeOf(shape)) return this.reshape(x, shape);
    return this.op1('BroadcastTo', [x, this.int32(shape)], { T: type(x.type), Tidx: type('int32') }, { type: x.type, shape });
  }

  private value({ type, shape }: TensorType, source: Source): Value {
    checkSize(shape, type);
    this.sources.push(source);
    return { id: this.sources.length - 1, type, shape };
  }
}

const LARGEST_DIMENSION = 2 ** 31 - 1; // dimensions travel as int32

function checkSize(shape: Shape, type: TfType): void {
  const elements = sizeOf(shape);
  if (elements * (type === 'bool' ? 1 : 4) <= totalmem() && shape.every((d) => d <= LARGEST_DIMENSION)) return;
  const dtype = type === 'float' ? 'float32' : type;
  throw new MemoryError(`cannot allocate ${elements} elements of ${dtype}: use smaller batches or shapes`);
}

/** The attribute of an operation that takes several types; the logical ones take one. */
const typed = (name: string, x: Value): Attributes => (name.startsWith('Logical') ? {} : { T: type(x.type) });

// TensorFlow's elementwise kernels broadcast over so many dimensions at most.
const LARGEST_BROADCAST = 4;

/** NumPy's broadcasting of two shapes, which are known to fit. */
export function broadcastShapes(x: Shape, y: Shape): Shape {
  if (sameShape(x, y)) return x;
  const [long, short] = x.length >= y.length ? [x, y] : [y, x];
  const lead = long.length - short.length;
  return long.map((d, i) => (i < lead || short[i - lead] === 1 || short[i - lead] === d ? d : short[i - lead]!));
}
