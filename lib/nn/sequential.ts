/** Modules in a row. */
import { ArgumentError } from '../core/errors.js';
import { checkNames } from './checks.js';
import { module } from './module.js';
import type { Forward } from './types.js';

/** What `Sequential` is made of. */
export interface SequentialConfig {
  /** Modules and functions; each gets what the one before returned (the elements of an array as several arguments). */
  layers: readonly Forward[];
}

/**
 * Applies layers one after the other. As flax.linen.Sequential.
 * @example
 * const net = nn.Sequential({ layers: [nn.Dense({ features: 4 }), nn.relu, nn.Dense({ features: 1 })] });
 * const variables = net.init(random.PRNGKey(0), np.ones([1, 3]));
 * tree.map((v: Tensor) => v.shape, variables.params); // => { layers_0: { bias: [4], kernel: [3, 4] }, layers_2: { bias: [1], kernel: [4, 1] } }
 */
export const Sequential = module(
  'Sequential',
  ({ layers }: SequentialConfig) =>
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what the last layer returns
    (...args: unknown[]): any => {
      let inputs = args;
      let output: unknown;
      for (const layer of layers) {
        output = layer(...inputs);
        inputs = Array.isArray(output) ? output : [output];
      }
      return output;
    },
  (config) => {
    checkNames('Sequential', config, { layers: true });
    const { layers } = config;
    if (!Array.isArray(layers) || layers.length === 0 || layers.some((f) => typeof f !== 'function')) {
      throw new ArgumentError(
        `Sequential needs a list of modules and functions, as in nn.Sequential({ layers: [nn.Dense({ features: 4 }), nn.relu] })`,
      );
    }
  },
);
