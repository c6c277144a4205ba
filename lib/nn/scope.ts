/** Scope: the variables, random keys and names of one module in one `init` or `apply`. All state of a module lives here. */
import { currentTrace } from '../core/trace.js';
import type { Tensor } from '../core/tensor.js';
import { checkDepth } from '../core/depth.js';
import { ArgumentError } from '../core/errors.js';
import {
  ApplyScopeInvalidVariablesStructureError,
  ApplyScopeInvalidVariablesTypeError,
  InvalidRngError,
  InvalidScopeError,
  JaxTransformError,
  ModifyScopeVariableError,
  NameInUseError,
  ScopeCollectionNotFound,
  ScopeParamNotFoundError,
  ScopeParamShapeError,
  ScopeVariableNotFoundError,
} from './errors.js';
import { inFilter, type Filter } from './filter.js';
import { initShapes, shapesOf, type InitFn } from './init_shapes.js';
import { deriveKey, type Rngs } from './rng.js';

type Tree = Record<string, unknown>;

const isTree = (value: unknown): value is Tree => {
  if (typeof value !== 'object' || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
};

function copyTree(tree: Tree, depth = 0, root = tree): Tree {
  checkDepth(depth, root);
  return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, isTree(v) ? copyTree(v, depth + 1, root) : v]));
}

/** What all scopes of one `init` or `apply` share. */
export class Root {
  readonly collections: Tree = {};
  /** Keys drawn so far, by path and stream. */
  readonly counters = new Map<string, number>();
  readonly trace = currentTrace();
  closed = false;

  constructor(
    variables: unknown,
    readonly rngs: Rngs,
    readonly mutable: Filter,
    readonly initializing: boolean,
  ) {
    if (!isTree(variables)) throw new ApplyScopeInvalidVariablesTypeError(describe(variables));
    for (const [name, collection] of Object.entries(variables)) {
      if (collection === undefined || collection === null) continue; // an absent collection
      if (!isTree(collection)) throw new ApplyScopeInvalidVariablesTypeError(`"${name}" as ${describe(collection)}`);
      this.collections[name] = inFilter(mutable, name) ? copyTree(collection) : collection;
    }
    const { params } = this.collections;
    if (isTree(params) && isTree(params.params)) throw new ApplyScopeInvalidVariablesStructureError();
  }

  /** The mutable collections. */
  mutated(): Tree {
    return Object.fromEntries(Object.entries(this.collections).filter(([name]) => inFilter(this.mutable, name)));
  }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' ? String(value) : `a ${typeof value}`;
}

export class Scope {
  /** Names that submodules (null) and variables (their collection) of this scope have. */
  private names = new Map<string, (string | null)[]>();
  private autoNames = new Map<string, number>();

  constructor(
    readonly root: Root,
    readonly path: readonly string[],
    /** The module's type, for messages. */
    readonly module: string,
  ) {}

  /** "/ResBlock_0/Dense_1"; the root is "/". */
  get pathText(): string {
    return `/${this.path.join('/')}`;
  }

  /** Runs `f` with the names as they are now and takes back those that it adds, so that a module called again finds its own. */
  rewinding<T>(f: () => T): T {
    const { names, autoNames } = this;
    this.names = new Map(Array.from(names, ([name, by]) => [name, [...by]]));
    this.autoNames = new Map(autoNames);
    try {
      return f();
    } finally {
      this.names = names;
      this.autoNames = autoNames;
    }
  }

  /** Throws unless the `init` or `apply` is still going on. */
  checkOpen(what: string): void {
    if (this.root.closed) throw new InvalidScopeError(what, this.pathText);
  }

  private checkTrace(what: string): void {
    if (currentTrace() !== this.root.trace) throw new JaxTransformError(what, this.pathText);
  }

  private reserve(kind: 'submodule' | 'param' | 'variable', name: string, collection: string | null): void {
    if (typeof name !== 'string' || name === '' || name === '__proto__') {
      throw new ArgumentError(
        `the name of a ${kind} in "${this.pathText}" must be a string that is not empty and not "__proto__", got ${String(name)}`,
      );
    }
    const users = this.names.get(name);
    if (users === undefined) this.names.set(name, [collection]);
    else if (collection === null || users.includes(null) || users.includes(collection))
      throw new NameInUseError(kind, name, this.module, this.pathText);
    else users.push(collection);
  }

  /** A scope for a submodule; without a name it gets the next automatic one. */
  child(module: string, name?: string): Scope {
    this.checkOpen(`a submodule ${module}`);
    let chosen = name;
    if (chosen === undefined) {
      const count = this.autoNames.get(module) ?? 0;
      this.autoNames.set(module, count + 1);
      chosen = `${module}_${count}`;
    }
    this.reserve('submodule', chosen, null);
    return new Scope(this.root, [...this.path, chosen], module);
  }

  /** This scope's part of a collection, or null. */
  private part(collection: string): Tree | null {
    let at: unknown = this.root.collections[collection];
    for (const name of this.path) at = isTree(at) && Object.hasOwn(at, name) ? at[name] : undefined;
    return isTree(at) ? at : null;
  }

  has(collection: string, name: string): boolean {
    const part = this.part(collection);
    return part !== null && Object.hasOwn(part, name);
  }

  get(collection: string, name: string): unknown {
    this.checkOpen(`variable "${name}"`);
    return this.part(collection)?.[name];
  }

  put(collection: string, name: string, value: unknown): void {
    this.checkOpen(`variable "${name}"`);
    this.checkTrace(`an assignment to variable "${name}"`);
    if (!this.isMutable(collection)) throw new ModifyScopeVariableError(collection, name, this.pathText);
    let at: Tree = this.root.collections;
    for (const step of [collection, ...this.path]) {
      if (!Object.hasOwn(at, step) || !isTree(at[step])) at[step] = {};
      at = at[step] as Tree;
    }
    at[name] = value;
  }

  isMutable(collection: string): boolean {
    return inFilter(this.root.mutable, collection);
  }

  private isEmpty(collection: string): boolean {
    const all = this.root.collections[collection];
    return !isTree(all) || Object.keys(all).length === 0;
  }

  hasRng(stream: string): boolean {
    return Object.hasOwn(this.root.rngs, stream);
  }

  /** The next key of a stream; `params` stands in for a stream that was not given, and counts for it. */
  makeRng(stream: string): Tensor {
    this.checkOpen(`makeRng("${stream}")`);
    this.checkTrace(`makeRng("${stream}")`);
    const given = this.hasRng(stream) ? stream : 'params';
    if (!this.hasRng(given)) {
      const who = this.path.at(-1) ?? this.module;
      const mend = stream === 'params' ? 'init(random.PRNGKey(seed), ...)' : `rngs: { ${stream}: random.PRNGKey(seed) }`;
      throw new InvalidRngError(`${who} needs PRNG for "${stream}" (scope "${this.pathText}"). Pass ${mend}.`);
    }
    const slot = JSON.stringify([given, ...this.path]);
    const counter = (this.root.counters.get(slot) ?? 0) + 1;
    this.root.counters.set(slot, counter);
    return deriveKey(this.root.rngs[given]!, this.path, counter);
  }

  /** The parameter `name`, created if it may be; an existing one must have the shape that `init` would give it. */
  param<A extends readonly unknown[], T>(name: string, init: InitFn<A, T>, args: A): T {
    this.checkOpen(`param "${name}"`);
    if (typeof init !== 'function') {
      throw new ArgumentError(
        `the initializer of parameter "${name}" in "${this.pathText}" is no function such as nn.initializers.zeros, got ${String(init)}`,
      );
    }
    this.reserve('param', name, 'params');
    if (this.has('params', name)) {
      const value = this.get('params', name);
      if (ArrayBuffer.isView(value)) {
        throw new ArgumentError(
          `parameter "${name}" in "${this.pathText}" is a ${value.constructor.name}: make it a tensor with np.array(data, { shape })`,
        );
      }
      const expected = initShapes(init, args);
      shapesOf(value).forEach((shape, i) => {
        const want = expected[i];
        if (want !== undefined && want.join() !== shape.join()) throw new ScopeParamShapeError(name, this.pathText, want, shape);
      });
      return value as T;
    }
    if (!this.isMutable('params')) {
      if (this.isEmpty('params')) throw new ScopeCollectionNotFound('params', name, this.pathText);
      throw new ScopeParamNotFoundError(name, this.pathText);
    }
    const value = init(this.makeRng('params'), ...args);
    if (typeof value === 'function') {
      throw new ArgumentError(
        `the initializer of parameter "${name}" in "${this.pathText}" returned a function: call it first, as in nn.initializers.lecunNormal()`,
      );
    }
    if (value instanceof Promise) {
      value.catch(() => undefined); // refused here; what it rejects with later is of no use
      throw new ArgumentError(`the initializer of parameter "${name}" in "${this.pathText}" is async: it must return the tensor itself`);
    }
    this.put('params', name, value);
    return value;
  }

  /** Claims the variable `name`, and creates it if it is missing and may be created. */
  variable(collection: string, name: string, init: (() => unknown) | null): void {
    this.checkOpen(`variable "${name}"`);
    this.reserve('variable', name, collection);
    if (this.has(collection, name)) return;
    if (!this.isMutable(collection) || init === null) {
      if (this.isEmpty(collection)) throw new ScopeCollectionNotFound(collection, name, this.pathText);
      throw new ScopeVariableNotFoundError(name, collection, this.pathText);
    }
    this.put(collection, name, init());
  }
}
