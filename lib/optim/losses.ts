/** Losses, not reduced: take `.mean()` of them. Formulas that stay finite for logits of any size. */
import { stopGradient } from '../core/autodiff.js';
import { broadcastShapes, formatShape, normalizeAxes, sameShape, type Shape } from '../core/aval.js';
import { isFloat, isInteger } from '../core/dtype.js';
import { DTypeError, ShapeError } from '../core/errors.js';
import {
  abs,
  add,
  broadcast,
  broadcastTo,
  convert,
  exp,
  full,
  ge,
  isFinite,
  log,
  log1p,
  lt,
  min,
  mul,
  neg,
  reduceMax,
  reduceSum,
  reshape,
  select,
  softmaxCrossEntropy as softmaxCrossEntropyPrimitive,
  sub,
  takeAlong,
  transpose,
} from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { withDefaults } from './transform.js';

/** What the cross entropies can be told. */
export interface CrossEntropyOptions {
  /** The axis of the classes, or several, flattened in the order given; default -1. */
  axis?: number | readonly number[];
  /** bool: the classes that count, shaped like the logits, or like the loss: the examples that count. */
  where?: Tensor | null;
}

const crossEntropyOptions = (name: string, options?: CrossEntropyOptions): Required<CrossEntropyOptions> =>
  withDefaults<Required<CrossEntropyOptions>>(name, options, { axis: -1, where: null });

/**
 * Cross entropy of softmax(logits) against class indices: `logsumexp(logits) - logits[label]`. `logits` are float32 [..., C] and `labels` int32 or uint32 [...];
 * the loss is shaped like the labels. A negative label counts from the end, one past the last class gives NaN. As optax.
 * @example
 * const logits = np.array([[2, 0], [0, 0]]);
 * optim.softmaxCrossEntropyWithIntegerLabels(logits, np.array([0, 1], 'int32')); // => Tensor float32[2] [0.1269, 0.6931]
 */
export function softmaxCrossEntropyWithIntegerLabels(logits: Tensor, labels: Tensor | number, options?: CrossEntropyOptions): Tensor {
  const name = 'softmaxCrossEntropyWithIntegerLabels';
  const { axis, where } = crossEntropyOptions(name, options);
  checkFloat(name, 'logits', logits);
  const classes = typeof labels === 'number' ? full([], labels, Number.isInteger(labels) ? 'int32' : 'float32') : labels;
  if (!(classes instanceof Tensor))
    throw new DTypeError(`${name} needs labels that are a tensor, got a value of type ${typeof labels}; use np.array`);
  if (!isInteger(classes.dtype)) throw new DTypeError(`${name} needs integer labels, got ${classes}; convert them with astype('int32')`);

  const order = classesLast(logits.ndim, axis);
  const batch = order.batch.map((d) => logits.shape[d]!);
  const flat = flattenClasses(logits, order);
  const index = broadcastLike(name, 'labels', convert(classes, 'int32'), batch, logits);
  if (where === null) return softmaxCrossEntropyPrimitive(flat, index)[0];
  const kept = flattenClasses(maskLike(name, where, logits, order.axes), order);
  return maskedCrossEntropy(flat, index, kept);
}

// Over the last axis, with the classes where `kept` is false left out; 0 where all are.
function maskedCrossEntropy(logits: Tensor, labels: Tensor, kept: Tensor): Tensor {
  const { shape } = logits;
  const last = shape.length - 1;
  const any = reduceMax(kept, last);
  const shown = select(kept, logits, -Infinity);
  const top = finiteMax(shown, [last]);
  const sum = reduceSum(exp(sub(shown, spread(top, shape, [last]))), last);
  const logSumExp = add(log(select(any, sum, 1)), top);
  const index = select(lt(labels, 0), add(labels, shape[last]!), labels);
  const own = reshape(takeAlong(logits, reshape(index, [...index.shape, 1]), last, 'fill'), index.shape);
  return select(any, sub(logSumExp, own), 0);
}

/**
 * Cross entropy of softmax(logits) against probabilities, `-sum(labels * logSoftmax(logits))` over the classes. `labels` broadcast to the logits' shape. As optax.
 * @example optim.softmaxCrossEntropy(np.array([[2, 0]]), np.array([[0.5, 0.5]])); // => Tensor float32[1] [1.1269]
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, options?: CrossEntropyOptions): Tensor {
  const name = 'softmaxCrossEntropy';
  const { axis, where } = crossEntropyOptions(name, options);
  checkFloat(name, 'logits', logits);
  const axes = normalizeAxes(axis, logits.ndim);
  const shape = broadcastShapes([logits.shape, labels.shape], name);
  if (shape.length !== logits.ndim) throw new ShapeError(`${name} got labels ${labels} of a higher rank than the logits ${logits}`);
  const x = broadcastTo(logits, shape);
  const target = broadcastTo(convert(labels, 'float32'), shape);
  const kept = where === null ? null : maskLike(name, where, x, axes);
  const hide = (t: Tensor): Tensor => (kept === null ? t : select(kept, t, 0));
  const top = kept === null ? stopGradient(reduceMax(x, axes)) : finiteMax(select(kept, x, -Infinity), axes);
  const shifted = hide(sub(x, spread(top, shape, axes)));
  const logSum = log(reduceSum(hide(exp(shifted)), axes));
  const logProbabilities = sub(shifted, spread(logSum, shape, axes));
  return neg(reduceSum(hide(mul(target, logProbabilities)), axes));
}

/**
 * Cross entropy of sigmoid(logits) against probabilities of true, elementwise. As optax.sigmoid_binary_cross_entropy.
 * @example optim.sigmoidBinaryCrossEntropy(np.array([0, 100]), np.array([1, 0])); // => Tensor float32[2] [0.6931, 100]
 */
export function sigmoidBinaryCrossEntropy(logits: Tensor, labels: Tensor | number): Tensor {
  checkFloat('sigmoidBinaryCrossEntropy', 'logits', logits);
  const [x, y] = together('sigmoidBinaryCrossEntropy', logits, labels);
  const positive = select(ge(x, 0), x, 0); // at 0 on the side that abs takes there, so that all derivatives are right
  return add(sub(positive, mul(x, y)), log1p(exp(neg(abs(x)))));
}

/**
 * `(predictions - targets)^2`; without targets, `predictions^2`. Shapes must agree. As optax.squared_error.
 * @example optim.squaredError(np.array([1, 2]), np.array([0, 4])); // => Tensor float32[2] [1, 4]
 */
export function squaredError(predictions: Tensor, targets?: Tensor | null): Tensor {
  const errors = difference('squaredError', predictions, targets, true);
  return mul(errors, errors);
}

/**
 * Half the squared error. As optax.l2_loss.
 * @example optim.l2Loss(np.array([1, 2])); // => Tensor float32[2] [0.5, 2]
 */
export const l2Loss = (predictions: Tensor, targets?: Tensor | null): Tensor => mul(squaredError(predictions, targets), 0.5);

/**
 * Quadratic up to `delta` (default 1), linear beyond (Huber 1964). As optax.huber_loss.
 * @example optim.huberLoss(np.array([0.5, 3]), np.array([0, 0])); // => Tensor float32[2] [0.125, 2.5]
 */
export function huberLoss(predictions: Tensor, targets?: Tensor | number | null, options?: { delta?: number }): Tensor {
  const { delta } = withDefaults('huberLoss', options, { delta: 1 });
  const errors = abs(difference('huberLoss', predictions, targets, false));
  const quadratic = min(errors, delta);
  return add(mul(mul(quadratic, quadratic), 0.5), mul(sub(errors, quadratic), delta));
}

/**
 * `log(cosh(predictions - targets))`: quadratic near 0, linear far from it. As optax.log_cosh.
 * @example optim.logCosh(np.array([0, 100])); // => Tensor float32[2] [0, 99.3069]
 */
export function logCosh(predictions: Tensor, targets?: Tensor | number | null): Tensor {
  const errors = abs(difference('logCosh', predictions, targets, false));
  return sub(add(errors, log1p(exp(mul(errors, -2)))), Math.LN2);
}

function difference(name: string, predictions: Tensor, targets: Tensor | number | null | undefined, sameShapes: boolean): Tensor {
  checkFloat(name, 'predictions', predictions);
  if (targets === null || targets === undefined) return predictions;
  if (sameShapes && targets instanceof Tensor && !sameShape(targets.shape, predictions.shape)) {
    throw new ShapeError(
      `${name} needs targets shaped like the predictions, got ${targets} for ${predictions}; reshape or broadcast them first`,
    );
  }
  const [p, t] = together(name, predictions, targets);
  return sub(p, t);
}

function checkFloat(name: string, what: string, x: Tensor): void {
  if (!(x instanceof Tensor)) throw new DTypeError(`${name} needs ${what} that are a float32 tensor, got a value of type ${typeof x}`);
  if (!isFloat(x.dtype)) throw new DTypeError(`${name} needs float32 ${what}, got ${x}; convert them with astype('float32')`);
}

/** Both as float32 of one shape. */
function together(name: string, x: Tensor, y: Tensor | number): [Tensor, Tensor] {
  if (typeof y === 'number') return [x, full(x.shape, y)];
  const shape = broadcastShapes([x.shape, y.shape], name);
  return [broadcastTo(x, shape), broadcastTo(convert(y, 'float32'), shape)];
}

/** The axes of the batch, and those of the classes in the order given. */
interface Order {
  batch: number[];
  axes: number[];
}

function classesLast(rank: number, axis: number | readonly number[]): Order {
  const axes = typeof axis === 'number' ? normalizeAxes(axis, rank) : axis.map((a) => normalizeAxes(a, rank)[0]!);
  const sorted = normalizeAxes(axes, rank); // names an axis that stands twice
  return { batch: Array.from({ length: rank }, (_, d) => d).filter((d) => !sorted.includes(d)), axes };
}

const flattenClasses = (x: Tensor, { batch, axes }: Order): Tensor =>
  reshape(transpose(x, [...batch, ...axes]), [...batch.map((d) => x.shape[d]!), axes.reduce((n, d) => n * x.shape[d]!, 1)]);

function broadcastLike(name: string, what: string, x: Tensor, shape: Shape, logits: Tensor): Tensor {
  const fits = x.ndim === shape.length && x.shape.every((d, i) => d === shape[i] || d === 1);
  if (!fits) throw new ShapeError(`${name} of logits ${logits} needs ${what} of shape ${formatShape(shape)}, got ${x}`);
  return broadcastTo(x, shape);
}

/** A mask in the logits' shape; one without the class axes repeats along them. */
function maskLike(name: string, where: Tensor, logits: Tensor, axes: readonly number[]): Tensor {
  if (where.dtype !== 'bool') throw new DTypeError(`${name} needs where to be bool, got ${where}; compare it with something`);
  if (where.ndim === logits.ndim) return broadcastLike(name, 'where', where, logits.shape, logits);
  const sorted = [...axes].sort((a, b) => a - b);
  const batch = logits.shape.filter((_, d) => !sorted.includes(d));
  return spread(broadcastLike(name, 'where', where, batch, logits), logits.shape, sorted);
}

/** Repeats `x` along `axes` of `shape`. */
const spread = (x: Tensor, shape: Shape, axes: readonly number[]): Tensor =>
  broadcast(
    x,
    shape,
    shape.map((_, d) => d).filter((d) => !axes.includes(d)),
  );

/** The maximum over `axes` as a constant; 0 where it is infinite. */
function finiteMax(x: Tensor, axes: readonly number[]): Tensor {
  const top = stopGradient(reduceMax(x, axes));
  return select(isFinite(top), top, 0);
}
