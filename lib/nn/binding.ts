/** Which module runs, and where: instances meet their scopes here. */
import { ArgumentError } from '../core/errors.js';
import { CallCompactUnboundModuleError } from './errors.js';
import { Scope } from './scope.js';
import type { Forward, Methods } from './types.js';

/** What stands behind an instance. */
export interface Internals {
  readonly module: string;
  readonly configure: (config: never) => unknown;
  readonly config: Readonly<Record<string, unknown>>;
  /** Set when the instance was made while another module ran. */
  home: Binding | null;
}

/** An instance in a scope. */
export interface Binding {
  readonly internals: Internals;
  readonly scope: Scope;
  /** What `configure` returned in this scope; null until first needed. */
  methods: Methods | null;
}

// Used synchronously only: set while a module runs, restored when it returns or throws.
let current: Binding | null = null;
// Instances that were made outside, by the root of the init or apply that meets them.
const adopted = new WeakMap<object, Map<Internals, Binding>>();
const instances = new WeakMap<object, Internals>();

/** What a call of an instance looked like, for `tabulate`. */
export interface CallRecord {
  readonly scope: Scope;
  readonly method: string;
  readonly args: readonly unknown[];
  output: unknown;
}
const observers = new WeakMap<object, CallRecord[]>();

/** Lists each module call under `root` in `records`, parents before their children. */
export const observe = (root: object, records: CallRecord[]): void => void observers.set(root, records);

export const register = (instance: object, internals: Internals): void => void instances.set(instance, internals);
export const internalsOf = (value: unknown): Internals | undefined => (typeof value === 'function' ? instances.get(value) : undefined);

/** The module that is running; throws if none is. */
export function running(what: string): Binding {
  if (current === null) throw new CallCompactUnboundModuleError(what);
  return current;
}

/** Makes the instance a submodule of the module that is running, if one is. */
export function attach(internals: Internals): void {
  if (current !== null) internals.home = { internals, scope: childScope(current, internals), methods: null };
}

const childScope = (parent: Binding, { module, config }: Internals, fallback?: string): Scope =>
  parent.scope.child(module, (config.name as string | undefined) ?? fallback);

export function bindRoot(internals: Internals, scope: Scope): Binding {
  const binding = { internals, scope, methods: null };
  adopted.set(scope.root, new Map([[internals, binding]]));
  return binding;
}

/** The instance's place: where it was made, else the first module of this init or apply that called it or had it in its configuration. */
function locate(internals: Internals): Binding {
  const parent = running(internals.module);
  const found = adopted.get(parent.scope.root)!.get(internals) ?? internals.home;
  if (found === null) return adopt(internals, parent);
  found.scope.checkOpen(`module ${internals.module}`);
  return found;
}

function adopt(internals: Internals, parent: Binding, fallback?: string): Binding {
  const binding = { internals, scope: childScope(parent, internals, fallback), methods: null };
  adopted.get(parent.scope.root)!.set(internals, binding);
  return binding;
}

/** Instances in a configuration become submodules under their field's name, those in arrays and objects with the index or key after it. */
function adoptFields(parent: Binding): void {
  const visit = (value: unknown, name: string): void => {
    const internals = internalsOf(value);
    if (internals !== undefined) {
      const known = adopted.get(parent.scope.root)!.has(internals) || internals.home !== null;
      if (!known) adopt(internals, parent, name);
    } else if (Array.isArray(value)) {
      value.forEach((v, i) => visit(v, `${name}_${i}`));
    } else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
      for (const [key, v] of Object.entries(value)) visit(v, `${name}_${key}`);
    }
  };
  for (const [key, value] of Object.entries(parent.internals.config)) visit(value, key);
}

/** The instance's methods, configuring it first if this is the first use in this scope. */
function methodsOf(binding: Binding): Methods {
  if (binding.methods === null) {
    const { configure, config, module } = binding.internals;
    binding.methods = within(binding, () => {
      adoptFields(binding);
      return toMethods(configure(config as never), module);
    });
  }
  return binding.methods;
}

function toMethods(body: unknown, module: string): Methods {
  if (typeof body === 'function') return { __call__: body as Forward };
  const methods = body as Methods | null;
  if (typeof methods === 'object' && methods !== null && typeof methods.__call__ === 'function') return methods;
  if (body instanceof Promise) body.catch(() => undefined); // refused here; what it rejects with later is of no use
  throw new ArgumentError(
    `configure of module ${module} must return its forward function, or an object of functions with one named __call__, got ${String(body)}`,
  );
}

function within<T>(binding: Binding, f: () => T): T {
  const outer = current;
  current = binding;
  try {
    return f();
  } finally {
    current = outer;
  }
}

/** Runs a method (by name, or a function of the instance and the arguments) of a bound instance. */
export function run(binding: Binding, method: string, args: readonly unknown[], f?: Forward): unknown {
  const methods = methodsOf(binding);
  const { module } = binding.internals;
  const chosen = f ?? (Object.hasOwn(methods, method) ? methods[method] : undefined);
  if (typeof chosen !== 'function') {
    throw new ArgumentError(`"${module}" object has no attribute "${method}". Its methods are ${Object.keys(methods).join(', ')}.`);
  }
  return within(binding, () =>
    binding.scope.rewinding(() => {
      const record: CallRecord = { scope: binding.scope, method, args, output: undefined };
      observers.get(binding.scope.root)?.push(record);
      const output: unknown = callForward(chosen, args, module, method);
      if (output instanceof Promise) {
        output.catch(() => undefined); // refused below; what it rejects with later is of no use
        throw new ArgumentError(
          `${module}.${method} is async: a forward function must be synchronous, since its scope ends when it returns. Await data outside and pass it as an argument.`,
        );
      }
      record.output = output;
      return output;
    }),
  );
}

// A forward function that destructures an options object which was not passed fails in words that name no module.
function callForward(f: Forward, args: readonly unknown[], module: string, method: string): unknown {
  try {
    return f(...args);
  } catch (error) {
    if (!(error instanceof TypeError) || args.length >= f.length) throw error;
    const missing = f.length - args.length;
    throw new ArgumentError(
      `${module}.${method}() missing ${missing} of its ${f.length} arguments, such as its options object: ${error.message}`,
      { cause: error },
    );
  }
}

/** What calling an instance, or one of its methods, inside a module does. */
export const callInstance = (internals: Internals, method: string, args: readonly unknown[]): unknown =>
  run(locate(internals), method, args);

/** Names of the methods that a bound instance has. */
export const methodNamesOf = (binding: Binding): string[] => Object.keys(methodsOf(binding));
/** Names of the methods that the instance has here. */
export const methodNames = (internals: Internals): string[] => methodNamesOf(locate(internals));
