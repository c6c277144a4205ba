/** Schedules: a hyperparameter as a function of the count of updates. All give a float32 scalar tensor, and work inside jit. */
import { ArgumentError } from '../core/errors.js';
import { add, convert, cos, div, floor, full, le, lt, max, min, mul, pow, select, sub } from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import type { Schedule } from './scalar.js';
import { checkFinite, withDefaults } from './transform.js';

/** A schedule whose value is always a float32 tensor shaped like the count. */
export type TensorSchedule = (count: Tensor | number) => Tensor;

const asCount = (count: Tensor | number): Tensor =>
  typeof count === 'number' ? full([], count, Number.isInteger(count) ? 'int32' : 'float32') : count;

const asFloat = (x: Tensor): Tensor => convert(x, 'float32');

function positive(name: string, what: string, value: number): void {
  if (!(value > 0)) throw new ArgumentError(`${name} requires positive ${what}, got ${String(value)}`);
}

/**
 * Always `value`.
 * @example optim.constantSchedule(0.1)(1000); // => Tensor float32[] 0.1
 */
export const constantSchedule =
  (value: number): TensorSchedule =>
  (count) =>
    full(typeof count === 'number' ? [] : count.shape, value);

/**
 * From `initValue` to `endValue` along `(1 - t)^power`, over `transitionSteps` after `transitionBegin`. Constant if `transitionSteps` is not positive.
 * Gives float32 of the count's shape. As optax.polynomial_schedule.
 * @example
 * const rate = optim.polynomialSchedule(1, 0, 2, 10);
 * [0, 5, 10].map((step) => rate(step).item()); // => [1, 0.25, 0]
 */
export function polynomialSchedule(
  initValue: number,
  endValue: number,
  power: number,
  transitionSteps: number,
  options?: { transitionBegin?: number },
): TensorSchedule {
  const { transitionBegin } = withDefaults('polynomialSchedule', options, { transitionBegin: 0 });
  checkFinite('polynomialSchedule', { initValue, endValue, power, transitionSteps });
  if (!(transitionSteps > 0)) return constantSchedule(initValue);
  return (count) => {
    const since = asFloat(sub(asCount(count), Math.max(0, transitionBegin)));
    const left = sub(1, div(min(max(since, 0), transitionSteps), transitionSteps));
    return add(mul(power === 1 ? left : pow(left, power), initValue - endValue), endValue);
  };
}

/**
 * From `initValue` to `endValue` in a straight line. Gives float32 of the count's shape. As optax.linear_schedule.
 * @example
 * const rate = optim.linearSchedule(1, 0, 10);
 * [0, 5, 10].map((step) => rate(step).item()); // => [1, 0.5, 0]
 */
export const linearSchedule = (
  initValue: number,
  endValue: number,
  transitionSteps: number,
  options?: { transitionBegin?: number },
): TensorSchedule => polynomialSchedule(initValue, endValue, 1, transitionSteps, options);

/**
 * Multiplies by a scale after each boundary: `piecewiseConstantSchedule(1, { 100: 0.1, 200: 0.5 })`, also written `{ boundariesAndScales: { ... } }`.
 * Gives float32 of the count's shape. As optax.piecewise_constant_schedule.
 * @example
 * const rate = optim.piecewiseConstantSchedule(1, { 100: 0.1, 200: 0.5 });
 * [0, 150, 250].map((step) => rate(step).item()); // => [1, 0.1, 0.05]
 */
export function piecewiseConstantSchedule(
  initValue: number,
  scales: Record<number, number> | { boundariesAndScales: Record<number, number> } = {},
): TensorSchedule {
  const table = 'boundariesAndScales' in scales ? scales.boundariesAndScales : scales;
  const steps = Object.entries(table).map(([boundary, factor]) => [Number(boundary), factor] as const);
  for (const [boundary, factor] of steps) {
    if (!Number.isInteger(boundary) || !(factor >= 0)) {
      throw new ArgumentError(
        `piecewiseConstantSchedule needs whole boundaries and scales of at least 0, got ${String(boundary)}: ${String(factor)}`,
      );
    }
  }
  steps.sort((a, b) => a[0] - b[0]);
  return (count) => {
    const at = asCount(count);
    return steps.reduce<Tensor>(
      (value, [boundary, factor]) => select(lt(at, boundary), value, mul(value, factor)),
      full(at.shape, initValue),
    );
  };
}

/**
 * `initValue * decayRate^(count / transitionSteps)` after `transitionBegin`; stepwise with `staircase`, never past `endValue`.
 * Gives float32 of the count's shape. As optax.exponential_decay.
 * @example
 * const rate = optim.exponentialDecay(1, 100, 0.5);
 * [0, 100, 200].map((step) => rate(step).item()); // => [1, 0.5, 0.25]
 */
export function exponentialDecay(
  initValue: number,
  transitionSteps: number,
  decayRate: number,
  options?: { transitionBegin?: number; staircase?: boolean; endValue?: number | null },
): TensorSchedule {
  const defaults = { transitionBegin: 0, staircase: false, endValue: null as number | null };
  const { transitionBegin, staircase, endValue } = withDefaults('exponentialDecay', options, defaults);
  checkFinite('exponentialDecay', { initValue, transitionSteps, decayRate });
  if (!(transitionSteps > 0) || decayRate === 0) return constantSchedule(initValue);
  return (count) => {
    const since = sub(asCount(count), Math.max(0, transitionBegin));
    const time = div(asFloat(since), transitionSteps);
    const factor = pow(full(time.shape, decayRate), staircase ? floor(time) : time);
    const value = select(le(since, 0), initValue, mul(factor, initValue));
    if (endValue === null) return value;
    return decayRate < 1 ? max(value, endValue) : min(value, endValue);
  };
}

/**
 * Half a cosine from `initValue` down to `alpha * initValue` over `decaySteps` (Loshchilov & Hutter 2017).
 * Gives float32 of the count's shape. As optax.cosine_decay_schedule.
 * @example
 * const rate = optim.cosineDecaySchedule(1, 100, { alpha: 0.1 });
 * [0, 50, 100].map((step) => rate(step).item()); // => [1, 0.55, 0.1]
 */
export function cosineDecaySchedule(
  initValue: number,
  decaySteps: number,
  options?: { alpha?: number; exponent?: number },
): TensorSchedule {
  const { alpha, exponent } = withDefaults('cosineDecaySchedule', options, { alpha: 0, exponent: 1 });
  positive('cosineDecaySchedule', 'decaySteps', decaySteps);
  checkFinite('cosineDecaySchedule', { initValue, decaySteps });
  return (count) => {
    const angle = div(mul(min(asFloat(asCount(count)), decaySteps), Math.PI), decaySteps);
    const falling = mul(add(cos(angle), 1), 0.5);
    const curve = exponent === 1 ? falling : pow(falling, exponent);
    return mul(alpha === 0 ? curve : add(mul(curve, 1 - alpha), alpha), initValue);
  };
}

/**
 * A straight warm-up from `initValue` to `peakValue` in `warmupSteps`, then a cosine down to `endValue` at `decaySteps` (the warm-up included).
 * Gives float32 of the count's shape. As optax.warmup_cosine_decay_schedule.
 * @example
 * const rate = optim.warmupCosineDecaySchedule(0, 1, 10, 110);
 * [0, 5, 10, 60, 110].map((step) => rate(step).item()); // => [0, 0.5, 1, 0.5, 0]
 */
export function warmupCosineDecaySchedule(
  initValue: number,
  peakValue: number,
  warmupSteps: number,
  decaySteps: number,
  options?: { endValue?: number; exponent?: number },
): TensorSchedule {
  const { endValue, exponent } = withDefaults('warmupCosineDecaySchedule', options, { endValue: 0, exponent: 1 });
  checkFinite('warmupCosineDecaySchedule', { initValue, peakValue });
  positive('warmupCosineDecaySchedule', 'decaySteps - warmupSteps', decaySteps - warmupSteps);
  const alpha = peakValue === 0 ? 0 : endValue / peakValue;
  return joinSchedules(
    [linearSchedule(initValue, peakValue, warmupSteps), cosineDecaySchedule(peakValue, decaySteps - warmupSteps, { alpha, exponent })],
    [warmupSteps],
  );
}

/**
 * Schedules one after the other; each counts from its own boundary. `boundaries` has one number less than `schedules`.
 * Gives float32 of the count's shape. As optax.join_schedules.
 * @example
 * const rate = optim.joinSchedules([optim.linearSchedule(0, 1, 10), optim.constantSchedule(0.5)], [10]);
 * [5, 10].map((step) => rate(step).item()); // => [0.5, 0.5]
 */
export function joinSchedules(schedules: readonly Schedule[], boundaries: readonly number[]): TensorSchedule {
  if (schedules.length === 0 || boundaries.length !== schedules.length - 1) {
    throw new ArgumentError(
      `joinSchedules needs a boundary between every two schedules, got ${schedules.length} schedules and ${boundaries.length} boundaries`,
    );
  }
  const value = (schedule: Schedule, count: Tensor): Tensor => {
    const result = schedule(count);
    return result instanceof Tensor ? asFloat(result) : full(count.shape, result);
  };
  return (count) => {
    const at = asCount(count);
    return boundaries.reduce(
      (before, boundary, i) => select(lt(at, boundary), before, value(schedules[i + 1]!, sub(at, boundary))),
      value(schedules[0]!, at),
    );
  };
}
