/** Flax's modules: `nn.module`, the layers, activations and initializers. */
export { module } from './module.js';
export type {
  Apply,
  ApplyOptions,
  Body,
  Bound,
  Collection,
  Forward,
  Init,
  InitOptions,
  Methods,
  Module,
  ModuleType,
  Named,
  Variables,
  VariablesLike,
} from './types.js';
export type { Rngs } from './rng.js';
export { DenyList, type Filter } from './filter.js';
export { hasRng, hasVariable, isInitializing, isMutable, makeRng, mergeParam, param, path, sow, variable, type Variable } from './hooks.js';
export type { InitFn } from './init_shapes.js';
export * from './activation.js';
export { Conv, ConvTranspose, type ConvConfig, type ConvTransposeConfig } from './convolution.js';
export { Dense, type DenseConfig } from './linear.js';
export { Embed, type EmbedConfig } from './embed.js';
export { BatchNorm, LayerNorm, type BatchNormConfig, type BatchNormOptions, type LayerNormConfig } from './normalization.js';
export { avgPool, maxPool, minPool, type PoolingOptions } from './pooling.js';
export { Sequential, type SequentialConfig } from './sequential.js';
export { Dropout, type DropoutConfig, type DropoutOptions } from './stochastic.js';
export * as initializers from './initializers.js';
