/** What stands between the brackets of NumPy's x[...]: how a list of index specs reads a tensor. */
import { broadcastShapes, type Shape } from '../core/aval.js';
import { isInteger } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { fromEnd } from './gathering.js';
import { describe } from './operands.js';

/**
 * One entry of an index: a whole number (negative ones count from the end; the dimension disappears), `[start, stop]` or `[start, stop, step]` as Python's
 * start:stop:step (null or left out is open), ':' for a whole dimension, null for a new one of size 1, '...' for as many whole dimensions as are left,
 * or an int tensor of indices (negative ones count from the end).
 */
export type Index = number | null | '...' | ':' | readonly (number | null)[] | Tensor;

/** What one dimension of the operand becomes. */
interface Cut {
  readonly start: number;
  readonly limit: number;
  readonly stride: number;
  readonly reversed: boolean;
}

/** An index, worked out for one shape: first cut, then reverse, then drop and add dimensions, then gather. */
export interface Plan {
  readonly cuts: readonly Cut[];
  /** The shape after dropping indexed dimensions; new ones are in it. */
  readonly shape: Shape;
  /** Index tensors, by the dimension of `shape` that they pick from. */
  readonly gathers: readonly { readonly dim: number; readonly indices: Tensor }[];
  /** Whether the gathered dimensions go to the front (they were apart), as in NumPy. */
  readonly front: boolean;
}

export function plan(x: Tensor, specs: readonly Index[]): Plan {
  const cuts: Cut[] = [];
  const shape: number[] = [];
  const gathers: { dim: number; indices: Tensor }[] = [];
  const advanced: number[] = []; // positions of numbers and tensors among the specs
  const all = expandEllipsis(x, specs);
  let dim = 0;
  all.forEach((spec, position) => {
    if (spec === null) {
      shape.push(1);
      return;
    }
    const size = x.shape[dim]!;
    if (typeof spec === 'number') {
      const at = spec < 0 ? spec + size : spec;
      if (!Number.isInteger(spec) || at < 0 || at >= size)
        throw new ShapeError(`index ${spec} is out of bounds for dimension ${dim} of ${x}: use ${-size} to ${size - 1}`);
      cuts.push({ start: at, limit: at + 1, stride: 1, reversed: false });
      advanced.push(position);
    } else if (spec instanceof Tensor) {
      checkIndexTensor(spec);
      cuts.push({ start: 0, limit: size, stride: 1, reversed: false });
      gathers.push({ dim: shape.length, indices: spec });
      shape.push(size);
      advanced.push(position);
    } else {
      const cut = resolveSlice(spec === ':' ? [] : (spec as readonly (number | null)[]), size);
      cuts.push(cut);
      shape.push(Math.ceil((cut.limit - cut.start) / cut.stride));
    }
    dim++;
  });
  const apart = advanced.length > 0 && advanced[advanced.length - 1]! - advanced[0]! + 1 > advanced.length;
  return { cuts, shape, gathers, front: gathers.length > 0 && apart };
}

/** Whole dimensions in place of '...' and after the last spec. */
function expandEllipsis(x: Tensor, specs: readonly Index[]): Index[] {
  const taken = specs.filter((s) => s !== null && s !== '...').length;
  const dots = specs.indexOf('...');
  if (dots !== specs.lastIndexOf('...')) throw new ArgumentError("an index has at most one '...'");
  if (taken > x.ndim) throw new ShapeError(`${taken} indices are too many for ${x}, which has ${x.ndim} dimensions`);
  for (const s of specs) {
    if (s !== null && s !== '...' && s !== ':' && typeof s !== 'number' && !Array.isArray(s) && !(s instanceof Tensor))
      throw new ArgumentError(`an index is a number, [start, stop, step], ':', '...', null or an int tensor, got ${describe(s)}`);
  }
  const whole = new Array<Index>(x.ndim - taken).fill(':');
  return dots < 0 ? [...specs, ...whole] : [...specs.slice(0, dots), ...whole, ...specs.slice(dots + 1)];
}

function checkIndexTensor(t: Tensor): void {
  if (t.dtype === 'bool') {
    throw new DTypeError(
      `a bool mask such as ${t} picks a number of elements that depends on its values: use np.where(mask, x, other) instead`,
    );
  }
  if (!isInteger(t.dtype)) throw new DTypeError(`an index tensor is int32 or uint32, got ${t}: convert it with astype('int32')`);
}

/** Python's slice rules: bounds outside are clipped, negative ones count from the end. */
function resolveSlice(spec: readonly (number | null)[], size: number): Cut {
  const [start = null, stop = null, step = null] = spec;
  if (spec.length > 3 || [start, stop, step].some((v) => v !== null && !Number.isInteger(v)))
    throw new ArgumentError(
      `a slice is [start, stop] or [start, stop, step] of whole numbers or null, got ${describe(spec)} (${JSON.stringify(spec)})`,
    );
  const by = step ?? 1;
  if (by === 0) throw new ArgumentError(`a slice's step is not 0, got ${JSON.stringify(spec)}`);
  const [low, high] = by > 0 ? [0, size] : [-1, size - 1];
  const bound = (v: number | null, open: number): number => (v === null ? open : Math.min(high, Math.max(low, v < 0 ? v + size : v)));
  const from = bound(start, by > 0 ? low : high);
  const to = bound(stop, by > 0 ? high : low);
  const count = Math.max(0, Math.ceil((to - from) / by));
  if (count === 0) return { start: 0, limit: 0, stride: 1, reversed: false };
  const last = from + (count - 1) * by;
  return { start: Math.min(from, last), limit: Math.max(from, last) + 1, stride: Math.abs(by), reversed: by < 0 && count > 1 };
}

/** x[...specs]. Static numbers outside throw; index tensors are clamped, as in JAX. */
export function slice(x: Tensor, specs: readonly Index[]): Tensor {
  const p = plan(x, specs);
  const view = lax.reshape(cut(x, p), p.shape);
  if (p.gathers.length === 0) return view;
  const { merged, indices } = mergeGathered(view, p);
  const at = p.front ? 0 : p.gathers[0]!.dim;
  return lax.take(merged, indices, at, 'clip');
}

function cut(x: Tensor, { cuts }: Plan): Tensor {
  const kept = lax.slice(
    x,
    cuts.map((c) => c.start),
    cuts.map((c) => c.limit),
    cuts.map((c) => c.stride),
  );
  return lax.reverse(kept, reversedAxes(cuts));
}

export const reversedAxes = (cuts: readonly Cut[]): number[] => cuts.flatMap((c, i) => (c.reversed ? [i] : []));

/** The gathered dimensions of `view` as one, with the row-major index into it; clamped so that one bad index does not reach a neighbour. */
export function mergeGathered(view: Tensor, { gathers, front }: Plan, clamped = true): { merged: Tensor; indices: Tensor } {
  const dims = gathers.map((g) => g.dim);
  const shape = broadcastShapes(gathers.map((g) => g.indices.shape), 'an index with several tensors'); // prettier-ignore
  const sizes = dims.map((d) => view.shape[d]!);
  const order = gatherOrder(view.ndim, dims, front);
  const moved = lax.transpose(view, order);
  const at = front ? 0 : dims[0]!;
  const merged = lax.reshape(moved, [
    ...moved.shape.slice(0, at),
    sizes.reduce((n, d) => n * d, 1),
    ...moved.shape.slice(at + dims.length),
  ]);
  let flat: Tensor | null = null;
  gathers.forEach(({ indices }, i) => {
    const own = lax.broadcastTo(fromEnd(lax.convert(indices, 'int32'), sizes[i]!), shape);
    const safe = clamped && gathers.length > 1 ? lax.min(lax.max(own, 0), Math.max(0, sizes[i]! - 1)) : own;
    flat = flat === null ? safe : lax.add(lax.mul(flat, sizes[i]!), safe);
  });
  return { merged, indices: flat! };
}

/** The dimensions with the gathered ones side by side, at the first of them or at the front. */
export function gatherOrder(rank: number, dims: readonly number[], front: boolean): number[] {
  const others = Array.from({ length: rank }, (_, i) => i).filter((i) => !dims.includes(i));
  const at = front ? 0 : dims[0]!;
  return [...others.slice(0, at), ...dims, ...others.slice(at)];
}
