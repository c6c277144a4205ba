/** How types flow from a module's forward function to its `init` and `apply`. */
import type { Tensor } from '../core/tensor.js';
import type { Filter } from './filter.js';
import type { Rngs } from './rng.js';

/** Variables of one collection, nested by submodule: `{ Dense_0: { kernel, bias } }`. Loose, since names come about as the module runs. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a leaf or a subtree, by name
export type Collection = Record<string, any>;

/** What `init` returns: collections by name. One that the module does not use is absent. */
export interface Variables {
  params: Collection;
  batch_stats: Collection;
  [collection: string]: Collection;
}

/** What `apply` takes: collections by name; an absent or undefined one is empty. */
export type VariablesLike = Readonly<Record<string, Collection | undefined>>;

/** A function that a module runs. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a bound that every function meets
export type Forward = (...args: any[]) => any;
/**
 * Named methods; `__call__` is the one that calling the instance runs.
 * @example
 * const methods: nn.Methods = { __call__: (x: Tensor) => x.mul(2), half: (x: Tensor) => x.div(2) };
 * nn.module('Twice', () => methods)().apply({}, np.ones([2]), { method: 'half' }); // => Tensor float32[2] [0.5, 0.5]
 */
export interface Methods {
  /** What calling the instance runs. */
  __call__: Forward;
  [method: string]: Forward;
}
/** What `configure` returns: the forward function, or an object of named methods. */
export type Body = Forward | { __call__: Forward };

/** The function that calling an instance runs. */
export type CallOf<B> = B extends { __call__: infer F extends Forward } ? F : B extends Forward ? B : never;
/** The methods by name. */
export type MethodsOf<B> = B extends { __call__: Forward } ? B : B extends Forward ? { __call__: B } : never;

/** What belongs to `apply` itself; all else in the trailing options object reaches the forward function. */
export interface ApplyOptions {
  /** Keys by stream, as `{ dropout: key }`; a bare key is the stream `params`. */
  rngs?: Rngs | Tensor;
  /** A method's name, or a function that gets the instance and the arguments. Default `__call__`. */
  method?: string | Forward;
}
type Mutable = Exclude<Filter, false>;

/** What belongs to `init` itself. */
export interface InitOptions {
  /** The collections to make. Default all but `intermediates`. */
  mutable?: Filter;
  method?: string | Forward;
}

type IsOptions<T> = T extends Tensor | readonly unknown[] | Forward ? false : T extends object ? true : false;
type LastOf<A extends unknown[]> = Required<A> extends [...unknown[], infer L] ? L : never;
type InitOf<A extends unknown[]> = A extends [...infer H, unknown] ? H : Required<A> extends [...infer H, unknown] ? H : [];
type IsLastOptional<A extends unknown[]> = A extends [...unknown[], unknown] ? false : true;

/** The arguments of a forward function with `X` added to its options object, or one more argument `X` if it has none. */
export type WithOptions<A extends unknown[], X> = [LastOf<A>] extends [never]
  ? [...A, ...Trailing<X>]
  : IsOptions<LastOf<A>> extends true
    ? IsLastOptional<A> extends true
      ? [...InitOf<A>, ...Trailing<LastOf<A> & X>]
      : [...InitOf<A>, LastOf<A> & X]
    : [...A, ...Trailing<X>];
type Trailing<X> = object extends X ? [options?: X] : [options: X];

/** A call that names a method, whose type is not known here. */
interface WithMethod {
  method: string | Forward;
  mutable?: Filter;
  [option: string]: unknown;
}

// True for functions of which nothing is known, such as those of `nn.Module` without a type argument.
type IsUnknown<F extends Forward> = 0 extends 1 & Parameters<F>[number] ? (unknown[] extends Parameters<F> ? true : false) : false;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- so that every module's apply is one
type AnyApply = (variables: VariablesLike, ...args: any[]) => any;

/** `apply`: a pair with the mutable collections if and only if `mutable` is given and not false. */
export type Apply<F extends Forward> = IsUnknown<F> extends true ? AnyApply : TypedApply<F>;

interface TypedApply<F extends Forward> {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- another method has another type
  (variables: VariablesLike, ...args: [...unknown[], WithMethod]): any;
  (variables: VariablesLike, ...args: WithOptions<Parameters<F>, ApplyOptions & { mutable: Mutable }>): [ReturnType<F>, Variables];
  (variables: VariablesLike, ...args: WithOptions<Parameters<F>, ApplyOptions & { mutable?: false }>): ReturnType<F>;
}

/** `init` and its like, with what comes back: R, or M where a method is named. */
export type Init<F extends Forward, R, M = R> =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- so that every module's init is one
  IsUnknown<F> extends true ? (rngs: Rngs | Tensor, ...args: any[]) => R : TypedInit<F, R, M>;

interface TypedInit<F extends Forward, R, M> {
  (rngs: Rngs | Tensor, ...args: [...unknown[], WithMethod]): M;
  (rngs: Rngs | Tensor, ...args: WithOptions<Parameters<F>, InitOptions>): R;
}

/** A module bound to variables: calling it, or a method, runs it without `apply`. */
export type Bound<B> = CallOf<B> & { readonly methods: MethodsOf<B>; readonly variables: Variables };

/** A module with its configuration. Inside another module's forward function it is called like a function. */
export type Module<B extends Body = Forward> = CallOf<B> & {
  /** The type's name: "Dense". */
  readonly moduleName: string;
  /**
   * Creates the variables, running the forward function once on these arguments; only their shapes and dtypes matter.
   * @example
   * const variables = nn.Dense({ features: 2 }).init(random.PRNGKey(0), np.ones([1, 3]));
   * tree.map((v: Tensor) => v.shape, variables); // => { params: { bias: [2], kernel: [3, 2] } }
   */
  readonly init: Init<CallOf<B>, Variables>;
  /**
   * As `init`, but returns `[output, variables]`.
   * @example
   * const [y, variables] = nn.Dense({ features: 2 }).initWithOutput(random.PRNGKey(0), np.zeros([1, 3]));
   * y; // => Tensor float32[1, 2] [[0, 0]]
   * Object.keys(variables); // => ['params']
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- another method has another type
  readonly initWithOutput: Init<CallOf<B>, [ReturnType<CallOf<B>>, Variables], [any, Variables]>;
  /**
   * Runs the forward function on these variables. The same function each time, so that it serves as a TrainState's applyFn. With `mutable` it returns
   * `[output, collections]`.
   * @example
   * const params = { kernel: np.array([[1], [2]]), bias: np.array([10]) };
   * nn.Dense({ features: 1 }).apply({ params }, np.array([[3, 4]])); // => Tensor float32[1, 1] [[21]]
   */
  readonly apply: Apply<CallOf<B>>;
  /**
   * A table of the modules that a call runs, with their inputs, outputs and variables; nothing is computed.
   * @example console.log(nn.Dense({ features: 2 }).tabulate(random.PRNGKey(0), np.ones([1, 3]))); // … Dense … float32[1, 3] … kernel: float32[3, 2] …
   */
  readonly tabulate: Init<CallOf<B>, string>;
  /**
   * The instance with its variables, to try out methods; random counters go on from call to call.
   * @example
   * const dense = nn.Dense({ features: 1, useBias: false });
   * dense.bind({ params: { kernel: np.array([[1], [2]]) } })(np.array([[3, 4]])); // => Tensor float32[1, 1] [[11]]
   */
  bind(variables: VariablesLike, options?: { rngs?: Rngs | Tensor; mutable?: Filter }): Bound<B>;
  /** The named methods, to be called inside a module's forward function as the instance itself is. */
  readonly methods: MethodsOf<B>;
};

/** Every module takes a name in its configuration. */
export interface Named {
  /** The name in the parent; default the type's name with a number, in order of construction. */
  name?: string;
}

/** What `nn.module` returns: makes instances from configurations. */
export type ModuleType<C, B extends Body> = (...config: object extends C ? [config?: C & Named] : [config: C & Named]) => Module<B>;
