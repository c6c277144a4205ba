/** Modules in a row. */
import { ArgumentError } from '../core/errors.js';
import { module } from './module.js';
import type { Forward } from './types.js';

export interface SequentialConfig {
  /** Modules and functions; each gets what the one before returned (the elements of an array as several arguments). */
  layers: readonly Forward[];
}

/** Applies layers one after the other. As flax.linen.Sequential. */
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
  ({ layers }) => {
    if (!Array.isArray(layers) || layers.length === 0 || layers.some((f) => typeof f !== 'function')) {
      throw new ArgumentError(
        `Sequential needs a list of modules and functions, as in nn.Sequential({ layers: [nn.Dense({ features: 4 }), nn.relu] })`,
      );
    }
  },
);
