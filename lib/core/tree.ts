/**
 * Trees (JAX's pytrees): arrays, plain objects (keys sorted), registered classes; null and undefined are empty; all else is a leaf.
 * Functions over several trees compare structures and throw with the first path that differs.
 */
import { TreeStructureError } from './errors.js';
import type { Tensor } from './tensor.js';
import { byCodePoint, classes, isLeaf, isPlainObject, structure, type Path, type TreeClass, type TreeDef } from './tree_structure.js';

export { children, registerTreeClass, structure, TreeDef, type Path, type TreeClass } from './tree_structure.js';

/**
 * The leaves from left to right, and the structure to put them back.
 * @example
 * const [leaves, def] = tree.flatten({ b: [1, 2], a: 3 });
 * leaves; // => [3, 1, 2]
 * String(def); // => '{a: *, b: [*, *]}'
 */
export function flatten(tree: unknown): [unknown[], TreeDef] {
  const leaves: unknown[] = [];
  const def = structure(tree);
  def.collect(tree, leaves);
  return [leaves, def];
}

/**
 * A tree of this structure with these leaves, as many as it has; else throws TreeStructureError. As jax.tree.unflatten.
 * @example
 * const def = tree.structure({ b: [0, 0], a: 0 });
 * tree.unflatten(def, [3, 1, 2]); // => { a: 3, b: [1, 2] }
 */
export function unflatten(def: TreeDef, leaves: readonly unknown[]): unknown {
  if (leaves.length !== def.leafCount) {
    throw new TreeStructureError(`a tree of structure ${def} has ${def.leafCount} leaves, got ${leaves.length}`);
  }
  return def.build(leaves, { at: 0 });
}

/**
 * The leaves from left to right. As jax.tree.leaves.
 * @example tree.leaves({ b: [1, 2], a: 3, none: null }); // => [3, 1, 2]
 */
export function leaves(tree: unknown): unknown[] {
  return flatten(tree)[0];
}

/**
 * Each leaf with its path, as `[path, leaf]`.
 * @example tree.leavesWithPath({ Dense_0: { bias: 1, kernel: 2 } }); // => [[['Dense_0', 'bias'], 1], [['Dense_0', 'kernel'], 2]]
 */
export function leavesWithPath(tree: unknown): [Path, unknown][] {
  const [values, def] = flatten(tree);
  const paths: Path[] = [];
  def.paths([], paths);
  return values.map((v, i) => [paths[i]!, v]);
}

/**
 * "params/Dense_0/kernel"; the root is "(root)".
 * @example tree.formatPath(['params', 'Dense_0', 'kernel']); // => 'params/Dense_0/kernel'
 */
export const formatPath = (path: Path): string => (path.length === 0 ? '(root)' : path.join('/'));

/** A tree shaped like T whose leaves are U. */
export type Mapped<T, U> = T extends null | undefined
  ? T
  : T extends readonly unknown[]
    ? { -readonly [K in keyof T]: Mapped<T[K], U> }
    : T extends (...args: never[]) => unknown
      ? U
      : T extends { readonly aval: unknown }
        ? U
        : T extends object
          ? { [K in keyof T]: Mapped<T[K], U> }
          : U;

/**
 * A tree of `f(leaf, ...)` with the structure of `tree`; the others have it too, or carry whole subtrees where `tree` has leaves (as in JAX).
 * Keys come out sorted. Throws TreeStructureError with the first path that differs.
 * @example
 * const params = { kernel: np.ones([2, 3]), bias: np.zeros([3]) };
 * tree.map((t: Tensor) => t.shape, params); // => { bias: [3], kernel: [2, 3] }
 * tree.map((a: Tensor, b: Tensor) => a.add(b), params, { kernel: np.ones([2, 3]) }); // throws TreeStructureError: … the other lacks "bias"
 */
/* eslint-disable @typescript-eslint/no-explicit-any -- leaves of further trees have no common type */
export function map<T>(f: (leaf: Tensor, ...rest: any[]) => Tensor, tree: T, ...rest: unknown[]): T;
export function map<T, U>(f: (leaf: never, ...rest: any[]) => U, tree: T, ...rest: unknown[]): Mapped<T, U>;
export function map(f: (leaf: never, ...rest: any[]) => unknown, tree: unknown, ...rest: unknown[]): unknown {
  /* eslint-enable @typescript-eslint/no-explicit-any */
  const [values, def] = flatten(tree);
  const others = rest.map((other) => {
    const out: unknown[] = [];
    alignTo(tree, other, [], out);
    return out;
  });
  return unflatten(
    def,
    values.map((v, i) => f(v as never, ...others.map((o) => o[i]))),
  );
}

/**
 * `map` whose function gets the path as well.
 * @example tree.mapWithPath((path) => tree.formatPath(path), { Dense_0: { bias: 1, kernel: 2 } }); // => { Dense_0: { bias: 'Dense_0/bias', kernel: 'Dense_0/kernel' } }
 */
export function mapWithPath<T, U>(f: (path: Path, leaf: never) => U, tree: T): Mapped<T, U> {
  const def = structure(tree);
  return unflatten(
    def,
    leavesWithPath(tree).map(([path, leaf]) => f(path, leaf as never)),
  ) as Mapped<T, U>;
}

// Collects the parts of `other` that stand where `tree` has leaves.
function alignTo(tree: unknown, other: unknown, path: Path, out: unknown[]): void {
  if (isLeaf(tree)) {
    out.push(other);
    return;
  }
  const differ = (what: string): never => {
    throw new TreeStructureError(`trees differ at ${formatPath(path)}: ${what}`);
  };
  if (tree === null || tree === undefined) {
    if (other !== null && other !== undefined) differ(`the first is empty, the other has ${describe(other)}`);
  } else if (Array.isArray(tree)) {
    if (!Array.isArray(other)) return differ(`the first has ${describe(tree)}, the other ${describe(other)}`);
    if (other.length !== tree.length) differ(`the first has ${tree.length} elements, the other ${other.length}`);
    tree.forEach((child, i) => alignTo(child, other[i], [...path, i], out));
  } else if (isPlainObject(tree)) {
    if (!isPlainObject(other)) return differ(`the first has ${describe(tree)}, the other ${describe(other)}`);
    const missing = Object.keys(tree).filter((k) => !Object.hasOwn(other, k));
    const extra = Object.keys(other).filter((k) => !Object.hasOwn(tree, k));
    if (missing.length > 0) differ(`the other lacks ${missing.map((k) => `"${k}"`).join(', ')}`);
    if (extra.length > 0) differ(`the other has ${extra.map((k) => `"${k}"`).join(', ')} in excess`);
    for (const key of Object.keys(tree).sort(byCodePoint)) alignTo(tree[key], other[key], [...path, key], out);
  } else {
    const node = tree;
    const spec = classes.get(node.constructor) as TreeClass<unknown>;
    if (typeof other !== 'object' || other === null || other.constructor !== node.constructor) {
      return differ(`the first has ${describe(tree)}, the other ${describe(other)}`);
    }
    const [a, b] = [spec.children(tree), spec.children(other)];
    if (a.length !== b.length) differ(`the first has ${a.length} fields, the other ${b.length}`);
    const names = spec.names(tree);
    a.forEach((child, i) => alignTo(child, b[i], [...path, names[i]!], out));
  }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isPlainObject(value))
    return `an object with keys ${
      Object.keys(value)
        .map((k) => `"${k}"`)
        .join(', ') || '(none)'
    }`;
  if (typeof value === 'object') return String(value) === '[object Object]' ? `a ${value.constructor.name}` : String(value);
  return `${typeof value} ${String(value)}`;
}

/**
 * Folds the leaves from left to right.
 * @example tree.reduce((n, t: Tensor) => n + t.size, { kernel: np.ones([2, 3]), bias: np.zeros([3]) }, 0); // => 9
 */
export function reduce<U>(f: (accumulator: U, leaf: never) => U, tree: unknown, initial: U): U {
  return leaves(tree).reduce<U>((acc, leaf) => f(acc, leaf as never), initial);
}

/**
 * True if `f` holds for every leaf.
 * @example tree.all((t: Tensor) => t.ndim === 2, { kernel: np.ones([2, 3]), bias: np.zeros([3]) }); // => false
 */
export const all = (f: (leaf: never) => boolean, tree: unknown): boolean => leaves(tree).every((leaf) => f(leaf as never));

/**
 * True if both trees have the same structure.
 * @example
 * tree.sameStructure({ a: 1, b: [2, 3] }, { b: [0, 0], a: 0 }); // => true
 * tree.sameStructure({ a: 1 }, { a: [1] }); // => false
 */
export function sameStructure(a: unknown, b: unknown): boolean {
  return structure(a).collect(b, []);
}
