/** Which collections: a boolean for all or none, a name, a list of names, or all but those of a `DenyList`. */
import { InvalidFilterError } from './errors.js';

class DenyFilter {
  constructor(readonly deny: Filter) {}
}

/** Every collection but those that `deny` names. */
export type DenyList = DenyFilter;
/** Which collections: all or none, one by name, several, or all but those of a `DenyList`. */
export type Filter = boolean | string | readonly string[] | DenyList;

/**
 * Every collection but those that `deny` names. As flax.linen.DenyList.
 * @example
 * const norm = nn.BatchNorm({ useRunningAverage: false });
 * const variables = norm.init(random.PRNGKey(0), np.ones([2, 3]));
 * const [, updates] = norm.apply(variables, np.ones([2, 3]), { mutable: nn.DenyList('params') });
 * Object.keys(updates); // => ['batch_stats']
 */
export function DenyList(deny: Filter): DenyList {
  checkFilter(deny);
  return new DenyFilter(deny);
}

/** Throws InvalidFilterError unless `filter` is one. */
export function checkFilter(filter: unknown): asserts filter is Filter {
  const ok =
    typeof filter === 'boolean' ||
    typeof filter === 'string' ||
    filter instanceof DenyFilter ||
    (Array.isArray(filter) && filter.every((name) => typeof name === 'string'));
  if (!ok) throw new InvalidFilterError(typeof filter === 'object' ? JSON.stringify(filter) : String(filter));
}

export function inFilter(filter: Filter, collection: string): boolean {
  if (typeof filter === 'boolean') return filter;
  if (typeof filter === 'string') return filter === collection;
  if (filter instanceof DenyFilter) return !inFilter(filter.deny, collection);
  return filter.includes(collection);
}
