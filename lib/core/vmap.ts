/** vmap: a function of one example becomes one of many. It is traced on one example, and the graph replayed through batching rules. */
import { batchingOf, moveAxis, spread } from './batching/index.js';
import { collect } from './batching/collectives.js';
import { fromTypedArray } from './array.js';
import { formatShape } from './aval.js';
import { bind } from './bind.js';
import { collectives } from './collectives.js';
import { ArgumentError, ShapeError, TreeStructureError } from './errors.js';
import { checkOptions } from './options.js';
import { full } from './primitives/index.js';
import { Tensor } from './tensor.js';
import { withTrace, type Trace } from './trace.js';
import * as tree from './tree.js';

/** Where the examples are: an axis for a whole tree, null for a tree that all examples share, or arrays and objects of these for its parts. */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes };

/** Where vmap finds the examples, and what it calls their axis. */
export interface VmapOptions {
  /** For all arguments, or a list with one entry for each. Default 0. JavaScript numbers and what is not a tensor are shared in any case. */
  inAxes?: Axes;
  /** Where the results have the examples; null for a result that is the same for all. Default 0. */
  outAxes?: Axes;
  /** A name by which collectives inside (`lax.psum`, the `axisName` of BatchNorm) mean this axis. */
  axisName?: string;
  /** The number of examples, needed only where no argument is mapped. */
  axisSize?: number;
}

/**
 * A function that runs `f`, which is written for one example, on many: every mapped tensor of the arguments has the examples along its axis of `inAxes`,
 * every tensor of the result along that of `outAxes`. Works inside and outside of `jit` and `grad`, and nests. Throws ShapeError where sizes differ. As jax.vmap.
 * @example
 * const norms = vmap((row: Tensor) => np.sqrt(np.sum(np.square(row))));
 * console.log(norms(np.array([[3, 4], [0, 2]])).toArray()); // [5, 2]
 */
export function vmap<A extends unknown[], R>(f: (...args: A) => R, options: VmapOptions = {}): (...args: A) => R {
  if (typeof f !== 'function') throw new ArgumentError(`vmap needs a function, got ${String(f)}`);
  checkOptions('vmap', options, { inAxes: true, outAxes: true, axisName: true, axisSize: true });
  const { inAxes = 0, outAxes = 0, axisName } = options;
  const name = f.name || 'the function';
  return (...args) => {
    const [leaves, def] = tree.flatten(args);
    leaves.forEach((leaf, i) => {
      if (ArrayBuffer.isView(leaf)) leaves[i] = fromTypedArray(leaf);
    });
    const axes = axesOfLeaves(inAxes, args, 'inAxes').map((axis, i) => {
      const leaf = leaves[i];
      return axis === null || !(leaf instanceof Tensor) ? null : checkAxis(axis, leaf, `inAxes of ${name}`);
    });
    const size = exampleCount(name, leaves, axes, options.axisSize);

    const stacked = leaves.flatMap((leaf, i) => (axes[i] === null ? [] : [moveAxis(leaf as Tensor, axes[i]!, 0)]));
    let outs: unknown[] = [];
    let outDef!: tree.TreeDef;
    let ids: (number | null)[] = []; // null for what is no tensor
    const axis = axisName === undefined ? null : { name: axisName, size };
    const trace = withTrace(
      `vmap of ${name}`,
      (t) => {
        let at = 0;
        const example = leaves.map((leaf, i) => {
          if (axes[i] === null) return leaf;
          const { aval } = stacked[at++]!;
          return t.argument(aval.with({ shape: aval.shape.slice(1) }));
        });
        const result = f(...(tree.unflatten(def, example) as A));
        if (result instanceof Promise) {
          result.catch(() => {}); // it can only fail on traced values now
          throw new ArgumentError(`vmap needs a synchronous function, and ${name} is async: await the results outside`);
        }
        [outs, outDef] = tree.flatten(result);
        ids = outs.map((leaf) => {
          const tensor = typeof leaf === 'number' ? full([], leaf) : leaf;
          return tensor instanceof Tensor ? t.idOf(tensor) : null;
        });
        return t;
      },
      axis,
    );

    const values = replay(trace, stacked, axisName ?? null, size);
    const axesOut = axesOfLeaves(outAxes, tree.unflatten(outDef, outs), 'outAxes');
    const results = outs.map((leaf, i) => (ids[i] === null ? leaf : placed(values.get(ids[i]!)!, axesOut[i]!, size, name)));
    return tree.unflatten(outDef, results) as R;
  };
}

interface Value {
  readonly tensor: Tensor;
  /** Whether the examples are in axis 0; else all share it. */
  readonly batched: boolean;
}

/** Runs a trace of one example on all of them. Arguments come first in its numbering. */
function replay(trace: Trace, stacked: readonly Tensor[], axisName: string | null, size: number): Map<number, Value> {
  const values = new Map<number, Value>();
  stacked.forEach((tensor, id) => values.set(id, { tensor, batched: true }));
  for (const { tensor, id } of trace.captures) values.set(id, { tensor, batched: false });
  for (const { primitive, inputs, params, outputs } of trace.nodes) {
    const given = inputs.map((id) => values.get(id)!);
    const tensors = given.map((v) => v.tensor);
    const batched = given.map((v) => v.batched);
    if (collectives.has(primitive) && params.axisName === axisName) {
      const { value, batched: varies } = collect(primitive, tensors[0], batched[0] ?? false, params, size);
      values.set(outputs[0]!, { tensor: value, batched: varies });
      continue;
    }
    const mapped = batched.includes(true);
    const results = mapped
      ? batchingOf(primitive)({ primitive, inputs: tensors, batched, params, size })
      : bind(primitive, tensors, params);
    results.forEach((tensor, i) => values.set(outputs[i]!, { tensor, batched: mapped }));
  }
  return values;
}

function placed({ tensor, batched }: Value, axis: number | null, size: number, name: string): Tensor {
  if (axis === null) {
    if (!batched) return tensor;
    throw new ArgumentError(
      `outAxes of ${name} is null for a result of shape ${formatShape(tensor.shape.slice(1))} that differs between examples`,
    );
  }
  const rank = tensor.ndim + (batched ? 0 : 1);
  const to = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || to < 0 || to >= rank) {
    throw new ShapeError(
      `outAxes of ${name} is ${axis}, but the result has ${rank} axes with the examples' own: choose -${rank} to ${rank - 1}`,
    );
  }
  return moveAxis(spread(tensor, batched, size), 0, to);
}

function checkAxis(axis: number, t: Tensor, what: string): number {
  const at = axis < 0 ? axis + t.ndim : axis;
  if (!Number.isInteger(axis) || at < 0 || at >= t.ndim) {
    throw new ShapeError(
      `${what} is ${axis}, but ${t} has ${t.ndim} axes${t.ndim === 0 ? ': share a scalar with null' : `: choose -${t.ndim} to ${t.ndim - 1}, or null to share it`}`,
    );
  }
  return at;
}

function exampleCount(name: string, leaves: readonly unknown[], axes: readonly (number | null)[], asked: number | undefined): number {
  const sizes = axes.flatMap((axis, i) => (axis === null ? [] : [(leaves[i] as Tensor).shape[axis]!]));
  const size = asked ?? sizes[0];
  if (size === undefined) throw new ArgumentError(`vmap of ${name} maps no argument: give an axis in inAxes, or axisSize`);
  if (!Number.isInteger(size) || size < 1) throw new ShapeError(`vmap of ${name} needs at least one example, got ${size}`);
  const other = sizes.find((s) => s !== size);
  if (other !== undefined) {
    const shapes = leaves.flatMap((leaf, i) => (axes[i] === null ? [] : [`${String(leaf)} along axis ${axes[i]}`]));
    throw new ShapeError(`vmap of ${name} needs one number of examples, got ${size} and ${other}: ${shapes.join(', ')}`);
  }
  return size;
}

/** `axes`, which may be for whole subtrees, for each leaf of `value`. */
function axesOfLeaves(axes: Axes, value: unknown, what: string, path: tree.Path = []): (number | null)[] {
  if (axes === null || typeof axes === 'number') return tree.leaves(value).map(() => axes);
  const parts = tree.children(value);
  const keys = parts?.map(([key]) => key);
  const given = Array.isArray(axes) ? axes.map((_, i) => i) : Object.keys(axes);
  if (parts === null || keys!.length !== given.length || given.some((k) => !keys!.includes(k))) {
    throw new TreeStructureError(
      `${what} at ${tree.formatPath(path)} has entries for ${given.join(', ') || 'nothing'}, but the tree there has ${keys?.join(', ') || 'no parts'}`,
    );
  }
  return parts.flatMap(([key, part]) => axesOfLeaves((axes as Record<string | number, Axes>)[key]!, part, what, [...path, key]));
}
