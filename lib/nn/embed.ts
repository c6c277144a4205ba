/** Embeddings. */
import type { DType } from '../core/dtype.js';
import { isInteger } from '../core/dtype.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import { convert, dotGeneral } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { take } from '../numpy/index.js';
import { checkInput, checkNames } from './checks.js';
import { computeDtype } from './compute_dtype.js';
import { param } from './hooks.js';
import { varianceScaling, type Initializer } from './initializers.js';
import { module } from './module.js';

/** What `Embed` can be told. */
export interface EmbedConfig {
  numEmbeddings: number;
  features: number;
  dtype?: DType;
  /** Default float32. */
  paramDtype?: DType;
  /** Default variance 1 / features. */
  embeddingInit?: Initializer;
}

const DEFAULT_EMBEDDING = varianceScaling(1, 'fan_in', 'normal', { inAxis: -1, outAxis: 0 });

/**
 * A table of vectors, the parameter `embedding` [numEmbeddings, features]; integer inputs [...] give [..., features]; negative ones count from
 * the end, and those outside of the table give NaN.
 * The method `attend` gives the inner products of [..., features] with all rows, [..., numEmbeddings]. As flax.linen.Embed.
 * @example
 * const embed = nn.Embed({ numEmbeddings: 100, features: 8 });
 * const variables = embed.init(random.PRNGKey(0), np.zeros([1], 'int32'));
 * embed.apply(variables, np.array([[3, 1, 4]], 'int32')).shape; // => [1, 3, 8]
 */
export const Embed = module(
  'Embed',
  ({ numEmbeddings, features, dtype, paramDtype = 'float32', embeddingInit = DEFAULT_EMBEDDING }: EmbedConfig) => {
    const embedding = param('embedding', embeddingInit, [numEmbeddings, features], paramDtype);
    return {
      __call__(inputs: Tensor): Tensor {
        checkInput('Embed', inputs);
        if (!isInteger(inputs.dtype)) throw new DTypeError(`Embed takes integer inputs, got ${inputs}; convert them with astype('int32')`);
        return take(convert(embedding, computeDtype(dtype, [embedding])), inputs, 0);
      },
      attend(query: Tensor): Tensor {
        checkInput('Embed.attend', query);
        const to = computeDtype(dtype, [query, embedding]);
        const dims = { lhsContract: [query.ndim - 1], rhsContract: [1], lhsBatch: [], rhsBatch: [] };
        return dotGeneral(convert(query, to), convert(embedding, to), dims);
      },
    };
  },
  (config) => {
    checkNames('Embed', config, { numEmbeddings: true, features: true, dtype: true, paramDtype: true, embeddingInit: true });
    const { numEmbeddings, features } = config;
    for (const [name, value] of Object.entries({ numEmbeddings, features })) {
      if (!Number.isInteger(value) || value < 0) throw new ArgumentError(`Embed needs ${name}, a whole number, got ${String(value)}`);
    }
  },
);
