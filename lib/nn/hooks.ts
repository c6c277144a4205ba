/** What a forward function may ask of its scope; the layers that flaxen ships use nothing else. */
import { ArgumentError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { running } from './binding.js';
import type { InitFn } from './init_shapes.js';
import type { Scope } from './scope.js';

const scope = (hook: string): Scope => running(`nn.${hook}()`).scope;

/**
 * The parameter `name` of this module, in the collection `params`. Where it is missing and may be created (in `init`), `init(key, ...args)` makes it; an
 * existing one must have the shape that `init` would give it, else ScopeParamShapeError. Throws ScopeCollectionNotFound or ScopeParamNotFoundError where it
 * is missing, and NameInUseError where the name is taken. As flax.linen.Module.param.
 * @example
 * const Scale = nn.module('Scale', () => (x: Tensor) => x.mul(nn.param('scale', nn.initializers.ones, [x.shape[x.ndim - 1]])));
 * Scale().init(random.PRNGKey(0), np.ones([4, 3])); // => { params: { scale: Tensor float32[3] [1, 1, 1] } }
 */
export const param = <A extends readonly unknown[], T = Tensor>(name: string, init: InitFn<A, T>, ...args: A): T =>
  scope('param').param(name, init, args);

/**
 * A variable that belongs to a scope; its value may be assigned while its collection is mutable.
 * @example
 * const Probe = nn.module('Probe', () => () => {
 *   const steps: nn.Variable<Tensor> = nn.variable('state', 'steps', () => np.zeros([]));
 *   return [steps.collection, steps.name];
 * });
 * Probe().apply({}, { mutable: true })[0]; // => ['state', 'steps']
 */
export class Variable<T> {
  /** @internal */
  constructor(
    private readonly scope: Scope,
    /** The collection that it is in: "batch_stats". */
    readonly collection: string,
    /** Its name in its module: "mean". */
    readonly name: string,
  ) {}

  /** The value in this `init` or `apply`; assigning throws ModifyScopeVariableError unless the collection is mutable. */
  get value(): T {
    return this.scope.get(this.collection, this.name) as T;
  }
  set value(value: T) {
    this.scope.put(this.collection, this.name, value);
  }
}

/**
 * The variable `name` of this module in any collection. Where it is missing and the collection is mutable, `init(...args)` makes it; throws
 * ScopeCollectionNotFound or ScopeVariableNotFoundError where it is missing, NameInUseError where the name is taken; assigning its value throws
 * ModifyScopeVariableError unless the collection is mutable. As flax.linen.Module.variable.
 * @example
 * const Counter = nn.module('Counter', () => () => {
 *   const count = nn.variable('counters', 'count', () => np.zeros([], 'int32'));
 *   count.value = count.value.add(1);
 *   return count.value;
 * });
 * const [, updates] = Counter().apply({}, { mutable: ['counters'] });
 * updates; // => { counters: { count: Tensor int32[] 1 } }
 * Counter().apply(updates, { mutable: ['counters'] })[0]; // => Tensor int32[] 2
 */
export function variable<T = Tensor, A extends readonly unknown[] = []>(
  collection: string,
  name: string,
  init?: (...args: A) => T,
  ...args: A
): Variable<T> {
  const at = scope('variable');
  at.variable(collection, name, init === undefined ? null : () => init(...args));
  return new Variable(at, collection, name);
}

/**
 * True if the variable exists already. As flax.linen.Module.has_variable.
 * @example
 * const Probe = nn.module('Probe', () => () => nn.hasVariable('params', 'scale'));
 * Probe().apply({ params: { scale: np.ones([1]) } }); // => true
 */
export const hasVariable = (collection: string, name: string): boolean => scope('hasVariable').has(collection, name);

/**
 * A fresh random key (uint32, [2]) of a stream; `params` stands in for a stream that was not given. Throws InvalidRngError if there is none.
 * As flax.linen.Module.make_rng.
 * @example
 * const Noise = nn.module('Noise', () => (x: Tensor) => x.add(random.normal(nn.makeRng('noise'), x.shape)));
 * Noise().apply({}, np.zeros([2]), { rngs: { noise: random.PRNGKey(0) } }); // => Tensor float32[2] [0.0761, -1.6157]
 */
export const makeRng = (stream = 'params'): Tensor => scope('makeRng').makeRng(stream);

/**
 * True if keys of this stream were given.
 * @example
 * const Noise = nn.module('Noise', () => (x: Tensor) => (nn.hasRng('noise') ? x.add(random.normal(nn.makeRng('noise'), x.shape)) : x));
 * Noise().apply({}, np.zeros([2])); // => Tensor float32[2] [0, 0]
 * Noise().apply({}, np.zeros([2]), { rngs: { noise: random.PRNGKey(0) } }); // => Tensor float32[2] [0.0761, -1.6157]
 */
export const hasRng = (stream: string): boolean => scope('hasRng').hasRng(stream);

/**
 * True inside `init`, false inside `apply`.
 * @example
 * const Probe = nn.module('Probe', () => () => nn.isInitializing());
 * Probe().initWithOutput(random.PRNGKey(0))[0]; // => true
 * Probe().apply({}); // => false
 */
export const isInitializing = (): boolean => scope('isInitializing').root.initializing;

/**
 * True if variables of this collection may be created and assigned.
 * @example
 * const Probe = nn.module('Probe', () => () => nn.isMutable('batch_stats'));
 * Probe().apply({}, { mutable: ['batch_stats'] })[0]; // => true
 */
export const isMutable = (collection: string): boolean => scope('isMutable').isMutable(collection);

/**
 * The names from the root to this module: `[]`, `['ResBlock_0', 'Dense_1']`.
 * @example
 * const Leaf = nn.module('Leaf', () => () => nn.path());
 * const Root = nn.module('Root', () => () => Leaf()());
 * Root().apply({}); // => ['Leaf_0']
 */
export const path = (): string[] => [...scope('path').path];

/**
 * Keeps a value of the forward pass in a collection such as `intermediates`: by default appended to an array, else folded by `reduce` from `init()`.
 * Does nothing, and returns false, unless the collection is mutable. As flax.linen.Module.sow.
 * @example
 * const Net = nn.module('Net', () => (x: Tensor) => {
 *   nn.sow('intermediates', 'mean', x.mean());
 *   return x.mul(2);
 * });
 * Net().apply({}, np.array([1, 3]), { mutable: ['intermediates'] });
 * // => [Tensor float32[2] [2, 6], { intermediates: { mean: [Tensor float32[] 2] } }]
 */
export function sow<T, U = T[]>(
  collection: string,
  name: string,
  value: T,
  fold: { init: () => U; reduce: (sum: U, value: T) => U } = {
    init: () => [] as U,
    reduce: (sum, v) => [...(sum as T[]), v] as U,
  },
): boolean {
  const at = scope('sow');
  if (!at.isMutable(collection)) return false;
  const before = at.has(collection, name) ? (at.get(collection, name) as U) : fold.init();
  at.put(collection, name, fold.reduce(before, value));
  return true;
}

/**
 * The one of two values that is given: an option that belongs in the configuration or at the call, but not in both. As flax.linen.merge_param.
 * @example
 * type Options = { train?: boolean };
 * const Probe = nn.module('Probe', (config: Options) => ({ train }: Options = {}) => nn.mergeParam('train', config.train, train));
 * Probe({ train: true }).apply({}); // => true
 * Probe().apply({}, { train: false }); // => false
 * Probe().apply({}); // throws ArgumentError: Parameter "train" must be passed to the constructor or at call time …
 */
export function mergeParam<T>(name: string, configured: T | null | undefined, called: T | null | undefined): T {
  const where = ` (scope "${scope('mergeParam').pathText}").`;
  if (configured !== undefined && configured !== null) {
    if (called === undefined || called === null) return configured;
    throw new ArgumentError(`Parameter "${name}" was passed to the constructor and at call time. Should be passed just once${where}`);
  }
  if (called !== undefined && called !== null) return called;
  throw new ArgumentError(`Parameter "${name}" must be passed to the constructor or at call time${where}`);
}
