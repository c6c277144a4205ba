/** Activation functions, elementwise unless an axis is named; shapes and dtypes stay. Definitions and gradients are those of jax.nn. */
import { normalizeAxes, normalizeAxis } from '../core/aval.js';
import { stopGradient } from '../core/autodiff.js';
import type { DType } from '../core/dtype.js';
import { DTypeError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';

const {
  abs,
  add,
  broadcast,
  broadcastTo,
  convert,
  div,
  exp,
  expm1,
  ge,
  gt,
  log,
  log1p,
  logistic,
  max,
  min,
  mul,
  neg,
  reduceMax,
  reduceSum,
  select,
  sub,
} = lax;

/** A float tensor: integers become float32. */
const float = (x: Tensor): Tensor => convert(x, 'float32');

/**
 * `max(x, 0)`, with gradient 0 at 0.
 * @example nn.relu(np.array([-1, 2])); // => Tensor float32[2] [0, 2]
 */
export const relu = (x: Tensor): Tensor => select(lax.le(x, 0), 0, x); // NaN is not <= 0, so it stays

/**
 * `min(max(x, 0), 6)`, with gradient 0 at 0 and 6.
 * @example nn.relu6(np.array([-1, 2, 9])); // => Tensor float32[3] [0, 2, 6]
 */
export const relu6 = (x: Tensor): Tensor => select(lax.le(x, 0), 0, select(lax.ge(x, 6), 6, x));

/**
 * `1 / (1 + exp(-x))`.
 * @example nn.sigmoid(np.array([0, 2])); // => Tensor float32[2] [0.5, 0.8808]
 */
export const sigmoid = (x: Tensor): Tensor => logistic(float(x));

/**
 * The hyperbolic tangent.
 * @example nn.tanh(np.array([0, 1])); // => Tensor float32[2] [0, 0.7616]
 */
export const tanh = (x: Tensor): Tensor => lax.tanh(float(x));

/**
 * `x * sigmoid(x)`.
 * @example nn.silu(np.array([-1, 2])); // => Tensor float32[2] [-0.2689, 1.7616]
 */
export const silu = (x: Tensor): Tensor => mul(float(x), sigmoid(x));
/**
 * `silu` under its other name.
 * @example nn.swish(np.array([-1, 2])); // => Tensor float32[2] [-0.2689, 1.7616]
 */
export const swish = silu;

/**
 * `log(1 + exp(x))`, without overflow.
 * @example nn.softplus(np.array([0, 100])); // => Tensor float32[2] [0.6931, 100]
 */
export function softplus(x: Tensor): Tensor {
  const f = float(x);
  const positive = select(ge(f, 0), f, 0); // at 0 on the side that abs takes there, so that all derivatives are right
  return add(positive, log1p(exp(neg(abs(f)))));
}

/**
 * `log(sigmoid(x))`, without overflow.
 * @example nn.logSigmoid(np.array([0, -100])); // => Tensor float32[2] [-0.6931, -100]
 */
export const logSigmoid = (x: Tensor): Tensor => neg(softplus(neg(float(x))));

/**
 * `x / (|x| + 1)`.
 * @example nn.softSign(np.array([-1, 3])); // => Tensor float32[2] [-0.5, 0.75]
 */
export const softSign = (x: Tensor): Tensor => div(float(x), add(abs(float(x)), 1));

/**
 * `x * P(X <= x)` for a standard normal X (Hendrycks & Gimpel 2016): by tanh if `approximate` (the default), else by erf.
 * @example
 * nn.gelu(np.array([-1, 0, 1])); // => Tensor float32[3] [-0.1588, 0, 0.8412]
 * nn.gelu(np.array([-1, 0, 1]), { approximate: false }); // => Tensor float32[3] [-0.1587, 0, 0.8413]
 */
export function gelu(x: Tensor, { approximate = true }: { approximate?: boolean } = {}): Tensor {
  const f = float(x);
  if (!approximate) return mul(mul(f, 0.5), add(lax.erf(mul(f, Math.SQRT1_2)), 1));
  const cube = mul(mul(f, f), f);
  return mul(f, mul(add(lax.tanh(mul(add(f, mul(cube, 0.044715)), Math.sqrt(2 / Math.PI))), 1), 0.5));
}

/**
 * `x` where it is positive, else `alpha * (exp(x) - 1)`.
 * @example nn.elu(np.array([-1, 2])); // => Tensor float32[2] [-0.6321, 2]
 */
export function elu(x: Tensor, alpha = 1): Tensor {
  const f = float(x);
  const positive = gt(f, 0);
  return select(positive, f, mul(expm1(select(positive, 0, f)), alpha)); // expm1 of a large x would make the gradient NaN
}

/**
 * `max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)`.
 * @example nn.celu(np.array([-1, 2])); // => Tensor float32[2] [-0.6321, 2]
 */
export const celu = (x: Tensor, alpha = 1): Tensor => add(max(float(x), 0), mul(expm1(div(min(float(x), 0), alpha)), alpha));

/**
 * `1.0507... * elu(x, 1.6732...)` (Klambauer et al. 2017).
 * @example nn.selu(np.array([-1, 2])); // => Tensor float32[2] [-1.1113, 2.1014]
 */
export const selu = (x: Tensor): Tensor => mul(elu(x, 1.6732632423543772), 1.0507009873554805);

/**
 * `x` where it is not negative, else `negativeSlope * x`.
 * @example nn.leakyRelu(np.array([-1, 2])); // => Tensor float32[2] [-0.01, 2]
 */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => select(lax.ge(x, 0), x, mul(x, negativeSlope));

/**
 * `x` between -1 and 1, else the nearer of the two.
 * @example nn.hardTanh(np.array([-3, 0.5, 3])); // => Tensor float32[3] [-1, 0.5, 1]
 */
export const hardTanh = (x: Tensor): Tensor => select(gt(x, 1), 1, select(lax.lt(x, -1), -1, x));

/**
 * `relu6(x + 3) / 6`.
 * @example nn.hardSigmoid(np.array([-4, 0, 4])); // => Tensor float32[3] [0, 0.5, 1]
 */
export const hardSigmoid = (x: Tensor): Tensor => div(relu6(add(float(x), 3)), 6);

/**
 * `x * hardSigmoid(x)`.
 * @example nn.hardSilu(np.array([-4, 1, 4])); // => Tensor float32[3] [0, 0.6667, 4]
 */
export const hardSilu = (x: Tensor): Tensor => mul(float(x), hardSigmoid(x));
/**
 * `hardSilu` under its other name.
 * @example nn.hardSwish(np.array([-4, 1, 4])); // => Tensor float32[3] [0, 0.6667, 4]
 */
export const hardSwish = hardSilu;

/**
 * The first half of `axis` times the sigmoid of the second (Dauphin et al. 2017).
 * @example nn.glu(np.array([2, 4, 0, 100])); // => Tensor float32[2] [1, 4]
 */
export function glu(x: Tensor, axis = -1): Tensor {
  const at = normalizeAxis(axis, x.ndim);
  const size = x.shape[at]!;
  if (size % 2 !== 0) throw new ShapeError(`glu needs an even size along axis ${axis}, got ${x}`);
  return mul(float(lax.sliceAxis(x, at, 0, size / 2)), sigmoid(lax.sliceAxis(x, at, size / 2, size)));
}

/** What `softmax` and `logSoftmax` can be told. */
export interface SoftmaxOptions {
  /** The axis or axes that sum to 1. Default -1. */
  axis?: number | readonly number[];
  /** Which elements take part (bool, broadcasts to x); the others give 0, in logSoftmax -Infinity. */
  where?: Tensor;
}

interface Reduced {
  axes: number[];
  f: Tensor;
  where: Tensor | null;
  /** A tensor without `axes`, stretched back to x's shape. */
  over: (v: Tensor) => Tensor;
}

function prepare(x: Tensor, axis: number | readonly number[], mask?: Tensor): Reduced {
  const f = float(x);
  const axes = normalizeAxes(axis, x.ndim);
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  if (mask !== undefined && mask.dtype !== 'bool') throw new DTypeError(`where is bool, got ${mask}; convert it with astype('bool')`);
  return { axes, f, where: mask === undefined ? null : broadcastTo(mask, x.shape), over: (v) => broadcast(v, x.shape, kept) };
}

// The largest element (of those that take part): a constant shift that keeps exp from overflowing.
function shift({ f, axes, where }: Reduced): Tensor {
  return stopGradient(reduceMax(where === null ? f : select(where, f, -Infinity), axes));
}

/**
 * `exp(x) / sum(exp(x))` along `axis`.
 * @example nn.softmax(np.array([[1, 1], [0, 100]])); // => Tensor float32[2, 2] [[0.5, 0.5], [0, 1]]
 */
export function softmax(x: Tensor, { axis = -1, where }: SoftmaxOptions = {}): Tensor {
  const r = prepare(x, axis, where);
  const shifted = sub(r.f, r.over(shift(r)));
  const e = exp(r.where === null ? shifted : select(r.where, shifted, -Infinity));
  return div(e, r.over(reduceSum(e, r.axes)));
}

/**
 * `x - logsumexp(x)` along `axis`.
 * @example nn.logSoftmax(np.array([0, 0])); // => Tensor float32[2] [-0.6931, -0.6931]
 */
export function logSoftmax(x: Tensor, { axis = -1, where }: SoftmaxOptions = {}): Tensor {
  const r = prepare(x, axis, where);
  const shifted = sub(r.f, r.over(shift(r)));
  const e = exp(r.where === null ? shifted : select(r.where, shifted, -Infinity));
  const y = sub(shifted, r.over(log(reduceSum(e, r.axes))));
  return r.where === null ? y : select(r.where, y, -Infinity);
}

/** What `logsumexp` can be told. */
export interface LogsumexpOptions {
  /** The axes to sum over; default all. */
  axis?: number | readonly number[] | null;
  /** Whether the axes stay, with size 1. */
  keepdims?: boolean;
  /** Which elements take part (bool, broadcasts to x). */
  where?: Tensor;
}

/**
 * `log(sum(exp(x)))`, without overflow. As jax.nn.logsumexp.
 * @example nn.logsumexp(np.array([1000, 1000])); // => Tensor float32[] 1000.6932
 */
export function logsumexp(x: Tensor, { axis = null, keepdims = false, where }: LogsumexpOptions = {}): Tensor {
  const r = prepare(x, axis ?? x.shape.map((_, i) => i), where);
  const largest = shift(r);
  const finite = select(lax.isFinite(largest), largest, 0); // an infinite shift would give NaN
  const shifted = sub(r.f, r.over(finite));
  const e = exp(r.where === null ? shifted : select(r.where, shifted, -Infinity));
  const y = add(log(reduceSum(e, r.axes)), finite);
  return keepdims
    ? lax.reshape(
        y,
        x.shape.map((d, i) => (r.axes.includes(i) ? 1 : d)),
      )
    : y;
}

/**
 * Labels [...] as vectors with one 1, [..., numClasses]; all zeros for labels outside of the classes. `axis` is where the classes go. As jax.nn.one_hot.
 * @example nn.oneHot(np.array([0, 2], 'int32'), 3); // => Tensor float32[2, 3] [[1, 0, 0], [0, 0, 1]]
 */
export function oneHot(
  labels: Tensor,
  numClasses: number,
  { dtype = 'float32', axis = -1 }: { dtype?: DType; axis?: number } = {},
): Tensor {
  const rank = labels.ndim + 1;
  const at = normalizeAxis(axis, rank);
  const shape = [...labels.shape.slice(0, at), numClasses, ...labels.shape.slice(at)];
  const others = shape.map((_, i) => i).filter((i) => i !== at);
  return convert(lax.eq(broadcast(labels, shape, others), lax.iota(shape, at, labels.dtype)), dtype);
}
