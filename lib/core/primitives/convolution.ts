/** Convolution and its two transposes. Each is linear in both operands, and the gradients of each are the other two. */
import { Aval, type Shape } from '../aval.js';
import { bind1 } from '../bind.js';
import { ShapeError } from '../errors.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { countWindows, expectFloat, expectImages, expectLists, expectShape, spatialOf, type Strides } from './windows.js';

/** How a convolution moves over its input. */
export interface ConvOptions extends Strides {
  /** How far the kernel's taps lie apart. */
  readonly dilation: readonly number[];
  /** Input and output features fall into so many groups; a group of outputs sees its own group of inputs alone. */
  readonly groups: number;
}
type Lists = Record<string, readonly number[] | number>;
type ConvParams = ConvOptions & Lists;
type InputGradParams = ConvParams & { readonly spatial: Shape };
type KernelGradParams = ConvParams & { readonly window: Shape };

/** The options alone, without what a transpose has besides. */
const only = ({ strides, low, high, dilation, groups }: ConvOptions): ConvParams => ({ strides, low, high, dilation, groups });
const windowOf = (kernel: { readonly shape: Shape }): Shape => kernel.shape.slice(0, -2);

/** The shape of conv(x, kernel); throws an error that names what does not fit. */
function convShape(name: string, x: Aval, kernel: Aval, options: ConvOptions): Shape {
  const { strides, low, high, dilation, groups } = options;
  expectImages(name, x);
  expectFloat(name, kernel);
  expectLists(name, x, 1, { strides, dilation });
  expectLists(name, x, 0, { low, high });
  const [features, perGroup, outputs] = [x.shape.at(-1)!, kernel.shape.at(-2) ?? 0, kernel.shape.at(-1) ?? 0];
  const fits = kernel.rank === x.rank && groups >= 1 && perGroup * groups === features && outputs % groups === 0;
  if (!fits || windowOf(kernel).includes(0)) {
    const inputs = groups === 1 ? features : `${features}/${groups}`;
    const multiple = groups === 1 ? '' : ` with out a multiple of ${groups}`;
    throw new ShapeError(
      `${name} of ${x} needs a kernel [${'k, '.repeat(x.rank - 2)}${inputs}, out]${multiple} and no k of 0, got ${kernel}`,
    );
  }
  const extents = windowOf(kernel).map((k, i) => (k - 1) * dilation[i]! + 1);
  return [x.shape[0]!, ...countWindows(spatialOf(x.shape), extents, options), outputs];
}

const convPrimitive = definePrimitive<ConvParams>({
  name: 'conv',
  infer: ([x, kernel], params) => [Aval.of(convShape('conv', x!, kernel!, params), 'float32')],
  grad({ inputs, params, ct, needs }) {
    const [x, kernel] = inputs as [Tensor, Tensor];
    return [
      needs[0] ? convInputGrad(ct, kernel, spatialOf(x.shape), params) : null,
      needs[1] ? convKernelGrad(x, ct, windowOf(kernel), params) : null,
    ];
  },
});

/**
 * Cross-correlation, as jax.lax.conv_general_dilated: x [N, spatial..., in] with a kernel [window..., in/groups, out], both float32, gives
 * [N, windows..., out]. One to three spatial dimensions, zeros around x.
 * @example
 * const x = np.array([1, 2, 3, 4]).reshape([1, 4, 1]);
 * const kernel = np.array([1, 10]).reshape([2, 1, 1]);
 * lax.conv(x.astype('float32'), kernel.astype('float32'), { strides: [1], low: [1], high: [0], dilation: [1], groups: 1 }).ravel().toArray(); // => [10, 21, 32, 43]
 */
export const conv = (x: Tensor, kernel: Tensor, options: ConvOptions): Tensor => bind1(convPrimitive, [x, kernel], only(options));

const inputGradPrimitive = definePrimitive<InputGradParams>({
  name: 'convInputGrad',
  infer([dy, kernel], params) {
    const name = 'convInputGrad';
    expectImages(name, dy!);
    expectLists(name, dy!, 0, { spatial: params.spatial });
    const x = Aval.of([dy!.shape[0]!, ...params.spatial, (kernel!.shape.at(-2) ?? 0) * params.groups], 'float32');
    expectShape(name, `a cotangent for x ${x} and the kernel ${kernel!}`, dy!, convShape(name, x, kernel!, params));
    return [x];
  },
  grad({ inputs, params, ct, needs }) {
    const [dy, kernel] = inputs as [Tensor, Tensor];
    return [needs[0] ? conv(ct, kernel, params) : null, needs[1] ? convKernelGrad(ct, dy, windowOf(kernel), params) : null];
  },
});

/**
 * The transpose of `conv` in x: the cotangent of x, whose spatial shape is given, for the cotangent dy of the result.
 * @example
 * const options = { strides: [2], low: [0], high: [0], dilation: [1], groups: 1 };
 * lax.convInputGrad(np.ones([1, 2, 1]), np.full([2, 1, 1], 3), [5], options).ravel().toArray(); // => [3, 3, 3, 3, 0]
 */
export const convInputGrad = (dy: Tensor, kernel: Tensor, spatial: Shape, options: ConvOptions): Tensor =>
  bind1(inputGradPrimitive, [dy, kernel], { ...only(options), spatial });

const kernelGradPrimitive = definePrimitive<KernelGradParams>({
  name: 'convKernelGrad',
  infer([x, dy], params) {
    const name = 'convKernelGrad';
    expectImages(name, x!);
    expectLists(name, x!, 1, { window: params.window });
    const kernel = Aval.of([...params.window, Math.floor(x!.shape.at(-1)! / params.groups), dy!.shape.at(-1) ?? 0], 'float32');
    expectShape(name, `a cotangent for x ${x!} and a kernel ${kernel}`, dy!, convShape(name, x!, kernel, params));
    return [kernel];
  },
  grad({ inputs, params, ct, needs }) {
    const [x, dy] = inputs as [Tensor, Tensor];
    return [needs[0] ? convInputGrad(dy, ct, spatialOf(x.shape), params) : null, needs[1] ? conv(x, ct, params) : null];
  },
});

/**
 * The transpose of `conv` in the kernel: the cotangent of a kernel [window..., in/groups, out] for the cotangent dy of the result.
 * @example
 * const options = { strides: [1], low: [0], high: [0], dilation: [1], groups: 1 };
 * lax.convKernelGrad(np.arange(4, { dtype: 'float32' }).reshape([1, 4, 1]), np.ones([1, 3, 1]), [2], options).ravel().toArray(); // => [3, 6]
 */
export const convKernelGrad = (x: Tensor, dy: Tensor, window: Shape, options: ConvOptions): Tensor =>
  bind1(kernelGradPrimitive, [x, dy], { ...only(options), window });
