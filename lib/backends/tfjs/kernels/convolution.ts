/** Convolution and its transposes: Conv2D (Conv3D) and what TensorFlow's own gradients use. */
import { sizeOf, type Shape } from '../../../core/aval.js';
import { ints, string, type as typeOf, type Attributes, type Builder, type Value } from '../graph.js';
import { list, number, range, whole, type Kernels, type Lowering } from './kernel.js';
import { concatenate, dilate, pad, slice } from './layout.js';

/** A convolution with two spatial dimensions or three, as TensorFlow's operations take it. */
interface Conv {
  readonly strides: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly dilation: readonly number[];
}

/** The three shapes that belong to a convolution. */
interface Shapes {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly y: Shape;
}

/** One of the three operands from the two others; `wanted` is its shape. */
type Product = (b: Builder, first: Value, second: Value, conv: Conv, wanted: Shape) => Value;

const float = typeOf('float');
const result = (shape: Shape) => ({ type: 'float' as const, shape });
const around = (middle: readonly number[], ends: number): number[] => [ends, ...middle, ends];

const plain = ({ dilation }: Conv): boolean => dilation.every((d) => d === 1);
const undilated = (conv: Conv): Conv => ({ ...conv, dilation: conv.dilation.map(() => 1) });
/** The size of a kernel with zeros between its taps. */
const spreadOut = (kernel: Shape, dilation: readonly number[]): number[] =>
  kernel.map((k, i) => (i < dilation.length ? (k - 1) * dilation[i]! + 1 : k));
/** The kernel with zeros between its taps: not every operation knows dilation. */
const dilated = (b: Builder, kernel: Value, { dilation }: Conv): Value =>
  dilation.reduce((v, d, axis) => dilate(b, v, b.float(0), axis, d - 1), kernel);
/** The taps out of a kernel's gradient at its spread-out size. */
const taps = (b: Builder, spread: Value, { dilation }: Conv, kernel: Shape): Value =>
  slice(b, spread, kernel.map(() => 0), spread.shape, [...dilation, ...kernel.slice(dilation.length).map(() => 1)]); // prettier-ignore

function padded(b: Builder, x: Value, { low, high }: Conv): Value {
  return pad(b, x, b.float(0), around(low, 0), around(high, 0));
}
function cropped(b: Builder, x: Value, { low }: Conv, shape: Shape): Value {
  const start = around(low, 0);
  return slice(b, x, start, start.map((s, i) => s + shape[i]!), start.map(() => 1)); // prettier-ignore
}
const paddedShape = (shape: Shape, { low, high }: Conv): Shape => {
  const [l, h] = [around(low, 0), around(high, 0)];
  return shape.map((d, i) => d + l[i]! + h[i]!);
};

/** The attributes of the two-dimensional operations, which pad themselves. */
function attributes2d({ strides, low, high, dilation }: Conv): Attributes {
  const explicit = low.some((n) => n > 0) || high.some((n) => n > 0);
  const paddings: Attributes = explicit ? { explicit_paddings: ints([0, 0, ...low.flatMap((l, i) => [l, high[i]!]), 0, 0]) } : {};
  return { T: float, strides: ints(around(strides, 1)), padding: string(explicit ? 'EXPLICIT' : 'VALID'), dilations: ints(around(dilation, 1)), ...paddings }; // prettier-ignore
}

/** Those of the three-dimensional ones, and of those that take each feature by itself: the input is padded before. */
const attributesValid = ({ strides }: Conv): Attributes => ({ T: float, strides: ints(around(strides, 1)), padding: string('VALID') });

const is2d = (conv: Conv): boolean => conv.strides.length === 2;

const forward: Product = (b, x, kernel, conv, wanted) => {
  if (is2d(conv)) return b.op1('Conv2D', [x, kernel], attributes2d(conv), result(wanted));
  return b.op1('Conv3D', [padded(b, x, conv), dilated(b, kernel, conv)], attributesValid(conv), result(wanted));
};

const inputGrad: Product = (b, dy, kernel, conv, wanted) => {
  if (!plain(conv)) return inputGrad(b, dy, dilated(b, kernel, conv), undilated(conv), wanted);
  if (is2d(conv)) return b.op1('Conv2DBackpropInput', [b.int32(wanted), kernel, dy], attributes2d(conv), result(wanted));
  const shape = paddedShape(wanted, conv);
  const attributes = { ...attributesValid(conv), Tshape: typeOf('int32') };
  return cropped(b, b.op1('Conv3DBackpropInputV2', [b.int32(shape), kernel, dy], attributes, result(shape)), conv, wanted);
};

const kernelGrad: Product = (b, x, dy, conv, wanted) => {
  if (!plain(conv)) return taps(b, kernelGrad(b, x, dy, undilated(conv), spreadOut(wanted, conv.dilation)), conv, wanted);
  if (is2d(conv)) return b.op1('Conv2DBackpropFilter', [x, b.int32(wanted), dy], attributes2d(conv), result(wanted));
  return b.op1('Conv3DBackpropFilterV2', [padded(b, x, conv), b.int32(wanted), dy], attributesValid(conv), result(wanted));
};

/** A kernel [h, w, 1, features * multiplier] as the operations that take each feature by itself have it: [h, w, features, multiplier]. */
const depthwiseShape = (kernel: Shape, features: number): number[] => [kernel[0]!, kernel[1]!, features, kernel[3]! / features];

const depthwise: Record<'forward' | 'inputGrad' | 'kernelGrad', Product> = {
  forward: (b, x, kernel, conv, wanted) => {
    const full = dilated(b, kernel, conv);
    const filter = b.reshape(full, depthwiseShape(full.shape, x.shape[3]!));
    return b.op1('DepthwiseConv2dNative', [padded(b, x, conv), filter], attributesValid(conv), result(wanted));
  },
  inputGrad: (b, dy, kernel, conv, wanted) => {
    const full = dilated(b, kernel, conv);
    const filter = b.reshape(full, depthwiseShape(full.shape, wanted[3]!));
    const shape = paddedShape(wanted, conv);
    const dx = b.op1('DepthwiseConv2dNativeBackpropInput', [b.int32(shape), filter, dy], attributesValid(conv), result(shape));
    return cropped(b, dx, conv, wanted);
  },
  kernelGrad: (b, x, dy, conv, wanted) => {
    const full = spreadOut(wanted, conv.dilation);
    const shape = depthwiseShape(full, x.shape[3]!);
    const operands = [padded(b, x, conv), b.int32(shape), dy];
    const filter = b.op1('DepthwiseConv2dNativeBackpropFilter', operands, attributesValid(conv), result(shape));
    return taps(b, b.reshape(filter, full), conv, wanted);
  },
};

/** Part `i` of `n` of a tensor's last axis. */
function part(b: Builder, v: Value, i: number, n: number): Value {
  const last = v.shape.length - 1;
  const size = v.shape[last]! / n;
  const start = v.shape.map((_, axis) => (axis === last ? i * size : 0));
  const limit = v.shape.map((d, axis) => (axis === last ? (i + 1) * size : d));
  return slice(b, v, start, limit, v.shape.map(() => 1)); // prettier-ignore
}

/** The product group by group; x, kernel and y all have the groups in their last axis, one after the other. */
function inGroups(product: Product, groups: number): Product {
  return (b, first, second, conv, wanted) => {
    const own = [...wanted.slice(0, -1), wanted.at(-1)! / groups];
    const parts = range(groups).map((i) => product(b, part(b, first, i, groups), part(b, second, i, groups), conv, own));
    return concatenate(b, parts, wanted.length - 1);
  };
}

/** One spatial dimension becomes two: the first has size 1. */
const wide = (shape: Shape, at: number): Shape => [...shape.slice(0, at), 1, ...shape.slice(at)];

/** Lowers a product: which operands it takes (0 for x, 1 for the kernel, 2 for y) and which one it gives. */
function lowering(name: 'forward' | 'inputGrad' | 'kernelGrad', given: readonly (keyof Shapes)[], gives: keyof Shapes): Lowering {
  const products = { forward, inputGrad, kernelGrad };
  return (b, inputs, { params, outputs }) => {
    const shapes = { [given[0]!]: inputs[0]!.shape, [given[1]!]: inputs[1]!.shape, [gives]: outputs[0]!.shape } as unknown as Shapes;
    if (Object.values(shapes).some((shape: Shape) => sizeOf(shape) === 0)) return [b.broadcast(b.float(0), outputs[0]!.shape)];
    const groups = number(params, 'groups');
    const one = list(params, 'strides').length === 1;
    const along = (key: string, rest: number): readonly number[] => (one ? [rest, ...list(params, key)] : list(params, key));
    const conv: Conv = { strides: along('strides', 1), low: along('low', 0), high: along('high', 0), dilation: along('dilation', 1) };
    const shaped = (key: keyof Shapes): Shape => (one ? wide(shapes[key], key === 'kernel' ? 0 : 1) : shapes[key]);
    const apart = groups > 1 && groups === shapes.x.at(-1) && is2d(conv) && conv.strides[0] === conv.strides[1];
    const product = apart ? depthwise[name] : groups > 1 ? inGroups(products[name], groups) : products[name];
    const [first, second] = [0, 1].map((i) => b.reshape(inputs[i]!, shaped(given[i]!))) as [Value, Value];
    return [b.reshape(product(b, first, second, conv, shaped(gives)), outputs[0]!.shape)];
  };
}

export const convolutionKernels: Kernels = {
  conv: whole(lowering('forward', ['x', 'kernel'], 'y')),
  convInputGrad: whole(lowering('inputGrad', ['y', 'kernel'], 'x')),
  convKernelGrad: whole(lowering('kernelGrad', ['x', 'y'], 'kernel')),
};
