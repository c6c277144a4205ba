/** Batching of `take` and `scatterAdd`, whose indices may be each example's own. */
import { broadcast, reshape, scatterAdd, scatterAddAlong, take, takeAlong, type GatherMode } from '../primitives/index.js';
import type { Tensor } from '../tensor.js';
import { defineBatching, moveAxis, spread, spreadAll } from './rule.js';

const product = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** x [B, pre.., n, post..] as [B, P, n, Q], and indices [B, I..] repeated to [B, P, I, Q]: what the `Along` primitives take. */
function aligned(x: Tensor, indices: Tensor, axis: number): { flat: Tensor; along: Tensor } {
  const [size, ...shape] = x.shape as [number, ...number[]];
  const [before, after] = [product(shape.slice(0, axis)), product(shape.slice(axis + 1))];
  const count = product(indices.shape.slice(1));
  return {
    flat: reshape(x, [size, before, shape[axis]!, after]),
    along: broadcast(reshape(indices, [size, count]), [size, before, count, after], [0, 2]),
  };
}

defineBatching<{ axis: number; mode: string }>('take', ({ inputs, batched, params: { axis, mode } }) => {
  const [x, indices] = inputs as [Tensor, Tensor];
  if (!batched[1]) return [take(x, indices, axis + 1, mode as GatherMode)];
  if (!batched[0]) return [moveAxis(take(x, indices, axis, mode as GatherMode), axis, 0)];
  const { flat, along } = aligned(x, indices, axis);
  const shape = x.shape.slice(1);
  return [
    reshape(takeAlong(flat, along, 2, mode as GatherMode), [
      x.shape[0]!,
      ...shape.slice(0, axis),
      ...indices.shape.slice(1),
      ...shape.slice(axis + 1),
    ]),
  ];
});

defineBatching<{ axis: number }>('scatterAdd', (c) => {
  const { axis } = c.params;
  if (!c.batched[1]) {
    const [x, updates] = [0, 2].map((i) => spread(c.inputs[i]!, c.batched[i]!, c.size)) as [Tensor, Tensor];
    return [scatterAdd(x, c.inputs[1]!, updates, axis + 1)];
  }
  const [x, indices, updates] = spreadAll(c) as [Tensor, Tensor, Tensor];
  const { flat, along } = aligned(x, indices, axis);
  return [reshape(scatterAddAlong(flat, along, reshape(updates, along.shape), 2), x.shape)];
});
