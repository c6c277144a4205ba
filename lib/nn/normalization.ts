/** Normalization layers. */
import { formatShape, normalizeAxes, type Shape } from '../core/aval.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import { add, batchNorm, broadcastTo, convert, full, max, mul, reshape, transpose, zeros as zerosOf } from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { checkInput, checkNames, finite, flag, notNegative } from './checks.js';
import { pmean } from './collective.js';
import { computeDtype } from './compute_dtype.js';
import { isInitializing, mergeParam, param, path, variable, type Variable } from './hooks.js';
import { ones, zeros, type Initializer } from './initializers.js';
import { module } from './module.js';
import { normalize, statistics } from './statistics.js';

/** What all normalization layers can be told. */
interface AffineConfig {
  /** Added to the variance. */
  epsilon?: number;
  /** The dtype of the result; default that of input and parameters together. */
  dtype?: DType;
  /** Default float32. */
  paramDtype?: DType;
  /** Default true. */
  useBias?: boolean;
  /** Default true. */
  useScale?: boolean;
  /** Default zeros. */
  biasInit?: Initializer;
  /** Default ones. */
  scaleInit?: Initializer;
  /** The variance as `max(0, E[x^2] - E[x]^2)`, else as `E[(x - mean)^2]`. Default true. */
  useFastVariance?: boolean;
  /** Statistics are float32 in any case. */
  forceFloat32Reductions?: boolean;
  /** Averages statistics over the axis that a surrounding vmap names so, too. */
  axisName?: string;
  /** Groups of positions along that axis. */
  axisIndexGroups?: readonly (readonly number[])[];
}

/** What `BatchNorm` can be told. */
export interface BatchNormConfig extends AffineConfig {
  /** Whether to normalize with the running statistics; here or at the call. */
  useRunningAverage?: boolean;
  /** The feature axes; statistics go over all others. Default -1. */
  axis?: number | readonly number[];
  /** Of the running statistics. Default 0.99. */
  momentum?: number;
}

/** What a call of `BatchNorm` can be told. */
export interface BatchNormOptions {
  useRunningAverage?: boolean;
  /** Which elements count in the statistics (bool, broadcasts to x). */
  mask?: Tensor | null;
}

const AFFINE_NAMES: OptionNames<AffineConfig> = {
  epsilon: notNegative,
  dtype: true,
  paramDtype: true,
  useBias: flag,
  useScale: flag,
  biasInit: true,
  scaleInit: true,
  useFastVariance: flag,
  forceFloat32Reductions: true,
  axisName: true,
  axisIndexGroups: true,
};

/** Creates scale, then bias, of this shape. */
function affine(
  shape: Shape,
  { useScale = true, useBias = true, scaleInit = ones, biasInit = zeros, paramDtype = 'float32' }: AffineConfig,
): { scale: Tensor | null; bias: Tensor | null } {
  return {
    scale: useScale ? param('scale', scaleInit, shape, paramDtype) : null,
    bias: useBias ? param('bias', biasInit, shape, paramDtype) : null,
  };
}

/** A running statistic as the caller passed it, at the shape of the feature axes; sizes of 1 stretch, as in Flax. */
function running({ name, value }: Variable<Tensor>, shape: Shape, x: Tensor): Tensor {
  const refuse = (why: string): never => {
    throw new ShapeError(
      `BatchNorm in "/${path().join('/')}": the running "${name}" ${why}: pass the batch_stats that init or apply returned`,
    );
  };
  if (!(value instanceof Tensor)) return refuse(`is a value of class ${(value as object | null)?.constructor.name ?? 'null'}, no tensor`);
  const fits = value.ndim === shape.length && value.shape.every((d, i) => d === 1 || d === shape[i]);
  return fits
    ? broadcastTo(value, shape)
    : refuse(`of shape ${formatShape(value.shape)} does not broadcast over an input of shape ${formatShape(x.shape)}`);
}

const present = (tensors: readonly (Tensor | null)[]): Tensor[] => tensors.filter((t) => t !== null);

const across = (config: AffineConfig): ((mean: Tensor) => Tensor) | undefined => {
  const { axisName, axisIndexGroups } = config;
  // init sees one example, outside of every vmap
  return axisName === undefined || isInitializing()
    ? undefined
    : (mean) => pmean(mean, { axisName, axisIndexGroups }, `/${path().join('/')}`);
};

/**
 * Batch normalization (Ioffe & Szegedy 2015). In training (`useRunningAverage: false`) it normalizes x with the mean and the biased variance of this batch
 * and moves the running statistics `mean` and `var` of the collection `batch_stats` (float32, zeros and ones at first) to `momentum * old +
 * (1 - momentum) * batch`, which needs `mutable: ['batch_stats']`; else it normalizes with the running statistics. `init` leaves them as they are. The
 * parameters `scale` and `bias` and the statistics have the shape of the feature axes; the result has x's. As flax.linen.BatchNorm.
 * @example
 * const norm = nn.BatchNorm({ momentum: 0.9 });
 * const x = np.array([[1, 10], [3, 30]]);
 * const variables = norm.init(random.PRNGKey(0), x, { useRunningAverage: false });
 * const [y, updates] = norm.apply(variables, x, { useRunningAverage: false, mutable: ['batch_stats'] });
 * y; // => Tensor float32[2, 2] [[-1.0, -1.0], [1.0, 1.0]]
 * updates.batch_stats; // => { mean: Tensor float32[2] [0.2, 2], var: Tensor float32[2] [1, 10.9] }
 */
export const BatchNorm = module(
  'BatchNorm',
  (config: BatchNormConfig) =>
    (x: Tensor, options: BatchNormOptions = {}): Tensor => {
      checkInput('BatchNorm', x);
      checkOptions('a call of BatchNorm', options, { useRunningAverage: true, mask: true });
      const { axis = -1, momentum = 0.99, epsilon = 1e-5, useFastVariance: fastVariance = true } = config;
      const useRunningAverage: unknown = mergeParam('useRunningAverage', config.useRunningAverage, options.useRunningAverage);
      if (typeof useRunningAverage !== 'boolean')
        throw new ArgumentError(
          `BatchNorm needs useRunningAverage to be true or false, known when it is called; got ${String(useRunningAverage)}`,
        );
      const featureAxes = normalizeAxes(axis, x.ndim);
      const axes = x.shape.map((_, i) => i).filter((i) => !featureAxes.includes(i));
      const shape = featureAxes.map((i) => x.shape[i]!);

      const mean = variable('batch_stats', 'mean', () => zerosOf(shape));
      const variance = variable('batch_stats', 'var', () => full(shape, 1));
      const { scale, bias } = affine(shape, config);
      const dtype = computeDtype(config.dtype, [x, ...present([scale, bias])]);
      const input = convert(x, 'float32');
      if (useRunningAverage) {
        return convert(
          normalize(
            input,
            { mean: running(mean, shape, x), variance: running(variance, shape, x), scale, bias },
            { axes, featureAxes, epsilon },
          ),
          dtype,
        );
      }

      const update = (batchMean: Tensor, batchVariance: Tensor): void => {
        if (isInitializing()) return;
        mean.value = add(mul(running(mean, shape, x), momentum), mul(batchMean, 1 - momentum));
        variance.value = add(mul(running(variance, shape, x), momentum), mul(batchVariance, 1 - momentum));
      };
      const further = across(config);
      if ((options.mask ?? null) !== null || further !== undefined) {
        const [m, v] = statistics(input, axes, { fastVariance, mask: options.mask, across: further });
        update(m, v);
        return convert(normalize(input, { mean: m, variance: v, scale, bias }, { axes, featureAxes, epsilon }), dtype);
      }

      const features = shape.reduce((n, d) => n * d, 1);
      const flat = (v: Tensor): Tensor => reshape(convert(v, 'float32'), [features]);
      const order = [...axes, ...featureAxes];
      const last = transpose(input, order);
      const [y, m, v] = batchNorm(
        reshape(last, [...axes.map((i) => x.shape[i]!), features]),
        scale === null ? full([features], 1) : flat(scale),
        bias === null ? zerosOf([features]) : flat(bias),
        { epsilon, fastVariance },
      );
      update(reshape(m, shape), reshape(fastVariance ? max(v, 0) : v, shape));
      return convert(
        transpose(
          reshape(y, last.shape),
          order.map((_, i) => order.indexOf(i)),
        ),
        dtype,
      );
    },
  (config) => checkNames('BatchNorm', config, { useRunningAverage: true, axis: true, momentum: finite, ...AFFINE_NAMES }),
);

/** What `LayerNorm` can be told. */
export interface LayerNormConfig extends AffineConfig {
  /** The axes that are normalized. Default -1. */
  reductionAxes?: number | readonly number[];
  /** The axes that scale and bias have. Default -1. */
  featureAxes?: number | readonly number[];
}

/**
 * Layer normalization (Ba et al. 2016): each example by its own mean and biased variance over `reductionAxes`, epsilon 1e-6; the parameters `scale` and
 * `bias` have the shape of `featureAxes`. `mask` tells which elements count. As flax.linen.LayerNorm.
 * @example
 * const norm = nn.LayerNorm();
 * const x = np.array([[1, 3], [10, 30]]);
 * norm.apply(norm.init(random.PRNGKey(0), x), x); // => Tensor float32[2, 2] [[-1, 1], [-1, 1]]
 */
export const LayerNorm = module(
  'LayerNorm',
  (config: LayerNormConfig) =>
    (x: Tensor, options: { mask?: Tensor | null } = {}): Tensor => {
      checkInput('LayerNorm', x);
      checkOptions('a call of LayerNorm', options, { mask: true });
      const { mask } = options;
      const { reductionAxes = -1, featureAxes: feature = -1, epsilon = 1e-6, useFastVariance: fastVariance = true } = config;
      const axes = normalizeAxes(reductionAxes, x.ndim);
      const featureAxes = normalizeAxes(feature, x.ndim);
      const input = convert(x, 'float32');
      const [mean, variance] = statistics(input, axes, { fastVariance, mask, across: across(config) });
      const { scale, bias } = affine(
        featureAxes.map((i) => x.shape[i]!),
        config,
      );
      const dtype = computeDtype(config.dtype, [x, ...present([scale, bias])]);
      return convert(normalize(input, { mean, variance, scale, bias }, { axes, featureAxes, epsilon }), dtype);
    },
  (config) => checkNames('LayerNorm', config, { reductionAxes: true, featureAxes: true, ...AFFINE_NAMES }),
);
