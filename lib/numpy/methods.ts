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
    /**
     * `np.add(this, y)`.
     * @example np.array([1, 2]).add(10); // => Tensor float32[2] [11, 12]
     */
    add(y: TensorLike): Tensor;
    /**
     * `np.subtract(this, y)`.
     * @example np.array([1, 2]).sub(np.array([[1], [2]])); // => Tensor float32[2, 2] [[0, 1], [-1, 0]]
     */
    sub(y: TensorLike): Tensor;
    /**
     * `np.multiply(this, y)`.
     * @example np.array([1, 2]).mul(np.array([3, 4])); // => Tensor float32[2] [3, 8]
     */
    mul(y: TensorLike): Tensor;
    /**
     * True division, always float32.
     * @example np.array([1, 2], 'int32').div(2); // => Tensor float32[2] [0.5, 1]
     */
    div(y: TensorLike): Tensor;
    /**
     * `np.remainder(this, y)`.
     * @example np.array([-3, 3]).mod(2); // => Tensor float32[2] [1, 1]
     */
    mod(y: TensorLike): Tensor;
    /**
     * `np.power(this, y)`.
     * @example np.array([1, 2, 3]).pow(2); // => Tensor float32[3] [1, 4, 9]
     */
    pow(y: TensorLike): Tensor;
    /**
     * `np.negative(this)`.
     * @example np.array([1, -2]).neg(); // => Tensor float32[2] [-1, 2]
     */
    neg(): Tensor;
    /**
     * `np.abs(this)`.
     * @example np.array([1, -2]).abs(); // => Tensor float32[2] [1, 2]
     */
    abs(): Tensor;
    /**
     * `np.square(this)`.
     * @example np.array([3, 4]).square(); // => Tensor float32[2] [9, 16]
     */
    square(): Tensor;
    /**
     * `np.sqrt(this)`.
     * @example np.array([9, 16]).sqrt(); // => Tensor float32[2] [3, 4]
     */
    sqrt(): Tensor;
    /**
     * `np.exp(this)`.
     * @example np.array([0, 1]).exp(); // => Tensor float32[2] [1, 2.7183]
     */
    exp(): Tensor;
    /**
     * `np.log(this)`.
     * @example np.array([1, 10]).log(); // => Tensor float32[2] [0, 2.3026]
     */
    log(): Tensor;
    /**
     * `np.tanh(this)`.
     * @example np.array([0, 1]).tanh(); // => Tensor float32[2] [0, 0.7616]
     */
    tanh(): Tensor;
    /**
     * `np.round(this, options)`.
     * @example np.array([0.5, 1.26]).round(1); // => Tensor float32[2] [0.5, 1.3]
     */
    round(options?: { decimals?: number } | number): Tensor;
    /**
     * `np.clip(this, min, max)`.
     * @example np.array([-2, 0.5, 2]).clip(-1, 1); // => Tensor float32[3] [-1, 0.5, 1]
     */
    clip(min?: TensorLike | null, max?: TensorLike | null): Tensor;
    /**
     * `np.maximum(this, y)`.
     * @example np.array([-1, 2]).maximum(0); // => Tensor float32[2] [0, 2]
     */
    maximum(y: TensorLike): Tensor;
    /**
     * `np.minimum(this, y)`.
     * @example np.array([-1, 2]).minimum(0); // => Tensor float32[2] [-1, 0]
     */
    minimum(y: TensorLike): Tensor;

    /**
     * `np.equal(this, y)`.
     * @example np.array([1, 2]).equal(2); // => Tensor bool[2] [false, true]
     */
    equal(y: TensorLike): Tensor;
    /**
     * `np.notEqual(this, y)`.
     * @example np.array([1, 2]).notEqual(2); // => Tensor bool[2] [true, false]
     */
    notEqual(y: TensorLike): Tensor;
    /**
     * `np.less(this, y)`.
     * @example np.array([1, 2]).less(np.array([2, 2])); // => Tensor bool[2] [true, false]
     */
    less(y: TensorLike): Tensor;
    /**
     * `np.lessEqual(this, y)`.
     * @example np.array([1, 2]).lessEqual(1); // => Tensor bool[2] [true, false]
     */
    lessEqual(y: TensorLike): Tensor;
    /**
     * `np.greater(this, y)`.
     * @example np.array([1, 2]).greater(1); // => Tensor bool[2] [false, true]
     */
    greater(y: TensorLike): Tensor;
    /**
     * `np.greaterEqual(this, y)`.
     * @example np.array([1, 2]).greaterEqual(2); // => Tensor bool[2] [false, true]
     */
    greaterEqual(y: TensorLike): Tensor;
    /**
     * `np.logicalAnd(this, y)`.
     * @example np.array([true, false]).logicalAnd(true); // => Tensor bool[2] [true, false]
     */
    logicalAnd(y: TensorLike): Tensor;
    /**
     * `np.logicalOr(this, y)`.
     * @example np.array([true, false]).logicalOr(false); // => Tensor bool[2] [true, false]
     */
    logicalOr(y: TensorLike): Tensor;
    /**
     * `np.logicalNot(this)`.
     * @example np.array([true, false]).logicalNot(); // => Tensor bool[2] [false, true]
     */
    logicalNot(): Tensor;

    /**
     * `np.sum(this, options)`.
     * @example np.array([[1, 2], [3, 4]]).sum({ axis: 0, keepdims: true }); // => Tensor float32[1, 2] [[4, 6]]
     */
    sum(options?: SumOptions | Axis): Tensor;
    /**
     * `np.mean(this, options)`.
     * @example np.array([[1, 2], [3, 4]]).mean(1); // => Tensor float32[2] [1.5, 3.5]
     */
    mean(options?: ReduceOptions | Axis): Tensor;
    /**
     * `np.prod(this, options)`.
     * @example np.array([2, 3, 4], 'int32').prod(); // => Tensor int32[] 24
     */
    prod(options?: SumOptions | Axis): Tensor;
    /**
     * `np.max(this, options)`.
     * @example np.array([[1, 5], [3, 4]]).max(0); // => Tensor float32[2] [3, 5]
     */
    max(options?: ExtremumOptions | Axis): Tensor;
    /**
     * `np.min(this, options)`.
     * @example np.array([[1, 5], [3, 4]]).min(); // => Tensor float32[] 1
     */
    min(options?: ExtremumOptions | Axis): Tensor;
    /**
     * `np.any(this, options)`.
     * @example np.array([false, true]).any(); // => Tensor bool[] true
     */
    any(options?: ReduceOptions | Axis): Tensor;
    /**
     * `np.all(this, options)`.
     * @example np.array([[1, 0], [1, 1]]).all(1); // => Tensor bool[2] [false, true]
     */
    all(options?: ReduceOptions | Axis): Tensor;
    /**
     * `np.var(this, options)`.
     * @example np.array([1, 2, 3, 4]).var({ ddof: 1 }); // => Tensor float32[] 1.6667
     */
    var(options?: VarOptions | Axis): Tensor;
    /**
     * `np.std(this, options)`.
     * @example np.array([1, 3]).std(); // => Tensor float32[] 1
     */
    std(options?: VarOptions | Axis): Tensor;
    /**
     * `np.argmax(this, options)`.
     * @example np.array([[1, 5], [7, 4]]).argmax(-1); // => Tensor int32[2] [1, 0]
     */
    argmax(options?: IndexOfOptions): Tensor;
    /**
     * `np.argmin(this, options)`.
     * @example np.array([3, 1, 2]).argmin(); // => Tensor int32[] 1
     */
    argmin(options?: IndexOfOptions): Tensor;
    /**
     * `np.cumsum(this, options)`.
     * @example np.array([1, 2, 3]).cumsum(); // => Tensor float32[3] [1, 3, 6]
     */
    cumsum(options?: number | null | { axis?: number | null }): Tensor;
    /**
     * `np.sort(this, options)`.
     * @example np.array([3, 1, 2]).sort(); // => Tensor float32[3] [1, 2, 3]
     */
    sort(options?: number | null | SortOptions): Tensor;
    /**
     * `np.argsort(this, options)`.
     * @example np.array([3, 1, 2]).argsort(); // => Tensor int32[3] [1, 2, 0]
     */
    argsort(options?: number | null | SortOptions): Tensor;

    /**
     * `np.matmul(this, y)`.
     * @example np.array([[1, 2], [3, 4]]).matmul(np.ones([2, 1])); // => Tensor float32[2, 1] [[3], [7]]
     */
    matmul(y: TensorLike): Tensor;
    /**
     * `np.dot(this, y)`.
     * @example np.array([1, 2, 3]).dot(np.array([4, 5, 6])); // => Tensor float32[] 32
     */
    dot(y: TensorLike): Tensor;

    /**
     * The same elements under another shape: `x.reshape(2, -1)` or `x.reshape([2, -1])`.
     * @example np.arange(4).reshape(2, -1); // => Tensor int32[2, 2] [[0, 1], [2, 3]]
     */
    reshape(...shape: number[] | [Shape]): Tensor;
    /**
     * `np.ravel(this)`.
     * @example np.ones([2, 2]).ravel(); // => Tensor float32[4] [1, 1, 1, 1]
     */
    ravel(): Tensor;
    /**
     * `np.ravel(this)`.
     * @example np.ones([2, 2]).flatten(); // => Tensor float32[4] [1, 1, 1, 1]
     */
    flatten(): Tensor;
    /**
     * The axes in reverse order, or in the order given, as numbers or as a list.
     * @example np.zeros([2, 3, 4]).transpose(1, 0, 2).shape; // => [3, 2, 4]
     */
    transpose(...axes: number[] | [readonly number[]]): Tensor;
    /**
     * The axes in reverse order.
     * @example np.array([[1, 2], [3, 4]]).T; // => Tensor float32[2, 2] [[1, 3], [2, 4]]
     */
    readonly T: Tensor;
    /**
     * `np.squeeze(this, axis)`.
     * @example np.ones([1, 2]).squeeze(); // => Tensor float32[2] [1, 1]
     */
    squeeze(axis?: number | readonly number[] | null): Tensor;
    /**
     * `np.expandDims(this, axis)`.
     * @example np.ones([2]).expandDims(0); // => Tensor float32[1, 2] [[1, 1]]
     */
    expandDims(axis: number | readonly number[]): Tensor;
    /**
     * `np.astype(this, dtype)`.
     * @example np.array([0.5, 1.5]).astype('int32'); // => Tensor int32[2] [0, 1]
     */
    astype(dtype: DType): Tensor;

    /**
     * The elements at an index, NumPy's `x[...]`: `x.slice(0)`, `x.slice([1, 3], '...', null)`, `x.slice(rows)`. See `Index`.
     * @example np.arange(6).reshape(2, 3).slice('...', [1, 3]); // => Tensor int32[2, 2] [[1, 2], [4, 5]]
     */
    slice(...specs: Index[]): Tensor;
    /**
     * A place in the tensor, for functional updates: `x.at(i).set(v)`, `.add(v)`, `.get()`. See `Index`.
     * @example np.zeros([3]).at([1, 3]).set(5); // => Tensor float32[3] [0, 5, 5]
     */
    at(...specs: Index[]): Place;
    /**
     * The slices along the first axis, so that `const [a, b] = x` works; a scalar throws.
     * @example const [, second] = np.array([[1, 2], [3, 4]]); // => [Tensor float32[2] [3, 4]]
     */
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
