/** Primitives that move elements. */
import { sizeOf, type Shape } from '../../../core/aval.js';
import { type as typeOf, int, type Builder, type Value } from '../graph.js';
import { list, number, whole, type Kernels, type Lowering } from './kernel.js';

const one = (lower: (...args: Parameters<Lowering>) => Value) => whole((...args) => [lower(...args)]);

export function concatenate(b: Builder, parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0]!;
  const shape = parts[0]!.shape.map((d, i) => (i === axis ? parts.reduce((n, p) => n + p.shape[i]!, 0) : d));
  const { type } = parts[0]!;
  return b.op1('ConcatV2', [...parts, b.int32(axis)], { N: int(parts.length), T: typeOf(type), Tidx: typeOf('int32') }, { type, shape });
}

export function slice(b: Builder, x: Value, start: readonly number[], limit: readonly number[], strides: readonly number[]): Value {
  const shape = start.map((s, i) => Math.ceil((limit[i]! - s) / strides[i]!));
  const whole = shape.every((d, i) => d === x.shape[i] && strides[i] === 1);
  if (whole) return x;
  const masks = Object.fromEntries(['begin', 'end', 'ellipsis', 'new_axis', 'shrink_axis'].map((m) => [`${m}_mask`, int(0)]));
  const bounds = [start, limit, strides].map((v) => b.int32(v));
  return b.op1('StridedSlice', [x, ...bounds], { T: typeOf(x.type), Index: typeOf('int32'), ...masks }, { type: x.type, shape });
}

export function pad(b: Builder, x: Value, value: Value, low: readonly number[], high: readonly number[]): Value {
  const shape = x.shape.map((d, i) => low[i]! + d + high[i]!);
  if (low.every((w) => w === 0) && high.every((w) => w === 0)) return x;
  const widths = b.constant('int32', [shape.length, 2], Int32Array.from(shape.flatMap((_, i) => [low[i]!, high[i]!])));
  return b.op1('PadV2', [x, widths, value], { T: typeOf(x.type), Tpaddings: typeOf('int32') }, { type: x.type, shape });
}

/** Puts `count` fillers between the elements of an axis: pads each element, then drops what follows the last. */
export function dilate(b: Builder, x: Value, value: Value, axis: number, count: number): Value {
  const n = x.shape[axis]!;
  if (count === 0 || n < 2) return x;
  const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
  const spaced = pad(b, b.reshape(x, [outer, n, 1, inner]), value, [0, 0, 0, 0], [0, 0, count, 0]);
  const length = n * (count + 1);
  const cut = slice(b, b.reshape(spaced, [outer, length, inner]), [0, 0, 0], [outer, length - count, inner], [1, 1, 1]);
  return b.reshape(cut, replace(x.shape, axis, length - count));
}

export const replace = (shape: Shape, axis: number, ...by: number[]): number[] => [
  ...shape.slice(0, axis),
  ...by,
  ...shape.slice(axis + 1),
];

export const layoutKernels: Kernels = {
  reshape: one((b, [x], { outputs }) => b.reshape(x!, outputs[0]!.shape)),
  transpose: one((b, [x], { params }) => b.transpose(x!, list(params, 'perm'))),
  reverse: one((b, [x], { params }) => {
    const axes = list(params, 'axes');
    return axes.length === 0 ? x! : b.op1('ReverseV2', [x!, b.int32(axes)], { T: typeOf(x!.type), Tidx: typeOf('int32') }, x!);
  }),
  slice: one((b, [x], { params }) => slice(b, x!, list(params, 'start'), list(params, 'limit'), list(params, 'strides'))),
  pad: one((b, [x, value], { params }) => {
    const spread = list(params, 'interior').reduce((v, count, axis) => dilate(b, v, value!, axis, count), x!);
    return pad(b, spread, value!, list(params, 'low'), list(params, 'high'));
  }),
  concatenate: one((b, parts, { params }) => concatenate(b, parts, number(params, 'axis'))),
};
