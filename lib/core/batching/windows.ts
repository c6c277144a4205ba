/** Batching of convolution and pooling: examples are more of the batch, or, where each has a kernel of its own, more groups of features. */
import { bind } from '../bind.js';
import { reshape } from '../primitives/index.js';
import type { ConvOptions } from '../primitives/convolution.js';
import type { Tensor } from '../tensor.js';
import { asFeatures, fromFeatures } from './layers.js';
import { defineBatching, spreadAll, type BatchContext } from './rule.js';

/** The examples [B, N, ...] of all inputs but a shared kernel as one batch [B * N, ...]. */
function asBatch(c: BatchContext, kernel: number | null): Tensor[] {
  const merged = (x: Tensor): Tensor => reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
  const inputs = spreadAll(c).map((x, i) => (i === kernel ? c.inputs[i]! : merged(x)));
  return bind(c.primitive, inputs, c.params).map((y) => reshape(y, [c.size, y.shape[0]! / c.size, ...y.shape.slice(1)]));
}

/** Each example's features as groups of their own. */
function asGroups(c: BatchContext<ConvOptions & Record<string, number>>): Tensor[] {
  const params = { ...c.params, groups: c.params.groups * c.size };
  return bind(c.primitive, spreadAll(c).map(asFeatures), params).map((y) => fromFeatures(y, c.size));
}

const KERNEL = 1;
defineBatching<ConvOptions & Record<string, number>>(['conv', 'convInputGrad'], (c) =>
  c.batched[KERNEL] ? asGroups(c) : asBatch(c, KERNEL),
);
defineBatching('convKernelGrad', asGroups);
defineBatching(['maxPool', 'maxPoolGrad', 'maxPoolGather', 'sumPool', 'sumPoolGrad'], (c) => asBatch(c, null));
