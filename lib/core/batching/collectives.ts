/** Collectives over the axis that a vmap maps: operations along axis 0. */
import { groupsOf, axisIndexPrimitive, pmaxPrimitive, psumPrimitive } from '../collectives.js';
import { fromNumbers } from '../array.js';
import { Aval } from '../aval.js';
import { bind1 } from '../bind.js';
import type { Params, Primitive } from '../primitive.js';
import { broadcast, iota, mul, reduceMax, reduceSum, reshape, take } from '../primitives/index.js';
import type { Tensor } from '../tensor.js';
import { defineBatching, spread } from './rule.js';

export interface Collected {
  readonly value: Tensor;
  readonly batched: boolean;
}

// A collective over the axis of another vmap works on each of this one's examples.
defineBatching(['psum', 'pmax'], ({ primitive, inputs, params }) => [bind1(primitive, inputs, params)]);

/** The collective over the very axis that is mapped; its result is batched only if groups differ in it. */
export function collect(primitive: Primitive, x: Tensor | undefined, batched: boolean, params: Params, size: number): Collected {
  if ((primitive as unknown) === axisIndexPrimitive) return { value: iota([size]), batched: true };
  const groups = groupsOf(params);
  const sums = (primitive as unknown) === psumPrimitive;
  if (!batched) {
    const count = groups?.[0]?.length ?? size;
    return { value: sums ? mul(x!, count) : x!, batched: false };
  }
  const reduce = (primitive as unknown) === pmaxPrimitive ? reduceMax : reduceSum;
  if (groups === undefined) return { value: reduce(x!, 0), batched: false };
  // Members of a group side by side, reduced, repeated, and put back in their places.
  const order = groups.flat();
  const index = (list: readonly number[]): Tensor => fromNumbers(list, Aval.of([list.length], 'int32'));
  const [count, each] = [groups.length, groups[0]!.length];
  const example = x!.shape.slice(1);
  const reduced = reduce(reshape(take(x!, index(order), 0, 'clip'), [count, each, ...example]), 1);
  const repeated = broadcast(reduced, [count, each, ...example], [0, ...example.map((_, i) => i + 2)]);
  const back = order.map((_, i) => order.indexOf(i));
  return { value: take(reshape(repeated, spread(x!, true, size).shape), index(back), 0, 'clip'), batched: true };
}
