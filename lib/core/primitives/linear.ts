/** Matrix products: dotGeneral, dense, qr. */
import { Aval, formatShape } from '../aval.js';
import { bind, bind1 } from '../bind.js';
import { isFloat } from '../dtype.js';
import { DTypeError, GradientError, ShapeError } from '../errors.js';
import { definePrimitive } from '../primitive.js';
import type { Tensor } from '../tensor.js';
import { transpose } from './layout.js';
import { reduceSum } from './reduction.js';

/** Which dimensions of the operands are summed over, and which are matched one to one. */
export interface DotDimensions {
  readonly lhsContract: readonly number[];
  readonly rhsContract: readonly number[];
  readonly lhsBatch: readonly number[];
  readonly rhsBatch: readonly number[];
}
/** float32 throughout, or operands rounded to bfloat16, where a backend's own choice may be between: tf32 on `cuda`. */
export type Precision = 'highest' | 'bfloat16';
type Dims = DotDimensions & { readonly precision?: Precision } & Record<string, readonly number[] | Precision>;

/** Parameters with a precision, or none at all where the backend may choose. */
const withPrecision = (precision: Precision | undefined): { precision?: Precision } => (precision === undefined ? {} : { precision });

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const rest = (rank: number, ...taken: (readonly number[])[]): number[] => range(rank).filter((d) => !taken.some((t) => t.includes(d)));

const dotGeneralPrimitive = definePrimitive<Dims>({
  name: 'dotGeneral',
  infer([x, y], d) {
    if (x!.dtype !== y!.dtype || x!.dtype === 'bool')
      throw new DTypeError(`a matrix product needs operands of one number dtype, got ${x!} and ${y!}`);
    const fits = (a: readonly number[], b: readonly number[]) =>
      a.length === b.length && a.every((p, i) => x!.shape[p] === y!.shape[b[i]!]);
    if (!fits(d.lhsContract, d.rhsContract) || !fits(d.lhsBatch, d.rhsBatch)) {
      throw new ShapeError(
        `a matrix product of ${x!} and ${y!} sums over dimensions ${formatShape(d.lhsContract)} and ${formatShape(d.rhsContract)}, whose sizes differ`,
      );
    }
    const free = (a: Aval, ...taken: (readonly number[])[]) => rest(a.rank, ...taken).map((i) => a.shape[i]!);
    const shape = [...d.lhsBatch.map((i) => x!.shape[i]!), ...free(x!, d.lhsContract, d.lhsBatch), ...free(y!, d.rhsContract, d.rhsBatch)];
    return [Aval.of(shape, x!.dtype, x!.weak && y!.weak)];
  },
  grad({ inputs, params, ct, needs }) {
    const [x, y] = inputs as [Tensor, Tensor];
    return [needs[0] ? gradOfOperand(ct, x, y, params, false) : null, needs[1] ? gradOfOperand(ct, y, x, swap(params), true) : null];
  },
});

const swap = (d: Dims): Dims => ({
  ...d,
  lhsContract: d.rhsContract,
  rhsContract: d.lhsContract,
  lhsBatch: d.rhsBatch,
  rhsBatch: d.lhsBatch,
});

// The cotangent of `x` in a product with `y`: ct contracted with y over y's free dimensions. `d` is seen from x; `second` tells whether x was the right operand.
function gradOfOperand(ct: Tensor, x: Tensor, y: Tensor, d: Dims, second: boolean): Tensor {
  const batch = d.lhsBatch.length;
  const xFree = rest(x.ndim, d.lhsContract, d.lhsBatch);
  const yFree = rest(y.ndim, d.rhsContract, d.rhsBatch);
  const ctY = yFree.map((_, i) => batch + i + (second ? 0 : xFree.length));
  // The operand order keeps the result's free dimensions where x has them in the common case, so that no transpose follows.
  const yRest = rest(y.ndim, yFree, d.rhsBatch); // the contracted dimensions of y in y's order
  const xOfY = yRest.map((p) => d.lhsContract[d.rhsContract.indexOf(p)]!);
  const yFirst = second;
  const product = yFirst
    ? dotGeneral(y, ct, { lhsContract: yFree, rhsContract: ctY, lhsBatch: d.rhsBatch, rhsBatch: range(batch) }, d.precision)
    : dotGeneral(ct, y, { lhsContract: ctY, rhsContract: yFree, lhsBatch: range(batch), rhsBatch: d.rhsBatch }, d.precision);
  const order = yFirst ? [...d.lhsBatch, ...xOfY, ...xFree] : [...d.lhsBatch, ...xFree, ...xOfY];
  return transpose(
    product,
    range(x.ndim).map((i) => order.indexOf(i)),
  );
}

/**
 * `jax.lax.dot_general`: the output has the batch dimensions, then x's free ones, then y's. float32, or integers that wrap. With
 * `precision` 'highest' the products and sums of floats are float32, gradients included; else `cuda` may round the operands to tf32 (10 bits of mantissa),
 * with 'bfloat16' to 7.
 * @example
 * const dims = { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] };
 * lax.dotGeneral(np.array([[1, 2]]), np.array([[3], [4]]), dims); // => Tensor float32[1, 1] [[11]]
 */
export const dotGeneral = (x: Tensor, y: Tensor, dims: DotDimensions, precision?: Precision): Tensor =>
  bind1(dotGeneralPrimitive, [x, y], { ...dims, ...withPrecision(precision) });

const densePrimitive = definePrimitive<{ readonly precision?: Precision } & Record<string, Precision>>({
  name: 'dense',
  infer([x, kernel, bias]) {
    for (const a of [x!, kernel!, bias])
      if (a !== undefined && !isFloat(a.dtype)) throw new DTypeError(`dense takes float32, got ${a}; convert it with astype('float32')`);
    if (x!.rank < 1 || kernel!.rank !== 2 || x!.shape[x!.rank - 1] !== kernel!.shape[0]) {
      throw new ShapeError(`dense needs x [..., K] and a kernel [K, N], got ${x!} and ${kernel!}`);
    }
    if (bias !== undefined && (bias.rank !== 1 || bias.shape[0] !== kernel!.shape[1])) {
      throw new ShapeError(`dense with kernel ${kernel!} needs a bias of shape [${kernel!.shape[1]}], got ${bias}`);
    }
    return [Aval.of([...x!.shape.slice(0, -1), kernel!.shape[1]!], 'float32')];
  },
  grad({ inputs, params: { precision }, ct, needs }) {
    const [x, kernel] = inputs as [Tensor, Tensor];
    const lead = range(x.ndim - 1);
    const grads = [
      needs[0] ? dotGeneral(ct, kernel, { lhsContract: [x.ndim - 1], rhsContract: [1], lhsBatch: [], rhsBatch: [] }, precision) : null,
      needs[1] ? dotGeneral(x, ct, { lhsContract: lead, rhsContract: lead, lhsBatch: [], rhsBatch: [] }, precision) : null,
    ];
    return inputs.length === 3 ? [...grads, needs[2] ? reduceSum(ct, lead) : null] : grads;
  },
});

/**
 * `x @ kernel + bias` over the last axis of x. Shapes [..., K], [K, N], [N]; `precision` as in dotGeneral.
 * @example lax.dense(np.array([[1, 2]]), np.array([[3], [4]]), np.array([0.5])); // => Tensor float32[1, 1] [[11.5]]
 */
export const dense = (x: Tensor, kernel: Tensor, bias?: Tensor | null, precision?: Precision): Tensor =>
  bind1(densePrimitive, bias ? [x, kernel, bias] : [x, kernel], withPrecision(precision) as Record<string, Precision>);

const qrPrimitive = definePrimitive({
  name: 'qr',
  infer([x]) {
    if (x!.rank !== 2 || !isFloat(x!.dtype)) throw new ShapeError(`qr needs a float32 matrix, got ${x!}`);
    const [m, n] = x!.shape as [number, number];
    return [Aval.of([m, Math.min(m, n)], 'float32'), Aval.of([Math.min(m, n), n], 'float32')];
  },
  grad() {
    throw new GradientError('qr has no gradient rule: put stopGradient around its input');
  },
});

/**
 * Reduced QR decomposition by Householder reflections, with LAPACK's signs.
 * @example
 * const [q, r] = lax.qr(np.array([[3, 0], [4, 5]]));
 * r; // => Tensor float32[2, 2] [[-5, -4], [0, 3]]
 */
export const qr = (x: Tensor): [Tensor, Tensor] => bind(qrPrimitive, [x], {}) as [Tensor, Tensor];
