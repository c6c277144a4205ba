/** Errors of the language: every message names the value and the mend. */

/**
 * The base of every error that flaxen throws on purpose.
 * @example
 * try {
 *   np.add(np.ones([2]), np.ones([3]));
 * } catch (error) {
 *   console.log(error instanceof errors.FlaxenError); // true
 * }
 */
export class FlaxenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * Shapes that do not fit an operation.
 * @example np.add(np.ones([2]), np.ones([3])); // throws ShapeError: … got shapes that do not broadcast: [2], [3]; …
 */
export class ShapeError extends FlaxenError {}

/**
 * A dtype that an operation does not take.
 * @example np.subtract(np.array([true]), np.array([false])); // throws DTypeError: np.subtract takes numbers, …
 */
export class DTypeError extends FlaxenError {}

/**
 * Trees whose structures differ; names the first path that does.
 * @example tree.map((a: number, b: number) => a + b, { w: 1, b: 2 }, { w: 1 }); // throws TreeStructureError: trees differ at (root): the other lacks "b"
 */
export class TreeStructureError extends FlaxenError {}

/**
 * A traced value was used where JavaScript needs its number.
 * @example jit((x: Tensor) => x.item())(np.ones([1])); // throws ConcretizationError: item() needs the numbers of Traced<float32[1]>, …
 */
export class ConcretizationError extends FlaxenError {}

/**
 * A traced value outlived the function that was traced.
 * @example
 * const leaked: Tensor[] = [];
 * jit((x: Tensor) => leaked.push(x))(np.ones([1]));
 * np.add(leaked[0], 1); // throws LeakedTracerError: …
 */
export class LeakedTracerError extends FlaxenError {}

/**
 * A tensor was used after its memory was donated.
 * @example
 * const old = np.ones([2]);
 * jit((x: Tensor) => x.add(1), { donate: [0], name: 'step' })(old);
 * old.dataSync(); // throws DonatedError: tensor was donated to step: …
 */
export class DonatedError extends FlaxenError {}

/**
 * A function or operation that has no derivative was differentiated, or one with a non-scalar result.
 * @example grad((x: Tensor) => x.mul(2))(np.ones([3])); // throws GradientError: Gradient only defined for scalar-output functions. …
 */
export class GradientError extends FlaxenError {}

/**
 * An argument outside what a function accepts.
 * @example np.arange(0, 10, 0); // throws ArgumentError: np.arange got the step 0: use one that leads from start to stop
 */
export class ArgumentError extends FlaxenError {}

/**
 * More memory than can be had.
 * @example np.zeros([2 ** 37]); // throws MemoryError: cannot allocate 137438953472 elements of float32: …
 */
export class MemoryError extends FlaxenError {}

/**
 * A backend that is missing, failed to load, or failed while it ran a program.
 * @example setBackend('abacus'); // throws BackendError: there is no backend "abacus": choose one of …
 */
export class BackendError extends FlaxenError {}

/**
 * A backend that cannot run here because something is not installed, not built or not there: `why`, and what to do about it in `mend`.
 * @example
 * const error = new errors.UnavailableError('no NVIDIA driver was found', 'Install one, or use the backend cpu');
 * error.message; // => 'no NVIDIA driver was found. Install one, or use the backend cpu'
 */
export class UnavailableError extends BackendError {
  constructor(
    /** What is missing. */
    readonly why: string,
    /** What to do about it. */
    readonly mend: string,
    options?: ErrorOptions,
  ) {
    super(`${why}. ${mend}`, options);
  }
}

/**
 * A collective needs an axis that no surrounding vmap has named.
 * @example
 * const norm = nn.BatchNorm({ useRunningAverage: false, axisName: 'batch' });
 * const variables = norm.init(random.PRNGKey(0), np.ones([2, 3]));
 * norm.apply(variables, np.ones([2, 3]), { mutable: ['batch_stats'] }); // throws UnboundAxisError: unbound axis name: "batch" …
 */
export class UnboundAxisError extends FlaxenError {
  constructor(axisName: string, path: string) {
    super(
      `unbound axis name: "${axisName}"${path === '' ? '' : ` in "${path}"`}. Call this inside a vmap with axisName: '${axisName}'` +
        `${path === '' ? '' : ', or leave axisName out to use the statistics of one batch'}.`,
    );
  }
}
