/** Functions that give the same elements another shape or order. */
import { formatShape, normalizeAxes, normalizeAxis, sizeOf, type Shape } from '../core/aval.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { asTensor, describe, options, type TensorLike } from './operands.js';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * The same elements in row-major order; one dimension may be -1 and is then what is left. As jnp.reshape.
 * @example np.reshape(np.arange(6), [2, -1]); // => Tensor int32[2, 3] [[0, 1, 2], [3, 4, 5]]
 */
export function reshape(x: TensorLike, shape: Shape | number): Tensor {
  const t = asTensor(x, 'reshape');
  return lax.reshape(t, resolveShape(t, typeof shape === 'number' ? [shape] : shape));
}

function resolveShape(t: Tensor, shape: Shape): Shape {
  const given: unknown = shape;
  if (!Array.isArray(given)) throw new ArgumentError(`np.reshape takes a shape such as [2, -1], got ${describe(shape)}`);
  const open = shape.indexOf(-1);
  if (open < 0) return shape;
  const known = sizeOf(shape.filter((d) => d !== -1));
  if (shape.lastIndexOf(-1) !== open || known <= 0 || t.size % known !== 0)
    throw new ShapeError(
      `np.reshape cannot fit ${t} (${t.size} elements) into ${formatShape(shape)}; one dimension may be -1, the others must divide`,
    );
  return shape.map((d) => (d === -1 ? t.size / known : d));
}

/**
 * All elements in one dimension.
 * @example np.ravel(np.array([[1, 2], [3, 4]])); // => Tensor float32[4] [1, 2, 3, 4]
 */
export const ravel = (x: TensorLike): Tensor => reshape(x, [-1]);

/**
 * The axes in reverse order, or in the order given. As jnp.transpose.
 * @example
 * np.transpose(np.array([[1, 2], [3, 4]])); // => Tensor float32[2, 2] [[1, 3], [2, 4]]
 * np.transpose(np.ones([2, 3, 4]), [1, 0, 2]).shape; // => [3, 2, 4]
 */
export function transpose(x: TensorLike, axes?: readonly number[] | null): Tensor {
  const t = asTensor(x, 'transpose');
  return lax.transpose(t, axes ? axes.map((a) => normalizeAxis(a, t.ndim)) : range(t.ndim).reverse());
}

/**
 * The last two axes exchanged.
 * @example np.matrixTranspose(np.ones([2, 3, 4])).shape; // => [2, 4, 3]
 */
export function matrixTranspose(x: TensorLike): Tensor {
  return swapaxes(x, -2, -1);
}

/**
 * Two axes exchanged. As jnp.swapaxes.
 * @example np.swapaxes(np.ones([2, 3, 4]), 0, -1).shape; // => [4, 3, 2]
 */
export function swapaxes(x: TensorLike, axis1: number, axis2: number): Tensor {
  const t = asTensor(x, 'swapaxes');
  const [p, q] = [normalizeAxis(axis1, t.ndim), normalizeAxis(axis2, t.ndim)];
  return lax.transpose(
    t,
    range(t.ndim).map((i) => (i === p ? q : i === q ? p : i)),
  );
}

/**
 * Axes moved to other places, the rest in their order. As jnp.moveaxis.
 * @example np.moveaxis(np.ones([2, 3, 4]), 0, -1).shape; // => [3, 4, 2]
 */
export function moveaxis(x: TensorLike, source: number | readonly number[], destination: number | readonly number[]): Tensor {
  const t = asTensor(x, 'moveaxis');
  const list = (axes: number | readonly number[]): number[] =>
    (typeof axes === 'number' ? [axes] : axes).map((a) => normalizeAxis(a, t.ndim));
  const [from, to] = [list(source), list(destination)];
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length)
    throw new ArgumentError(
      `np.moveaxis needs as many sources as destinations, each once, got ${formatShape(from)} and ${formatShape(to)}`,
    );
  const perm = range(t.ndim).filter((i) => !from.includes(i));
  for (const i of range(to.length).sort((a, b) => to[a]! - to[b]!)) perm.splice(to[i]!, 0, from[i]!);
  return lax.transpose(t, perm);
}

/**
 * New axes of size 1 at these places of the result. As jnp.expand_dims.
 * @example np.expandDims(np.ones([2, 3]), 0).shape; // => [1, 2, 3]
 */
export function expandDims(x: TensorLike, axis: number | readonly number[]): Tensor {
  const t = asTensor(x, 'expandDims');
  const count = typeof axis === 'number' ? 1 : axis.length;
  const at = normalizeAxes(axis, t.ndim + count);
  const own = [...t.shape];
  return lax.reshape(
    t,
    range(t.ndim + count).map((i) => (at.includes(i) ? 1 : own.shift()!)),
  );
}

type AxisOption = number | readonly number[] | null;

/**
 * Without the axes of size 1, or without those named, whose size must be 1. As jnp.squeeze.
 * @example np.squeeze(np.ones([1, 3, 1])).shape; // => [3]
 */
export function squeeze(x: TensorLike, given?: AxisOption | { axis?: AxisOption }): Tensor {
  const { axis = null } = options<{ axis?: AxisOption }>('squeeze', given, { axis: true });
  const t = asTensor(x, 'squeeze');
  const gone = axis === null ? range(t.ndim).filter((i) => t.shape[i] === 1) : normalizeAxes(axis, t.ndim);
  for (const a of gone)
    if (t.shape[a] !== 1) throw new ShapeError(`np.squeeze of ${t} cannot drop axis ${a}, whose size is ${t.shape[a]}, not 1`);
  return lax.reshape(
    t,
    t.shape.filter((_, i) => !gone.includes(i)),
  );
}

/**
 * x repeated to a shape that it broadcasts to.
 * @example np.broadcastTo(np.array([1, 2]), [2, 2]); // => Tensor float32[2, 2] [[1, 2], [1, 2]]
 */
export const broadcastTo = (x: TensorLike, shape: Shape): Tensor => lax.broadcastTo(asTensor(x, 'broadcastTo'), shape);

/**
 * The order reversed along the axes, all if none is named. As jnp.flip.
 * @example np.flip(np.array([1, 2, 3])); // => Tensor float32[3] [3, 2, 1]
 */
export function flip(x: TensorLike, given?: AxisOption | { axis?: AxisOption }): Tensor {
  const { axis = null } = options<{ axis?: AxisOption }>('flip', given, { axis: true });
  const t = asTensor(x, 'flip');
  return lax.reverse(t, normalizeAxes(axis, t.ndim));
}

/**
 * The elements shifted along the axes, those that leave at the end come in at the front; without an axis as if flattened. As jnp.roll.
 * @example np.roll(np.array([1, 2, 3]), 1); // => Tensor float32[3] [3, 1, 2]
 */
export function roll(x: TensorLike, shift: number | readonly number[], given?: AxisOption | { axis?: AxisOption }): Tensor {
  const { axis = null } = options<{ axis?: AxisOption }>('roll', given, { axis: true });
  const t = asTensor(x, 'roll');
  const shifts = typeof shift === 'number' ? [shift] : shift;
  if (shifts.some((s) => !Number.isInteger(s))) throw new ArgumentError(`np.roll shifts by whole numbers, got ${formatShape(shifts)}`);
  if (axis === null) return lax.reshape(rollOne(lax.reshape(t, [t.size]), shifts.reduce((a, b) => a + b, 0), 0), t.shape); // prettier-ignore
  const axes = typeof axis === 'number' ? [axis] : axis;
  if (shifts.length !== axes.length && shifts.length !== 1 && axes.length !== 1)
    throw new ArgumentError(`np.roll needs a shift for each axis, got ${formatShape(shifts)} for ${formatShape(axes)}`);
  const steps = range(Math.max(shifts.length, axes.length));
  return steps.reduce((out, i) => rollOne(out, shifts[i % shifts.length]!, normalizeAxis(axes[i % axes.length]!, t.ndim)), t);
}

function rollOne(t: Tensor, shift: number, axis: number): Tensor {
  const n = t.shape[axis]!;
  const cut = n === 0 ? 0 : (((n - shift) % n) + n) % n;
  if (cut === 0) return t;
  return lax.concatenate([lax.sliceAxis(t, axis, cut, n), lax.sliceAxis(t, axis, 0, cut)], axis);
}

/**
 * x repeated as a whole, `reps` times along each axis. As jnp.tile.
 * @example np.tile(np.array([1, 2]), 2); // => Tensor float32[4] [1, 2, 1, 2]
 */
export function tile(x: TensorLike, reps: number | readonly number[]): Tensor {
  const t = asTensor(x, 'tile');
  const given = typeof reps === 'number' ? [reps] : reps;
  if (given.some((r) => !Number.isInteger(r) || r < 0))
    throw new ArgumentError(`np.tile repeats whole numbers of times, at least 0, got ${formatShape(given)}`);
  const rank = Math.max(t.ndim, given.length);
  let out = lax.reshape(t, [...new Array<number>(rank - t.ndim).fill(1), ...t.shape]);
  given.forEach((times, i) => (out = repeatBlocks(out, rank - given.length + i, times, false)));
  return out;
}

/**
 * Each element `repeats` times along the axis, one number for all or one for each; flattened if there is no axis. As jnp.repeat.
 * @example np.repeat(np.array([1, 2]), 2); // => Tensor float32[4] [1, 1, 2, 2]
 */
export function repeat(x: TensorLike, repeats: number | readonly number[], given?: number | null | { axis?: number | null }): Tensor {
  const { axis = null } = options<{ axis?: number | null }>('repeat', given, { axis: true });
  const own = asTensor(x, 'repeat');
  const t = axis === null ? lax.reshape(own, [own.size]) : own;
  const at = normalizeAxis(axis ?? 0, t.ndim);
  const n = t.shape[at]!;
  const counts = typeof repeats === 'number' ? [repeats] : repeats;
  if ((counts.length !== 1 && counts.length !== n) || counts.some((r) => !Number.isInteger(r) || r < 0))
    throw new ArgumentError(`np.repeat of ${t} along axis ${at} needs one whole number, or ${n} of them, got ${formatShape(counts)}`);
  if (counts.length === 1) return repeatBlocks(t, at, counts[0]!, true);
  const parts = counts.map((times, i) => repeatBlocks(lax.sliceAxis(t, at, i, i + 1), at, times, true));
  return lax.concatenate(parts, at);
}

/** Repeats the dimension `axis`: each of its elements, or the dimension as a whole. */
function repeatBlocks(t: Tensor, axis: number, times: number, each: boolean): Tensor {
  if (times === 1) return t;
  const split = each ? axis + 1 : axis;
  const [outer, block] = [sizeOf(t.shape.slice(0, split)), sizeOf(t.shape.slice(split))];
  const repeated = lax.broadcast(lax.reshape(t, [outer, block]), [outer, times, block], [0, 2]);
  return lax.reshape(
    repeated,
    t.shape.map((d, i) => (i === axis ? d * times : d)),
  );
}
