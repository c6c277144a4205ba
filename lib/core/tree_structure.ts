/** What a tree's structure is: which values are inner nodes, in which order their children come, and how they are put together again. */
import { checkDepth } from './depth.js';
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
  /**
   * Appends `value`'s leaves; false, with any number of leaves appended, if its structure is another.
   * @example
   * const leaves: unknown[] = [];
   * tree.structure({ a: 1, b: 2 }).collect({ a: 3, b: 4 }, leaves); // => true
   * leaves; // => [3, 4]
   */
  abstract collect(value: unknown, leaves: unknown[]): boolean;
  /**
   * A tree of this structure from `leaves`, starting at `cursor.at`, which it moves on.
   * @example tree.structure({ a: 1, b: 2 }).build([3, 4], { at: 0 }); // => { a: 3, b: 4 }
   */
  abstract build(leaves: readonly unknown[], cursor: { at: number }): unknown;
  /**
   * The structure with `*` in place of leaves.
   * @example tree.structure({ kernel: 1, bias: [2, null] }).toString(); // => '{bias: [*, null], kernel: *}'
   */
  abstract toString(): string;
  /**
   * Appends the leaves' paths to `out`, each after `prefix`.
   * @example
   * const out: tree.Path[] = [];
   * tree.structure({ a: [1, 2] }).paths(['params'], out);
   * out; // => [['params', 'a', 0], ['params', 'a', 1]]
   */
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

/**
 * How a class becomes a tree: its children with their names, and what is left, compared by `Object.is` entry by entry.
 * @example
 * class Scaled {
 *   constructor(
 *     readonly by: number,
 *     readonly value: unknown,
 *   ) {}
 * }
 * const spec: tree.TreeClass<Scaled> = {
 *   names: () => ['value'],
 *   children: (scaled) => [scaled.value],
 *   aux: (scaled) => [scaled.by],
 *   build: ([by], [value]) => new Scaled(by as number, value),
 * };
 * tree.registerTreeClass(Scaled, spec);
 * tree.map((x: number) => x + 1, new Scaled(2, 3)); // => Scaled { by: 2, value: 4 }
 */
export interface TreeClass<T> {
  /** Names of the children, in order; a name for each. */
  names(value: T): readonly string[];
  /** The children, in the order of their names. */
  children(value: T): readonly unknown[];
  /** What is no child: part of the structure. */
  aux(value: T): readonly unknown[];
  /** An instance from what `aux` and `children` gave. */
  build(aux: readonly unknown[], children: readonly unknown[]): T;
}

export const classes = new Map<unknown, TreeClass<never>>();

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

export function isPlainObject(value: unknown): value is Plain {
  if (typeof value !== 'object' || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

export const isLeaf = (value: unknown): boolean =>
  value !== null &&
  value !== undefined &&
  !Array.isArray(value) &&
  !isPlainObject(value) &&
  !(typeof value === 'object' && classes.has(value.constructor));

const LEAF = new LeafDef();
const NULL = new EmptyDef(null);
const UNDEFINED = new EmptyDef(undefined);

/**
 * A tree's structure, without its leaves. As jax.tree.structure.
 * @example String(tree.structure({ b: [1, 2], a: np.ones([3]) })); // => '{a: *, b: [*, *]}'
 */
export function structure(tree: unknown): TreeDef {
  return structureOf(tree, 0, tree);
}

function structureOf(tree: unknown, depth: number, root: unknown): TreeDef {
  if (tree === null) return NULL;
  if (tree === undefined) return UNDEFINED;
  checkDepth(depth, root);
  const below = (child: unknown): TreeDef => structureOf(child, depth + 1, root);
  if (Array.isArray(tree)) return new ArrayDef(tree.map(below));
  if (isPlainObject(tree)) {
    const keys = Object.keys(tree).sort(byCodePoint);
    return new ObjectDef(
      keys,
      keys.map((k) => below(tree[k])),
    );
  }
  const ctor = typeof tree === 'object' ? tree.constructor : null;
  const spec = classes.get(ctor) as TreeClass<unknown> | undefined;
  if (spec === undefined) return LEAF;
  return new ClassDef(ctor!, spec, spec.names(tree), spec.aux(tree), spec.children(tree).map(below));
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
export function byCodePoint(a: string, b: string): number {
  const x = Array.from(a, (c) => c.codePointAt(0)!);
  const y = Array.from(b, (c) => c.codePointAt(0)!);
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
  return x.length - y.length;
}
