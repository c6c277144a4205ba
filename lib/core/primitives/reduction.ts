/** Primitives that reduce axes. The reduced dimensions disappear. */
import { Aval, normalizeAxes, normalizeAxis, type Shape } from '../aval.js';
import { bind, bind1 } from '../bind.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive, type GradContext, type Primitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { vjp } from '../autodiff.js';
import { iota, full, zerosLike } from './creation.js';
import { eq, select } from './comparison.js';
import { convert, div, mul } from './elementwise.js';
import { scatterAddAlong } from './gather.js';
import { broadcast, reshape, sliceAxis } from './layout.js';

type Axes = { axes: readonly number[] };

const without = (shape: Shape, axes: readonly number[]): Shape => shape.filter((_, i) => !axes.includes(i));

/** Undoes a reduction's shape: puts the lost axes back by repetition. */
const unreduce = (x: Tensor, shape: Shape, axes: readonly number[]): Tensor =>
  broadcast(
    x,
    shape,
    shape.map((_, i) => i).filter((i) => !axes.includes(i)),
  );

function reduction(name: string, bools: boolean, grad: (c: GradContext<Axes>) => Tensor) {
  const primitive: Primitive<Axes> = definePrimitive<Axes>({
    name,
    infer([x], { axes }) {
      if (x!.dtype === 'bool' && !bools) throw new DTypeError(`${name} takes numbers, got ${x!}; convert it with astype('int32')`);
      return [x!.with({ shape: without(x!.shape, axes) })];
    },
    grad: (c) => [grad(c)],
  });
  return (x: Tensor, axes?: number | readonly number[] | null): Tensor => {
    const list = normalizeAxes(axes, x.ndim);
    return list.length === 0 ? x : bind1(primitive, [x], { axes: list });
  };
}

/**
 * The sum over `axes`, all by default, which disappear.
 * @example lax.reduceSum(np.array([[1, 2], [3, 4]]), 0); // => Tensor float32[2] [4, 6]
 */
export const reduceSum = reduction('reduceSum', false, ({ inputs, params, ct }) => unreduce(ct, inputs[0]!.shape, params.axes));

/**
 * The product over `axes`, all by default, which disappear.
 * @example lax.reduceProd(np.array([[1, 2], [3, 4]]), 0); // => Tensor float32[2] [3, 8]
 */
export const reduceProd = reduction('reduceProd', false, ({ inputs, params, ct }) => {
  const [, back] = vjp((x: Tensor) => productTree(x, params.axes), inputs[0]!);
  return back(ct)[0];
});

// The product by halves: multiplications only, so that zeros have the right gradient.
function productTree(x: Tensor, axes: readonly number[]): Tensor {
  const shape = without(x.shape, axes);
  for (const axis of axes) {
    while (x.shape[axis]! > 1) {
      const n = x.shape[axis]!;
      const half = Math.floor(n / 2);
      const paired = mul(sliceAxis(x, axis, 0, half), sliceAxis(x, axis, half, 2 * half));
      if (n % 2 === 1) {
        const last = sliceAxis(x, axis, n - 1, n);
        x = half === 1 ? mul(paired, last) : multiplyFirst(paired, last, axis);
      } else {
        x = paired;
      }
    }
  }
  return x.size === 0 ? full(shape, 1, x.dtype) : reshape(x, shape);
}

function multiplyFirst(x: Tensor, factor: Tensor, axis: number): Tensor {
  const mask = eq(iota(x.shape, axis), 0);
  const spread = broadcast(
    factor,
    x.shape,
    x.shape.map((_, i) => i),
  );
  return mul(x, select(mask, spread, 1));
}

// Ties share the cotangent evenly, as in JAX.
const extremum = ({ inputs, outputs, params, ct }: GradContext<Axes>): Tensor => {
  const { shape } = inputs[0]!;
  const location = convert(eq(inputs[0]!, unreduce(outputs[0]!, shape, params.axes)), inputs[0]!.dtype);
  return mul(unreduce(div(ct, reduceSum(location, params.axes)), shape, params.axes), location);
};
/**
 * The greatest over `axes`, all by default, which disappear; NaN if there is one.
 * @example lax.reduceMax(np.array([[1, 2], [3, 4]]), 0); // => Tensor float32[2] [3, 4]
 */
export const reduceMax = reduction('reduceMax', true, extremum);
/**
 * The least over `axes`, all by default, which disappear; NaN if there is one.
 * @example lax.reduceMin(np.array([[1, 2], [3, 4]]), 0); // => Tensor float32[2] [1, 2]
 */
export const reduceMin = reduction('reduceMin', true, extremum);

function indexOfExtremum(name: string) {
  const primitive = definePrimitive<{ axis: number }>({
    name,
    infer([x], { axis }) {
      if (x!.shape[axis] === 0) throw new ShapeError(`${name} of ${x!} along axis ${axis}, which is empty, has no result`);
      return [Aval.of(without(x!.shape, [axis]), 'int32')];
    },
    grad: null,
  });
  return (x: Tensor, axis: number): Tensor => bind1(primitive, [x], { axis: normalizeAxis(axis, x.ndim) });
}

/**
 * The index of the first greatest element along `axis` (the first NaN, if there is one), int32.
 * @example lax.argmax(np.array([[1, 5], [7, 2]]), 1); // => Tensor int32[2] [1, 0]
 */
export const argmax = indexOfExtremum('argmax');
/**
 * The index of the first least element along `axis` (the first NaN, if there is one), int32.
 * @example lax.argmin(np.array([[1, 5], [7, 2]]), 1); // => Tensor int32[2] [0, 1]
 */
export const argmin = indexOfExtremum('argmin');

const cumsumPrimitive = definePrimitive<{ axis: number; reverse: boolean }>({
  name: 'cumsum',
  infer([x]) {
    if (x!.dtype === 'bool') throw new DTypeError(`cumsum takes numbers, got ${x!}; convert it with astype('int32')`);
    return [x!];
  },
  grad: ({ params, ct }) => [cumsum(ct, params.axis, !params.reverse)],
});

/**
 * Running sums along `axis`, from its end if `reverse`.
 * @example lax.cumsum(np.array([1, 2, 3]), 0); // => Tensor float32[3] [1, 3, 6]
 */
export const cumsum = (x: Tensor, axis: number, reverse = false): Tensor =>
  bind1(cumsumPrimitive, [x], { axis: normalizeAxis(axis, x.ndim), reverse });

const sortPrimitive = definePrimitive<{ axis: number; numKeys: number }>({
  name: 'sort',
  infer(inputs, { numKeys }) {
    for (const a of inputs) {
      if (a.shape.join() !== inputs[0]!.shape.join()) throw new ShapeError(`sort needs operands of one shape, got ${inputs.join(', ')}`);
    }
    if (numKeys < 1 || numKeys > inputs.length) throw new ShapeError(`sort of ${inputs.length} operands got ${numKeys} keys`);
    return [...inputs];
  },
  grad({ inputs, params: { axis, numKeys }, cotangents }) {
    const keys = inputs.slice(0, numKeys);
    const order = sort([...keys, iota(inputs[0]!.shape, axis)], axis, numKeys)[numKeys]!;
    return cotangents.map((ct) => (ct === null ? null : scatterAddAlong(zerosLike(ct), order, ct, axis)));
  },
});

/**
 * Sorts several tensors of one shape along `axis` by the first `numKeys` of them; stable, ascending, NaN last.
 * @example lax.sort([np.array([3, 1, 2]), np.array([0, 1, 2], 'int32')], 0); // => [Tensor float32[3] [1, 2, 3], Tensor int32[3] [1, 2, 0]]
 */
export const sort = (operands: readonly Tensor[], axis: number, numKeys = 1): Tensor[] =>
  bind(sortPrimitive, operands, { axis: normalizeAxis(axis, operands[0]!.ndim), numKeys });
