/** Convolutional layers. */
import { formatShape, type Shape } from '../core/aval.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import type { OptionNames } from '../core/options.js';
import { add, broadcast, conv, convert, full, mul, pad, reduceSum, reshape, reverse, slice, transpose } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { pad as padWith } from '../numpy/joining.js';
import { checkInput, checkNames, flag, precision } from './checks.js';
import { computeDtype } from './compute_dtype.js';
import { param } from './hooks.js';
import { lecunNormal, zeros, type Initializer } from './initializers.js';
import { module } from './module.js';
import { canonicalPadding, padsOf, perDimension, withOneBatch, type Padding, type Pads, type PerDimension } from './windows.js';

/** What both layers can be told. */
interface KernelConfig {
  /** The size of the output's last axis. */
  features: number;
  /** The window along each spatial dimension; a number is one dimension. */
  kernelSize: PerDimension;
  /** Default 1. */
  strides?: PerDimension | null;
  /** How far the kernel's taps lie apart. Default 1. */
  kernelDilation?: PerDimension | null;
  /** Default true. */
  useBias?: boolean;
  /** The kernel is multiplied by it; of the kernel's shape. */
  mask?: Tensor;
  /** The dtype of the computation; default that of input and parameters together. */
  dtype?: DType;
  /** Default float32. */
  paramDtype?: DType;
  /** Products are in full float32 at any precision. */
  precision?: 'default' | 'high' | 'highest' | 'bfloat16';
  /** Default lecunNormal(). */
  kernelInit?: Initializer;
  /** Default zeros. */
  biasInit?: Initializer;
}

/** What `Conv` can be told. */
export interface ConvConfig extends KernelConfig {
  /**
   * Default 'SAME'. 'CIRCULAR' continues the input periodically, 'REFLECT' mirrors it, 'CAUSAL' (one dimension) puts zeros in front so that no output sees
   * later inputs. Negative widths cut off.
   */
  padding?: Padding;
  /** Puts zeros between the input's elements; padding is in numbers then. Default 1. */
  inputDilation?: PerDimension | null;
  /** Splits the features into so many groups that do not mix. Default 1. */
  featureGroupCount?: number;
}

const KERNEL_NAMES: OptionNames<KernelConfig> = {
  features: true,
  kernelSize: true,
  strides: true,
  kernelDilation: true,
  useBias: flag,
  mask: true,
  dtype: true,
  paramDtype: true,
  precision,
  kernelInit: true,
  biasInit: true,
};

const DEFAULT_KERNEL = lecunNormal(); // shared by all instances: its shapes are then worked out once

const listOf = (kernelSize: PerDimension): readonly number[] => (typeof kernelSize === 'number' ? [kernelSize] : kernelSize);
const extentsOf = (window: Shape, dilation: readonly number[]): number[] => window.map((k, i) => (k - 1) * dilation[i]! + 1);

function checkConfig(name: string, { features, kernelSize }: { features: number; kernelSize: PerDimension }): void {
  if (!Number.isInteger(features) || features < 0) {
    throw new ArgumentError(
      `${name} needs the number of its features, as in nn.${name}({ features: 8, kernelSize: [3, 3] }), got ${String(features)}`,
    );
  }
  const window = typeof kernelSize === 'number' ? [kernelSize] : kernelSize;
  if (!Array.isArray(window) || window.length === 0 || window.some((k) => !Number.isInteger(k) || k < 1)) {
    throw new ArgumentError(`${name} needs kernelSize, whole numbers of at least 1 such as [3, 3], got ${JSON.stringify(kernelSize)}`);
  }
}

/** x with zeros between its elements and around it; negative widths cut off. */
function spread(x: Tensor, pads: Pads, dilation: readonly number[]): Tensor {
  const each = (f: (i: number) => number): number[] => [0, ...pads.map((_, i) => f(i)), 0];
  const padded = pad(x, full([], 0, x.dtype), {
    low: each((i) => Math.max(0, pads[i]![0])),
    high: each((i) => Math.max(0, pads[i]![1])),
    interior: each((i) => dilation[i]! - 1),
  });
  const start = each((i) => Math.max(0, -pads[i]![0]));
  return slice(
    padded,
    start,
    padded.shape.map((d, i) => Math.max(start[i]!, d - (i === 0 || i > pads.length ? 0 : Math.max(0, -pads[i - 1]![1])))),
  );
}

interface Convolution {
  readonly strides: readonly number[];
  readonly inputDilation: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** `conv` with padding of any sign and a dilated input: jax.lax.conv_general_dilated. */
function convolve(x: Tensor, kernel: Tensor, pads: Pads, { strides, inputDilation, dilation, groups }: Convolution): Tensor {
  const plain = inputDilation.every((d) => d === 1) && pads.every((p) => p[0] >= 0 && p[1] >= 0);
  const [input, rest] = plain ? [x, pads] : [spread(x, pads, inputDilation), pads.map(() => [0, 0] as const)];
  return conv(input, kernel, { strides, low: rest.map((p) => p[0]), high: rest.map((p) => p[1]), dilation, groups });
}

const addBias = (y: Tensor, bias: Tensor | null): Tensor => (bias === null ? y : add(y, broadcast(bias, y.shape, [y.ndim - 1])));

/** Creates the kernel, masked, then the bias, all at the dtype of the computation. */
function parameters(
  name: string,
  x: Tensor,
  shape: Shape,
  { features, useBias = true, mask, dtype, paramDtype = 'float32', kernelInit = DEFAULT_KERNEL, biasInit = zeros }: KernelConfig,
): [x: Tensor, kernel: Tensor, bias: Tensor | null] {
  if (mask !== undefined && mask.shape.join() !== shape.join()) {
    throw new ShapeError(`${name} needs a mask of its kernel's shape ${formatShape(shape)}, got ${mask}`);
  }
  const own = param('kernel', kernelInit, shape, paramDtype);
  const kernel = mask === undefined ? own : mul(own, convert(mask, own.dtype));
  const bias = useBias ? param('bias', biasInit, [features], paramDtype) : null;
  const to = computeDtype(dtype, bias === null ? [x, kernel] : [x, kernel, bias]);
  return [convert(x, to), convert(kernel, to), bias === null ? null : convert(bias, to)];
}

/**
 * Convolution over the spatial dimensions (one to three) of [batch..., spatial..., features]: with the parameters `kernel` [...kernelSize,
 * in / featureGroupCount, features] and `bias` [features]. Any number of batch dimensions, none too. As flax.linen.Conv.
 * @example
 * const conv = nn.Conv({ features: 8, kernelSize: [3, 3], strides: 2 });
 * const variables = conv.init(random.PRNGKey(0), np.ones([1, 28, 28, 1]));
 * tree.map((v: Tensor) => v.shape, variables); // => { params: { bias: [8], kernel: [3, 3, 1, 8] } }
 * conv.apply(variables, np.ones([16, 28, 28, 1])).shape; // => [16, 14, 14, 8]
 */
export const Conv = module(
  'Conv',
  (config: ConvConfig) =>
    (x: Tensor): Tensor => {
      checkInput('Conv', x);
      const { features, padding = 'SAME', featureGroupCount: groups = 1 } = config;
      const window = listOf(config.kernelSize);
      const rank = window.length;
      const strides = perDimension('Conv', 'strides', config.strides, rank);
      const inputDilation = perDimension('Conv', 'inputDilation', config.inputDilation, rank);
      const dilation = perDimension('Conv', 'kernelDilation', config.kernelDilation, rank);
      const extents = extentsOf(window, dilation);
      return withOneBatch('Conv', x, rank, (input) => {
        const inFeatures = input.shape[rank + 1]!;
        if (!(inFeatures % groups === 0 && features % groups === 0)) {
          throw new ShapeError(
            `Conv with featureGroupCount ${groups} needs features in and out that it divides, got ${inFeatures} and ${features}`,
          );
        }
        let pads = canonicalPadding('Conv', padding, rank);
        if (typeof pads === 'string' && inputDilation.some((d) => d !== 1)) {
          throw new ArgumentError(
            `Conv with inputDilation needs its padding in numbers, [low, high] for each dimension, or use nn.ConvTranspose; got '${pads}'`,
          );
        }
        if (pads === 'CIRCULAR' || pads === 'REFLECT') {
          const around = extents.map((k) => [Math.floor((k - 1) / 2), Math.floor(k / 2)] as const);
          input = padWith(input, [[0, 0], ...around, [0, 0]], { mode: pads === 'CIRCULAR' ? 'wrap' : 'reflect' });
          pads = padsOf('Conv', 'VALID', { spatial: around.map(() => 0), extents, strides });
        } else if (pads === 'CAUSAL') {
          if (rank !== 1)
            throw new ArgumentError(`Conv has the padding 'CAUSAL' for one dimension only, but its kernelSize is ${formatShape(window)}`);
          pads = [[extents[0]! - 1, 0]];
        } else if (typeof pads === 'string') {
          pads = padsOf('Conv', pads, { spatial: input.shape.slice(1, -1), extents, strides });
        }
        const [own, kernel, bias] = parameters('Conv', input, [...window, inFeatures / groups, features], config);
        return addBias(convolve(own, kernel, pads, { strides, inputDilation, dilation, groups }), bias);
      });
    },
  (config) => {
    checkNames('Conv', config, { ...KERNEL_NAMES, padding: true, inputDilation: true, featureGroupCount: true });
    checkConfig('Conv', config);
    const { featureGroupCount: groups = 1 } = config;
    if (!Number.isInteger(groups) || groups < 1)
      throw new ArgumentError(`Conv needs a featureGroupCount of at least 1, got ${String(groups)}`);
  },
);

/** What `ConvTranspose` can be told. */
export interface ConvTransposeConfig extends KernelConfig {
  /** Default 'SAME'; by name that of the convolution that this one turns around, in numbers of the stretched input. 'CIRCULAR' wraps the result. */
  padding?: Padding;
  /** Takes the kernel as that convolution has it, [...kernelSize, features, in], and flips it. Default false. */
  transposeKernel?: boolean;
}

/** The padding of a stretched input under which a convolution with this padding would turn back. As jax.lax.conv_transpose. */
function transposedPads(padding: string, extents: readonly number[], strides: readonly number[]): Pads {
  return extents.map((k, i) => {
    const s = strides[i]!;
    if (padding === 'SAME') {
      const low = s > k - 1 ? k - 1 : Math.ceil((k + s - 2) / 2);
      return [low, k + s - 2 - low];
    }
    if (padding === 'VALID' || padding === 'CIRCULAR') return [k - 1, Math.max(k, s) - 1];
    throw new ArgumentError(`ConvTranspose has no padding '${padding}': use 'SAME', 'VALID', 'CIRCULAR' or [low, high] for each dimension`);
  });
}

/** Adds up all periods of y along its spatial dimensions; `left` puts the odd element of the padding in front. */
function wrap(y: Tensor, periods: readonly number[], left: boolean): Tensor {
  periods.forEach((period, i) => {
    const missing = modulo(period - y.shape[i + 1]!, 2 * period);
    const low = left ? Math.ceil(missing / 2) : Math.floor(missing / 2);
    const widths = y.shape.map((_, axis) => (axis === i + 1 ? ([low, missing - low] as const) : ([0, 0] as const)));
    const padded = padWith(y, widths);
    const { shape } = padded;
    const split = reshape(padded, [...shape.slice(0, i + 1), shape[i + 1]! / period, period, ...shape.slice(i + 2)]);
    y = reduceSum(split, i + 1);
  });
  return y;
}
const modulo = (a: number, n: number): number => (n === 0 ? 0 : ((a % n) + n) % n);

/**
 * Transposed convolution: the input's elements, `strides` apart with zeros between, are convolved with `kernel` [...kernelSize, in, features] and a `bias`
 * [features] is added. One to three spatial dimensions, any number of batch dimensions. As flax.linen.ConvTranspose.
 * @example
 * const layer = nn.ConvTranspose({ features: 4, kernelSize: [3, 3], strides: 2 });
 * const variables = layer.init(random.PRNGKey(0), np.ones([1, 7, 7, 8]));
 * layer.apply(variables, np.ones([16, 7, 7, 8])).shape; // => [16, 14, 14, 4]
 */
export const ConvTranspose = module(
  'ConvTranspose',
  (config: ConvTransposeConfig) =>
    (x: Tensor): Tensor => {
      checkInput('ConvTranspose', x);
      const { features, padding = 'SAME', transposeKernel = false } = config;
      const window = listOf(config.kernelSize);
      const rank = window.length;
      const strides = perDimension('ConvTranspose', 'strides', config.strides, rank);
      const dilation = perDimension('ConvTranspose', 'kernelDilation', config.kernelDilation, rank);
      const given = canonicalPadding('ConvTranspose', padding, rank);
      const pads = typeof given === 'string' ? transposedPads(given, extentsOf(window, dilation), strides) : given;
      return withOneBatch('ConvTranspose', x, rank, (input) => {
        const inFeatures = input.shape[rank + 1]!;
        const shape = transposeKernel ? [...window, features, inFeatures] : [...window, inFeatures, features];
        const [own, kernel, bias] = parameters('ConvTranspose', input, shape, config);
        const axes = window.map((_, i) => i);
        const turned = transposeKernel ? transpose(reverse(kernel, axes), [...axes, rank + 1, rank]) : kernel;
        const y = convolve(own, turned, pads, { strides: strides.map(() => 1), inputDilation: strides, dilation, groups: 1 });
        const periods = strides.map((s, i) => s * input.shape[i + 1]!);
        return addBias(given === 'CIRCULAR' ? wrap(y, periods, !transposeKernel) : y, bias);
      });
    },
  (config) => {
    checkNames('ConvTranspose', config, { ...KERNEL_NAMES, padding: true, transposeKernel: true });
    checkConfig('ConvTranspose', config);
  },
);
