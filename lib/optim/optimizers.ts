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
import { chain, checkFinite, identity, withDefaults, type EmptyState, type GradientTransformation } from './transform.js';

type RateState = EmptyState | CountState;
type DecayState = RateState | { inner_state: RateState };

/**
 * Adam (Kingma & Ba 2015). `learningRate` is a number, a scalar tensor or a schedule. State `[{ count, mu, nu }, {}]`. As optax.adam.
 * @example
 * const tx = optim.adam(1e-3);
 * const params = { w: np.array([1, 2]) };
 * const [updates, state] = tx.update({ w: np.array([0.5, -3]) }, tx.init(params), params);
 * updates; // => { w: Tensor float32[2] [-0.001, 0.001] }
 * state[0].count; // => Tensor int32[] 1
 */
export const adam = (learningRate: Rate, options?: AdamOptions): GradientTransformation<[AdamState, RateState]> =>
  chain(scaleByAdam(options), scaleByLearningRate(learningRate));

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019), 1e-4 unless given; `mask` chooses the parameters that decay. As optax.adamw.
 * @example
 * const tx = optim.adamw(1e-3, { weightDecay: 0.1 });
 * const params = { w: np.array([1, 2]) };
 * const [updates] = tx.update({ w: np.zeros([2]) }, tx.init(params), params);
 * updates; // => { w: Tensor float32[2] [-0.0001, -0.0002] }
 */
export function adamw(
  learningRate: Rate,
  options: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[AdamState, DecayState, RateState]> {
  const { weightDecay = 1e-4, mask, ...adamOptions } = options;
  return chain(scaleByAdam(adamOptions), addDecayedWeights({ weightDecay, mask }), scaleByLearningRate(learningRate));
}

/** What `sgd` can be told. */
export interface SgdOptions {
  /** Decay of the momentum; none unless given. */
  momentum?: number | null;
  /** Nesterov's momentum; default false. */
  nesterov?: boolean;
}

/**
 * Stochastic gradient descent, with momentum if asked (Sutskever et al. 2013). State `[{ trace }, {}]`, or `[{}, {}]`. As optax.sgd.
 * @example
 * const tx = optim.sgd(0.1, { momentum: 0.9 });
 * let state = tx.init(np.ones([2]));
 * let updates = np.zeros([2]);
 * for (let step = 0; step < 2; step++) [updates, state] = tx.update(np.array([1, 2]), state);
 * updates; // => Tensor float32[2] [-0.19, -0.38]
 */
export function sgd(learningRate: Rate, options?: SgdOptions): GradientTransformation<[EmptyState | TraceState, RateState]> {
  const { momentum, nesterov } = withDefaults<Required<SgdOptions>>('sgd', options, { momentum: null, nesterov: false });
  return chain(momentumOf('sgd', momentum, nesterov), scaleByLearningRate(learningRate));
}

function momentumOf(name: string, momentum: number | null, nesterov: boolean): GradientTransformation<EmptyState | TraceState> {
  if (momentum === null) return identity();
  checkFinite(name, { momentum });
  return trace(momentum, { nesterov });
}

/** What `rmsprop` can be told. */
export interface RmspropOptions extends RmsOptions, SgdOptions {
  /** Whether to divide by the standard deviation instead of the root mean square; default false. */
  centered?: boolean;
}

/**
 * RMSProp (Tieleman & Hinton 2012; centered: Graves 2013). As optax.rmsprop.
 * @example
 * const tx = optim.rmsprop(1e-2);
 * const [updates] = tx.update(np.array([0.5, -2]), tx.init(np.ones([2])));
 * updates; // => Tensor float32[2] [-0.0316, 0.0316]
 */
export function rmsprop(
  learningRate: Rate,
  options: RmspropOptions = {},
): GradientTransformation<[RmsState, RateState, EmptyState | TraceState]> {
  const { momentum = null, nesterov = false, centered = false, ...rms } = options;
  return chain(
    centered ? scaleByStddev(rms) : scaleByRms(rms),
    scaleByLearningRate(learningRate),
    momentumOf('rmsprop', momentum, nesterov),
  );
}

/**
 * AdaGrad (Duchi et al. 2011). As optax.adagrad.
 * @example
 * const tx = optim.adagrad(0.1);
 * const params = np.ones([2]);
 * const [updates] = tx.update(np.array([0.5, 2]), tx.init(params));
 * updates; // => Tensor float32[2] [-0.0845, -0.0988]
 */
export const adagrad = (
  learningRate: Rate,
  options?: { initialAccumulatorValue?: number; eps?: number },
): GradientTransformation<[RssState, RateState]> => chain(scaleByRss(options), scaleByLearningRate(learningRate));

/**
 * Lion (Chen et al. 2023); weight decay 1e-3 unless given. As optax.lion.
 * @example
 * const tx = optim.lion(1e-4, { weightDecay: 0 });
 * const params = np.ones([2]);
 * const [updates] = tx.update(np.array([0.5, -2]), tx.init(params), params);
 * updates; // => Tensor float32[2] [-0.0001, 0.0001]
 */
export function lion(
  learningRate: Rate,
  options: { b1?: number; b2?: number } & WeightDecayOptions = {},
): GradientTransformation<[LionState, DecayState, RateState]> {
  const { weightDecay = 1e-3, mask, ...lionOptions } = options;
  return chain(scaleByLion(lionOptions), addDecayedWeights({ weightDecay, mask }), scaleByLearningRate(learningRate));
}

/**
 * LAMB (You et al. 2020): Adam with a trust ratio for each leaf. As optax.lamb.
 * @example
 * const tx = optim.lamb(1e-3);
 * const params = { w: np.array([3, 4]) };
 * const [updates] = tx.update({ w: np.array([1, 1]) }, tx.init(params), params);
 * updates; // => { w: Tensor float32[2] [-0.0035, -0.0035] }
 */
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
