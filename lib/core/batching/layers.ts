/** Batching of primitives that are whole layers. */
import { bind } from '../bind.js';
import {
  add,
  broadcast,
  full,
  or,
  reshape,
  shiftLeft,
  shiftRightLogical,
  sliceAxis,
  softmaxCrossEntropy,
  threefry2x32,
  xor,
} from '../primitives/index.js';
import type { Tensor } from '../tensor.js';
import { defineBatching, moveAxis, spread, spreadAll } from './rule.js';

/** [B, rows.., F] as [rows.., B * F]: each example's features are features of their own. */
export function asFeatures(x: Tensor): Tensor {
  const moved = moveAxis(x, 0, x.ndim - 2);
  return reshape(moved, [...x.shape.slice(1, -1), x.shape[0]! * x.shape[x.ndim - 1]!]);
}

export function fromFeatures(y: Tensor, size: number): Tensor {
  const apart = reshape(y, [...y.shape.slice(0, -1), size, y.shape[y.ndim - 1]! / size]);
  return moveAxis(apart, apart.ndim - 2, 0);
}

defineBatching(['batchNorm', 'batchNormGrad'], (c) =>
  bind(c.primitive, spreadAll(c).map(asFeatures), c.params).map((out) => fromFeatures(out, c.size)),
);

defineBatching('softmaxCrossEntropy', (c) => softmaxCrossEntropy(...(spreadAll(c) as [Tensor, Tensor])));

defineBatching('softmaxCrossEntropyGrad', (c) => bind(c.primitive, spreadAll(c), c.params));

defineBatching('threefry2x32', (c) => {
  const [key, x0, x1] = c.inputs as [Tensor, Tensor, Tensor];
  const counters: [Tensor, Tensor] = [spread(x0, c.batched[1]!, c.size), spread(x1, c.batched[2]!, c.size)];
  if (!c.batched[0]) return threefry2x32(key, ...counters);
  const word = (i: number): Tensor => broadcast(reshape(sliceAxis(key, 1, i, i + 1), [c.size]), counters[0].shape, [0]);
  return threefry(word(0), word(1), ...counters);
});

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const PARITY = 0x1bd11bda;

/** Threefry-2x32 with 20 rounds (Salmon et al. 2011) in elementwise operations, for keys that differ from counter to counter. */
function threefry(k0: Tensor, k1: Tensor, x0: Tensor, x1: Tensor): [Tensor, Tensor] {
  const keys = [k0, k1, xor(xor(k0, k1), full(k0.shape, PARITY, 'uint32'))] as const;
  let [a, b] = [add(x0, k0), add(x1, k1)];
  for (let group = 1; group <= 5; group++) {
    for (const r of ROTATIONS[(group - 1) % 2]!) {
      a = add(a, b);
      b = xor(a, or(shiftLeft(b, r), shiftRightLogical(b, 32 - r)));
    }
    a = add(a, keys[group % 3]!);
    b = add(b, add(keys[(group + 1) % 3]!, full(b.shape, group, 'uint32')));
  }
  return [a, b];
}
