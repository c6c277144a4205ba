/** Reductions over axes. `axis` is an axis, a list of them, or null for all; it may be given bare in place of the options. */
import { normalizeAxes, type Shape } from '../core/aval.js';
import { stopGradient } from '../core/autodiff.js';
import type { DType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import type { OptionNames } from '../core/options.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { asBool, asFloat, asNumeric, asTensor, cast, checkDType, options, type TensorLike } from './operands.js';
import { where } from './logic.js';

/** The axes to reduce: one, several, or null for all. */
export type Axis = number | readonly number[] | null;

/** What every reduction can be told. */
export interface ReduceOptions {
  /** The axes to reduce; default all. */
  readonly axis?: Axis;
  /** Whether reduced axes stay, with size 1. */
  readonly keepdims?: boolean;
  /** Which elements count: a bool tensor that broadcasts to x. */
  readonly where?: TensorLike | null;
}

/** What `sum` and `prod` can be told. */
export interface SumOptions extends ReduceOptions {
  /** The dtype to sum in and to return. */
  readonly dtype?: DType;
}

/** What `max` and `min` can be told. */
export interface ExtremumOptions extends ReduceOptions {
  /** A value that takes part; needed with `where` and for empty tensors. */
  readonly initial?: number;
}

/** What `var` and `std` can be told. */
export interface VarOptions extends ReduceOptions {
  /** Taken from the count that the squares are divided by; default 0. */
  readonly ddof?: number;
}

type Given<O> = O | Axis;

const REDUCE: OptionNames<ReduceOptions> = { axis: true, keepdims: true, where: true };
const SUM: OptionNames<SumOptions> = { ...REDUCE, dtype: true };

type Reduction = (x: Tensor, axes: readonly number[]) => Tensor;

/** Applies a reduction to normalized axes; keeps them with size 1 if asked. */
function reduce(f: Reduction, x: Tensor, { axis, keepdims }: ReduceOptions): Tensor {
  const axes = normalizeAxes(axis, x.ndim);
  const out = f(x, axes);
  return keepdims ? lax.reshape(out, keptShape(x.shape, axes)) : out;
}

const keptShape = (shape: Shape, axes: readonly number[]): Shape => shape.map((d, i) => (axes.includes(i) ? 1 : d));

/** x where `mask` holds, `neutral` elsewhere. */
const masked = (x: Tensor, mask: TensorLike | null | undefined, neutral: number): Tensor =>
  mask === null || mask === undefined ? x : lax.select(lax.broadcastTo(asBool(mask, 'where'), x.shape), x, neutral);

/**
 * The sum; bool sums to int32, an empty sum is 0. As jnp.sum.
 * @example
 * const x = np.array([[1, 2], [3, 4]]);
 * np.sum(x); // => Tensor float32[] 10
 * np.sum(x, 0); // => Tensor float32[2] [4, 6]
 * np.sum(x, { axis: 1, keepdims: true }); // => Tensor float32[2, 1] [[3], [7]]
 */
export function sum(x: TensorLike, given?: Given<SumOptions>): Tensor {
  const o = options<SumOptions>('sum', given, SUM);
  const t = o.dtype === undefined ? asNumeric(x, 'sum') : cast(asTensor(x, 'sum'), checkDType(o.dtype, 'sum'));
  return reduce(lax.reduceSum, masked(asNumeric(t, 'sum'), o.where, 0), o);
}

/**
 * The product; bool multiplies to int32, an empty product is 1. As jnp.prod.
 * @example np.prod(np.array([2, 3, 4])); // => Tensor float32[] 24
 */
export function prod(x: TensorLike, given?: Given<SumOptions>): Tensor {
  const o = options<SumOptions>('prod', given, SUM);
  const t = o.dtype === undefined ? asNumeric(x, 'prod') : cast(asTensor(x, 'prod'), checkDType(o.dtype, 'prod'));
  return reduce(lax.reduceProd, masked(asNumeric(t, 'prod'), o.where, 1), o);
}

/**
 * The mean, float32; NaN over nothing. As jnp.mean.
 * @example
 * np.mean(np.array([[1, 2], [3, 4]]), 0); // => Tensor float32[2] [2, 3]
 * np.mean(np.array([1, 2, 99]), { where: np.array([true, true, false]) }); // => Tensor float32[] 1.5
 */
export function mean(x: TensorLike, given?: Given<ReduceOptions>): Tensor {
  const o = options<ReduceOptions>('mean', given, REDUCE);
  const t = asFloat(x, 'mean');
  const total = sum(t, o);
  return lax.div(total, count(t, o, total.shape));
}

/** How many elements are reduced to each of the result: a number, or with a mask a tensor of the result's shape. */
function count(x: Tensor, o: ReduceOptions, shape: Shape): number | Tensor {
  const size = normalizeAxes(o.axis, x.ndim).reduce((n, a) => n * x.shape[a]!, 1);
  if (o.where === null || o.where === undefined) return size;
  const mask = lax.broadcastTo(asBool(o.where, 'where'), x.shape);
  return lax.reshape(sum(cast(mask, 'float32'), { axis: o.axis }), shape);
}

/**
 * The variance `mean((x - mean(x))^2)`, float32; NaN where nothing is left after `ddof`. As jnp.var.
 * @example np.variance(np.array([1, 2, 3, 4])); // => Tensor float32[] 1.25
 */
export function variance(x: TensorLike, given?: Given<VarOptions>): Tensor {
  const { ddof = 0, ...o } = options<VarOptions>('var', given, { ...REDUCE, ddof: true });
  const t = asFloat(x, 'var');
  const centered = lax.sub(t, lax.broadcastTo(mean(t, { ...o, keepdims: true }), t.shape));
  const squares = sum(lax.mul(centered, centered), o);
  const n = count(t, o, squares.shape);
  if (typeof n === 'number') return n - ddof > 0 ? lax.div(squares, n - ddof) : lax.full(squares.shape, NaN);
  const left = lax.sub(n, ddof);
  return where(lax.gt(left, 0), lax.div(squares, left), NaN);
}

/**
 * The standard deviation, the root of the variance. As jnp.std.
 * @example np.std(np.array([1, 3])); // => Tensor float32[] 1
 */
export const std = (x: TensorLike, given?: Given<VarOptions>): Tensor => lax.sqrt(variance(x, given));

function extremum(name: string, f: Reduction, other: (x: Tensor, y: number) => Tensor, neutral: Record<DType, number>) {
  return (x: TensorLike, given?: Given<ExtremumOptions>): Tensor => {
    const o = options<ExtremumOptions>(name, given, { ...REDUCE, initial: true });
    const t = asTensor(x, name);
    const axes = normalizeAxes(o.axis, t.ndim);
    if (o.initial === undefined) {
      if (axes.some((a) => t.shape[a] === 0))
        throw new ShapeError(`np.${name} of ${t} over nothing has no result: pass { initial } to give it one`);
      if (o.where !== null && o.where !== undefined)
        throw new ShapeError(`np.${name} with { where } may find no element: pass { initial } too`);
    }
    const out = reduce(f, masked(t, o.where, neutral[t.dtype]), o);
    return o.initial === undefined ? out : other(out, o.initial);
  };
}

/**
 * The greatest element; NaN if there is one. Equal ones share the gradient. As jnp.max.
 * @example np.max(np.array([[1, 5], [7, 2]]), 0); // => Tensor float32[2] [7, 5]
 */
export const max = extremum('max', lax.reduceMax, lax.max, { float32: -Infinity, int32: -2147483648, uint32: 0, bool: 0 });
/**
 * The least element; NaN if there is one. Equal ones share the gradient. As jnp.min.
 * @example np.min(np.array([[1, 5], [7, 2]]), 0); // => Tensor float32[2] [1, 2]
 */
export const min = extremum('min', lax.reduceMin, lax.min, { float32: Infinity, int32: 2147483647, uint32: 4294967295, bool: 1 });

/**
 * Whether some element is true (not 0): bool.
 * @example np.any(np.array([0, 3])); // => Tensor bool[] true
 */
export function any(x: TensorLike, given?: Given<ReduceOptions>): Tensor {
  const o = options<ReduceOptions>('any', given, REDUCE);
  return reduce(lax.reduceMax, masked(asBool(x, 'any'), o.where, 0), o);
}

/**
 * Whether all elements are true (not 0): bool.
 * @example np.all(np.array([0, 3])); // => Tensor bool[] false
 */
export function all(x: TensorLike, given?: Given<ReduceOptions>): Tensor {
  const o = options<ReduceOptions>('all', given, REDUCE);
  return reduce(lax.reduceMin, masked(asBool(x, 'all'), o.where, 1), o);
}

/**
 * How many elements are not 0: int32.
 * @example np.countNonzero(np.array([0, 3, 4])); // => Tensor int32[] 2
 */
export const countNonzero = (x: TensorLike, given?: Given<ReduceOptions>): Tensor => sum(asBool(x, 'countNonzero'), given);

/**
 * `log(sum(exp(x)))` without overflow, float32; -Infinity over nothing. As jax.scipy.special.logsumexp.
 * @example np.logsumexp(np.array([1000, 1000])); // => Tensor float32[] 1000.6932
 */
export function logsumexp(x: TensorLike, given?: Given<ReduceOptions>): Tensor {
  const o = options<ReduceOptions>('logsumexp', given, REDUCE);
  const t = masked(asFloat(x, 'logsumexp'), o.where, -Infinity);
  const own = { axis: o.axis, keepdims: true };
  const top = max(stopGradient(t), { ...own, initial: -Infinity });
  const shift = lax.select(lax.isFinite(top), top, 0);
  const total = reduce(lax.reduceSum, lax.exp(lax.sub(t, lax.broadcastTo(shift, t.shape))), o);
  return lax.add(lax.log(total), lax.reshape(shift, total.shape));
}

function indexOf(name: string, f: (x: Tensor, axis: number) => Tensor) {
  return (x: TensorLike, given?: number | null | { axis?: number | null; keepdims?: boolean }): Tensor => {
    const { axis = null, keepdims = false } = options<{ axis?: number | null; keepdims?: boolean }>(name, given, {
      axis: true,
      keepdims: true,
    });
    const t = asTensor(x, name);
    const flat = axis === null ? lax.reshape(t, [t.size]) : t;
    if (flat.ndim > 0 && flat.shape.at(axis ?? 0) === 0) throw new ShapeError(`np.${name} of ${t} over nothing has no result`);
    const out = f(flat, axis ?? 0);
    if (!keepdims) return out;
    return lax.reshape(out, keptShape(t.shape, normalizeAxes(axis, t.ndim)));
  };
}

/**
 * The index of the greatest element along `axis` (of all, flattened, if null): int32, the first of equal ones, the first NaN. As jnp.argmax.
 * @example np.argmax(np.array([[1, 5], [7, 2]]), -1); // => Tensor int32[2] [1, 0]
 */
export const argmax = indexOf('argmax', lax.argmax);
/**
 * The index of the least element; see `argmax`.
 * @example np.argmin(np.array([[1, 5], [7, 2]]), -1); // => Tensor int32[2] [0, 1]
 */
export const argmin = indexOf('argmin', lax.argmin);

export { variance as var };
