/** Layers that draw random numbers. */
import { ArgumentError } from '../core/errors.js';
import { broadcastTo, div, full, select } from '../core/primitives/index.js';
import { normalizeAxis } from '../core/aval.js';
import { checkOptions } from '../core/options.js';
import type { Tensor } from '../core/tensor.js';
import * as random from '../random/index.js';
import { checkInput, checkNames } from './checks.js';
import { makeRng, mergeParam } from './hooks.js';
import { module } from './module.js';

/** What `Dropout` can be told. */
export interface DropoutConfig {
  /** The probability that an element is dropped, 0 to 1. */
  rate: number;
  /** Axes along which all elements share one draw. */
  broadcastDims?: readonly number[];
  /** If true the input passes unchanged; here or at the call. */
  deterministic?: boolean;
  /** The stream of its random keys. Default dropout. */
  rngCollection?: string;
}

/** What a call of `Dropout` can be told. */
export interface DropoutOptions {
  deterministic?: boolean;
  /** A key to use in place of the stream's next one. */
  rng?: Tensor;
}

/**
 * Dropout (Srivastava et al. 2014): each element becomes 0 with probability `rate`, else `x / (1 - rate)`. Needs a key: `rngs: { dropout: key }`.
 * As flax.linen.Dropout.
 * @example
 * const dropout = nn.Dropout({ rate: 0.5 });
 * dropout.apply({}, np.ones([6]), { deterministic: false, rngs: { dropout: random.PRNGKey(0) } }); // => Tensor float32[6] [0, 2, 2, 0, 0, 0]
 * dropout.apply({}, np.ones([6]), { deterministic: true }); // => Tensor float32[6] [1, 1, 1, 1, 1, 1]
 */
export const Dropout = module(
  'Dropout',
  (config: DropoutConfig) =>
    (x: Tensor, options: DropoutOptions = {}): Tensor => {
      checkInput('Dropout', x);
      checkOptions('a call of Dropout', options, { deterministic: true, rng: true });
      const { deterministic, rng } = options;
      const { rate, broadcastDims = [], rngCollection = 'dropout' } = config;
      const off: unknown = mergeParam('deterministic', config.deterministic, deterministic);
      if (typeof off !== 'boolean')
        throw new ArgumentError(`Dropout needs deterministic to be true or false, known when it is called; got ${String(off)}`);
      if (off || rate === 0) return x;
      if (rate === 1) return full(x.shape, 0, x.dtype); // x / 0 would have a NaN gradient
      const shared = broadcastDims.map((d) => normalizeAxis(d, x.ndim));
      const key = rng ?? makeRng(rngCollection);
      const keep = random.bernoulli(
        key,
        1 - rate,
        x.shape.map((d, i) => (shared.includes(i) ? 1 : d)),
      );
      return select(broadcastTo(keep, x.shape), div(x, 1 - rate), 0);
    },
  (config) => {
    checkNames('Dropout', config, { rate: true, broadcastDims: true, deterministic: true, rngCollection: true });
    const { rate } = config;
    if (!(rate >= 0 && rate <= 1))
      throw new ArgumentError(`Dropout needs a rate from 0 to 1, as in nn.Dropout({ rate: 0.5 }), got ${String(rate)}`);
  },
);
