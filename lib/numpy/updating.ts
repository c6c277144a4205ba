/** Functional updates, JAX's x.at[...]: a new tensor with some elements changed. */
import type { Shape } from '../core/aval.js';
import { ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import { add } from './arithmetic.js';
import { gatherOrder, mergeGathered, plan, reversedAxes, slice, type Index, type Plan } from './indexing.js';
import { cast, fit, settle, type TensorLike } from './operands.js';

/**
 * What `x.at(...)` gives: the elements there, and tensors like x with them changed. Values broadcast to the place; indices outside are left alone.
 * @example
 * const place: np.Place = np.zeros([3]).at(1);
 * place.set(5); // => Tensor float32[3] [0, 5, 0]
 * place.add(1).at([0, 2]).add(10); // => Tensor float32[3] [10, 11, 0]
 */
export class Place {
  constructor(
    private readonly x: Tensor,
    private readonly specs: readonly Index[],
  ) {}

  /**
   * The elements, as `x.slice(...)`.
   * @example np.array([1, 2, 3]).at(-1).get(); // => Tensor float32[] 3
   */
  get(): Tensor {
    return slice(this.x, this.specs);
  }

  /**
   * x with these elements replaced; where an index stands twice the last value stays.
   * @example np.zeros([2, 2]).at(0).set(np.array([1, 2])); // => Tensor float32[2, 2] [[1, 2], [0, 0]]
   */
  set(values: TensorLike): Tensor {
    return this.update(values, false);
  }

  /**
   * x with `values` added to these elements, once for each time that an index stands there.
   * @example np.zeros([3]).at(np.array([0, 2, 2], 'int32')).add(1); // => Tensor float32[3] [1, 0, 2]
   */
  add(values: TensorLike): Tensor {
    return this.update(values, true);
  }

  private update(values: TensorLike, adding: boolean): Tensor {
    const { x, specs } = this;
    const p = plan(x, specs);
    const own = settle(values, adding ? 'at().add' : 'at().set');
    const given = own instanceof Tensor ? cast(own, x.dtype) : own;
    if (p.gathers.length > 0) return scatter(x, p, given, adding);
    const region = valuesAt(given, p.shape, x);
    return adding ? add(x, spread(x, p, region)) : lax.select(maskOf(x, p), spread(x, p, region), x);
  }
}

function valuesAt(values: Tensor | number | boolean, shape: Shape, x: Tensor): Tensor {
  if (values instanceof Tensor && values.ndim > shape.length)
    throw new ShapeError(`at() of ${x} updates a place of shape [${shape.join(', ')}], got values ${values}, which do not broadcast to it`);
  return fit(values, shape, x.dtype);
}

/** Values of the cut region put where they belong in a tensor shaped like x, zeros around them. */
function spread(x: Tensor, { cuts }: Plan, region: Tensor): Tensor {
  const counts = cuts.map((c) => Math.ceil((c.limit - c.start) / c.stride));
  const laid = lax.reverse(lax.reshape(region, counts), reversedAxes(cuts));
  const widths = {
    low: cuts.map((c) => c.start),
    high: cuts.map((c, i) => x.shape[i]! - c.start - (counts[i] === 0 ? 0 : (counts[i]! - 1) * c.stride + 1)),
    interior: cuts.map((c) => c.stride - 1),
  };
  return widths.low.every((w) => w === 0) && widths.high.every((w) => w === 0) && widths.interior.every((w) => w === 0)
    ? laid
    : lax.pad(laid, lax.full([], 0, laid.dtype), widths);
}

const maskOf = (x: Tensor, p: Plan): Tensor => spread(x, p, lax.full(p.shape, 1, 'bool'));

/** Updates at index tensors: through a view with the indexed dimensions merged into one. */
function scatter(x: Tensor, p: Plan, values: Tensor | number | boolean, adding: boolean): Tensor {
  const whole = p.cuts.every((c, i) => c.start === 0 && c.limit === x.shape[i] && !c.reversed && c.stride === 1);
  const view = lax.reshape(whole ? x : new Place(x, withoutTensors(p)).get(), p.shape);
  const dims = p.gathers.map((g) => g.dim);
  const at = p.front ? 0 : dims[0]!;
  const { merged, indices } = mergeGathered(view, p, false);
  const safe = dropOutside(view, p, indices);
  const place = [...merged.shape.slice(0, at), ...indices.shape, ...merged.shape.slice(at + 1)];
  const updates = valuesAt(values, place, x);
  const changed = adding ? scatterAdd(merged, safe, updates, at) : scatterSet(merged, safe, updates, at);
  const order = gatherOrder(view.ndim, dims, p.front);
  const back = lax.transpose(
    lax.reshape(
      changed,
      order.map((d) => view.shape[d]!),
    ),
    order.map((_, i) => order.indexOf(i)),
  );
  if (whole) return lax.reshape(back, x.shape);
  return new Place(x, withoutTensors(p)).set(
    lax.reshape(
      back,
      p.cuts.map((c) => Math.ceil((c.limit - c.start) / c.stride)),
    ),
  );
}

/** The same cuts as specs. */
const withoutTensors = (p: Plan): Index[] =>
  p.cuts.map((c) => (c.reversed ? [c.limit - 1, c.start === 0 ? null : c.start - 1, -c.stride] : [c.start, c.limit, c.stride]));

/** Row-major indices, with those that lie outside in some dimension made -1, which scatters drop. */
function dropOutside(view: Tensor, p: Plan, indices: Tensor): Tensor {
  if (p.gathers.length === 1) return indices;
  let inside: Tensor | null = null;
  for (const { dim, indices: own } of p.gathers) {
    const size = view.shape[dim]!;
    const t = lax.broadcastTo(lax.convert(own, 'int32'), indices.shape);
    const ok = lax.and(lax.ge(t, -size), lax.lt(t, size));
    inside = inside === null ? ok : lax.and(inside, ok);
  }
  return lax.select(inside!, indices, -1);
}

function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  if (x.dtype !== 'bool') return lax.scatterAdd(x, indices, updates, axis);
  const sum = lax.scatterAdd(cast(x, 'int32'), indices, cast(updates, 'int32'), axis);
  return lax.ne(sum, 0);
}

/** Puts `updates` at `indices`: the last of those that go to one place, so that sums of single values do. */
function scatterSet(x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  const n = indices.size;
  const flat = lax.reshape(indices, [n]);
  const rows = lax.reshape(updates, [...x.shape.slice(0, axis), n, ...x.shape.slice(axis + 1)]);
  const last = n < 2 ? flat : onlyLast(flat);
  const hit = lax.ne(lax.scatterAdd(lax.full([x.shape[axis]!], 0, 'int32'), last, lax.full([n], 1, 'int32'), 0), 0);
  const blank = lax.full(x.shape, 0, x.dtype);
  return lax.select(lax.broadcast(hit, x.shape, [axis]), scatterAdd(blank, last, rows, axis), x);
}

/** Indices with all but the last of equal ones made -1: a stable sort puts equal ones together, in order. */
function onlyLast(flat: Tensor): Tensor {
  const n = flat.size;
  const [sorted, from] = lax.sort([flat, lax.iota([n], 0)], 0) as [Tensor, Tensor];
  const next = lax.pad(lax.sliceAxis(sorted, 0, 1, n), lax.full([], -1, 'int32'), { low: [0], high: [1], interior: [0] });
  const kept = lax.select(lax.ne(sorted, next), sorted, -1);
  return lax.sort([from, kept], 0)[1]!;
}
