/** Batching of matrix products: the examples are a batch dimension if both operands have them, else one more free one. */
import { add, broadcast, dense, dotGeneral, type DotDimensions, type Precision } from '../primitives/index.js';
import type { Tensor } from '../tensor.js';
import { defineBatching, moveAxis, spread } from './rule.js';

const next = (dims: readonly number[]): number[] => dims.map((d) => d + 1);

type Precise = { readonly precision?: Precision };

defineBatching<DotDimensions & Precise & Record<string, readonly number[] | Precision>>('dotGeneral', ({ inputs, batched, params: d }) => {
  const [x, y] = inputs as [Tensor, Tensor];
  const lhs = { lhsContract: batched[0] ? next(d.lhsContract) : d.lhsContract, lhsBatch: batched[0] ? next(d.lhsBatch) : d.lhsBatch };
  const rhs = { rhsContract: batched[1] ? next(d.rhsContract) : d.rhsContract, rhsBatch: batched[1] ? next(d.rhsBatch) : d.rhsBatch };
  if (batched[0] && batched[1])
    return [dotGeneral(x, y, { ...lhs, ...rhs, lhsBatch: [0, ...lhs.lhsBatch], rhsBatch: [0, ...rhs.rhsBatch] }, d.precision)];
  // A free dimension comes after the batch dimensions, y's after all of x's.
  const at = batched[0] ? d.lhsBatch.length : x.ndim - d.lhsContract.length;
  return [moveAxis(dotGeneral(x, y, { ...lhs, ...rhs }, d.precision), at, 0)];
});

defineBatching<Precise & Record<string, Precision>>('dense', ({ inputs, batched, size, params: { precision } }) => {
  const [x, kernel, bias] = inputs as [Tensor, Tensor, Tensor?];
  if (!batched[1] && !batched[2]) return [dense(x, kernel, bias, precision)];
  const rows = spread(x, batched[0]!, size);
  const product = batched[1]
    ? dotGeneral(rows, kernel, { lhsContract: [rows.ndim - 1], rhsContract: [1], lhsBatch: [0], rhsBatch: [0] }, precision)
    : dense(rows, kernel, null, precision);
  if (bias === undefined) return [product];
  const last = product.ndim - 1;
  return [add(product, broadcast(bias, product.shape, batched[2] ? [0, last] : [last]))];
});
