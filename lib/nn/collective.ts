/** Means over a named axis, for layers that share statistics across a batch that vmap has split. */
import { pmean as mean, type AxisIndexGroups } from '../core/collectives.js';
import type { Tensor } from '../core/tensor.js';

export interface NamedAxis {
  readonly axisName: string;
  /** Groups of positions along the axis; each is averaged by itself. Default all together. */
  readonly axisIndexGroups?: AxisIndexGroups;
}

/** The mean of `value` over the axis that a surrounding vmap has named. Throws UnboundAxisError, which names `path`, where none has. As jax.lax.pmean. */
export const pmean = (value: Tensor, { axisName, axisIndexGroups }: NamedAxis, path: string): Tensor =>
  mean(value, axisName, axisIndexGroups, path);
