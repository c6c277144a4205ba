/** Means over a named axis, for layers that share statistics across a batch that vmap has split. */
import type { Tensor } from '../core/tensor.js';
import { UnboundAxisError } from './errors.js';

export interface NamedAxis {
  readonly axisName: string;
  /** Groups of positions along the axis; each is averaged by itself. Default all together. */
  readonly axisIndexGroups?: readonly (readonly number[])[];
}

/** The mean of `value` over the axis that a surrounding vmap has named. Throws UnboundAxisError where none has. As jax.lax.pmean. */
export function pmean(_value: Tensor, { axisName }: NamedAxis, path: string): Tensor {
  throw new UnboundAxisError(axisName, path);
}
