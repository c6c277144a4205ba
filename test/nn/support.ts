/** What the module tests share. */
import { Tensor } from 'flaxen';
import { fromNumbers } from '../../lib/core/array.js';
import { Aval } from '../../lib/core/aval.js';
import { div, full, reduceSum } from '../../lib/core/primitives/index.js';

/** random.PRNGKey for seeds of 32 bits. */
export const key = (seed: number): Tensor => fromNumbers([0, seed], Aval.of([2], 'uint32'));
export const ones = (...shape: number[]): Tensor => full(shape, 1);
export const tensor = (shape: number[], data: number[]): Tensor => fromNumbers(data, Aval.of(shape, 'float32'));
export const meanOf = (x: Tensor): Tensor => div(reduceSum(x), x.size);

/** Nested `[name, children]` pairs in the order of the keys; null for leaves. */
export function keyOrder(tree: unknown): unknown {
  if (tree === null || typeof tree !== 'object' || tree instanceof Tensor) return null;
  return Object.entries(tree).map(([name, child]) => [name, keyOrder(child)]);
}

/** The same tree with shapes in place of tensors. */
export function shapes(tree: unknown): unknown {
  if (tree instanceof Tensor) return [...tree.shape];
  return Object.fromEntries(Object.entries(tree as object).map(([name, child]) => [name, shapes(child)]));
}
