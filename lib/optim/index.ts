/** Optimizers, schedules and losses: optax's names and numbers. */
export * from './losses.js';
export { adagrad, adam, adamw, lamb, lion, rmsprop, sgd, type RmspropOptions, type SgdOptions } from './optimizers.js';
export {
  scaleByAdam,
  scaleByLion,
  scaleByRms,
  scaleByRss,
  scaleByStddev,
  trace,
  type AdamOptions,
  type AdamState,
  type LionState,
  type RmsOptions,
  type RmsState,
  type RssState,
  type TraceState,
} from './moments.js';
export { clip, clipByGlobalNorm, globalNorm, scaleByTrustRatio } from './norms.js';
export { addDecayedWeights, scale, scaleByLearningRate, scaleBySchedule, type CountState, type WeightDecayOptions } from './scale.js';
export type { Rate, Scalar, Schedule } from './scalar.js';
export * from './schedules.js';
export { chain, identity, masked, type EmptyState, type GradientTransformation, type Mask } from './transform.js';
export { applyUpdates } from './update.js';
