/** Pooling: maxima and sums over windows of [batch, spatial..., features], and what their gradients need. */
import { Aval, type Shape } from '../aval.js';
import { bind1 } from '../bind.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { countWindows, expectImages, expectLists, expectShape, spatialOf, type Strides } from './windows.js';

/** How a pooling moves over its input. */
export interface PoolOptions extends Strides {
  /** The window's size along each spatial dimension. */
  readonly window: Shape;
}
type PoolParams = PoolOptions & Record<string, readonly number[]>;
type SumGradParams = PoolParams & { readonly spatial: Shape };

const only = ({ window, strides, low, high }: PoolOptions): PoolParams => ({ window, strides, low, high });

/** The type of a pooled x; throws an error that names what does not fit. */
function pooled(name: string, x: Aval, options: PoolOptions): Aval {
  const { window, strides, low, high } = options;
  expectImages(name, x);
  expectLists(name, x, 1, { window, strides });
  expectLists(name, x, 0, { low, high });
  return Aval.of([x.shape[0]!, ...countWindows(spatialOf(x.shape), window, options), x.shape.at(-1)!], 'float32');
}

const maxPoolPrimitive = definePrimitive<PoolParams>({
  name: 'maxPool',
  infer: ([x], params) => [pooled('maxPool', x!, params)],
  grad: ({ inputs, params, ct }) => [maxPoolGrad(inputs[0]!, ct, params)],
});

/**
 * The greatest element of each window; the padding counts as -infinity.
 * @example
 * const x = np.array([1, 5, 3, 3], { dtype: 'float32' }).reshape([1, 4, 1]);
 * lax.maxPool(x, { window: [2], strides: [2], low: [0], high: [0] }).ravel().toArray(); // => [5, 3]
 */
export const maxPool = (x: Tensor, options: PoolOptions): Tensor => bind1(maxPoolPrimitive, [x], only(options));

// Which element is the greatest does not change in a neighbourhood of x, so nothing flows back to x from these two.
const maxPoolGradPrimitive = definePrimitive<PoolParams>({
  name: 'maxPoolGrad',
  infer([x, dy], params) {
    expectShape('maxPoolGrad', `a cotangent for x ${x!}`, dy!, pooled('maxPoolGrad', x!, params).shape);
    return [x!];
  },
  grad: ({ inputs, params, ct, needs }) => [null, needs[1] ? maxPoolGather(inputs[0]!, ct, params) : null],
});

/**
 * The gradient of `maxPool`: each element of dy is added where its window of x has its first maximum.
 * @example
 * const x = np.array([1, 5, 3, 3], { dtype: 'float32' }).reshape([1, 4, 1]);
 * lax.maxPoolGrad(x, np.ones([1, 2, 1]), { window: [2], strides: [2], low: [0], high: [0] }).ravel().toArray(); // => [0, 1, 1, 0]
 */
export const maxPoolGrad = (x: Tensor, dy: Tensor, options: PoolOptions): Tensor => bind1(maxPoolGradPrimitive, [x, dy], only(options));

const maxPoolGatherPrimitive = definePrimitive<PoolParams>({
  name: 'maxPoolGather',
  infer([x, t], params) {
    const result = pooled('maxPoolGather', x!, params);
    expectShape('maxPoolGather', 'a second operand', t!, x!.shape);
    return [result];
  },
  grad: ({ inputs, params, ct, needs }) => [null, needs[1] ? maxPoolGrad(inputs[0]!, ct, params) : null],
});

/**
 * The transpose of `maxPoolGrad` in dy: from each window the element of t that stands where x has its first maximum.
 * @example
 * const x = np.array([1, 5, 3, 3], { dtype: 'float32' }).reshape([1, 4, 1]);
 * const t = np.arange(4, { dtype: 'float32' }).reshape([1, 4, 1]);
 * lax.maxPoolGather(x, t, { window: [2], strides: [2], low: [0], high: [0] }).ravel().toArray(); // => [1, 2]
 */
export const maxPoolGather = (x: Tensor, t: Tensor, options: PoolOptions): Tensor => bind1(maxPoolGatherPrimitive, [x, t], only(options));

const sumPoolPrimitive = definePrimitive<PoolParams>({
  name: 'sumPool',
  infer: ([x], params) => [pooled('sumPool', x!, params)],
  grad: ({ inputs, params, ct }) => [sumPoolGrad(ct, spatialOf(inputs[0]!.shape), params)],
});

/**
 * The sum of each window; the padding counts as 0.
 * @example
 * const x = np.array([1, 5, 3, 3], { dtype: 'float32' }).reshape([1, 4, 1]);
 * lax.sumPool(x, { window: [2], strides: [2], low: [0], high: [0] }).ravel().toArray(); // => [6, 6]
 */
export const sumPool = (x: Tensor, options: PoolOptions): Tensor => bind1(sumPoolPrimitive, [x], only(options));

const sumPoolGradPrimitive = definePrimitive<SumGradParams>({
  name: 'sumPoolGrad',
  infer([dy], params) {
    expectImages('sumPoolGrad', dy!);
    expectLists('sumPoolGrad', dy!, 0, { spatial: params.spatial });
    const x = Aval.of([dy!.shape[0]!, ...params.spatial, dy!.shape.at(-1)!], 'float32');
    expectShape('sumPoolGrad', `a cotangent for x ${x}`, dy!, pooled('sumPoolGrad', x, params).shape);
    return [x];
  },
  grad: ({ params, ct }) => [sumPool(ct, params)],
});

/**
 * The transpose of `sumPool`: each element of x, whose spatial shape is given, gets the sum of dy over the windows that it lies in.
 * @example lax.sumPoolGrad(np.ones([1, 2, 1]), [5], { window: [2], strides: [2], low: [0], high: [0] }).ravel().toArray(); // => [1, 1, 1, 1, 0]
 */
export const sumPoolGrad = (dy: Tensor, spatial: Shape, options: PoolOptions): Tensor =>
  bind1(sumPoolGradPrimitive, [dy], { ...only(options), spatial });
