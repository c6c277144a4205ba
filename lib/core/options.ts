/** Options objects: a name that is no option is an error, since a misspelt one would be ignored without a word. */
import { ArgumentError } from './errors.js';
import { Tensor } from './tensor.js';

/** The names of all options of `O`; the compiler sees to it that none is missing. */
export type OptionNames<O> = Readonly<Record<keyof O, unknown>>;

/** Refuses what is no object of these options. */
export function checkOptions<O extends object>(what: string, given: O, names: OptionNames<O>): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given) || given instanceof Tensor) {
    throw new ArgumentError(
      `${what} takes its options as one object, got ${String(given)}: name them, as in { ${Object.keys(names)[0]}: … }`,
    );
  }
  for (const key in given) {
    if (!Object.hasOwn(names, key)) {
      throw new ArgumentError(`${what} has no option "${key}": its options are ${Object.keys(names).join(', ')}`);
    }
  }
}
