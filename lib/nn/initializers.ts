/** Initializers: how a parameter starts out. Each is called as `init(key, shape, dtype)`; the definitions, and the bits, are those of jax.nn.initializers. */
import type { Shape } from '../core/aval.js';
import { formatShape, normalizeAxis } from '../core/aval.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { eq, full, iota, mul, qr, reduceSum, reshape, select, sign, transpose, broadcast } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import * as random from '../random/index.js';

/** Makes a parameter of `shape` from a random key (uint32, [2]). */
export type Initializer = (key: Tensor, shape: Shape, dtype?: DType) => Tensor;

const fround = Math.fround;

/**
 * All zeros; itself an initializer, as `zerosInit()` is.
 * @example nn.initializers.zeros(random.PRNGKey(0), [2]); // => Tensor float32[2] [0, 0]
 */
export const zeros: Initializer = (_key, shape, dtype = 'float32') => full(shape, 0, dtype);
/**
 * All ones; itself an initializer, as `onesInit()` is.
 * @example nn.initializers.ones(random.PRNGKey(0), [2]); // => Tensor float32[2] [1, 1]
 */
export const ones: Initializer = (_key, shape, dtype = 'float32') => full(shape, 1, dtype);
/**
 * `zeros`, by a call as the other initializers are.
 * @example nn.initializers.zerosInit()(random.PRNGKey(0), [2]); // => Tensor float32[2] [0, 0]
 */
export const zerosInit = (): Initializer => zeros;
/**
 * `ones`, by a call as the other initializers are.
 * @example nn.initializers.onesInit()(random.PRNGKey(0), [2]); // => Tensor float32[2] [1, 1]
 */
export const onesInit = (): Initializer => ones;

/**
 * Every element is `value`.
 * @example nn.initializers.constant(0.1)(random.PRNGKey(0), [2]); // => Tensor float32[2] [0.1, 0.1]
 */
export const constant =
  (value: number, dtype: DType = 'float32'): Initializer =>
  (_key, shape, own = dtype) =>
    full(shape, value, own);

/**
 * Normal with mean 0 and this standard deviation.
 * @example nn.initializers.normal(0.02)(random.PRNGKey(0), [2]); // => Tensor float32[2] [0.0325, 0.0405]
 */
export const normal =
  (stddev = 1e-2, dtype: DType = 'float32'): Initializer =>
  (key, shape, own = dtype) =>
    mul(random.normal(key, shape, { dtype: own }), fround(stddev));

/**
 * Uniform in [0, scale).
 * @example nn.initializers.uniform(0.1)(random.PRNGKey(0), [2]); // => Tensor float32[2] [0.0948, 0.0979]
 */
export const uniform =
  (scale = 1e-2, dtype: DType = 'float32'): Initializer =>
  (key, shape, own = dtype) =>
    mul(random.uniform(key, shape, { dtype: own }), fround(scale));

/**
 * Normal, cut off at `lower` and `upper` before it is scaled by `stddev`.
 * @example nn.initializers.truncatedNormal(0.02)(random.PRNGKey(0), [2]); // => Tensor float32[2] [0.0291, 0.0343]
 */
export const truncatedNormal =
  (stddev = 1e-2, { dtype = 'float32', lower = -2, upper = 2 }: { dtype?: DType; lower?: number; upper?: number } = {}): Initializer =>
  (key, shape, own = dtype) =>
    mul(random.truncatedNormal(key, lower, upper, shape, { dtype: own }), fround(stddev));

/** Which axes of a kernel count its inputs and outputs, and which it is repeated over; all others are its receptive field. */
export interface FanAxes {
  /** Default -2. */
  inAxis?: number | readonly number[];
  /** Default -1. */
  outAxis?: number | readonly number[];
  /** Default none. */
  batchAxis?: number | readonly number[];
  dtype?: DType;
}

function fans(shape: Shape, { inAxis = -2, outAxis = -1, batchAxis = [] }: FanAxes): { fanIn: number; fanOut: number } {
  if (shape.length <= 1) {
    throw new ShapeError(
      `Can't compute input and output sizes of a ${shape.length}-dimensional weights tensor ${formatShape(shape)}. Must be at least 2D: ` +
        'use nn.initializers.normal or zeros for vectors.',
    );
  }
  const product = (axes: number | readonly number[]): number =>
    (typeof axes === 'number' ? [axes] : axes).reduce((n, axis) => n * shape[normalizeAxis(axis, shape.length)]!, 1);
  const [inSize, outSize] = [product(inAxis), product(outAxis)];
  const field = shape.reduce((n, d) => n * d, 1) / (inSize * outSize * product(batchAxis));
  return { fanIn: inSize * field, fanOut: outSize * field };
}

/** What the variance is divided by: a kernel's inputs, its outputs, or the mean of both. */
export type FanMode = 'fan_in' | 'fan_out' | 'fan_avg';
/** What the numbers are drawn from. */
export type Distribution = 'truncated_normal' | 'normal' | 'uniform';

/**
 * Variance `scale / fan`, where the fan counts the kernel's inputs, outputs or their mean. Kernels have at least two dimensions.
 * @example
 * const init = nn.initializers.varianceScaling(1, 'fan_in', 'normal');
 * np.std(init(random.PRNGKey(0), [100, 200])); // => Tensor float32[] 0.1007
 */
export function varianceScaling(scale: number, mode: FanMode, distribution: Distribution, axes: FanAxes = {}): Initializer {
  return (key, shape, dtype = axes.dtype ?? 'float32') => {
    const { fanIn, fanOut } = fans(shape, axes);
    const denominator = { fan_in: fanIn, fan_out: fanOut, fan_avg: (fanIn + fanOut) / 2 }[mode];
    if (denominator === undefined) throw new ArgumentError(`mode of varianceScaling is fan_in, fan_out or fan_avg, got ${String(mode)}`);
    const variance = fround(scale / denominator);
    switch (distribution) {
      case 'truncated_normal': {
        // 0.8796... is the standard deviation of a standard normal that is cut off at -2 and 2
        const stddev = fround(fround(Math.sqrt(variance)) / fround(0.87962566103423978));
        return mul(random.truncatedNormal(key, -2, 2, shape, { dtype }), stddev);
      }
      case 'normal':
        return mul(random.normal(key, shape, { dtype }), fround(Math.sqrt(variance)));
      case 'uniform':
        return mul(random.uniform(key, shape, { dtype, minval: -1 }), fround(Math.sqrt(fround(3 * variance))));
      default:
        throw new ArgumentError(`distribution of varianceScaling is truncated_normal, normal or uniform, got ${String(distribution)}`);
    }
  };
}

/**
 * LeCun et al. 1998: variance 1 / fan in.
 * @example np.std(nn.initializers.lecunNormal()(random.PRNGKey(0), [100, 200])); // => Tensor float32[] 0.1005
 */
export const lecunNormal = (axes: FanAxes = {}): Initializer => varianceScaling(1, 'fan_in', 'truncated_normal', axes);
/**
 * LeCun et al. 1998, uniform: variance 1 / fan in.
 * @example np.std(nn.initializers.lecunUniform()(random.PRNGKey(0), [100, 200])); // => Tensor float32[] 0.1003
 */
export const lecunUniform = (axes: FanAxes = {}): Initializer => varianceScaling(1, 'fan_in', 'uniform', axes);
/**
 * Glorot & Bengio 2010: variance 2 / (fan in + fan out).
 * @example np.std(nn.initializers.glorotNormal()(random.PRNGKey(0), [100, 100])); // => Tensor float32[] 0.1011
 */
export const glorotNormal = (axes: FanAxes = {}): Initializer => varianceScaling(1, 'fan_avg', 'truncated_normal', axes);
/**
 * Glorot & Bengio 2010, uniform: variance 2 / (fan in + fan out).
 * @example np.std(nn.initializers.glorotUniform()(random.PRNGKey(0), [100, 100])); // => Tensor float32[] 0.1007
 */
export const glorotUniform = (axes: FanAxes = {}): Initializer => varianceScaling(1, 'fan_avg', 'uniform', axes);
/**
 * `glorotNormal` under its other name.
 * @example np.std(nn.initializers.xavierNormal()(random.PRNGKey(0), [100, 100])); // => Tensor float32[] 0.1011
 */
export const xavierNormal = glorotNormal;
/**
 * `glorotUniform` under its other name.
 * @example np.std(nn.initializers.xavierUniform()(random.PRNGKey(0), [100, 100])); // => Tensor float32[] 0.1007
 */
export const xavierUniform = glorotUniform;
/**
 * He et al. 2015: variance 2 / fan in.
 * @example np.std(nn.initializers.heNormal()(random.PRNGKey(0), [200, 100])); // => Tensor float32[] 0.1005
 */
export const heNormal = (axes: FanAxes = {}): Initializer => varianceScaling(2, 'fan_in', 'truncated_normal', axes);
/**
 * He et al. 2015, uniform: variance 2 / fan in.
 * @example np.std(nn.initializers.heUniform()(random.PRNGKey(0), [200, 100])); // => Tensor float32[] 0.1003
 */
export const heUniform = (axes: FanAxes = {}): Initializer => varianceScaling(2, 'fan_in', 'uniform', axes);
/**
 * `heNormal` under its other name.
 * @example np.std(nn.initializers.kaimingNormal()(random.PRNGKey(0), [200, 100])); // => Tensor float32[] 0.1005
 */
export const kaimingNormal = heNormal;
/**
 * `heUniform` under its other name.
 * @example np.std(nn.initializers.kaimingUniform()(random.PRNGKey(0), [200, 100])); // => Tensor float32[] 0.1003
 */
export const kaimingUniform = heUniform;

/**
 * A matrix with orthonormal columns (rows, if it is wider than tall), uniformly distributed, times `scale`; `columnAxis` against all others.
 * @example
 * const q = nn.initializers.orthogonal()(random.PRNGKey(0), [4, 2]);
 * np.allclose(q.T.matmul(q), np.eye(2), { atol: 1e-5 }); // => Tensor bool[] true
 */
export const orthogonal =
  (scale = 1, columnAxis = -1, dtype: DType = 'float32'): Initializer =>
  (key, shape, own = dtype) => {
    if (shape.length < 2) throw new ShapeError(`orthogonal initializer requires at least a 2D shape, got ${formatShape(shape)}`);
    const axis = normalizeAxis(columnAxis, shape.length);
    const columns = shape[axis]!;
    const others = shape.filter((_, i) => i !== axis);
    const rows = others.reduce((n, d) => n * d, 1);
    const [tall, narrow] = [Math.max(rows, columns), Math.min(rows, columns)];
    const [q, r] = qr(random.normal(key, [tall, narrow], { dtype: own }));
    const diagonal = reduceSum(select(eq(iota(r.shape, 0), iota(r.shape, 1)), r, 0), 1);
    const signed = mul(q, broadcast(sign(diagonal), q.shape, [1])); // makes the decomposition, and so the distribution, unique
    const matrix = reshape(rows < columns ? transpose(signed, [1, 0]) : signed, [...others, columns]);
    const order = others.map((_, i) => i);
    order.splice(axis, 0, others.length);
    return mul(transpose(matrix, order), fround(scale));
  };
