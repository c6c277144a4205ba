/** Errors of the language: every message names the value and the mend. */

/** The base of every error that flaxen throws on purpose. */
export class FlaxenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Shapes that do not fit an operation. */
export class ShapeError extends FlaxenError {}

/** A dtype that an operation does not take. */
export class DTypeError extends FlaxenError {}

/** Trees whose structures differ; names the first path that does. */
export class TreeStructureError extends FlaxenError {}

/** A traced value was used where JavaScript needs its number. */
export class ConcretizationError extends FlaxenError {}

/** A traced value outlived the function that was traced. */
export class LeakedTracerError extends FlaxenError {}

/** A tensor was used after its memory was donated. */
export class DonatedError extends FlaxenError {}

/** A function or operation that has no derivative was differentiated, or one with a non-scalar result. */
export class GradientError extends FlaxenError {}

/** An argument outside what a function accepts. */
export class ArgumentError extends FlaxenError {}

/** More memory than can be had. */
export class MemoryError extends FlaxenError {}

/** A backend that is missing, failed to load, or failed while it ran a program. */
export class BackendError extends FlaxenError {}

/** A backend that cannot run here because something is not installed, not built or not there: `why`, and what to do about it in `mend`. */
export class UnavailableError extends BackendError {
  constructor(
    readonly why: string,
    readonly mend: string,
    options?: ErrorOptions,
  ) {
    super(`${why}. ${mend}`, options);
  }
}
