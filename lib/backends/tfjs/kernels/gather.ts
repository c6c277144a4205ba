/** Primitives that pick elements by index, and their transposes. TensorFlow refuses indices outside, so those are moved inside and their results replaced. */
import { sizeOf, type Shape } from '../../../core/aval.js';
import type { DType } from '../../../core/dtype.js';
import { int, type as typeOf, type Builder, type Value } from '../graph.js';
import { number, range, whole, type Kernel, type Kernels, type NodeTypes } from './kernel.js';
import { concatenate, replace, slice } from './layout.js';

const INT_MIN = -2147483648;

/** What an index outside gives in mode 'fill'. */
function filler(b: Builder, dtype: DType): Value {
  if (dtype === 'float32') return b.float(NaN);
  if (dtype === 'bool') return b.bool(true);
  return b.int32(dtype === 'int32' ? INT_MIN : -1);
}

/** Whether each index lies in an axis of `length`. As uint32 a negative one is far outside, whichever dtype it has. */
const isInside = (b: Builder, indices: Value, length: number): Value =>
  b.binary('Less', b.bitcast(indices, 'uint32'), b.bitcast(b.int32(length), 'uint32'), 'bool');

/** Indices moved to the nearest end of an axis of `length`. */
function clamp(b: Builder, indices: Value, length: number, dtype: DType): Value {
  const last = b.int32(length - 1);
  const low = dtype === 'uint32' ? b.select(b.binary('Less', indices, b.int32(0), 'bool'), last, indices) : b.binary('Maximum', indices, b.int32(0)); // prettier-ignore
  return b.binary('Minimum', low, last);
}

function gather(b: Builder, x: Value, indices: Value, axis: number): Value {
  const shape = replace(x.shape, axis, ...indices.shape);
  const attributes = { batch_dims: int(0), Tparams: typeOf(x.type), Tindices: typeOf('int32'), Taxis: typeOf('int32') };
  return b.op1('GatherV2', [x, indices, b.int32(axis)], attributes, { type: x.type, shape });
}

/** Picks from the middle of `[outer, length, inner]`, by `pick` of safe indices; fills for those outside. `mask` is `[indices]` seen from the result. */
function picked(
  { params, inputs, outputs }: NodeTypes,
  b: Builder,
  indices: Value,
  length: number,
  mask: (inside: Value) => Value,
  pick: (safe: Value) => Value,
): Value {
  // prettier-ignore
  const { dtype } = outputs[0]!;
  if (sizeOf(outputs[0]!.shape) === 0 || length === 0) return b.broadcast(filler(b, dtype), outputs[0]!.shape);
  if (params.mode === 'clip') return pick(clamp(b, indices, length, inputs[1]!.dtype));
  const inside = isInside(b, indices, length);
  return b.select(mask(inside), pick(b.select(inside, indices, b.int32(0))), filler(b, dtype));
}

/** The axis as the middle of `[outer, length, inner]`. */
const around = (shape: Shape, axis: number): [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis]!,
  sizeOf(shape.slice(axis + 1)),
];

const take: Kernel = whole((b, [x, indices], node) => {
  const axis = number(node.params, 'axis');
  const [outer, length, inner] = around(x!.shape, axis);
  const count = sizeOf(indices!.shape);
  const flat = b.reshape(indices!, [count]);
  const mask = (inside: Value): Value => b.reshape(inside, [count, 1]);
  const from = b.reshape(x!, [outer, length, inner]);
  const result = picked(node, b, flat, length, mask, (safe) => gather(b, from, safe, 1));
  return [b.reshape(result, node.outputs[0]!.shape)];
});

/** Where elements `[outer, count, inner]` with these indices lie in `[outer, length, inner]`, as positions in row-major order. */
function positions(b: Builder, indices: Value, [outer, length, inner]: readonly number[]): Value {
  const steps = (n: number, step: number): Int32Array => Int32Array.from(range(n), (k) => k * step);
  const ofInner = b.constant('int32', [inner!], steps(inner!, 1));
  const ofOuter = b.constant('int32', [outer!, 1, 1], steps(outer!, length! * inner!));
  return b.binary('AddV2', b.binary('AddV2', b.binary('Mul', indices, b.int32(inner!)), ofInner), ofOuter);
}

const takeAlong: Kernel = whole((b, [x, indices], node) => {
  const axis = number(node.params, 'axis');
  const sizes = around(x!.shape, axis);
  const count = indices!.shape[axis]!;
  const at = b.reshape(indices!, [sizes[0], count, sizes[2]]);
  const flat = b.reshape(x!, [sizeOf(x!.shape)]);
  const result = picked(node, b, at, sizes[1], (inside) => inside, (safe) => gather(b, flat, positions(b, safe, sizes), 0)); // prettier-ignore
  return [b.reshape(result, node.outputs[0]!.shape)];
});

/** `x` [n, ...] plus updates [count, ...] at indices [count] from 0 to n; those at n are dropped. In the order of the indices. */
function addRows(b: Builder, x: Value, indices: Value, updates: Value): Value {
  const rest = x.shape.slice(1);
  const attributes = { T: typeOf(x.type), Tindices: typeOf('int32') };
  const spare = slice(b, updates, updates.shape.map(() => 0), [1, ...rest], updates.shape.map(() => 1)); // prettier-ignore
  const extended = concatenate(b, [x, spare], 0);
  const added = b.op1('TensorScatterAdd', [extended, b.reshape(indices, [indices.shape[0]!, 1]), updates], attributes, extended);
  return slice(b, added, x.shape.map(() => 0), x.shape, x.shape.map(() => 1)); // prettier-ignore
}

const scatterAdd: Kernel = whole((b, [x, indices, updates], { params }) => {
  const [outer, length, inner] = around(x!.shape, number(params, 'axis'));
  const count = sizeOf(indices!.shape);
  if (sizeOf(x!.shape) === 0 || count === 0) return [x!];
  const flat = b.reshape(indices!, [count]);
  const at = b.select(isInside(b, flat, length), flat, b.int32(length));
  const rows = (v: Value, n: number): Value => b.reshape(b.transpose(b.reshape(v, [outer, n, inner]), [1, 0, 2]), [n, outer * inner]);
  const added = addRows(b, rows(x!, length), at, rows(updates!, count));
  return [b.reshape(b.transpose(b.reshape(added, [length, outer, inner]), [1, 0, 2]), x!.shape)];
});

const scatterAddAlong: Kernel = whole((b, [x, indices, updates], { params }) => {
  const axis = number(params, 'axis');
  const sizes = around(x!.shape, axis);
  const [size, count] = [sizeOf(x!.shape), sizeOf(indices!.shape)];
  if (size === 0 || count === 0) return [x!];
  const at = b.reshape(indices!, [sizes[0], indices!.shape[axis]!, sizes[2]]);
  const inside = isInside(b, at, sizes[1]);
  const place = b.select(inside, positions(b, b.select(inside, at, b.int32(0)), sizes), b.int32(size));
  return [b.reshape(addRows(b, b.reshape(x!, [size]), b.reshape(place, [count]), b.reshape(updates!, [count])), x!.shape)];
});

export const gatherKernels: Kernels = { take, takeAlong, scatterAdd, scatterAddAlong };
