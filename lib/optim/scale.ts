/** Transformations that multiply updates by one number: constants, learning rates, schedules; and weight decay. */
import { add, neg } from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';
import { checkRate, increment, times, zeroCount, type Rate, type Scalar, type Schedule } from './scalar.js';
import { masked, requireParams, stateless, withDefaults, type EmptyState, type GradientTransformation, type Mask } from './transform.js';

/** The state of a transformation that only counts its updates. */
export interface CountState {
  /** int32 scalar. */
  count: Tensor;
}

const scaled = <T>(updates: T, factor: Scalar): T => tree.map((g: Tensor) => times(g, factor), updates);

/**
 * Multiplies updates by `stepSize`.
 * @example
 * const tx = optim.scale(-0.1);
 * tx.update(np.array([1, 2]), tx.init(null))[0]; // => Tensor float32[2] [-0.1, -0.2]
 */
export function scale(stepSize: Scalar): GradientTransformation<EmptyState> {
  checkRate('scale', 'step size', stepSize);
  return stateless((updates) => scaled(updates, stepSize));
}

/**
 * Multiplies updates by a schedule of the count of updates so far.
 * @example
 * const tx = optim.scaleBySchedule(optim.linearSchedule(1, 0, 10));
 * const [, state] = tx.update(np.ones([1]), tx.init(null));
 * tx.update(np.ones([1]), state)[0]; // => Tensor float32[1] [0.9]
 */
export function scaleBySchedule(stepSize: Schedule): GradientTransformation<CountState> {
  return {
    init: () => ({ count: zeroCount() }),
    update: (updates, { count }) => [scaled(updates, stepSize(count)), { count: increment(count) }],
  };
}

const negated = (x: Scalar): Scalar => (typeof x === 'number' ? -x : neg(x));

/**
 * Multiplies updates by minus the learning rate (by the rate itself with `flipSign: false`).
 * @example
 * const tx = optim.scaleByLearningRate(0.1);
 * tx.update(np.array([1, 2]), tx.init(null))[0]; // => Tensor float32[2] [-0.1, -0.2]
 */
export function scaleByLearningRate(learningRate: Rate, options?: { flipSign?: boolean }): GradientTransformation<EmptyState | CountState> {
  checkRate('an optimizer', 'learning rate', learningRate);
  const { flipSign } = withDefaults('scaleByLearningRate', options, { flipSign: true });
  const signed = flipSign ? negated : (x: Scalar) => x;
  if (typeof learningRate === 'function') return scaleBySchedule((count) => signed(learningRate(count)));
  return scale(signed(learningRate));
}

/** What weight decay can be told. */
export interface WeightDecayOptions {
  /** The part of each parameter that is added to its update: a number, scalar tensor or schedule. Default 0. */
  weightDecay?: Rate;
  /** The parameters that decay. */
  mask?: Mask;
}

/**
 * Adds `weightDecay` times the parameters to the updates. The rate may also stand first: `addDecayedWeights(1e-4, { mask })`.
 * @example
 * const tx = optim.addDecayedWeights(0.1);
 * const params = np.array([1, 2]);
 * tx.update(np.zeros([2]), tx.init(params), params)[0]; // => Tensor float32[2] [0.1, 0.2]
 */
export function addDecayedWeights(
  given: Rate | WeightDecayOptions = {},
  rest?: Omit<WeightDecayOptions, 'weightDecay'>,
): GradientTransformation<EmptyState | CountState | { inner_state: EmptyState | CountState }> {
  const options = isRate(given) ? { ...rest, weightDecay: given } : given;
  const { weightDecay, mask } = withDefaults<Required<WeightDecayOptions>>('addDecayedWeights', options, { weightDecay: 0, mask: null });
  checkRate('addDecayedWeights', 'weight decay', weightDecay);
  const transform = typeof weightDecay === 'function' ? scheduledDecay(weightDecay) : constantDecay(weightDecay);
  return mask === null ? transform : masked(transform as GradientTransformation<EmptyState>, mask);
}

const isRate = (x: Rate | WeightDecayOptions): x is Rate => typeof x !== 'object' || x instanceof Tensor;

const decayed = <T>(updates: T, params: T | undefined, rate: Scalar): T => {
  const from = requireParams('weight decay', params);
  return rate === 0 ? updates : tree.map((g: Tensor, p: Tensor) => add(g, times(p, rate)), updates, from);
};

const constantDecay = (rate: Scalar): GradientTransformation<EmptyState> => stateless((updates, params) => decayed(updates, params, rate));

const scheduledDecay = (rate: Schedule): GradientTransformation<CountState> => ({
  init: () => ({ count: zeroCount() }),
  update: (updates, { count }, params) => [decayed(updates, params, rate(count)), { count: increment(count) }],
});
