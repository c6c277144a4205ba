/** How deep a tree may be: one that holds itself has no bottom. */
import { TreeStructureError } from './errors.js';

const MOST_LEVELS = 500;

/** Throws when a walk from the root of a tree has come too deep; `root` is named by the keys that lead down. */
export function checkDepth(depth: number, root: unknown): void {
  if (depth <= MOST_LEVELS) return;
  const path = cycle(root, [], new Set());
  throw new TreeStructureError(
    path === null
      ? `a tree has at most ${MOST_LEVELS} levels, this one has more: put its parts side by side in one array or object`
      : `a tree cannot hold itself, and this one does at ${path.join('/') || '(root)'}: leave that reference out`,
  );
}

const isNest = (value: unknown): value is object =>
  Array.isArray(value) ||
  (typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value) as null));

/** The way to a part of a tree that contains that part, or null. */
function cycle(at: unknown, path: readonly string[], above: Set<unknown>): readonly string[] | null {
  if (!isNest(at)) return null; // what leaves consist of is no part of the tree
  if (above.has(at)) return path;
  if (path.length > MOST_LEVELS) return null;
  above.add(at);
  for (const [key, child] of Object.entries(at)) {
    const found = cycle(child, [...path, key], above);
    if (found !== null) return found;
  }
  above.delete(at);
  return null;
}
