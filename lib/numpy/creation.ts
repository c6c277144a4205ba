/** Tensors from nested arrays, typed arrays, and formulas. */
import { fromNumbers, fromTypedArray } from '../core/array.js';
import { Aval, formatShape, MAX_RANK, sizeOf, type Shape } from '../core/aval.js';
import { promote, type DType, type TypeLike } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { asTensor, cast, checkDType, describe, dtypeOption, settle, typeOf, type DTypeOption, type TensorLike } from './operands.js';

/** Nested arrays of numbers, booleans or tensors. */
export type ArrayData = TensorLike | ArrayBufferView | readonly ArrayData[];

/** What `array` can be told. */
export interface ArrayOptions {
  /** The dtype; default the data's own. */
  readonly dtype?: DType;
  /** The shape; default the data's own. */
  readonly shape?: Shape;
}

/**
 * A tensor from nested arrays of numbers (float32, whole ones too, since gradients need floats), of booleans (bool), or of tensors (stacked); from a typed array
 * (its own dtype; other widths of whole numbers int32, Float64Array float32); or from a tensor. Data is copied.
 * Throws ShapeError for ragged nests, with the path, and ArgumentError for what is no number. As jnp.array.
 * @example
 * np.array([[1, 2], [3, 4]]); // => Tensor float32[2, 2] [[1, 2], [3, 4]]
 * np.array(Int32Array.of(1, 2, 3, 4), { shape: [2, 2] }); // => Tensor int32[2, 2] [[1, 2], [3, 4]]
 * np.array([true, false]).dtype; // => 'bool'
 * np.array([[1, 2], [3]]); // throws ShapeError: np.array got a ragged nest: [1] has 1 entries …
 */
export function array(data: ArrayData, options: ArrayOptions | DType = {}): Tensor {
  const dtype = dtypeOption(options, 'array');
  const shape = typeof options === 'string' ? undefined : options.shape;
  if (ArrayBuffer.isView(data)) return fromTypedArray(data, shape, dtype);
  const t = data instanceof Tensor ? data : fromNested(data, dtype);
  if (shape !== undefined && sizeOf(shape) !== t.size)
    throw new ShapeError(`np.array got ${t.size} elements, which do not fill the shape ${formatShape(shape)}`);
  return lax.reshape(dtype === undefined ? t : cast(t, dtype), shape ?? t.shape);
}

/**
 * A tensor from anything that `array` takes; a tensor comes back as it is. As jnp.asarray.
 * @example np.asarray(Uint8Array.of(1, 2)); // => Tensor int32[2] [1, 2]
 */
export const asarray = array;

function fromNested(data: Exclude<ArrayData, ArrayBufferView>, dtype: DType | undefined): Tensor {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) {
    if (shape.length === MAX_RANK)
      throw new ShapeError(`np.array got arrays nested deeper than the ${MAX_RANK} dimensions that a tensor may have`);
    shape.push(level.length);
  }
  const kinds = { number: false, boolean: false, other: false };
  survey(data, [], shape, 0, kinds);
  if (kinds.other) return stackNested(data, dtype);
  const own: DType = kinds.boolean && !kinds.number ? 'bool' : 'float32';
  const to = dtype ?? own;
  const flat = to === 'float32' ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  let at = 0;
  const fill = (level: unknown): void => {
    if (Array.isArray(level)) for (const entry of level) fill(entry);
    else flat[at++] = Number(level);
  };
  fill(data);
  return fromNumbers(flat, Aval.of(shape, to));
}

/** Notes the kinds of entries; throws at the first that is none, or whose place has another length than its siblings. */
function survey(level: unknown, path: number[], shape: Shape, depth: number, kinds: Record<'number' | 'boolean' | 'other', boolean>): void {
  const at = (p: readonly number[]): string => (p.length === 0 ? 'the root' : p.map((i) => `[${i}]`).join(''));
  if (Array.isArray(level)) {
    if (depth >= shape.length || level.length !== shape[depth]) {
      if (kinds.other) return; // stacking compares the shapes
      const want = depth >= shape.length ? 'a number' : `an array of ${shape[depth]}`;
      throw new ShapeError(
        `np.array got a ragged nest: ${at(path)} has ${level.length} entries where its siblings have ${want}; all must agree`,
      );
    }
    for (let i = 0; i < level.length; i++) {
      path.push(i);
      survey(level[i], path, shape, depth + 1, kinds);
      path.pop();
    }
    return;
  }
  if (typeof level === 'number') kinds.number = true;
  else if (typeof level === 'boolean') kinds.boolean = true;
  else if (level instanceof Tensor || ArrayBuffer.isView(level)) {
    kinds.other = true;
    return;
  } else throw new ArgumentError(`np.array got ${describe(level)} at ${at(path)}: entries are numbers, booleans or tensors`);
  if (depth < shape.length && !kinds.other) {
    throw new ShapeError(
      `np.array got a ragged nest: ${at(path)} is a number where its siblings have an array of ${shape[depth]}; all must agree`,
    );
  }
}

/** Nests that hold tensors: each level is stacked, so that traced ones may be among them. */
function stackNested(data: unknown, dtype: DType | undefined): Tensor {
  const types: TypeLike[] = [];
  const collect = (level: unknown): void => {
    if (Array.isArray(level)) level.forEach(collect);
    else types.push(typeOf(settle(level as TensorLike, 'array')));
  };
  collect(data);
  const to = dtype ?? promote(types).dtype;
  const build = (level: unknown): Tensor => {
    if (!Array.isArray(level)) {
      const value = settle(level as TensorLike, 'array');
      return value instanceof Tensor ? cast(value, to) : lax.full([], Number(value), to);
    }
    const parts = level.map(build);
    const odd = parts.find((p) => p.shape.join() !== parts[0]!.shape.join());
    if (odd) throw new ShapeError(`np.array stacks tensors of one shape, got ${parts[0]!} and ${odd}`);
    return lax.concatenate(
      parts.map((p) => lax.reshape(p, [1, ...p.shape])),
      0,
    );
  };
  return build(data);
}

/**
 * Zeros, float32 unless a dtype is given. As jnp.zeros.
 * @example np.zeros([2, 2]); // => Tensor float32[2, 2] [[0, 0], [0, 0]]
 */
export const zeros = (shape: Shape | number, options?: DTypeOption): Tensor => full(shape, 0, dtypeOption(options, 'zeros') ?? 'float32');

/**
 * Ones, float32 unless a dtype is given. As jnp.ones.
 * @example np.ones([3], 'int32'); // => Tensor int32[3] [1, 1, 1]
 */
export const ones = (shape: Shape | number, options?: DTypeOption): Tensor => full(shape, 1, dtypeOption(options, 'ones') ?? 'float32');

/**
 * A tensor full of one value: a number (float32 unless a dtype is given), a boolean, or a tensor, which is broadcast. As jnp.full.
 * @example np.full([2, 2], 7); // => Tensor float32[2, 2] [[7, 7], [7, 7]]
 */
export function full(shape: Shape | number, value: TensorLike, options?: DTypeOption): Tensor {
  const form = typeof shape === 'number' ? [shape] : shape;
  if (!Array.isArray(form)) throw new ArgumentError(`np.full takes a shape such as [2, 3], got ${describe(shape)}`);
  const v = settle(value, 'full');
  const dtype = dtypeOption(options, 'full');
  if (v instanceof Tensor) return lax.broadcastTo(dtype === undefined ? v : cast(v, dtype), form);
  return lax.full(form, Number(v), dtype ?? (typeof v === 'boolean' ? 'bool' : 'float32'));
}

/**
 * Zeros of x's shape and dtype.
 * @example np.zerosLike(np.ones([2], 'int32')); // => Tensor int32[2] [0, 0]
 */
export const zerosLike = (x: TensorLike, options?: DTypeOption): Tensor => fullLike(x, 0, options);

/**
 * Ones of x's shape and dtype.
 * @example np.onesLike(np.zeros([2], 'int32')); // => Tensor int32[2] [1, 1]
 */
export const onesLike = (x: TensorLike, options?: DTypeOption): Tensor => fullLike(x, 1, options);

/**
 * A tensor of x's shape and dtype, full of one value.
 * @example np.fullLike(np.ones([2], 'int32'), 7); // => Tensor int32[2] [7, 7]
 */
export function fullLike(x: TensorLike, value: TensorLike, options?: DTypeOption): Tensor {
  const t = asTensor(x, 'fullLike');
  return full(t.shape, value, dtypeOption(options, 'fullLike') ?? t.dtype);
}

/**
 * Numbers from `start` (0 when only a stop is given) up to and without `stop` by `step`: int32 if all three are whole, else float32. As jnp.arange.
 * @example
 * np.arange(3); // => Tensor int32[3] [0, 1, 2]
 * np.arange(0, 1, 0.25); // => Tensor float32[4] [0, 0.25, 0.5, 0.75]
 */
export function arange(startOrStop: number, stop?: number | DTypeOption, step: number = 1, options?: DTypeOption): Tensor {
  if (typeof stop === 'object' || typeof stop === 'string') [stop, options] = [undefined, stop];
  const [from, to] = stop === undefined ? [0, startOrStop] : [startOrStop, stop];
  for (const v of [from, to, step]) {
    if (typeof v !== 'number' || !Number.isFinite(v))
      throw new ArgumentError(`np.arange takes finite numbers known when it is called, got ${describe(v)}`);
  }
  if (step === 0) throw new ArgumentError('np.arange got the step 0: use one that leads from start to stop');
  const count = Math.max(0, Math.ceil((to - from) / step));
  const dtype = dtypeOption(options, 'arange') ?? ([from, to, step].every(Number.isInteger) ? 'int32' : 'float32');
  if (from === 0 && step === 1) return lax.iota([count], 0, dtype);
  return fromNumbers(
    Float64Array.from({ length: count }, (_, i) => from + i * step),
    Aval.of([count], dtype),
  );
}

/** What `linspace` can be told. */
export interface LinspaceOptions {
  /** How many numbers; default 50. */
  readonly num?: number;
  /** Whether `stop` is the last; default true. */
  readonly endpoint?: boolean;
  readonly dtype?: DType;
}

/**
 * `num` evenly spaced numbers from `start` to `stop`, float32 unless a dtype is given. As jnp.linspace.
 * @example np.linspace(0, 1, 5); // => Tensor float32[5] [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace(start: number, stop: number, options: LinspaceOptions | number = {}): Tensor {
  const { num = 50, endpoint = true, dtype = 'float32' } = typeof options === 'number' ? { num: options } : options;
  if (!Number.isInteger(num) || num < 0) throw new ArgumentError(`np.linspace makes a whole number of elements, got num ${num}`);
  const gaps = endpoint ? num - 1 : num;
  const at = (i: number): number => (endpoint && i === num - 1 && num > 1 ? stop : start + (gaps > 0 ? (i * (stop - start)) / gaps : 0));
  const numbers = Float64Array.from({ length: num }, (_, i) => (dtype === 'float32' ? at(i) : Math.floor(at(i))));
  return fromNumbers(numbers, Aval.of([num], checkDType(dtype, 'linspace')));
}

/** What `eye` and `tri` can be told. */
export interface EyeOptions {
  /** Columns; default as many as rows. */
  readonly m?: number;
  /** Which diagonal: above the main one if positive. */
  readonly k?: number;
  readonly dtype?: DType;
}

/**
 * Ones on a diagonal, zeros elsewhere: [n, m], float32 unless a dtype is given. As jnp.eye.
 * @example np.eye(2, { m: 3, k: 1 }); // => Tensor float32[2, 3] [[0, 1, 0], [0, 0, 1]]
 */
export function eye(n: number, { m = n, k = 0, dtype = 'float32' }: EyeOptions = {}): Tensor {
  return cast(lax.eq(rows([n, m], k), lax.iota([n, m], 1)), checkDType(dtype, 'eye'));
}

/**
 * The identity matrix [n, n].
 * @example np.identity(2); // => Tensor float32[2, 2] [[1, 0], [0, 1]]
 */
export const identity = (n: number, options?: DTypeOption): Tensor => eye(n, { dtype: dtypeOption(options, 'identity') });

/**
 * Ones at and below a diagonal: [n, m]. As jnp.tri.
 * @example np.tri(3); // => Tensor float32[3, 3] [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
 */
export function tri(n: number, { m = n, k = 0, dtype = 'float32' }: EyeOptions = {}): Tensor {
  return cast(lax.ge(rows([n, m], k), lax.iota([n, m], 1)), checkDType(dtype, 'tri'));
}

/** The row numbers, `k` added. */
function rows(shape: Shape, k: number): Tensor {
  const row = lax.iota(shape, 0);
  return k === 0 ? row : lax.add(row, k);
}
