/** Tensor's methods: each is the np function of its name with the tensor as first argument. */
import type { Shape } from '../core/aval.js';
import type { DType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import * as arithmetic from './arithmetic.js';
import { slice, type Index } from './indexing.js';
import * as linalg from './linalg.js';
import * as logic from './logic.js';
import * as math from './math.js';
import type { TensorLike } from './operands.js';
import { argsort, cumsum, sort, type SortOptions } from './ordering.js';
import * as reductions from './reductions.js';
import type { Axis, ExtremumOptions, ReduceOptions, SumOptions, VarOptions } from './reductions.js';
import * as shaping from './shaping.js';
import { Place } from './updating.js';

type IndexOfOptions = number | null | { axis?: number | null; keepdims?: boolean };

declare module '../core/tensor.js' {
  interface Tensor {
    /** `np.add(this, y)`. */
    add(y: TensorLike): Tensor;
    /** `np.subtract(this, y)`. */
    sub(y: TensorLike): Tensor;
    /** `np.multiply(this, y)`. */
    mul(y: TensorLike): Tensor;
    /** True division, always float32. */
    div(y: TensorLike): Tensor;
    /** `np.remainder(this, y)`. */
    mod(y: TensorLike): Tensor;
    /** `np.power(this, y)`. */
    pow(y: TensorLike): Tensor;
    /** `np.negative(this)`. */
    neg(): Tensor;
    /** `np.abs(this)`. */
    abs(): Tensor;
    /** `np.square(this)`. */
    square(): Tensor;
    /** `np.sqrt(this)`. */
    sqrt(): Tensor;
    /** `np.exp(this)`. */
    exp(): Tensor;
    /** `np.log(this)`. */
    log(): Tensor;
    /** `np.tanh(this)`. */
    tanh(): Tensor;
    /** `np.round(this, options)`. */
    round(options?: { decimals?: number } | number): Tensor;
    /** `np.clip(this, min, max)`. */
    clip(min?: TensorLike | null, max?: TensorLike | null): Tensor;
    /** `np.maximum(this, y)`. */
    maximum(y: TensorLike): Tensor;
    /** `np.minimum(this, y)`. */
    minimum(y: TensorLike): Tensor;

    /** `np.equal(this, y)`. */
    equal(y: TensorLike): Tensor;
    /** `np.notEqual(this, y)`. */
    notEqual(y: TensorLike): Tensor;
    /** `np.less(this, y)`. */
    less(y: TensorLike): Tensor;
    /** `np.lessEqual(this, y)`. */
    lessEqual(y: TensorLike): Tensor;
    /** `np.greater(this, y)`. */
    greater(y: TensorLike): Tensor;
    /** `np.greaterEqual(this, y)`. */
    greaterEqual(y: TensorLike): Tensor;
    /** `np.logicalAnd(this, y)`. */
    logicalAnd(y: TensorLike): Tensor;
    /** `np.logicalOr(this, y)`. */
    logicalOr(y: TensorLike): Tensor;
    /** `np.logicalNot(this)`. */
    logicalNot(): Tensor;

    /** `np.sum(this, options)`. */
    sum(options?: SumOptions | Axis): Tensor;
    /** `np.mean(this, options)`. */
    mean(options?: ReduceOptions | Axis): Tensor;
    /** `np.prod(this, options)`. */
    prod(options?: SumOptions | Axis): Tensor;
    /** `np.max(this, options)`. */
    max(options?: ExtremumOptions | Axis): Tensor;
    /** `np.min(this, options)`. */
    min(options?: ExtremumOptions | Axis): Tensor;
    /** `np.any(this, options)`. */
    any(options?: ReduceOptions | Axis): Tensor;
    /** `np.all(this, options)`. */
    all(options?: ReduceOptions | Axis): Tensor;
    /** `np.var(this, options)`. */
    var(options?: VarOptions | Axis): Tensor;
    /** `np.std(this, options)`. */
    std(options?: VarOptions | Axis): Tensor;
    /** `np.argmax(this, options)`. */
    argmax(options?: IndexOfOptions): Tensor;
    /** `np.argmin(this, options)`. */
    argmin(options?: IndexOfOptions): Tensor;
    /** `np.cumsum(this, options)`. */
    cumsum(options?: number | null | { axis?: number | null }): Tensor;
    /** `np.sort(this, options)`. */
    sort(options?: number | null | SortOptions): Tensor;
    /** `np.argsort(this, options)`. */
    argsort(options?: number | null | SortOptions): Tensor;

    /** `np.matmul(this, y)`. */
    matmul(y: TensorLike): Tensor;
    /** `np.dot(this, y)`. */
    dot(y: TensorLike): Tensor;

    /** The same elements under another shape: `x.reshape(2, -1)` or `x.reshape([2, -1])`. */
    reshape(...shape: number[] | [Shape]): Tensor;
    /** `np.ravel(this)`. */
    ravel(): Tensor;
    /** `np.ravel(this)`. */
    flatten(): Tensor;
    /** The axes in reverse order, or in the order given, as numbers or as a list. */
    transpose(...axes: number[] | [readonly number[]]): Tensor;
    /** The axes in reverse order. */
    readonly T: Tensor;
    /** `np.squeeze(this, axis)`. */
    squeeze(axis?: number | readonly number[] | null): Tensor;
    /** `np.expandDims(this, axis)`. */
    expandDims(axis: number | readonly number[]): Tensor;
    /** `np.astype(this, dtype)`. */
    astype(dtype: DType): Tensor;

    /** The elements at an index, NumPy's `x[...]`: `x.slice(0)`, `x.slice([1, 3], '...', null)`, `x.slice(rows)`. See `Index`. */
    slice(...specs: Index[]): Tensor;
    /** A place in the tensor, for functional updates: `x.at(i).set(v)`, `.add(v)`, `.get()`. See `Index`. */
    at(...specs: Index[]): Place;
    /** The slices along the first axis, so that `const [a, b] = x` works; a scalar throws. */
    [Symbol.iterator](): IterableIterator<Tensor>;
  }
}

// Functions whose first operand is the tensor and whose other arguments pass through.
const passing: Record<string, (x: Tensor, ...rest: never[]) => unknown> = {
  add: arithmetic.add,
  sub: arithmetic.subtract,
  mul: arithmetic.multiply,
  div: arithmetic.divide,
  mod: arithmetic.remainder,
  pow: arithmetic.power,
  neg: arithmetic.negative,
  abs: arithmetic.abs,
  square: arithmetic.square,
  sqrt: math.sqrt,
  exp: math.exp,
  log: math.log,
  tanh: math.tanh,
  round: math.round,
  clip: arithmetic.clip,
  maximum: arithmetic.maximum,
  minimum: arithmetic.minimum,
  equal: logic.equal,
  notEqual: logic.notEqual,
  less: logic.less,
  lessEqual: logic.lessEqual,
  greater: logic.greater,
  greaterEqual: logic.greaterEqual,
  logicalAnd: logic.logicalAnd,
  logicalOr: logic.logicalOr,
  logicalNot: logic.logicalNot,
  sum: reductions.sum,
  mean: reductions.mean,
  prod: reductions.prod,
  max: reductions.max,
  min: reductions.min,
  any: reductions.any,
  all: reductions.all,
  var: reductions.var,
  std: reductions.std,
  argmax: reductions.argmax,
  argmin: reductions.argmin,
  cumsum,
  sort,
  argsort,
  matmul: linalg.matmul,
  dot: linalg.dot,
  ravel: shaping.ravel,
  flatten: shaping.ravel,
  squeeze: shaping.squeeze,
  expandDims: shaping.expandDims,
  astype: arithmetic.astype,
};

const listed = (args: readonly unknown[]): number[] => (Array.isArray(args[0]) ? args[0] : args) as number[];

function* rows(x: Tensor): IterableIterator<Tensor> {
  if (x.ndim === 0) throw new ShapeError(`${x} is a scalar and has no elements to iterate over: use item()`);
  for (let i = 0; i < x.shape[0]!; i++) yield slice(x, [i]);
}

const methods: Record<PropertyKey, unknown> = {
  reshape(this: Tensor, ...shape: unknown[]): Tensor {
    return shaping.reshape(this, listed(shape));
  },
  transpose(this: Tensor, ...axes: unknown[]): Tensor {
    return shaping.transpose(this, axes.length === 0 ? null : listed(axes));
  },
  slice(this: Tensor, ...specs: Index[]): Tensor {
    return slice(this, specs);
  },
  at(this: Tensor, ...specs: Index[]): Place {
    return new Place(this, specs);
  },
  [Symbol.iterator](this: Tensor): IterableIterator<Tensor> {
    return rows(this);
  },
};

for (const [name, f] of Object.entries(passing)) {
  methods[name] = function (this: Tensor, ...rest: never[]): unknown {
    return f(this, ...rest);
  };
}
for (const key of Reflect.ownKeys(methods)) {
  Object.defineProperty(Tensor.prototype, key, { value: methods[key], writable: true, configurable: true });
}
Object.defineProperty(Tensor.prototype, 'T', {
  get(this: Tensor): Tensor {
    return shaping.transpose(this);
  },
  configurable: true,
});
