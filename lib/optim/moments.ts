/** Transformations that rescale updates by running moments of the gradients. Per leaf they are elementwise; what all leaves share is computed once. */
import { add, convert, div, full, gt, mul, pow, rsqrt, select, sign, sqrt, sub } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';
import { increment, times, zeroCount } from './scalar.js';
import { checkFinite, mapParams, withDefaults, type GradientTransformation } from './transform.js';

type Leaf = Tensor;

/** A moment for each parameter, all `value`. */
const momentsLike = (params: unknown, value: number): unknown => mapParams('an optimizer', (p) => full(p.shape, value, p.dtype), params);

const average = (moment: Leaf, g: Leaf, decay: number): Leaf => add(mul(g, 1 - decay), mul(moment, decay));
const averages = (moments: unknown, updates: unknown, decay: number): unknown =>
  tree.map((g: Leaf, m: Leaf) => average(m, g, decay), updates, moments);
const averagesOfSquares = (moments: unknown, updates: unknown, decay: number): unknown =>
  tree.map((g: Leaf, m: Leaf) => average(m, mul(g, g), decay), updates, moments);

/** `numerator / (1 - decay^time)` in float32, as optax: what removes the bias of a moment that started at 0. `time` is a count in float32. */
function debias(decay: number, time: Tensor, numerator = 1): Tensor {
  return div(numerator, sub(1, pow(full([], decay), time)));
}

const timeOf = (count: Tensor): Tensor => convert(count, 'float32');

/** The state of `scaleByAdam`. */
export interface AdamState<P = unknown> {
  /** Updates so far, int32 scalar. */
  count: Tensor;
  /** The first moment of the gradients. */
  mu: P;
  /** The second moment. */
  nu: P;
}

/** What `adam` and its like can be told. */
export interface AdamOptions {
  /** Decay of the first moment; default 0.9. */
  b1?: number;
  /** Decay of the second moment; default 0.999. */
  b2?: number;
  /** Added to the root; default 1e-8. */
  eps?: number;
  /** Added under the root; default 0. */
  epsRoot?: number;
  /** Nesterov's momentum (Dozat 2016); default false. */
  nesterov?: boolean;
}

/**
 * Rescales updates as Adam does (Kingma & Ba 2015): `mu_hat / (sqrt(nu_hat + epsRoot) + eps)`. State `{ count, mu, nu }`.
 * @example
 * const tx = optim.scaleByAdam();
 * const [updates] = tx.update(np.array([0.5, -3]), tx.init(np.ones([2])));
 * updates; // => Tensor float32[2] [1.0, -1.0]
 */
export function scaleByAdam(options?: AdamOptions): GradientTransformation<AdamState> {
  const { b1, b2, eps, epsRoot, nesterov } = withDefaults('scaleByAdam', options, {
    b1: 0.9,
    b2: 0.999,
    eps: 1e-8,
    epsRoot: 0,
    nesterov: false,
  });
  return {
    init: (params) => ({ count: zeroCount(), mu: momentsLike(params, 0), nu: momentsLike(params, 0) }),
    update(updates, state) {
      const count = increment(state.count);
      const mu = averages(state.mu, updates, b1);
      const nu = averagesOfSquares(state.nu, updates, b2);
      const time = timeOf(count);
      const ofMu = nesterov ? debias(b1, timeOf(increment(count)), b1) : debias(b1, time);
      const ofGrad = nesterov ? debias(b1, time, 1 - b1) : null;
      const ofNu = debias(b2, time);
      const step = (g: Leaf, m: Leaf, v: Leaf): Leaf => {
        const momentum = times(m, ofMu);
        const variance = times(v, ofNu);
        const root = sqrt(epsRoot === 0 ? variance : add(variance, epsRoot));
        return div(ofGrad === null ? momentum : add(momentum, times(g, ofGrad)), add(root, eps));
      };
      return [tree.map(step, updates, mu, nu), { count, mu, nu }];
    },
  };
}

/** The state of `scaleByLion`. */
export interface LionState<P = unknown> {
  count: Tensor;
  mu: P;
}

/**
 * The sign of an interpolated momentum (Chen et al. 2023). State `{ count, mu }`.
 * @example
 * const tx = optim.scaleByLion();
 * const [updates] = tx.update(np.array([0.5, -3]), tx.init(np.ones([2])));
 * updates; // => Tensor float32[2] [1, -1]
 */
export function scaleByLion(options?: { b1?: number; b2?: number }): GradientTransformation<LionState> {
  const { b1, b2 } = withDefaults('scaleByLion', options, { b1: 0.9, b2: 0.99 });
  return {
    init: (params) => ({ count: zeroCount(), mu: momentsLike(params, 0) }),
    update: (updates, state) => [
      tree.map((g: Leaf, m: Leaf) => sign(average(m, g, b1)), updates, state.mu),
      { count: increment(state.count), mu: averages(state.mu, updates, b2) },
    ],
  };
}

/** What `rmsprop` and `scaleByRms` can be told. */
export interface RmsOptions {
  /** Decay of the moments; default 0.9. */
  decay?: number;
  /** Keeps the denominator away from 0; default 1e-8. */
  eps?: number;
  /** Where the second moment starts; default 0. */
  initialScale?: number;
  /** Whether `eps` is added under the root (default) or to it. */
  epsInSqrt?: boolean;
  /** Whether the moments are corrected for their start; then the state has a `count`. Default false. */
  biasCorrection?: boolean;
}

/** The state of `scaleByRms` and `scaleByStddev`. */
export interface RmsState<P = unknown> {
  nu: P;
  mu?: P;
  count?: Tensor;
}

const RMS: Required<RmsOptions> = { decay: 0.9, eps: 1e-8, initialScale: 0, epsInSqrt: true, biasCorrection: false };

/**
 * Divides updates by the root of a running mean of their squares (Tieleman & Hinton 2012). State `{ nu }`.
 * @example
 * const tx = optim.scaleByRms({ decay: 0.9 });
 * const [updates] = tx.update(np.array([0.5, -3]), tx.init(np.ones([2])));
 * updates; // => Tensor float32[2] [3.1623, -3.1623]
 */
export const scaleByRms = (options?: RmsOptions): GradientTransformation<RmsState> => scaleByRoot('scaleByRms', options, false);

/**
 * Divides updates by a running standard deviation (Graves 2013). State `{ mu, nu }`.
 * @example
 * const tx = optim.scaleByStddev();
 * const [updates] = tx.update(np.array([0.5, -3]), tx.init(np.ones([2])));
 * updates; // => Tensor float32[2] [3.3333, -3.3333]
 */
export const scaleByStddev = (options?: RmsOptions): GradientTransformation<RmsState> => scaleByRoot('scaleByStddev', options, true);

function scaleByRoot(name: string, options: RmsOptions | undefined, centered: boolean): GradientTransformation<RmsState> {
  const { decay, eps, initialScale, epsInSqrt, biasCorrection } = withDefaults(name, options, RMS);
  return {
    init: (params) => ({
      ...(biasCorrection && { count: zeroCount() }),
      ...(centered && { mu: momentsLike(params, 0) }),
      nu: momentsLike(params, initialScale),
    }),
    update(updates, state) {
      const count = biasCorrection ? increment(state.count!) : null;
      const correction = count === null ? 1 : debias(decay, timeOf(count));
      const corrected = (x: Leaf): Leaf => (correction === 1 ? x : times(x, correction));
      const mu = centered ? averages(state.mu, updates, decay) : null;
      const nu = averagesOfSquares(state.nu, updates, decay);
      const step = (g: Leaf, square: Leaf, mean: Leaf | null): Leaf => {
        const m = mean === null ? null : corrected(mean);
        const variance = m === null ? corrected(square) : sub(corrected(square), mul(m, m));
        return epsInSqrt ? mul(g, rsqrt(add(variance, eps))) : div(g, add(sqrt(variance), eps));
      };
      const scaled = centered ? tree.map(step, updates, nu, mu) : tree.map((g: Leaf, v: Leaf) => step(g, v, null), updates, nu);
      return [scaled, { ...(count !== null && { count }), ...(centered && { mu }), nu }];
    },
  };
}

/** The state of `scaleByRss`. */
export interface RssState<P = unknown> {
  sum_of_squares: P;
}

/**
 * Divides updates by the root of the sum of their squares so far (Duchi et al. 2011). State `{ sum_of_squares }`.
 * @example
 * const tx = optim.scaleByRss({ initialAccumulatorValue: 0 });
 * const [updates] = tx.update(np.array([0.5, -3]), tx.init(np.ones([2])));
 * updates; // => Tensor float32[2] [1, -1]
 */
export function scaleByRss(options?: { initialAccumulatorValue?: number; eps?: number }): GradientTransformation<RssState> {
  const { initialAccumulatorValue, eps } = withDefaults('scaleByRss', options, { initialAccumulatorValue: 0.1, eps: 1e-7 });
  return {
    init: (params) => ({ sum_of_squares: momentsLike(params, initialAccumulatorValue) }),
    update(updates, state) {
      const sum_of_squares = tree.map((g: Leaf, s: Leaf) => add(mul(g, g), s), updates, state.sum_of_squares);
      const step = (g: Leaf, s: Leaf): Leaf => mul(select(gt(s, 0), rsqrt(add(s, eps)), 0), g);
      return [tree.map(step, updates, sum_of_squares), { sum_of_squares }];
    },
  };
}

/** The state of `trace`. */
export interface TraceState<P = unknown> {
  trace: P;
}

/**
 * Momentum: `trace = g + decay * trace` becomes the update; with `nesterov`, `g + decay * trace`. State `{ trace }`.
 * @example
 * const tx = optim.trace(0.9);
 * const [, state] = tx.update(np.ones([2]), tx.init(np.ones([2])));
 * tx.update(np.ones([2]), state)[0]; // => Tensor float32[2] [1.9, 1.9]
 */
export function trace(decay: number, options?: { nesterov?: boolean }): GradientTransformation<TraceState> {
  const { nesterov } = withDefaults('trace', options, { nesterov: false });
  checkFinite('trace', { decay });
  const follow = (g: Leaf, t: Leaf): Leaf => add(g, mul(t, decay));
  return {
    init: (params) => ({ trace: momentsLike(params, 0) }),
    update(updates, state) {
      const next = tree.map(follow, updates, state.trace);
      return [nesterov ? tree.map(follow, updates, next) : next, { trace: next }];
    },
  };
}
