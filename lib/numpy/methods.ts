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
    add(y: TensorLike): Tensor;
    sub(y: TensorLike): Tensor;
    mul(y: TensorLike): Tensor;
    /** True division, always float32. */
    div(y: TensorLike): Tensor;
    mod(y: TensorLike): Tensor;
    pow(y: TensorLike): Tensor;
    neg(): Tensor;
    abs(): Tensor;
    square(): Tensor;
    sqrt(): Tensor;
    exp(): Tensor;
    log(): Tensor;
    tanh(): Tensor;
    round(options?: { decimals?: number } | number): Tensor;
    clip(min?: TensorLike | null, max?: TensorLike | null): Tensor;
    maximum(y: TensorLike): Tensor;
    minimum(y: TensorLike): Tensor;

    equal(y: TensorLike): Tensor;
    notEqual(y: TensorLike): Tensor;
    less(y: TensorLike): Tensor;
    lessEqual(y: TensorLike): Tensor;
    greater(y: TensorLike): Tensor;
    greaterEqual(y: TensorLike): Tensor;
    logicalAnd(y: TensorLike): Tensor;
    logicalOr(y: TensorLike): Tensor;
    logicalNot(): Tensor;

    sum(options?: SumOptions | Axis): Tensor;
    mean(options?: ReduceOptions | Axis): Tensor;
    prod(options?: SumOptions | Axis): Tensor;
    max(options?: ExtremumOptions | Axis): Tensor;
    min(options?: ExtremumOptions | Axis): Tensor;
    any(options?: ReduceOptions | Axis): Tensor;
    all(options?: ReduceOptions | Axis): Tensor;
    var(options?: VarOptions | Axis): Tensor;
    std(options?: VarOptions | Axis): Tensor;
    argmax(options?: IndexOfOptions): Tensor;
    argmin(options?: IndexOfOptions): Tensor;
    cumsum(options?: number | null | { axis?: number | null }): Tensor;
    sort(options?: number | null | SortOptions): Tensor;
    argsort(options?: number | null | SortOptions): Tensor;

    matmul(y: TensorLike): Tensor;
    dot(y: TensorLike): Tensor;

    /** The same elements under another shape: `x.reshape(2, -1)` or `x.reshape([2, -1])`. */
    reshape(...shape: number[] | [Shape]): Tensor;
    ravel(): Tensor;
    flatten(): Tensor;
    /** The axes in reverse order, or in the order given, as numbers or as a list. */
    transpose(...axes: number[] | [readonly number[]]): Tensor;
    /** The axes in reverse order. */
    readonly T: Tensor;
    squeeze(axis?: number | readonly number[] | null): Tensor;
    expandDims(axis: number | readonly number[]): Tensor;
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
