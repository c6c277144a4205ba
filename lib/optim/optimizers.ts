/** The optimizers: chains of transformations with optax's defaults, whose states have optax's structure. */
import {
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
import { scaleByTrustRatio } from './norms.js';
import { addDecayedWeights, scaleByLearningRate, type CountState, type WeightDecayOptions } from './scale.js';
import type { Rate } from './scalar.js';
import { chain, identity, withDefaults, type EmptyState, type GradientTransformation } from './transform.js';

type RateState = EmptyState | CountState;
type DecayState = RateState | { inner_state: RateState };

/** Adam (Kingma & Ba 2015). `learningRate` is a number, a scalar tensor or a schedule. State `[{ count, mu, nu }, {}]`. As optax.adam. */
export const adam = (learningRate: Rate, options?: AdamOptions): GradientTransformation<[AdamState, RateState]> =>
  chain(scaleByAdam(options), scaleByLearningRate(learningRate));

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019), 1e-4 unless given; `mask` chooses the parameters that decay. As optax.adamw. */
export function adamw(
  learningRate: Rate,
  options: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[AdamState, DecayState, RateState]> {
  const { weightDecay = 1e-4, mask, ...adamOptions } = options;
  return chain(scaleByAdam(adamOptions), addDecayedWeights({ weightDecay, mask }), scaleByLearningRate(learningRate));
}

export interface SgdOptions {
  /** Decay of the momentum; none unless given. */
  momentum?: number | null;
  /** Nesterov's momentum; default false. */
  nesterov?: boolean;
}

/** Stochastic gradient descent, with momentum if asked (Sutskever et al. 2013). State `[{ trace }, {}]`, or `[{}, {}]`. As optax.sgd. */
export function sgd(learningRate: Rate, options?: SgdOptions): GradientTransformation<[EmptyState | TraceState, RateState]> {
  const { momentum, nesterov } = withDefaults<Required<SgdOptions>>('sgd', options, { momentum: null, nesterov: false });
  return chain(momentumOf(momentum, nesterov), scaleByLearningRate(learningRate));
}

const momentumOf = (momentum: number | null, nesterov: boolean): GradientTransformation<EmptyState | TraceState> =>
  momentum === null ? identity() : trace(momentum, { nesterov });

export interface RmspropOptions extends RmsOptions, SgdOptions {
  /** Whether to divide by the standard deviation instead of the root mean square; default false. */
  centered?: boolean;
}

/** RMSProp (Tieleman & Hinton 2012; centered: Graves 2013). As optax.rmsprop. */
export function rmsprop(
  learningRate: Rate,
  options: RmspropOptions = {},
): GradientTransformation<[RmsState, RateState, EmptyState | TraceState]> {
  const { momentum = null, nesterov = false, centered = false, ...rms } = options;
  return chain(centered ? scaleByStddev(rms) : scaleByRms(rms), scaleByLearningRate(learningRate), momentumOf(momentum, nesterov));
}

/** AdaGrad (Duchi et al. 2011). As optax.adagrad. */
export const adagrad = (
  learningRate: Rate,
  options?: { initialAccumulatorValue?: number; eps?: number },
): GradientTransformation<[RssState, RateState]> => chain(scaleByRss(options), scaleByLearningRate(learningRate));

/** Lion (Chen et al. 2023); weight decay 1e-3 unless given. As optax.lion. */
export function lion(
  learningRate: Rate,
  options: { b1?: number; b2?: number } & WeightDecayOptions = {},
): GradientTransformation<[LionState, DecayState, RateState]> {
  const { weightDecay = 1e-3, mask, ...lionOptions } = options;
  return chain(scaleByLion(lionOptions), addDecayedWeights({ weightDecay, mask }), scaleByLearningRate(learningRate));
}

/** LAMB (You et al. 2020): Adam with a trust ratio for each leaf. As optax.lamb. */
export function lamb(
  learningRate: Rate,
  options: Omit<AdamOptions, 'nesterov'> & WeightDecayOptions = {},
): GradientTransformation<[AdamState, DecayState, EmptyState, RateState]> {
  const { weightDecay = 0, mask, ...adamOptions } = options;
  return chain(
    scaleByAdam({ eps: 1e-6, ...adamOptions }),
    addDecayedWeights({ weightDecay, mask }),
    scaleByTrustRatio(),
    scaleByLearningRate(learningRate),
  );
}
