/** Applying updates to parameters. */
import { ShapeError } from '../core/errors.js';
import { add, convert } from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';

/**
 * Parameters plus updates, leaf by leaf, in the parameters' dtypes. Throws TreeStructureError with the first path that differs.
 * @example optim.applyUpdates({ w: np.array([1, 2]) }, { w: np.array([-0.5, 0.5]) }); // => { w: Tensor float32[2] [0.5, 2.5] }
 */
export const applyUpdates = <P>(params: P, updates: unknown): P =>
  tree.map(
    (p: Tensor, u: Tensor) => {
      if (p.shape.join() !== u.shape.join())
        throw new ShapeError(`applyUpdates got an update ${u} for a parameter ${p}: their shapes must agree`);
      return add(p, u.dtype === p.dtype ? u : convert(u, p.dtype));
    },
    params,
    updates,
  );
