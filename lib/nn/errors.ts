/** Flax's errors, under Flax's names and in its words where they fit; each says what was wrong, where (the scope path), and how to mend it. */
import { formatShape, type Shape } from '../core/aval.js';
import { FlaxenError } from '../core/errors.js';

/**
 * The base of the errors that Flax has too.
 * @example
 * nn.Dense({ features: 2 }).apply({}, np.ones([1, 3])); // throws ScopeCollectionNotFound: …
 * new errors.InvalidFilterError('3') instanceof errors.FlaxError; // => true
 */
export class FlaxError extends FlaxenError {}

/**
 * A random key is missing, or is not a key.
 * @example
 * const net = nn.Dropout({ rate: 0.5, deterministic: false });
 * net.apply({}, np.ones([2])); // throws InvalidRngError: …
 */
export class InvalidRngError extends FlaxError {}

/**
 * The first argument of `apply` is no object of collections.
 * @example nn.Dense({ features: 2 }).apply(np.ones([2]) as never, np.ones([1, 3])); // throws ApplyScopeInvalidVariablesTypeError: …
 */
export class ApplyScopeInvalidVariablesTypeError extends FlaxError {
  constructor(got: string) {
    super(
      `The first argument passed to an apply function should be a dictionary of collections, each of them an object, got ${got}. ` +
        'Pass { params } with what init returned.',
    );
  }
}

/**
 * `apply` got `{ params: { params: ... } }`.
 * @example
 * const dense = nn.Dense({ features: 2 });
 * const variables = dense.init(random.PRNGKey(0), np.ones([1, 3]));
 * dense.apply({ params: variables }, np.ones([1, 3])); // throws ApplyScopeInvalidVariablesStructureError: …
 */
export class ApplyScopeInvalidVariablesStructureError extends FlaxError {
  constructor() {
    super(
      'Expect the `variables` (first argument) passed to apply() to be a dict with the structure {"params": ...}, but got a dict with an extra ' +
        'params layer, i.e. {"params": {"params": ...}}. You should instead pass in your dict\'s ["params"].',
    );
  }
}

/**
 * A parameter is missing from a collection that has others, and may not be created.
 * @example
 * const params = { bias: np.zeros([2]) };
 * nn.Dense({ features: 2 }).apply({ params }, np.ones([1, 3])); // throws ScopeParamNotFoundError: Could not find parameter named "kernel" …
 */
export class ScopeParamNotFoundError extends FlaxError {
  constructor(name: string, path: string) {
    super(
      `Could not find parameter named "${name}" in scope "${path}". ` +
        "Pass the params that this module's own init returned, or create it with mutable: ['params'] and a params key in rngs.",
    );
  }
}

/**
 * A variable was read from a collection that is empty and not mutable.
 * @example
 * const norm = nn.BatchNorm({ useRunningAverage: true });
 * const { params } = norm.init(random.PRNGKey(0), np.ones([2, 3]));
 * norm.apply({ params }, np.ones([2, 3])); // throws ScopeCollectionNotFound: Tried to access "mean" from collection "batch_stats" …
 */
export class ScopeCollectionNotFound extends FlaxError {
  constructor(collection: string, name: string, path: string) {
    super(
      `Tried to access "${name}" from collection "${collection}" in "${path}" but the collection is empty. ` +
        `Pass { ${collection} } in the first argument of apply, or make it mutable: ['${collection}'] to create it.`,
    );
  }
}

/**
 * An existing parameter has another shape than its initializer would give it.
 * @example
 * const dense = nn.Dense({ features: 2 });
 * const variables = dense.init(random.PRNGKey(0), np.ones([1, 3]));
 * dense.apply(variables, np.ones([1, 4])); // throws ScopeParamShapeError: For parameter "kernel" in "/", … shape [4, 2], … shape [3, 2]. …
 */
export class ScopeParamShapeError extends FlaxError {
  constructor(name: string, path: string, expected: Shape, got: Shape) {
    super(
      `For parameter "${name}" in "${path}", the given initializer is expected to generate shape ${formatShape(expected)}, ` +
        `but the existing parameter it received has shape ${formatShape(got)}. ` +
        "Check the input's shape and the module's configuration against those that the params were made with.",
    );
  }
}

/**
 * A variable is missing from a collection that has others, and may not be created.
 * @example
 * const norm = nn.BatchNorm({ useRunningAverage: true });
 * const { params } = norm.init(random.PRNGKey(0), np.ones([2, 3]));
 * norm.apply({ params, batch_stats: { mean: np.zeros([3]) } }, np.ones([2, 3])); // throws ScopeVariableNotFoundError: No Variable named "var" …
 */
export class ScopeVariableNotFoundError extends FlaxError {
  constructor(name: string, collection: string, path: string) {
    super(
      `No Variable named "${name}" for collection "${collection}" exists in "${path}". ` +
        `Pass the ${collection} that this module's own init returned, or make it mutable: ['${collection}'] to create it.`,
    );
  }
}

/**
 * A filter of collections that is no boolean, name, list of names, or `DenyList`.
 * @example nn.DenyList(3 as never); // throws InvalidFilterError: Invalid Filter: "3". …
 */
export class InvalidFilterError extends FlaxError {
  constructor(filter: string) {
    super(`Invalid Filter: "${filter}". Use true, false, a collection's name, a list of names, or nn.DenyList(...).`);
  }
}

/**
 * A module or variable was used after the `init` or `apply` that it belongs to had ended.
 * @example
 * let kept: nn.Module | undefined;
 * const Outer = nn.module('Outer', () => (x: Tensor) => (kept = nn.Dense({ features: 1 }))(x));
 * Outer().init(random.PRNGKey(0), np.ones([1, 3]));
 * const Other = nn.module('Other', () => (x: Tensor) => kept!(x));
 * Other().init(random.PRNGKey(0), np.ones([1, 3])); // throws InvalidScopeError: …
 */
export class InvalidScopeError extends FlaxError {
  constructor(what: string, path: string) {
    super(
      `The scope "${path}" is no longer valid: ${what} was used after the init or apply that it belongs to had ended. Use it inside only.`,
    );
  }
}

/**
 * A variable of a collection that is not mutable was assigned.
 * @example
 * const norm = nn.BatchNorm({ useRunningAverage: false });
 * const variables = norm.init(random.PRNGKey(0), np.ones([2, 3]));
 * norm.apply(variables, np.ones([2, 3])); // throws ModifyScopeVariableError: Cannot update variable "mean" in "/" …
 */
export class ModifyScopeVariableError extends FlaxError {
  constructor(collection: string, name: string, path: string) {
    super(
      `Cannot update variable "${name}" in "${path}" because collection "${collection}" is immutable. ` +
        `Pass mutable: ['${collection}'] to apply and keep the second value that it returns.`,
    );
  }
}

/**
 * A variable was made, assigned or given a random key inside a transformation that is itself inside the module.
 * @example
 * const Inner = nn.module('Inner', () => (x: Tensor) => jit((y: Tensor) => nn.Dense({ features: 1 })(y))(x));
 * Inner().init(random.PRNGKey(0), np.ones([1, 3])); // throws JaxTransformError: Jax transforms and Flax models cannot be mixed: …
 */
export class JaxTransformError extends FlaxError {
  constructor(what: string, path: string) {
    super(
      `Jax transforms and Flax models cannot be mixed: ${what} in "${path}" happened inside a jit that lies inside the module. ` +
        'Put jit around init or apply instead.',
    );
  }
}

/**
 * A name is taken by another submodule, parameter or variable of the same module.
 * @example
 * const Twice = nn.module('Twice', () => (x: Tensor) => {
 *   x = nn.Dense({ features: 3, name: 'head' })(x);
 *   return nn.Dense({ features: 1, name: 'head' })(x);
 * });
 * Twice().init(random.PRNGKey(0), np.ones([1, 3])); // throws NameInUseError: Could not create submodule "head" …
 */
export class NameInUseError extends FlaxError {
  constructor(kind: 'submodule' | 'param' | 'variable', name: string, module: string, path: string) {
    super(
      `Could not create ${kind} "${name}" in Module ${module}: Name in use (scope "${path}"). ` +
        'Give it another name, or leave the name out to have a free one chosen; to share parameters call one instance twice.',
    );
  }
}

/**
 * A module or one of its hooks was called where no module is running.
 * @example nn.Dense({ features: 1 })(np.ones([1, 3])); // throws CallCompactUnboundModuleError: …
 */
export class CallCompactUnboundModuleError extends FlaxError {
  constructor(what: string) {
    super(
      `Can't call compact methods on unbound modules: ${what} was called outside of a module's forward function. ` +
        'Use instance.init(key, ...) and instance.apply(variables, ...).',
    );
  }
}

/**
 * `init` or `apply` was called on what `nn.module` returned, not on an instance of it.
 * @example (nn.Dense as never as nn.Module).init(random.PRNGKey(0), np.ones([1, 3])); // throws InvalidInstanceModuleError: … write Dense().init(...)
 */
export class InvalidInstanceModuleError extends FlaxError {
  constructor(module: string, method: string) {
    super(
      'Can only call init, initWithOutput or apply methods on an instance of the Module class, not the Module class itself: ' +
        `write ${module}().${method}(...)`,
    );
  }
}
