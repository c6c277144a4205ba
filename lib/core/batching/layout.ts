/** Batching of primitives that move elements: every dimension is one further, and the examples' own stays. */
import { broadcast, concatenate, eq, full, pad, reshape, reverse, select, slice, transpose } from '../primitives/index.js';
import { defineBatching, spread, spreadAll, type BatchContext } from './rule.js';

const next = (axes: readonly number[]): number[] => axes.map((a) => a + 1);

defineBatching<{ shape: readonly number[] }>('reshape', ({ inputs, params, size }) => [reshape(inputs[0]!, [size, ...params.shape])]);

defineBatching<{ perm: readonly number[] }>('transpose', ({ inputs, params }) => [transpose(inputs[0]!, [0, ...next(params.perm)])]);

defineBatching<{ dims: readonly number[]; shape: readonly number[] }>('broadcast', ({ inputs, params: { dims, shape }, size }) => [
  broadcast(inputs[0]!, [size, ...shape], [0, ...next(dims)]),
]);

defineBatching<{ axes: readonly number[] }>('reverse', ({ inputs, params }) => [reverse(inputs[0]!, next(params.axes))]);

defineBatching<{ start: readonly number[]; limit: readonly number[]; strides: readonly number[] }>(
  'slice',
  ({ inputs, params: { start, limit, strides }, size }) => [slice(inputs[0]!, [0, ...start], [size, ...limit], [1, ...strides])],
);

type Widths = { low: readonly number[]; high: readonly number[]; interior: readonly number[] };

defineBatching<Widths>('pad', ({ inputs, batched, params: { low, high, interior }, size }: BatchContext<Widths>) => {
  const widths = { low: [0, ...low], high: [0, ...high], interior: [0, ...interior] };
  const [x, value] = [spread(inputs[0]!, batched[0]!, size), inputs[1]!];
  if (!batched[1]) return [pad(x, value, widths)];
  // Each example has a filler of its own: fill with anything, then choose by place.
  const padded = pad(x, full([], 0, x.dtype), widths);
  const filler = pad(full(x.shape, 0, 'int32'), full([], 1, 'int32'), widths);
  return [select(eq(filler, 1), broadcast(value, padded.shape, [0]), padded)];
});

defineBatching<{ axis: number }>('concatenate', (c) => [concatenate(spreadAll(c), c.params.axis + 1)]);
