/** Primitives that are whole layers: training batch norm, softmax cross entropy, the Threefry cipher. */
import { Aval, formatShape } from '../aval.js';
import { vjp } from '../autodiff.js';
import { bind } from '../bind.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { iota, zerosLike } from './creation.js';
import { eq, gt, lt, select } from './comparison.js';
import { add, convert, div, exp, max, mul, rsqrt, sub } from './elementwise.js';
import { broadcast } from './layout.js';
import { reduceSum } from './reduction.js';

type BatchNormParams = { epsilon: number; fastVariance: boolean };

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
/** A vector over the last axis of `shape`. */
const overFeatures = (v: Tensor, shape: readonly number[]): Tensor => broadcast(v, shape, [shape.length - 1]);
/** A tensor over all but the last axis of `shape`. */
const overRows = (v: Tensor, shape: readonly number[]): Tensor => broadcast(v, shape, range(shape.length - 1));
const rowsOf = (x: Tensor): number => x.size / Math.max(1, x.shape[x.ndim - 1]!);

function checkFeatures(name: string, x: Aval, vectors: readonly Aval[]): void {
  const features = x.shape[x.rank - 1];
  for (const a of [x, ...vectors]) if (!isFloat(a.dtype)) throw new DTypeError(`${name} takes float32, got ${a}`);
  if (x.rank < 1 || vectors.some((v) => v.rank !== 1 || v.shape[0] !== features)) {
    throw new ShapeError(`${name} of ${x} needs vectors of shape ${formatShape([features ?? 0])}, got ${vectors.join(', ')}`);
  }
}

const batchNormPrimitive = definePrimitive<BatchNormParams>({
  name: 'batchNorm',
  infer([x, scale, bias]) {
    checkFeatures('batchNorm', x!, [scale!, bias!]);
    return [Aval.of(x!.shape, 'float32'), Aval.of(scale!.shape, 'float32'), Aval.of(scale!.shape, 'float32')];
  },
  grad({ inputs, outputs, params, cotangents }) {
    const [x, scale] = inputs as [Tensor, Tensor, Tensor];
    const [, mean, variance] = outputs as [Tensor, Tensor, Tensor];
    const [dy, dmean, dvar] = cotangents;
    const grads: (Tensor | null)[] = dy ? bind(batchNormGradPrimitive, [dy, x, scale, mean, variance], params) : [null, null, null];
    // Cotangents of the statistics themselves: d mean/dx = 1/rows, d var/dx = 2 (x - mean)/rows.
    const parts = [grads[0]];
    if (dmean) parts.push(overFeatures(div(dmean, rowsOf(x)), x.shape));
    if (dvar) parts.push(mul(overFeatures(mul(dvar, 2 / rowsOf(x)), x.shape), sub(x, overFeatures(mean, x.shape))));
    const present = parts.filter((p): p is Tensor => p !== null && p !== undefined);
    return [present.length === 0 ? null : present.reduce((a, b) => add(a, b)), grads[1]!, grads[2]!];
  },
});

/**
 * Batch normalization over all axes but the last with the batch's own statistics (Ioffe & Szegedy 2015; flax.linen.BatchNorm in training).
 * Returns `[y, mean, var]`; `var` is biased and, if `fastVariance`, not yet clipped at 0.
 * @example
 * const x = np.array([[1, 10], [3, 30]]);
 * lax.batchNorm(x, np.ones([2]), np.zeros([2]), { epsilon: 1e-5, fastVariance: true });
 * // => [Tensor float32[2, 2] [[-1.0, -1.0], [1.0, 1.0]], Tensor float32[2] [2, 20], Tensor float32[2] [1, 100]]
 */
export const batchNorm = (x: Tensor, scale: Tensor, bias: Tensor, params: BatchNormParams): [Tensor, Tensor, Tensor] =>
  bind(batchNormPrimitive, [x, scale, bias], params) as [Tensor, Tensor, Tensor];

const batchNormGradPrimitive = definePrimitive<BatchNormParams>({
  name: 'batchNormGrad',
  infer([dy, x, scale, mean, variance]) {
    checkFeatures('batchNormGrad', x!, [scale!, mean!, variance!]);
    if (dy!.shape.join() !== x!.shape.join()) throw new ShapeError(`batchNormGrad needs a cotangent shaped like x, got ${dy!} for ${x!}`);
    return [Aval.of(x!.shape, 'float32'), Aval.of(scale!.shape, 'float32'), Aval.of(scale!.shape, 'float32')];
  },
  grad({ inputs, params, cotangents }) {
    const [x, scale] = [inputs[1]!, inputs[2]!];
    const like = [x, scale, scale];
    const [, back] = vjp((...args: Tensor[]) => batchNormGradComposed(args as FiveTensors, params), ...inputs);
    return back(cotangents.map((ct, i) => ct ?? zerosLike(like[i]!)));
  },
});

/**
 * The gradient of `batchNorm` for the cotangent `dy` of its `y` alone, from its statistics: returns `[dx, dscale, dbias]`.
 * @example
 * const x = np.array([[1, 10], [3, 30]]);
 * const [, mean, variance] = lax.batchNorm(x, np.ones([2]), np.zeros([2]), { epsilon: 0, fastVariance: true });
 * const [, , dbias] = lax.batchNormGrad(np.ones([2, 2]), x, np.ones([2]), mean, variance, { epsilon: 0, fastVariance: true });
 * dbias; // => Tensor float32[2] [2, 2]
 */
export const batchNormGrad = (dy: Tensor, x: Tensor, scale: Tensor, mean: Tensor, variance: Tensor, params: BatchNormParams): Tensor[] =>
  bind(batchNormGradPrimitive, [dy, x, scale, mean, variance], params);

type FiveTensors = [Tensor, Tensor, Tensor, Tensor, Tensor];

// The same function in elementary operations: second-order gradients come from here.
function batchNormGradComposed([dy, x, scale, mean, variance]: FiveTensors, { epsilon, fastVariance }: BatchNormParams): Tensor[] {
  const { shape } = x;
  const lead = range(x.ndim - 1);
  const inverse = rsqrt(add(fastVariance ? max(variance, 0) : variance, epsilon));
  const normalized = mul(sub(x, overFeatures(mean, shape)), overFeatures(inverse, shape));
  const dbias = reduceSum(dy, lead);
  const dscale = reduceSum(mul(dy, normalized), lead);
  const gate = fastVariance ? select(gt(variance, 0), 1, select(eq(variance, 0), 0.5, 0)) : null;
  const throughVariance = gate === null ? dscale : mul(dscale, gate);
  const centered = sub(dy, overFeatures(div(dbias, rowsOf(x)), shape));
  const dx = mul(
    overFeatures(mul(scale, inverse), shape),
    sub(centered, mul(normalized, overFeatures(div(throughVariance, rowsOf(x)), shape))),
  );
  return [dx, dscale, dbias];
}

const softmaxCrossEntropyPrimitive = definePrimitive({
  name: 'softmaxCrossEntropy',
  infer([logits, labels]) {
    if (!isFloat(logits!.dtype)) throw new DTypeError(`softmax cross entropy needs float32 logits, got ${logits!}`);
    if (labels!.dtype !== 'int32')
      throw new DTypeError(`softmax cross entropy needs int32 labels, got ${labels!}; convert them with astype('int32')`);
    const rows = logits!.shape.slice(0, -1);
    if (logits!.rank < 1 || rows.join() !== labels!.shape.join()) {
      throw new ShapeError(`softmax cross entropy of logits ${logits!} needs labels of shape ${formatShape(rows)}, got ${labels!}`);
    }
    if (logits!.shape[logits!.rank - 1] === 0)
      throw new ShapeError(`softmax cross entropy needs at least one class, got logits ${logits!}`);
    return [Aval.of(rows, 'float32'), Aval.of(rows, 'float32')];
  },
  grad({ inputs, outputs, cotangents }) {
    const [logits, labels] = inputs as [Tensor, Tensor];
    const logSumExp = outputs[1]!;
    const [dloss, dlse] = cotangents;
    const ofLoss = dloss ? softmaxCrossEntropyGrad(dloss, logits, labels, logSumExp) : null;
    if (!dlse) return [ofLoss, null];
    const ofLogSumExp = softmaxTimes(dlse, logits, logSumExp);
    return [ofLoss ? add(ofLoss, ofLogSumExp) : ofLogSumExp, null];
  },
});

/**
 * Per row of logits [..., C] and labels [...] (int32): `[logsumexp(logits) - logits[label], logsumexp(logits)]`.
 * @example
 * const [loss] = lax.softmaxCrossEntropy(np.array([[2, 0], [0, 2]]), np.array([0, 0], 'int32'));
 * loss; // => Tensor float32[2] [0.1269, 2.1269]
 */
export const softmaxCrossEntropy = (logits: Tensor, labels: Tensor): [Tensor, Tensor] =>
  bind(softmaxCrossEntropyPrimitive, [logits, labels], {}) as [Tensor, Tensor];

const softmaxCrossEntropyGradPrimitive = definePrimitive({
  name: 'softmaxCrossEntropyGrad',
  infer([dloss, logits, labels, logSumExp]) {
    for (const a of [dloss!, logits!, logSumExp!]) {
      if (!isFloat(a.dtype)) throw new DTypeError(`softmaxCrossEntropyGrad takes float32 but for its labels, got ${a}`);
    }
    if (labels!.dtype !== 'int32') throw new DTypeError(`softmaxCrossEntropyGrad needs int32 labels, got ${labels!}`);
    const rows = logits!.shape.slice(0, -1);
    if (logits!.rank < 1 || [dloss!, labels!, logSumExp!].some((a) => a.shape.join() !== rows.join())) {
      throw new ShapeError(
        `softmaxCrossEntropyGrad of logits ${logits!} needs the rest of shape ${formatShape(rows)}, got ${dloss!}, ${labels!}, ${logSumExp!}`,
      );
    }
    return [Aval.of(logits!.shape, 'float32')];
  },
  grad({ inputs, cotangents }) {
    const [dloss, logits, labels, logSumExp] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const composed = (d: Tensor, x: Tensor, total: Tensor): Tensor =>
      sub(softmaxTimes(d, x, total), mul(oneHot(labels, x.shape), overRows(d, x.shape)));
    const [, back] = vjp(composed, dloss, logits, logSumExp);
    const [ofCotangent, ofLogits, ofLogSumExp] = back(cotangents[0]!);
    return [ofCotangent, ofLogits, null, ofLogSumExp];
  },
});

/** softmax(logits), each row times its number of `ct`. Divided by its own sum, it is free of the rounding of logsumexp, which is large for large logits. */
function softmaxTimes(ct: Tensor, logits: Tensor, logSumExp: Tensor): Tensor {
  const exps = exp(sub(logits, overRows(logSumExp, logits.shape)));
  return mul(exps, overRows(div(ct, reduceSum(exps, logits.ndim - 1)), logits.shape));
}

function oneHot(labels: Tensor, shape: readonly number[]): Tensor {
  const label = select(lt(labels, 0), add(labels, shape[shape.length - 1]!), labels);
  return convert(eq(iota(shape, shape.length - 1), overRows(label, shape)), 'float32');
}

/**
 * The gradient of `softmaxCrossEntropy` for the cotangent `dloss` of its loss alone, from its logsumexp: `(softmax(logits) - oneHot(labels)) * dloss`.
 * @example
 * const [logits, labels] = [np.array([[0, 0]]), np.array([1], 'int32')];
 * const [, logSumExp] = lax.softmaxCrossEntropy(logits, labels);
 * lax.softmaxCrossEntropyGrad(np.ones([1]), logits, labels, logSumExp); // => Tensor float32[1, 2] [[0.5, -0.5]]
 */
export const softmaxCrossEntropyGrad = (dloss: Tensor, logits: Tensor, labels: Tensor, logSumExp: Tensor): Tensor =>
  bind(softmaxCrossEntropyGradPrimitive, [dloss, logits, labels, logSumExp], {})[0]!;

const threefryPrimitive = definePrimitive({
  name: 'threefry2x32',
  infer([key, x0, x1]) {
    for (const a of [key!, x0!, x1!]) if (a.dtype !== 'uint32') throw new DTypeError(`threefry2x32 takes uint32, got ${a}`);
    if (key!.rank !== 1 || key!.shape[0] !== 2) throw new ShapeError(`a random key is a uint32 tensor of shape [2], got ${key!}`);
    if (x0!.shape.join() !== x1!.shape.join()) throw new ShapeError(`threefry2x32 needs counters of one shape, got ${x0!} and ${x1!}`);
    return [Aval.of(x0!.shape, 'uint32'), Aval.of(x0!.shape, 'uint32')];
  },
  grad: null,
});

/**
 * The Threefry-2x32 block cipher with 20 rounds (Salmon et al. 2011): key [2], counters x0 and x1, all uint32.
 * @example
 * const zero = np.zeros([1], 'uint32');
 * lax.threefry2x32(np.zeros([2], 'uint32'), zero, zero); // => [Tensor uint32[1] [1797259609], Tensor uint32[1] [2579123966]]
 */
export const threefry2x32 = (key: Tensor, x0: Tensor, x1: Tensor): [Tensor, Tensor] =>
  bind(threefryPrimitive, [key, x0, x1], {}) as [Tensor, Tensor];
