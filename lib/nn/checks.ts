/** What every layer refuses: unknown names in its configuration, and an input that is no tensor. */
import { ArgumentError } from '../core/errors.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import { Tensor } from '../core/tensor.js';

/** Names of a configuration that a layer does not have are errors; `name` belongs to every module. */
export const checkNames = <C extends object>(layer: string, config: C, names: OptionNames<C>): void =>
  checkOptions<C & { name?: string }>(layer, config, { ...names, name: true });

export function checkInput(layer: string, x: unknown): void {
  if (x instanceof Tensor) return;
  const got = Array.isArray(x) ? `an array of ${x.length}` : typeof x === 'object' && x !== null ? `a ${x.constructor.name}` : String(x);
  throw new ArgumentError(`${layer} takes a tensor, got ${got}: make one with np.array`);
}
