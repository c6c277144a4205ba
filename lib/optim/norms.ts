/** Norms of updates: clipping, and trust ratios. */
import { add, div, eq, full, lt, max, min, mul, or, reduceSum, select, sqrt } from '../core/primitives/index.js';
import { ArgumentError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';
import { times } from './scalar.js';
import { requireParams, stateless, withDefaults, type EmptyState, type GradientTransformation } from './transform.js';

const sumOfSquares = (x: Tensor): Tensor => reduceSum(mul(x, x));

/**
 * The L2 norm of all leaves together, a scalar; 0 for a tree without leaves.
 * @example optim.globalNorm({ a: np.array([3]), b: np.array([4]) }); // => Tensor float32[] 5
 */
export function globalNorm(updates: unknown): Tensor {
  const squares = (tree.leaves(updates) as Tensor[]).map(sumOfSquares);
  return squares.length === 0 ? full([], 0) : sqrt(squares.reduce((a, b) => add(a, b)));
}

/**
 * Scales all updates down by one factor where their global norm is not below `maxNorm` (Pascanu et al. 2012).
 * @example
 * const tx = optim.clipByGlobalNorm(1);
 * tx.update({ a: np.array([3]), b: np.array([4]) }, tx.init(null))[0]; // => { a: Tensor float32[1] [0.6], b: Tensor float32[1] [0.8] }
 */
export function clipByGlobalNorm(maxNorm: number): GradientTransformation<EmptyState> {
  checkBound('clipByGlobalNorm', maxNorm);
  return stateless((updates) => {
    const norm = globalNorm(updates);
    const factor = select(lt(norm, maxNorm), 1, div(maxNorm, norm));
    return tree.map((g: Tensor) => times(g, factor), updates);
  });
}

/**
 * Clips every element of the updates to the range from -maxDelta to maxDelta.
 * @example
 * const tx = optim.clip(1);
 * tx.update(np.array([0.5, -3]), tx.init(null))[0]; // => Tensor float32[2] [0.5, -1]
 */
export function clip(maxDelta: number): GradientTransformation<EmptyState> {
  checkBound('clip', maxDelta);
  return stateless((updates) => tree.map((g: Tensor) => min(max(g, -maxDelta), maxDelta), updates));
}

function checkBound(name: string, bound: number): void {
  if (typeof bound !== 'number' || !(bound >= 0)) throw new ArgumentError(`${name} needs a bound of at least 0, got ${String(bound)}`);
}

/**
 * Multiplies the update of each leaf by `norm(param) / norm(update)`, by 1 where one of them is 0 (You et al. 2020).
 * @example
 * const tx = optim.scaleByTrustRatio();
 * const params = np.array([3, 4]);
 * tx.update(np.array([0, 1]), tx.init(params), params)[0]; // => Tensor float32[2] [0, 5]
 */
export function scaleByTrustRatio(options?: {
  minNorm?: number;
  trustCoefficient?: number;
  eps?: number;
}): GradientTransformation<EmptyState> {
  const { minNorm, trustCoefficient, eps } = withDefaults('scaleByTrustRatio', options, { minNorm: 0, trustCoefficient: 1, eps: 0 });
  const normOf = (x: Tensor): Tensor => {
    const norm = sqrt(sumOfSquares(x));
    return minNorm === 0 ? norm : max(norm, minNorm);
  };
  return stateless((updates, params) => {
    const scaleLeaf = (update: Tensor, param: Tensor): Tensor => {
      const [ofParam, ofUpdate] = [normOf(param), normOf(update)];
      const scaled = trustCoefficient === 1 ? ofParam : mul(ofParam, trustCoefficient);
      const ratio = div(scaled, eps === 0 ? ofUpdate : add(ofUpdate, eps));
      return times(update, select(or(eq(ofParam, 0), eq(ofUpdate, 0)), 1, ratio));
    };
    return tree.map(scaleLeaf, updates, requireParams('scaleByTrustRatio', params));
  });
}
