/** Collectives: what an example inside a vmap can know of the others, over the axis that the vmap names. */
import { bind1 } from './bind.js';
import { ArgumentError, DTypeError, UnboundAxisError } from './errors.js';
import { Aval } from './aval.js';
import type { GradContext, Primitive } from './primitive.js';
import { div } from './primitives/index.js';
import type { Tensor } from './tensor.js';
import { namedAxis, type NamedAxis } from './trace.js';

/** Groups of positions along a named axis, all of one size, that together name each position once. */
export type AxisIndexGroups = readonly (readonly number[])[];

// vmap replaces these by operations on the stacked examples, so that no backend ever meets one: they are not of the closed list.
type Params = { axisName: string; groups: string };
const alike = (grad: ((c: GradContext<Params>) => (Tensor | null)[]) | null, name: string): Primitive<Params> => ({
  name,
  infer: ([x], { axisName }) => {
    if (x!.dtype === 'bool') throw new DTypeError(`${name} over "${axisName}" takes numbers, got ${x!}; convert it with astype('int32')`);
    return [x!];
  },
  grad,
});

const parse = (groups: string): AxisIndexGroups | undefined => (groups === '' ? undefined : (JSON.parse(groups) as AxisIndexGroups));

// Every example's result reaches every example, so a cotangent is summed in the same way.
export const psumPrimitive = alike(({ ct, params }) => [bind1(psumPrimitive, [ct], params)], 'psum');
export const pmaxPrimitive = alike(null, 'pmax');
export const axisIndexPrimitive: Primitive<Params> = { name: 'axisIndex', infer: () => [Aval.of([], 'int32')], grad: null };

export const collectives = new Set<unknown>([psumPrimitive, pmaxPrimitive, axisIndexPrimitive]);
export const groupsOf = (params: Readonly<Record<string, unknown>>): AxisIndexGroups | undefined => parse(params.groups as string);

function axisOf(axisName: string, where = ''): NamedAxis {
  const axis = namedAxis(axisName);
  if (axis === null) throw new UnboundAxisError(axisName, where);
  return axis;
}

/** The size of a group, checked. */
function groupSize({ name, size }: NamedAxis, groups: AxisIndexGroups | undefined): number {
  if (groups === undefined) return size;
  const all = groups.flat();
  const each = groups[0]?.length ?? 0;
  const complete = all.length === size && new Set(all).size === size && all.every((i) => Number.isInteger(i) && i >= 0 && i < size);
  if (!complete || groups.some((g) => g.length !== each)) {
    throw new ArgumentError(
      `axisIndexGroups of axis "${name}" must be groups of one size that name each of its ${size} positions once, got ${JSON.stringify(groups)}`,
    );
  }
  return each;
}

const paramsOf = (axisName: string, groups: AxisIndexGroups | undefined): Params => ({
  axisName,
  groups: groups === undefined ? '' : JSON.stringify(groups),
});

/**
 * The sum of `x` over all examples of the vmap that names the axis, or over those of the example's own group. Shape and dtype of x.
 * Throws UnboundAxisError outside such a vmap. As jax.lax.psum.
 * @example
 * const share = vmap((x: Tensor) => np.divide(x, lax.psum(x, 'all')), { axisName: 'all' });
 * console.log(share(np.array([1, 3])).toArray()); // [0.25, 0.75]
 */
export function psum(x: Tensor, axisName: string, axisIndexGroups?: AxisIndexGroups): Tensor {
  groupSize(axisOf(axisName), axisIndexGroups);
  return bind1(psumPrimitive, [x], paramsOf(axisName, axisIndexGroups));
}

/**
 * The mean, float32, in the same way. `where` is named in the error outside such a vmap. As jax.lax.pmean.
 * @example
 * const centred = vmap((x: Tensor) => np.subtract(x, lax.pmean(x, 'all')), { axisName: 'all' });
 * console.log(centred(np.array([1, 3])).toArray()); // [-1, 1]
 */
export function pmean(x: Tensor, axisName: string, axisIndexGroups?: AxisIndexGroups, where?: string): Tensor {
  const size = groupSize(axisOf(axisName, where), axisIndexGroups);
  return div(psum(x, axisName, axisIndexGroups), size);
}

/**
 * The greatest of the examples' x, element by element, of its shape and dtype; it has no gradient. As jax.lax.pmax.
 * @example
 * const greatest = vmap((x: Tensor) => lax.pmax(x, 'all'), { axisName: 'all', outAxes: null });
 * console.log(greatest(np.array([1, 3])).item()); // 3
 */
export function pmax(x: Tensor, axisName: string, axisIndexGroups?: AxisIndexGroups): Tensor {
  groupSize(axisOf(axisName), axisIndexGroups);
  return bind1(pmaxPrimitive, [x], paramsOf(axisName, axisIndexGroups));
}

/**
 * The position of this example along the axis, an int32 scalar. As jax.lax.axis_index.
 * @example
 * const positions = vmap((_: Tensor) => lax.axisIndex('all'), { axisName: 'all' });
 * console.log(positions(np.zeros([3])).toArray()); // [0, 1, 2]
 */
export function axisIndex(axisName: string): Tensor {
  axisOf(axisName);
  return bind1(axisIndexPrimitive, [], paramsOf(axisName, undefined));
}
