/** Functions that put tensors together and take them apart. */
import { formatShape, normalizeAxis } from '../core/aval.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { asTensor, cast, describe, options, promotedDTypes, settle, type TensorLike } from './operands.js';

type OneAxis = number | { axis?: number };

function several(name: string, tensors: readonly TensorLike[]): Tensor[] {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new ArgumentError(`np.${name} takes a list of at least one tensor, got ${describe(tensors)}`);
  return promotedDTypes(name, tensors);
}

/**
 * The tensors one after another along an axis (0; flattened if null); their other dimensions agree. As jnp.concatenate.
 * @example np.concatenate([np.array([[1, 2]]), np.array([[3, 4]])]); // => Tensor float32[2, 2] [[1, 2], [3, 4]]
 */
export function concatenate(tensors: readonly TensorLike[], given?: number | null | { axis?: number | null }): Tensor {
  const { axis = 0 } = options<{ axis?: number | null }>('concatenate', given, { axis: true });
  const own = several('concatenate', tensors);
  if (axis === null) {
    return lax.concatenate(
      own.map((t) => lax.reshape(t, [t.size])),
      0,
    );
  }
  for (const t of own) if (t.ndim === 0) throw new ShapeError('np.concatenate cannot join scalars: use np.stack');
  return lax.concatenate(own, axis);
}

/**
 * Tensors of one shape along a new axis (0). As jnp.stack.
 * @example np.stack([np.array([1, 2]), np.array([3, 4])], { axis: 1 }); // => Tensor float32[2, 2] [[1, 3], [2, 4]]
 */
export function stack(tensors: readonly TensorLike[], given?: OneAxis): Tensor {
  const { axis = 0 } = options<{ axis?: number }>('stack', given, { axis: true });
  const own = several('stack', tensors);
  const { shape } = own[0]!;
  const odd = own.find((t) => t.shape.join() !== shape.join());
  if (odd !== undefined) throw new ShapeError(`np.stack needs tensors of one shape, got ${own[0]!} and ${odd}`);
  const at = normalizeAxis(axis, shape.length + 1);
  const form = [...shape.slice(0, at), 1, ...shape.slice(at)];
  return lax.concatenate(
    own.map((t) => lax.reshape(t, form)),
    at,
  );
}

/**
 * Rows on top of each other: vectors count as rows. As jnp.vstack.
 * @example np.vstack([np.array([1, 2]), np.array([3, 4])]); // => Tensor float32[2, 2] [[1, 2], [3, 4]]
 */
export const vstack = (tensors: readonly TensorLike[]): Tensor =>
  concatenate(several('vstack', tensors).map((t) => (t.ndim < 2 ? lax.reshape(t, [1, t.size]) : t)));

/**
 * Side by side: along axis 1, vectors along their only axis. As jnp.hstack.
 * @example np.hstack([np.array([1, 2]), np.array([3])]); // => Tensor float32[3] [1, 2, 3]
 */
export function hstack(tensors: readonly TensorLike[]): Tensor {
  const own = several('hstack', tensors).map((t) => (t.ndim === 0 ? lax.reshape(t, [1]) : t));
  return concatenate(own, own[0]!.ndim === 1 ? 0 : 1);
}

/**
 * Parts of equal size along an axis (0), or cut before each of the indices. As jnp.split.
 * @example np.split(np.arange(4), 2); // => [Tensor int32[2] [0, 1], Tensor int32[2] [2, 3]]
 */
export function split(x: TensorLike, sections: number | readonly number[], given?: OneAxis): Tensor[] {
  const { axis = 0 } = options<{ axis?: number }>('split', given, { axis: true });
  const t = asTensor(x, 'split');
  const n = t.shape[normalizeAxis(axis, t.ndim)]!;
  if (typeof sections === 'number' && (!Number.isInteger(sections) || sections < 1 || n % sections !== 0)) {
    throw new ShapeError(`np.split cannot cut axis ${axis} of ${t} into ${sections} equal parts: use np.arraySplit, or indices to cut at`);
  }
  return arraySplit(t, sections, axis);
}

/**
 * Like `split`, but parts may differ by one: the first are larger. As jnp.array_split.
 * @example np.arraySplit(np.arange(3), 2); // => [Tensor int32[2] [0, 1], Tensor int32[1] [2]]
 */
export function arraySplit(x: TensorLike, sections: number | readonly number[], given?: OneAxis): Tensor[] {
  const { axis = 0 } = options<{ axis?: number }>('arraySplit', given, { axis: true });
  const t = asTensor(x, 'arraySplit');
  const at = normalizeAxis(axis, t.ndim);
  const n = t.shape[at]!;
  const cuts = typeof sections === 'number' ? evenCuts(n, sections) : sections.map((c) => (c < 0 ? c + n : c));
  const ends = [...cuts, n];
  if (ends.some((end, i) => !Number.isInteger(end) || end < (i === 0 ? 0 : ends[i - 1]!))) {
    throw new ShapeError(
      `np.split of ${t} along axis ${at} needs growing indices from 0 to ${n}, got ${formatShape(sections as number[])}`,
    );
  }
  return ends.map((end, i) => lax.sliceAxis(t, at, i === 0 ? 0 : ends[i - 1]!, end));
}

function evenCuts(n: number, parts: number): number[] {
  if (!Number.isInteger(parts) || parts < 1) throw new ArgumentError(`np.arraySplit makes at least one part, got ${parts}`);
  const small = Math.floor(n / parts);
  return Array.from({ length: parts - 1 }, (_, i) => (i + 1) * small + Math.min(i + 1, n % parts));
}

/** How wide a border is: one width for all sides, `[before, after]` for all axes, or such a pair for each axis. */
export type PadWidth = number | readonly [number, number] | readonly (readonly [number, number])[];

/** What `pad` can be told. */
export interface PadOptions {
  /** What the border is made of: a constant, the outermost element, a mirror image without or with the outermost, or x over again. Default 'constant'. */
  readonly mode?: 'constant' | 'edge' | 'reflect' | 'symmetric' | 'wrap';
  /** For mode 'constant'; default 0. */
  readonly constantValues?: number | Tensor;
}

/**
 * A border around x: one width for all sides, `[before, after]` for all axes, or such a pair for each axis. As jnp.pad.
 * @example
 * np.pad(np.array([1, 2]), [1, 2]); // => Tensor float32[5] [0, 1, 2, 0, 0]
 * np.pad(np.array([1, 2, 3]), 1, { mode: 'reflect' }); // => Tensor float32[5] [2, 1, 2, 3, 2]
 */
export function pad(x: TensorLike, padWidth: PadWidth, { mode = 'constant', constantValues = 0 }: PadOptions = {}): Tensor {
  const t = asTensor(x, 'pad');
  const widths = padWidths(t, padWidth);
  if (mode === 'constant') {
    const v = settle(constantValues, 'pad');
    const value = v instanceof Tensor ? cast(v, t.dtype) : lax.full([], Number(v), t.dtype);
    if (widths.every(([before, after]) => before === 0 && after === 0)) return t;
    return lax.pad(t, value, { low: widths.map((w) => w[0]), high: widths.map((w) => w[1]), interior: widths.map(() => 0) });
  }
  return widths.reduce((out, [before, after], axis) => padAxis(out, mode, axis, before, after), t);
}

function padWidths(t: Tensor, given: PadWidth): (readonly [number, number])[] {
  const pairs = typeof given === 'number' ? [[given, given] as const] : typeof given[0] === 'number' ? [given as [number, number]] : (given as readonly [number, number][]); // prettier-ignore
  const all = pairs.length === 1 ? t.shape.map(() => pairs[0]!) : [...pairs];
  if (all.length !== t.ndim || all.some((w) => w.length !== 2 || w.some((d) => !Number.isInteger(d) || d < 0)))
    throw new ArgumentError(
      `np.pad of ${t} needs [before, after] for each of its ${t.ndim} axes, whole numbers of at least 0, got ${JSON.stringify(given)}`,
    );
  return all;
}

function padAxis(t: Tensor, mode: 'edge' | 'reflect' | 'symmetric' | 'wrap', axis: number, before: number, after: number): Tensor {
  if (before === 0 && after === 0) return t;
  const n = t.shape[axis]!;
  const skip = mode === 'reflect' ? 1 : 0; // the outermost element is the mirror itself
  const reach = mode === 'edge' || mode === 'wrap' ? 0 : Math.max(before, after) + skip;
  if (n === 0 || reach > n)
    throw new ShapeError(
      `np.pad cannot ${reach > 0 ? 'mirror' : 'extend'} axis ${axis} of ${t} by ${formatShape([before, after])}: it has ${n} elements`,
    );
  if (mode === 'edge') {
    const stretched = (i: number, times: number): Tensor =>
      lax.broadcastTo(
        lax.sliceAxis(t, axis, i, i + 1),
        t.shape.map((d, k) => (k === axis ? times : d)),
      );
    return join([before > 0 ? stretched(0, before) : null, t, after > 0 ? stretched(n - 1, after) : null], axis);
  }
  if (mode === 'wrap') return repeated(t, axis, -before, n + after);
  const mirrored = (start: number, end: number): Tensor | null =>
    end > start ? lax.reverse(lax.sliceAxis(t, axis, start, end), [axis]) : null;
  return join([mirrored(skip, before + skip), t, mirrored(n - after - skip, n - skip)], axis);
}

/** Elements `start` to `end` of an axis that goes on periodically both ways. */
function repeated(t: Tensor, axis: number, start: number, end: number): Tensor {
  const n = t.shape[axis]!;
  const parts: Tensor[] = [];
  for (let at = start, taken = 0; at < end; at += taken) {
    const from = ((at % n) + n) % n;
    taken = Math.min(n - from, end - at);
    parts.push(lax.sliceAxis(t, axis, from, from + taken));
  }
  return lax.concatenate(parts, axis);
}

const join = (parts: readonly (Tensor | null)[], axis: number): Tensor =>
  lax.concatenate(
    parts.filter((p) => p !== null),
    axis,
  );
