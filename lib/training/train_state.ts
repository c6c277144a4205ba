/** TrainState: what a training run carries from step to step, as one tree. Flax's flax.training.train_state.TrainState. */
import { inspect } from 'node:util';
import { add, full } from '../core/primitives/index.js';
import { ArgumentError, ShapeError, TreeStructureError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';
import { applyUpdates, type GradientTransformation } from '../optim/index.js';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any module's apply
type AnyApply = (...args: any[]) => any;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- parameters by name, as init gives them
type AnyParams = any;

/** The fields that every TrainState has. */
export interface TrainStateFields<ApplyFn = AnyApply, Params = AnyParams, OptState = unknown> {
  /** Updates so far, an int32 scalar. */
  readonly step: Tensor;
  /** The module's `apply`; static. */
  readonly applyFn: ApplyFn;
  readonly params: Params;
  /** The optimizer; static. */
  readonly tx: GradientTransformation<OptState>;
  /** The optimizer's state. */
  readonly opt_state: OptState;
}

type Changes<Extra, ApplyFn, Params, OptState> = Partial<
  Omit<TrainStateFields<ApplyFn, Params, OptState>, 'step'> & { step: Tensor | number } & Extra
>;

interface TrainStateMethods<Extra, ApplyFn, Params, OptState> {
  /**
   * The state after one optimizer step: updated `params` and `opt_state`, `step` plus one, and the given changes.
   * @example
   * const params = { w: np.array([1, 2]) };
   * const state = training.TrainState.create({ applyFn: () => null, params, tx: optim.sgd(0.1) });
   * state.applyGradients({ grads: { w: np.array([1, 1]) } }).params; // => { w: Tensor float32[2] [0.9, 1.9] }
   */
  applyGradients(
    changes: { grads: Params } & Omit<Changes<Extra, ApplyFn, Params, OptState>, 'params' | 'opt_state' | 'step'>,
  ): TrainState<Extra, ApplyFn, Params, OptState>;
  /**
   * A copy with some fields changed. A name that is no field is an error.
   * @example
   * const state = training.TrainState.create({ applyFn: () => null, params: {}, tx: optim.identity(), seen: 1 });
   * state.replace({ seen: 2 }).seen; // => 2
   */
  replace(changes: Changes<Extra, ApplyFn, Params, OptState>): TrainState<Extra, ApplyFn, Params, OptState>;
}

/**
 * An immutable tree of `step`, `params`, `opt_state` and any extra fields (`batch_stats`, say), with the static `applyFn` and `tx`. It goes in and out of
 * `jit`, donated or not; a new state is made of the very `params` that `create` got, so donating it takes them along.
 * `TrainState<{ batch_stats: Stats }>` names one by its extra fields; `typeof state` is more exact.
 */
export type TrainState<Extra = object, ApplyFn = AnyApply, Params = AnyParams, OptState = unknown> = TrainStateFields<
  ApplyFn,
  Params,
  OptState
> &
  TrainStateMethods<Extra, ApplyFn, Params, OptState> &
  Readonly<Extra>;

const CHILDREN = ['step', 'params', 'opt_state'] as const;
const STATIC = ['applyFn', 'tx'] as const;
const METHODS = ['names', 'applyGradients', 'replace', 'toJSON', 'constructor'];

type Fields = Record<string, unknown>;
type Shape = new (children: readonly unknown[], statics: readonly unknown[]) => State;

/**
 * A state holds its children as the list that trees want, so that taking it apart and putting it together allocate nothing more. The fields are accessors on
 * the prototype of a class that all states with the same extra fields share.
 */
class State {
  declare readonly names: readonly string[];
  readonly #children: readonly unknown[];
  readonly #statics: readonly unknown[];

  constructor(children: readonly unknown[], statics: readonly unknown[]) {
    this.#children = children;
    this.#statics = statics;
    Object.preventExtensions(this);
  }

  private static readonly shapes = new Map<string, Shape>();

  /** The class of states with these extra fields. */
  private static shapeOf(extras: readonly string[]): Shape {
    const key = JSON.stringify(extras);
    const known = State.shapes.get(key);
    if (known !== undefined) return known;
    const names = [...CHILDREN, ...extras];
    const made = class TrainState extends State {};
    Object.defineProperty(made.prototype, 'names', { value: names });
    const field = (name: string, get: (state: State) => unknown): void => {
      Object.defineProperty(made.prototype, name, {
        get(this: State) {
          return get(this);
        },
        set() {
          throw new ArgumentError(
            `cannot assign to field "${name}": a TrainState is immutable, use state = state.replace({ ${name}: ... })`,
          );
        },
      });
    };
    names.forEach((name, i) => field(name, (state) => state.#children[i]));
    STATIC.forEach((name, i) => field(name, (state) => state.#statics[i]));
    tree.registerTreeClass(made, {
      names: () => names,
      children: (state) => state.#children,
      aux: (state) => state.#statics,
      build: (statics, children) => new made(children, statics),
    });
    State.shapes.set(key, made);
    return made;
  }

  static create(fields: Fields): State {
    if (typeof fields !== 'object' || fields === null)
      throw new ArgumentError('TrainState.create takes one object: { applyFn, params, tx, ...extra }');
    for (const name of ['applyFn', 'params', 'tx']) {
      if (!(name in fields)) throw new ArgumentError(`TrainState.create needs ${name}: call it with { applyFn, params, tx, ...extra }`);
    }
    const { applyFn, params, tx, ...extra } = fields;
    const extras = Object.keys(extra).sort();
    for (const name of extras) {
      if (name === 'step' || name === 'opt_state') {
        throw new ArgumentError(`TrainState.create makes ${name} itself: call .replace({ ${name} }) on its result`);
      }
      if (METHODS.includes(name)) throw new ArgumentError(`a TrainState cannot have an extra field named "${name}": choose another name`);
    }
    if (typeof (tx as GradientTransformation | null)?.init !== 'function') {
      throw new ArgumentError('TrainState.create needs tx, a gradient transformation such as optim.adam(1e-3)');
    }
    for (const [path, leaf] of tree.leavesWithPath(params)) {
      if (!(leaf instanceof Tensor))
        throw new ArgumentError(`params at ${tree.formatPath(path)} is a ${typeof leaf}: parameters are tensors`);
    }
    const optState = (tx as GradientTransformation).init(params);
    return new (State.shapeOf(extras))([asStep(0), params, optState, ...extras.map((name) => extra[name])], [applyFn, tx]);
  }

  applyGradients(args: Fields): State {
    if (typeof args !== 'object' || args === null || !('grads' in args)) {
      throw new ArgumentError('applyGradients takes one object with grads: state.applyGradients({ grads, ...changes })');
    }
    const { grads, ...changes } = args;
    for (const name of CHILDREN) {
      if (name in changes) throw new ArgumentError(`applyGradients computes ${name} itself: call .replace({ ${name} }) on its result`);
    }
    const [step, params, optState] = this.#children as [Tensor, unknown, unknown];
    checkGradients(params, grads);
    const [updates, opt_state] = (this.#statics[1] as GradientTransformation).update(grads, optState, params);
    return this.replace({ step: add(step, 1), params: applyUpdates(params, updates), opt_state, ...changes });
  }

  replace(changes: Fields): State {
    const children = [...this.#children];
    const statics = [...this.#statics];
    for (const name in changes) {
      const child = this.names.indexOf(name);
      const fixed = STATIC.indexOf(name as 'tx');
      if (child >= 0) children[child] = name === 'step' ? asStep(changes[name]) : changes[name];
      else if (fixed >= 0) statics[fixed] = changes[name];
      else {
        throw new ArgumentError(
          `replace got an unexpected field "${name}": this TrainState has ${[...this.names, ...STATIC].join(', ')}; give extra fields to TrainState.create`,
        );
      }
    }
    return new (this.constructor as Shape)(children, statics);
  }

  /** The children by name. */
  toJSON(): Fields {
    return Object.fromEntries(this.names.map((name, i) => [name, this.#children[i]]));
  }

  [inspect.custom](_depth: number, options: object): string {
    return `TrainState ${inspect(this.toJSON(), options)}`;
  }
}

// A number becomes a tensor, so that the state keeps its type and a jitted step its program.
function asStep(step: unknown): Tensor {
  if (step instanceof Tensor) return step;
  if (Number.isInteger(step)) return full([], step as number, 'int32');
  throw new ArgumentError(`step counts updates: a whole number or an int32 scalar, got ${String(step)}`);
}

function checkGradients(params: unknown, grads: unknown): void {
  const check = (p: Tensor, g: unknown): void => {
    if (g instanceof Tensor && g.shape.join() === p.shape.join()) return;
    throw new ShapeError(
      `applyGradients got the gradient ${g instanceof Tensor ? g : String(g)} for the parameter ${p}: their shapes must agree`,
    );
  };
  try {
    tree.map(check, params, grads);
  } catch (error) {
    if (!(error instanceof TreeStructureError)) throw error;
    throw new TreeStructureError(`applyGradients needs gradients with the structure of params (the first): ${error.message}`);
  }
}

type Base = keyof TrainStateFields;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- of any state
type AnyTransformation = GradientTransformation<any>;
/** The state of a transformation, or of one of several. */
type StateOf<Tx> = Tx extends GradientTransformation<infer S> ? S : never;

/**
 * Makes states: `TrainState.create({ applyFn, params, tx, ...extra })`, with `step` 0 and `opt_state` from `tx.init(params)`.
 * @example
 * const model = nn.Dense({ features: 1 });
 * const { params } = model.init(random.PRNGKey(0), np.ones([1, 2]));
 * const state = training.TrainState.create({ applyFn: model.apply, params, tx: optim.sgd(0.1), seen: np.array(0) });
 * const loss = (p: typeof params) => state.applyFn({ params: p }, np.ones([4, 2])).mean();
 * const next = state.applyGradients({ grads: grad(loss)(state.params), seen: state.seen.add(4) });
 * [next.step.item(), next.seen.item()]; // => [1, 4]
 */
export const TrainState = State as unknown as (abstract new (...args: never[]) => TrainState) & {
  /** A state of these fields, with `step` 0 and the optimizer's first state; throws ArgumentError where one is missing or no tensor. */
  create<ApplyFn, Params, Tx extends AnyTransformation, All extends object>(
    fields: { applyFn: ApplyFn; params: Params; tx: Tx; step?: never; opt_state?: never } & All,
  ): TrainState<Omit<All, Base>, ApplyFn, Params, StateOf<Tx>>;
};
