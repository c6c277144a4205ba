/** What a gradient transformation is, and the ways to combine them. The states have optax's structure and field names. */
import { ArgumentError } from '../core/errors.js';
import { checkOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';

/**
 * A pair of pure functions: `init` makes the state for a tree of parameters, `update` turns gradients (a tree like the parameters) into updates to add to
 * them. States are trees of tensors, so that both work inside `jit`. As optax.GradientTransformation.
 * @example
 * // a transformation of one's own: updates by the sign of the gradient
 * const signs: optim.GradientTransformation<object> = {
 *   init: () => ({}),
 *   update: (updates, state) => [tree.map((g: Tensor) => np.sign(g).mul(-0.1), updates) as typeof updates, state],
 * };
 * const params = { w: np.array([1, -2]) };
 * signs.update({ w: np.array([3, -4]) }, signs.init(params), params)[0]; // => { w: Tensor float32[2] [-0.1, 0.1] }
 */
export interface GradientTransformation<S = unknown> {
  /** The state for these parameters. */
  init(params: unknown): S;
  /** Returns `[updates, state]`. `params` are needed by those that read them: weight decay, trust ratios. */
  update<T>(updates: T, state: S, params?: T): [T, S];
}

/** The state of a transformation that keeps none. */
export type EmptyState = Record<string, never>;

type StateOf<T> = T extends GradientTransformation<infer S> ? S : never;

/** A transformation that changes updates without keeping state. */
export const stateless = (update: <T>(updates: T, params: T | undefined) => T): GradientTransformation<EmptyState> => ({
  init: () => ({}),
  update: (updates, state, params) => [update(updates, params), state],
});

/**
 * Leaves updates as they are.
 * @example
 * const tx = optim.identity();
 * tx.update(np.array([1, 2]), tx.init(null))[0]; // => Tensor float32[2] [1, 2]
 */
export const identity = (): GradientTransformation<EmptyState> => stateless((updates) => updates);

/**
 * Applies transformations one after the other; the state is the array of theirs.
 * @example
 * const tx = optim.chain(optim.clipByGlobalNorm(1), optim.sgd(0.1));
 * const params = np.array([0, 0]);
 * tx.update(np.array([3, 4]), tx.init(params))[0]; // => Tensor float32[2] [-0.06, -0.08]
 */
export function chain<const T extends readonly GradientTransformation[]>(
  ...transforms: T
): GradientTransformation<{ -readonly [K in keyof T]: StateOf<T[K]> }> {
  type State = { -readonly [K in keyof T]: StateOf<T[K]> };
  transforms.forEach((t, i) => {
    if (typeof t?.init !== 'function' || typeof t.update !== 'function') {
      throw new ArgumentError(
        `chain takes gradient transformations, argument ${i} is ${Array.isArray(t) ? 'an array: pass its elements, chain(...list)' : `${typeof t}: pass optim.adam(...), optim.clip(...) and so on`}`,
      );
    }
  });
  return {
    init: (params) => transforms.map((t) => t.init(params)) as State,
    update(updates, state, params) {
      const states = state as readonly unknown[];
      if (!Array.isArray(states) || states.length !== transforms.length) {
        throw new ArgumentError(
          `the state of a chain of ${transforms.length} transformations is an array of as many; make it with init(params)`,
        );
      }
      const next = transforms.map((t, i) => {
        const [changed, after] = t.update(updates, states[i], params);
        updates = changed;
        return after;
      });
      return [updates, next as State];
    },
  };
}

/** Which leaves a transformation acts on: a tree of booleans like the parameters or a prefix of it, or a function from parameters to one. */
export type Mask = unknown;

/**
 * Applies `inner` where the mask is true and leaves the other updates alone; its state holds null where the mask is false.
 * @example
 * const tx = optim.masked(optim.scale(10), { kernel: true, bias: false });
 * const grads = { kernel: np.ones([1]), bias: np.ones([1]) };
 * tx.update(grads, tx.init(grads))[0]; // => { bias: Tensor float32[1] [1], kernel: Tensor float32[1] [10] }
 */
export function masked<S>(inner: GradientTransformation<S>, mask: Mask): GradientTransformation<{ inner_state: S }> {
  const maskFor = (params: unknown): unknown => (typeof mask === 'function' ? (mask as (p: unknown) => unknown)(params) : mask);
  const hide = <T>(chosen: unknown, values: T): T =>
    tree.map((keep: boolean, value) => (keep ? (value as unknown) : null), chosen, values) as T;
  return {
    init: (params) => ({ inner_state: inner.init(hide(maskFor(params), params)) }),
    update(updates, state, params) {
      const chosen = maskFor(updates);
      const shown = params === undefined ? undefined : hide(chosen, params);
      const [changed, inner_state] = inner.update(hide(chosen, updates), state.inner_state, shown);
      const merged = tree.map(
        (keep: boolean, after, before) => (keep ? (after as unknown) : (before as unknown)),
        chosen,
        changed,
        updates,
      );
      return [merged as typeof updates, { inner_state }];
    },
  };
}

/** The parameters, or an error that says who needs them. */
export function requireParams<T>(name: string, params: T | undefined): T {
  if (params === undefined || params === null) {
    throw new ArgumentError(
      `You are using a transformation that requires the current value of parameters, but you are not passing params when calling update: ${name} reads them, call update(grads, state, params)`,
    );
  }
  return params;
}

/** `given` on top of `defaults`; a name that is no option is an error, and a number that is none where the default is one. */
export function withDefaults<O extends object>(name: string, given: Partial<O> | undefined, defaults: O): O {
  if (given !== undefined) checkOptions<Partial<O>>(name, given, defaults);
  const options = { ...defaults };
  for (const key in given) {
    const value: unknown = given[key];
    if (value === undefined) continue;
    const other = Array.isArray(value) || value instanceof Tensor || typeof value === 'function'; // axes and rates, which are checked where they are used
    if (typeof defaults[key] === 'number' && !other) checkFinite(name, { [key]: value });
    options[key] = given[key]!;
  }
  return options;
}

/** Throws unless these are all finite numbers: NaN would spread through every parameter. */
export function checkFinite(name: string, numbers: Record<string, unknown>): void {
  for (const [what, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value)) throw new ArgumentError(`${name} needs ${what} to be a finite number, got ${String(value)}`);
  }
}

/** The parameters' leaves, each checked to be a tensor. */
export const mapParams = <U>(name: string, f: (p: Tensor) => U, params: unknown): unknown =>
  tree.mapWithPath((path, p: unknown) => {
    if (p instanceof Tensor) return f(p);
    throw new ArgumentError(
      `${name} needs parameters that are tensors, got ${typeof p} ${String(p)} at ${tree.formatPath(path)}: make it one with np.array`,
    );
  }, params);
