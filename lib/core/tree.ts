/**
 * Trees (JAX's pytrees): arrays, plain objects (keys sorted), registered classes; null and undefined are empty; all else is a leaf.
 * Functions over several trees compare structures and throw with the first path that differs.
 */
import { TreeStructureError } from './errors.js';
import { Tensor } from './tensor.js';

/** The keys and indices from the root of a tree to a leaf. */
export type Path = readonly (string | number)[];

/**
 * A tree's structure, without its leaves.
 * @example
 * const def: tree.TreeDef = tree.structure({ kernel: 1, bias: 2 });
 * def.leafCount; // => 2
 */
export abstract class TreeDef {
  /** How many leaves a tree of this structure has. */
  abstract readonly leafCount: number;
  /** Appends `value`'s leaves; false, with any number of leaves appended, if its structure is another. */
  abstract collect(value: unknown, leaves: unknown[]): boolean;
  /** A tree of this structure from `leaves`, starting at `cursor.at`. */
  abstract build(leaves: readonly unknown[], cursor: { at: number }): unknown;
  /** The structure with `*` in place of leaves: "{bias: *, kernel: *}". */
  abstract toString(): string;
  /** Appends the leaves' paths to `out`, each after `prefix`. */
  abstract paths(prefix: Path, out: Path[]): void;
}

class LeafDef extends TreeDef {
  readonly leafCount = 1;
  collect(value: unknown, leaves: unknown[]): boolean {
    if (!(value instanceof Tensor) && !isLeaf(value)) return false;
    leaves.push(value);
    return true;
  }
  build(leaves: readonly unknown[], cursor: { at: number }): unknown {
    return leaves[cursor.at++];
  }
  toString(): string {
    return '*';
  }
  paths(prefix: Path, out: Path[]): void {
    out.push(prefix);
  }
}

class EmptyDef extends TreeDef {
  readonly leafCount = 0;
  constructor(private readonly value: null | undefined) {
    super();
  }
  collect(value: unknown): boolean {
    return value === null || value === undefined;
  }
  build(): unknown {
    return this.value;
  }
  toString(): string {
    return 'null';
  }
  paths(): void {}
}

const sum = (defs: readonly TreeDef[]): number => defs.reduce((n, d) => n + d.leafCount, 0);

class ArrayDef extends TreeDef {
  readonly leafCount: number;
  constructor(readonly children: readonly TreeDef[]) {
    super();
    this.leafCount = sum(children);
  }
  collect(value: unknown, leaves: unknown[]): boolean {
    const { children } = this;
    if (!Array.isArray(value) || value.length !== children.length) return false;
    for (let i = 0; i < children.length; i++) if (!children[i]!.collect(value[i], leaves)) return false;
    return true;
  }
  build(leaves: readonly unknown[], cursor: { at: number }): unknown {
    return this.children.map((c) => c.build(leaves, cursor));
  }
  toString(): string {
    return `[${this.children.join(', ')}]`;
  }
  paths(prefix: Path, out: Path[]): void {
    this.children.forEach((c, i) => c.paths([...prefix, i], out));
  }
}

class ObjectDef extends TreeDef {
  readonly leafCount: number;
  constructor(
    readonly keys: readonly string[],
    readonly children: readonly TreeDef[],
  ) {
    super();
    this.leafCount = sum(children);
  }
  collect(value: unknown, leaves: unknown[]): boolean {
    if (!isPlainObject(value)) return false;
    const { keys, children } = this;
    let count = 0;
    for (const _ in value) count++;
    if (count !== keys.length) return false;
    for (let i = 0; i < keys.length; i++) {
      const child = value[keys[i]!];
      if (child === undefined && !Object.hasOwn(value, keys[i]!)) return false;
      if (!children[i]!.collect(child, leaves)) return false;
    }
    return true;
  }
  build(leaves: readonly unknown[], cursor: { at: number }): unknown {
    const out: Record<string, unknown> = {};
    for (let i = 0; i < this.keys.length; i++) setKey(out, this.keys[i]!, this.children[i]!.build(leaves, cursor));
    return out;
  }
  toString(): string {
    return `{${this.keys.map((k, i) => `${k}: ${this.children[i]!.toString()}`).join(', ')}}`;
  }
  paths(prefix: Path, out: Path[]): void {
    this.children.forEach((c, i) => c.paths([...prefix, this.keys[i]!], out));
  }
}

// A key named "__proto__" must become a property, not the prototype.
function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}

/** How a class becomes a tree: its children with their names, and what is left, compared by `Object.is` entry by entry. */
export interface TreeClass<T> {
  /** Names of the children, in order; a name for each. */
  names(value: T): readonly string[];
  children(value: T): readonly unknown[];
  aux(value: T): readonly unknown[];
  build(aux: readonly unknown[], children: readonly unknown[]): T;
}

const classes = new Map<unknown, TreeClass<never>>();

class ClassDef extends TreeDef {
  readonly leafCount: number;
  constructor(
    private readonly ctor: { name: string },
    private readonly spec: TreeClass<unknown>,
    private readonly names: readonly string[],
    private readonly aux: readonly unknown[],
    private readonly children: readonly TreeDef[],
  ) {
    super();
    this.leafCount = sum(children);
  }
  collect(value: unknown, leaves: unknown[]): boolean {
    if (typeof value !== 'object' || value === null || value.constructor !== this.ctor) return false;
    const aux = this.spec.aux(value);
    if (aux.length !== this.aux.length) return false;
    for (let i = 0; i < aux.length; i++) if (!Object.is(aux[i], this.aux[i])) return false;
    const children = this.spec.children(value);
    if (children.length !== this.children.length) return false;
    for (let i = 0; i < children.length; i++) if (!this.children[i]!.collect(children[i], leaves)) return false;
    return true;
  }
  build(leaves: readonly unknown[], cursor: { at: number }): unknown {
    return this.spec.build(
      this.aux,
      this.children.map((c) => c.build(leaves, cursor)),
    );
  }
  toString(): string {
    return `${this.ctor.name}(${this.names.map((n, i) => `${n}: ${this.children[i]!.toString()}`).join(', ')})`;
  }
  paths(prefix: Path, out: Path[]): void {
    this.children.forEach((c, i) => c.paths([...prefix, this.names[i]!], out));
  }
}

/**
 * Makes instances of `ctor` (not of its subclasses) inner nodes of trees.
 * @example
 * class Pair {
 *   constructor(
 *     readonly a: unknown,
 *     readonly b: unknown,
 *   ) {}
 * }
 * tree.registerTreeClass(Pair, {
 *   names: () => ['a', 'b'],
 *   children: (pair) => [pair.a, pair.b],
 *   aux: () => [],
 *   build: (_, [a, b]) => new Pair(a, b),
 * });
 * tree.map((x: number) => x * 10, new Pair(1, { c: 2 })); // => Pair { a: 10, b: { c: 20 } }
 */
export function registerTreeClass<T extends object>(ctor: abstract new (...args: never[]) => T, spec: TreeClass<T>): void {
  classes.set(ctor, spec as unknown as TreeClass<never>);
}

type Plain = Record<string, unknown>;

function isPlainObject(value: unknown): value is Plain {
  if (typeof value !== 'object' || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

const isLeaf = (value: unknown): boolean =>
  value !== null &&
  value !== undefined &&
  !Array.isArray(value) &&
  !isPlainObject(value) &&
  !(typeof value === 'object' && classes.has(value.constructor));

const LEAF = new LeafDef();
const NULL = new EmptyDef(null);
const UNDEFINED = new EmptyDef(undefined);

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
 * A tree's structure, without its leaves. As jax.tree.structure.
 * @example String(tree.structure({ b: [1, 2], a: np.ones([3]) })); // => '{a: *, b: [*, *]}'
 */
export function structure(tree: unknown): TreeDef {
  if (tree === null) return NULL;
  if (tree === undefined) return UNDEFINED;
  if (Array.isArray(tree)) return new ArrayDef(tree.map(structure));
  if (isPlainObject(tree)) {
    const keys = Object.keys(tree).sort(byCodePoint);
    return new ObjectDef(
      keys,
      keys.map((k) => structure(tree[k])),
    );
  }
  const ctor = typeof tree === 'object' ? tree.constructor : null;
  const spec = classes.get(ctor) as TreeClass<unknown> | undefined;
  if (spec === undefined) return LEAF;
  return new ClassDef(ctor!, spec, spec.names(tree), spec.aux(tree), spec.children(tree).map(structure));
}

/**
 * The parts of a tree's root with their keys, in order; null for a leaf.
 * @example
 * console.log(tree.children({ b: 1, a: [2] })); // [['a', [2]], ['b', 1]]
 */
export function children(tree: unknown): [string | number, unknown][] | null {
  if (tree === null || tree === undefined) return [];
  if (Array.isArray(tree)) return tree.map((child, i) => [i, child]);
  if (isPlainObject(tree))
    return Object.keys(tree)
      .sort(byCodePoint)
      .map((key) => [key, tree[key]]);
  const spec = classes.get(tree.constructor) as TreeClass<unknown> | undefined;
  if (spec === undefined || typeof tree !== 'object') return null;
  const names = spec.names(tree);
  return spec.children(tree).map((child, i) => [names[i]!, child]);
}

// Python sorts strings by code point, JavaScript by UTF-16 unit.
function byCodePoint(a: string, b: string): number {
  const x = Array.from(a, (c) => c.codePointAt(0)!);
  const y = Array.from(b, (c) => c.codePointAt(0)!);
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
  return x.length - y.length;
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
