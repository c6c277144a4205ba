/** Linear layers. */
import type { DType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import type { OptionNames } from '../core/options.js';
import { convert, dense } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { checkInput, checkNames, flag, precision } from './checks.js';
import { computeDtype } from './compute_dtype.js';
import { param } from './hooks.js';
import { lecunNormal, zeros, type Initializer } from './initializers.js';
import { module } from './module.js';

/** What `Dense` can be told. */
export interface DenseConfig {
  /** The size of the output's last axis. */
  features: number;
  /** Default true. */
  useBias?: boolean;
  /** The dtype of the computation; default that of input and parameters together. */
  dtype?: DType;
  /** Default float32. */
  paramDtype?: DType;
  /**
   * On `cpu` every product is in full float32; `high` and `highest` ask for that on `cuda` too, whose default is tf32, and `bfloat16` for inputs and
   * kernel rounded to 7 bits of mantissa there, with sums in float32. Gradients are computed alike.
   */
  precision?: 'default' | 'high' | 'highest' | 'bfloat16';
  /** Default lecunNormal(). */
  kernelInit?: Initializer;
  /** Default zeros. */
  biasInit?: Initializer;
}

const NAMES: OptionNames<DenseConfig> = {
  features: true,
  useBias: flag,
  dtype: true,
  paramDtype: true,
  precision,
  kernelInit: true,
  biasInit: true,
};

// Initializers are shared by all instances: their shapes are then worked out once.
const DEFAULT_KERNEL = lecunNormal();

/**
 * `x @ kernel + bias` over the last axis: [..., K] to [..., features], with the parameters `kernel` [K, features] and `bias` [features].
 * Throws ScopeParamShapeError where existing parameters do not fit the input. As flax.linen.Dense.
 * @example
 * const dense = nn.Dense({ features: 4 });
 * const variables = dense.init(random.PRNGKey(0), np.ones([1, 3]));
 * tree.map((v: Tensor) => v.shape, variables); // => { params: { bias: [4], kernel: [3, 4] } }
 * dense.apply(variables, np.ones([8, 3])).shape; // => [8, 4]
 */
export const Dense = module(
  'Dense',
  ({
    features,
    useBias = true,
    dtype,
    paramDtype = 'float32',
    precision: asked = 'default',
    kernelInit = DEFAULT_KERNEL,
    biasInit = zeros,
  }: DenseConfig) =>
    (x: Tensor): Tensor => {
      checkInput('Dense', x);
      if (x.ndim === 0) throw new ArgumentError(`Dense needs an input of at least one axis, got ${x}`);
      const kernel = param('kernel', kernelInit, [x.shape[x.ndim - 1]!, features], paramDtype);
      const bias = useBias ? param('bias', biasInit, [features], paramDtype) : null;
      const to = computeDtype(dtype, bias === null ? [x, kernel] : [x, kernel, bias]);
      const wanted = asked === 'default' ? undefined : asked === 'bfloat16' ? asked : 'highest';
      return dense(convert(x, to), convert(kernel, to), bias === null ? null : convert(bias, to), wanted);
    },
  (config) => {
    checkNames('Dense', config, NAMES);
    const { features } = config;
    if (!Number.isInteger(features) || features < 0) {
      throw new ArgumentError(`Dense needs the number of its features, as in nn.Dense({ features: 4 }), got ${String(features)}`);
    }
  },
);
