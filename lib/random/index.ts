/** Random numbers, bit for bit those of jax.random: keys in, samples out, no hidden state. */
export { PRNGKey, bits, foldIn, key, split } from './keys.js';
export { choice, permutation, randint, type ChoiceOptions, type PermutationOptions } from './integers.js';
export {
  bernoulli,
  categorical,
  exponential,
  gumbel,
  normal,
  truncatedNormal,
  uniform,
  type CategoricalOptions,
  type SampleOptions,
  type UniformOptions,
} from './samplers.js';
