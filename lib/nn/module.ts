/** nn.module: from a function that builds a forward function to instances with `init` and `apply`. */
import { ArgumentError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { withTrace } from '../core/trace.js';
import {
  attach,
  bindRoot,
  callInstance,
  methodNames,
  methodNamesOf,
  observe,
  register,
  run,
  type Binding,
  type CallRecord,
  type Internals,
} from './binding.js';
import { InvalidInstanceModuleError } from './errors.js';
import { checkFilter, DenyList, type Filter } from './filter.js';
import { checkRngs } from './rng.js';
import { Root, Scope } from './scope.js';
import { formatTable } from './summary.js';
import type { Body, Forward, Module, ModuleType } from './types.js';

const describe = (config: unknown): string => (Array.isArray(config) ? `an array of ${config.length}` : String(config));

type Options = Record<string, unknown>;

/** Splits what belongs to `apply` or `init` itself off the trailing options object; an object that is empty then is dropped. */
function splitOptions(args: readonly unknown[], own: readonly string[]): [unknown[], Options] {
  const last = args.at(-1);
  if (typeof last !== 'object' || last === null || Object.getPrototypeOf(last) !== Object.prototype) return [[...args], {}];
  const entries = Object.entries(last as Options);
  const taken = entries.filter(([key]) => own.includes(key));
  if (taken.length === 0) return [[...args], {}];
  const rest = entries.filter(([key]) => !own.includes(key));
  const positional = args.slice(0, -1);
  return [rest.length === 0 ? positional : [...positional, Object.fromEntries(rest)], Object.fromEntries(taken)];
}

function runRoot(internals: Internals, root: Root, method: unknown, args: readonly unknown[], instance: unknown): unknown {
  const binding = bindRoot(internals, new Scope(root, [], internals.module));
  try {
    if (typeof method === 'function') return run(binding, method.name || 'method', [instance, ...args], method as Forward);
    if (typeof method !== 'string')
      throw new ArgumentError(`method of ${internals.module} must be a name or a function, got ${String(method)}`);
    return run(binding, method, args);
  } finally {
    root.closed = true;
  }
}

const NOT_INTERMEDIATES = DenyList('intermediates');

function makeInstance(internals: Internals): Module<Body> {
  const { module } = internals;
  const instance = ((...args: unknown[]) => callInstance(internals, '__call__', args)) as Forward & Record<string, unknown>;

  const initialize = (rngs: unknown, args: readonly unknown[], records?: CallRecord[]): [unknown, Record<string, unknown>] => {
    const [rest, { mutable = NOT_INTERMEDIATES, method = '__call__' }] = splitOptions(args, ['mutable', 'method']);
    checkFilter(mutable);
    const root = new Root({}, checkRngs(rngs, module), mutable, true);
    if (records !== undefined) observe(root, records);
    const output = runRoot(internals, root, method, rest, instance);
    return [output, root.mutated()];
  };

  const apply = (variables: unknown, ...args: unknown[]): unknown => {
    const [rest, { rngs, mutable = false, method = '__call__' }] = splitOptions(args, ['rngs', 'mutable', 'method']);
    checkFilter(mutable);
    const root = new Root(variables, rngs === undefined ? {} : checkRngs(rngs, module), mutable, false);
    const output = runRoot(internals, root, method, rest, instance);
    return mutable === false ? output : [output, root.mutated()];
  };

  const tabulate = (rngs: unknown, ...args: unknown[]): string =>
    withTrace(`tabulate of ${module}`, () => {
      const calls: CallRecord[] = [];
      const [, variables] = initialize(rngs, args, calls);
      return formatTable(module, calls, variables);
    });

  const bind = (variables: unknown, { rngs, mutable = false }: { rngs?: unknown; mutable?: Filter } = {}): unknown => {
    checkFilter(mutable);
    const root = new Root(variables, rngs === undefined ? {} : checkRngs(rngs, module), mutable, false);
    return makeBound(bindRoot(internals, new Scope(root, [], module)), root);
  };

  Object.defineProperties(instance, {
    name: { value: module },
    moduleName: { value: module },
    init: { value: (rngs: unknown, ...args: unknown[]) => initialize(rngs, args)[1] },
    initWithOutput: { value: (rngs: unknown, ...args: unknown[]) => initialize(rngs, args) },
    apply: { value: apply },
    tabulate: { value: tabulate },
    bind: { value: bind },
    methods: { get: () => methodTable(methodNames(internals), (name, args) => callInstance(internals, name, args)) },
  });
  register(instance, internals);
  return instance as unknown as Module<Body>;
}

const methodTable = (names: readonly string[], call: (name: string, args: unknown[]) => unknown): Record<string, Forward> =>
  Object.fromEntries(names.map((name) => [name, (...args: unknown[]) => call(name, args)]));

function makeBound(binding: Binding, root: Root): unknown {
  const call = (name: string, args: unknown[]): unknown => run(binding, name, args);
  const bound = (...args: unknown[]): unknown => call('__call__', args);
  return Object.defineProperties(bound, {
    name: { value: binding.internals.module },
    methods: { get: () => methodTable(methodNamesOf(binding), call) },
    variables: { get: () => root.collections },
  });
}

/**
 * Defines a module. `configure(config)` returns the forward function, or an object of named methods with `__call__` among them; it runs anew in each `init`
 * and `apply`, with the hooks (`nn.param`, ...) at hand, so submodules and parameters may be made in it (Flax's setup) or in the forward function (Flax's
 * compact methods). `check(config)`, if given, runs when an instance is made and throws on a wrong configuration.
 *
 * Submodules are named in the order in which they are made: `Dense_0`, `Dense_1`; one with a `name` in its configuration has that and does not count. An
 * instance that is called twice shares its parameters. One that was made outside belongs to the module that has it in its configuration (under the field's
 * name), else to the first that calls it. The definition is flax.linen.Module's.
 * @example
 * const MLP = nn.module('MLP', ({ hidden }: { hidden: number }) => (x: Tensor, { train }: { train: boolean }) => {
 *   x = nn.Dense({ features: hidden })(x);
 *   x = nn.BatchNorm({ useRunningAverage: !train })(x);
 *   return nn.Dense({ features: 1 })(nn.relu(x));
 * });
 * const mlp = MLP({ hidden: 4 });
 * const variables = mlp.init(random.PRNGKey(0), np.ones([1, 3]), { train: false });
 * Object.keys(variables.params); // => ['Dense_0', 'BatchNorm_0', 'Dense_1']
 * const [y, updates] = mlp.apply(variables, np.ones([2, 3]), { train: true, mutable: ['batch_stats'] });
 * y.shape; // => [2, 1]
 * tree.map((v: Tensor) => v.shape, updates); // => { batch_stats: { BatchNorm_0: { mean: [4], var: [4] } } }
 */
export function module<B extends Body>(name: string, configure: () => B): ModuleType<object, B>;
export function module<C extends object, B extends Body>(
  name: string,
  configure: (config: C) => B,
  check?: (config: C) => void,
): ModuleType<C, B>;
export function module(name: string, configure: (config: never) => unknown, check?: (config: never) => void): unknown {
  if (typeof name !== 'string' || name === '') throw new ArgumentError(`nn.module needs a name that is not empty, got ${String(name)}`);
  if (typeof configure !== 'function')
    throw new ArgumentError(
      `nn.module needs a function from the configuration to the forward function, as in nn.module('${name}', () => (x) => x), got ${String(configure)}`,
    );
  const make = (config: unknown = {}): unknown => {
    if (typeof config !== 'object' || config === null || config instanceof Tensor || Array.isArray(config)) {
      throw new ArgumentError(`${name} takes its configuration as one object, as in ${name}({ name: 'head' }), got ${describe(config)}`);
    }
    check?.(config as never);
    const internals: Internals = { module: name, configure, config: config as Record<string, unknown>, home: null };
    attach(internals);
    return makeInstance(internals);
  };
  Object.defineProperty(make, 'name', { value: name });
  for (const method of ['init', 'initWithOutput', 'apply', 'tabulate', 'bind']) {
    Object.defineProperty(make, method, {
      value: () => {
        throw new InvalidInstanceModuleError(name, method);
      },
    });
  }
  return make;
}
