/** Arithmetic of leaves with numbers and scalar tensors; hyperparameters that are constant, traced, or scheduled. */
import { ArgumentError } from '../core/errors.js';
import { add, broadcast, convert, full, min, mul } from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';

/** A number, or a tensor of shape []. */
export type Scalar = number | Tensor;

/** A hyperparameter as a function of the number of updates so far (an int32 scalar tensor, or a number). */
export type Schedule = (count: Tensor | number) => Scalar;

/** A hyperparameter: a number, a scalar tensor (a traced argument, say), or a schedule. */
export type Rate = Scalar | Schedule;

const MAX_COUNT = 2147483647;

/** A counter at zero. */
export const zeroCount = (): Tensor => full([], 0, 'int32');

/** The counter plus one; it stays at the greatest int32. */
export const increment = (count: Tensor): Tensor => add(min(count, MAX_COUNT - 1), 1);

/** `x` times a number or scalar tensor, in x's dtype. */
export function times(x: Tensor, factor: Scalar): Tensor {
  return mul(x, typeof factor === 'number' ? factor : broadcast(inDtypeOf(x, factor), x.shape, []));
}

const inDtypeOf = (x: Tensor, scalar: Tensor): Tensor => (scalar.dtype === x.dtype ? scalar : convert(scalar, x.dtype));

/** Checks a hyperparameter, so that a mistake is found where it was made. */
export function checkRate(name: string, what: string, rate: Rate): void {
  const scalar = rate instanceof Tensor && rate.ndim === 0;
  if (scalar || typeof rate === 'function' || Number.isFinite(rate)) return;
  throw new ArgumentError(
    `${name} needs a ${what}: a finite number, a scalar tensor or a schedule; got ${rate instanceof Tensor ? rate : String(rate)}`,
  );
}
