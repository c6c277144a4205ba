/** Products of vectors and matrices, and what belongs to matrices. float32, or integers that wrap. */
import { formatShape, normalizeAxis, sameShape } from '../core/aval.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { add, multiply } from './arithmetic.js';
import { arrange, contract, diagonalOf, dropStretched } from './contraction.js';
import { asNumeric, asTensor, cast, promotedDTypes, type TensorLike } from './operands.js';

/** Operands of a product at one dtype; on bools a product is "and", a sum "or". */
function multiplied(name: string, x: TensorLike, y: TensorLike, product: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const [a, b] = promotedDTypes(name, [x, y]) as [Tensor, Tensor];
  return a.dtype === 'bool' ? lax.ne(product(cast(a, 'int32'), cast(b, 'int32')), 0) : product(a, b);
}

/**
 * Matrix product over the last two dimensions, [..., m, k] and [..., k, n] to [..., m, n]; the dimensions before them broadcast, a vector counts as one row on the
 * left and one column on the right. Scalars throw: use np.multiply. As jnp.matmul.
 * @example
 * np.matmul(np.array([[1, 2], [3, 4]]), np.array([1, 1])); // => Tensor float32[2] [3, 7]
 * np.matmul(np.ones([8, 2, 3]), np.ones([3, 4])).shape; // => [8, 2, 4]
 */
export const matmul = (x: TensorLike, y: TensorLike): Tensor =>
  multiplied('matmul', x, y, (a, b) => {
    if (a.ndim === 0 || b.ndim === 0) throw new ShapeError(`np.matmul needs at least one dimension, got ${a} and ${b}: use np.multiply`);
    const inner = b.shape[Math.max(0, b.ndim - 2)]!;
    if (a.shape[a.ndim - 1] !== inner) {
      throw new ShapeError(
        `np.matmul of ${a} and ${b} sums over ${a.shape[a.ndim - 1]} and ${inner} elements: transpose one of them, or check the shapes`,
      );
    }
    const batch = (t: Tensor): string[] => t.shape.slice(0, -2).map((_, i) => `batch${t.ndim - i}`);
    const left = { x: a, labels: a.ndim === 1 ? ['k'] : [...batch(a), 'm', 'k'] };
    const right = { x: b, labels: b.ndim === 1 ? ['k'] : [...batch(b), 'k', 'n'] };
    checkBatch(a, b);
    const longer = a.ndim > b.ndim ? batch(a) : batch(b);
    const out = [...longer, ...(a.ndim > 1 ? ['m'] : []), ...(b.ndim > 1 ? ['n'] : [])];
    const [l, r] = dropStretched([left, right]) as [typeof left, typeof right];
    return arrange(contract(l, r, new Set(out)), out);
  });

function checkBatch(a: Tensor, b: Tensor): void {
  for (let i = 3; i <= Math.min(a.ndim, b.ndim); i++) {
    const [m, n] = [a.shape[a.ndim - i]!, b.shape[b.ndim - i]!];
    if (m !== n && m !== 1 && n !== 1)
      throw new ShapeError(`np.matmul of ${a} and ${b}: the dimensions before the last two must agree or be 1, got ${m} and ${n}`);
  }
}

const contractOver = (a: Tensor, b: Tensor, lhsContract: readonly number[], rhsContract: readonly number[]): Tensor =>
  lax.dotGeneral(a, b, { lhsContract, rhsContract, lhsBatch: [], rhsBatch: [] });

function checkSizes(name: string, a: Tensor, b: Tensor, aAxis: number, bAxis: number): void {
  if (a.shape[aAxis] !== b.shape[bAxis])
    throw new ShapeError(`np.${name} of ${a} and ${b} sums over ${a.shape[aAxis]} and ${b.shape[bAxis]} elements, which must agree`);
}

/**
 * The sum over x's last and y's last but one dimension; a product with a scalar. As jnp.dot.
 * @example np.dot(np.array([1, 2]), np.array([3, 4])); // => Tensor float32[] 11
 */
export const dot = (x: TensorLike, y: TensorLike): Tensor =>
  multiplied('dot', x, y, (a, b) => {
    if (a.ndim === 0 || b.ndim === 0) return multiply(a, b);
    const axis = Math.max(0, b.ndim - 2);
    checkSizes('dot', a, b, a.ndim - 1, axis);
    return contractOver(a, b, [a.ndim - 1], [axis]);
  });

/**
 * The sum of products of all elements, both flattened: a scalar. As jnp.vdot.
 * @example np.vdot(np.ones([2, 3]), np.ones([3, 2])); // => Tensor float32[] 6
 */
export const vdot = (x: TensorLike, y: TensorLike): Tensor =>
  multiplied('vdot', x, y, (a, b) => {
    if (a.size !== b.size) throw new ShapeError(`np.vdot needs as many elements on both sides, got ${a} and ${b}`);
    return contractOver(lax.reshape(a, [a.size]), lax.reshape(b, [b.size]), [0], [0]);
  });

/**
 * The sum over the last dimension of both. As jnp.inner.
 * @example np.inner(np.array([1, 2]), np.array([[3, 4], [5, 6]])); // => Tensor float32[2] [11, 17]
 */
export const inner = (x: TensorLike, y: TensorLike): Tensor =>
  multiplied('inner', x, y, (a, b) => {
    if (a.ndim === 0 || b.ndim === 0) return multiply(a, b);
    checkSizes('inner', a, b, a.ndim - 1, b.ndim - 1);
    return contractOver(a, b, [a.ndim - 1], [b.ndim - 1]);
  });

/**
 * All products of an element of x and one of y, both flattened: [x.size, y.size]. As jnp.outer.
 * @example np.outer(np.array([1, 2]), np.array([3, 4])); // => Tensor float32[2, 2] [[3, 4], [6, 8]]
 */
export function outer(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promotedDTypes('outer', [x, y]) as [Tensor, Tensor];
  return multiply(lax.reshape(a, [a.size, 1]), lax.reshape(b, [1, b.size]));
}

/** Axes to sum over: how many (the last of x, the first of y), or a list for each. */
export type TensordotAxes = number | readonly [number | readonly number[], number | readonly number[]];

/**
 * The sum over pairs of dimensions; what is left of x comes first. As jnp.tensordot, `axes` 2 by default.
 * @example np.tensordot(np.ones([2, 3, 4]), np.ones([3, 4, 5])).shape; // => [2, 5]
 */
export function tensordot(x: TensorLike, y: TensorLike, given: TensordotAxes | { axes?: TensordotAxes } = {}): Tensor {
  const axes =
    typeof given === 'object' && !Array.isArray(given) ? ((given as { axes?: TensordotAxes }).axes ?? 2) : (given as TensordotAxes);
  return multiplied('tensordot', x, y, (a, b) => {
    const [p, q] = typeof axes === 'number' ? innermost(a, b, axes) : [list(axes[0], a.ndim), list(axes[1], b.ndim)];
    if (
      p.length !== q.length ||
      !sameShape(
        p.map((i) => a.shape[i]!),
        q.map((i) => b.shape[i]!),
      )
    ) {
      // prettier-ignore
      throw new ShapeError(`np.tensordot of ${a} and ${b} over axes ${formatShape(p)} and ${formatShape(q)}: their sizes must agree`);
    }
    return contractOver(a, b, p, q);
  });
}

const list = (axes: number | readonly number[], rank: number): number[] =>
  (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(axis, rank));

function innermost(a: Tensor, b: Tensor, count: number): [number[], number[]] {
  if (!Number.isInteger(count) || count < 0 || count > Math.min(a.ndim, b.ndim))
    throw new ArgumentError(`np.tensordot of ${a} and ${b} cannot sum over ${count} axes`);
  const first = Array.from({ length: count }, (_, i) => i);
  return [first.map((i) => a.ndim - count + i), first];
}

/**
 * The sum of the diagonal of the first two dimensions, `offset` above the main one. As jnp.trace.
 * @example np.trace(np.array([[1, 2], [3, 4]])); // => Tensor float32[] 5
 */
export function trace(x: TensorLike, { offset = 0 }: { offset?: number } = {}): Tensor {
  const t = matrix('trace', asNumeric(x, 'trace'));
  return lax.reduceSum(diagonalOf(t, 0, 1, offset), 0);
}

/**
 * The diagonal of the first two dimensions, as the last dimension. As jnp.diagonal.
 * @example np.diagonal(np.array([[1, 2], [3, 4]])); // => Tensor float32[2] [1, 4]
 */
export function diagonal(x: TensorLike, { offset = 0 }: { offset?: number } = {}): Tensor {
  const d = diagonalOf(matrix('diagonal', asTensor(x, 'diagonal')), 0, 1, offset);
  return lax.transpose(d, [...d.shape.slice(1).map((_, i) => i + 1), 0]);
}

function matrix(name: string, t: Tensor): Tensor {
  if (t.ndim < 2) throw new ShapeError(`np.${name} needs at least two dimensions, got ${t}`);
  return t;
}

/**
 * From a vector the matrix with it on diagonal `k`, zeros elsewhere; from a matrix its diagonal `k`. As jnp.diag.
 * @example
 * np.diag(np.array([1, 2])); // => Tensor float32[2, 2] [[1, 0], [0, 2]]
 * np.diag(np.array([[1, 2], [3, 4]])); // => Tensor float32[2] [1, 4]
 */
export function diag(x: TensorLike, given: number | { k?: number } = {}): Tensor {
  const { k = 0 } = typeof given === 'number' ? { k: given } : given;
  const t = asTensor(x, 'diag');
  if (t.ndim === 2) return diagonalOf(t, 0, 1, k);
  if (t.ndim !== 1) throw new ShapeError(`np.diag takes a vector or a matrix, got ${t}`);
  const n = t.shape[0]! + Math.abs(k);
  const padded = lax.pad(t, lax.full([], 0, t.dtype), { low: [Math.max(0, k)], high: [Math.max(0, -k)], interior: [0] });
  // Column j holds element j - k, in row j - k.
  const onDiagonal = lax.eq(add(lax.iota([n, n], 0), k), lax.iota([n, n], 1));
  return lax.select(onDiagonal, lax.broadcast(padded, [n, n], [1]), 0);
}

function triangle(name: string, x: TensorLike, k: number, keeps: (row: Tensor, column: Tensor) => Tensor): Tensor {
  const t = matrix(name, asTensor(x, name));
  const shape = t.shape.slice(-2);
  const row = lax.iota(shape, 0);
  const mask = keeps(k === 0 ? row : lax.add(row, k), lax.iota(shape, 1));
  return lax.select(lax.broadcastTo(mask, t.shape), t, 0);
}

const diagonalOption = (given: number | { k?: number } | undefined): number => (typeof given === 'number' ? given : (given?.k ?? 0));

/**
 * x with zeros above diagonal `k` of the last two dimensions. As jnp.tril.
 * @example np.tril(np.ones([2, 2])); // => Tensor float32[2, 2] [[1, 0], [1, 1]]
 */
export const tril = (x: TensorLike, k?: number | { k?: number }): Tensor => triangle('tril', x, diagonalOption(k), lax.ge);

/**
 * x with zeros below diagonal `k` of the last two dimensions. As jnp.triu.
 * @example np.triu(np.ones([2, 2])); // => Tensor float32[2, 2] [[1, 1], [0, 1]]
 */
export const triu = (x: TensorLike, k?: number | { k?: number }): Tensor => triangle('triu', x, diagonalOption(k), lax.le);
