/** What every layer refuses: unknown names in its configuration, and an input that is no tensor. */
import { ArgumentError } from '../core/errors.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import { Tensor } from '../core/tensor.js';

/** What a value must be, and how that is said where it is not. */
class Kind {
  constructor(
    readonly words: string,
    readonly is: (value: unknown) => boolean,
  ) {}
}
export const flag = new Kind('true or false', (v) => typeof v === 'boolean');
export const finite = new Kind('a finite number', Number.isFinite);
export const notNegative = new Kind('a finite number of at least 0', (v) => Number.isFinite(v) && (v as number) >= 0);
const PRECISIONS = ['default', 'high', 'highest', 'bfloat16'];
export const precision = new Kind("'default', 'high', 'highest' or 'bfloat16'", (v) => PRECISIONS.includes(v as string));

/** Names of a configuration that a layer does not have are errors, as are values of another kind than the name's; `name` belongs to every module. */
export function checkNames<C extends object>(layer: string, config: C, names: OptionNames<C>): void {
  checkOptions<C & { name?: string }>(layer, config, { ...names, name: true });
  for (const [key, value] of Object.entries(config)) {
    const kind = (names as Record<string, unknown>)[key];
    if (value !== undefined && kind instanceof Kind && !kind.is(value))
      throw new ArgumentError(`${layer} needs ${key} to be ${kind.words}, got ${typeof value === 'string' ? `"${value}"` : String(value)}`);
  }
}

export function checkInput(layer: string, x: unknown): void {
  if (x instanceof Tensor) return;
  const got = Array.isArray(x) ? `an array of ${x.length}` : typeof x === 'object' && x !== null ? `a ${x.constructor.name}` : String(x);
  throw new ArgumentError(`${layer} takes a tensor, got ${got}: make one with np.array`);
}
