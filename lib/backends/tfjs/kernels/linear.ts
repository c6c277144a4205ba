/** Matrix products and the QR decomposition. */
import { sizeOf } from '../../../core/aval.js';
import { bool, type as typeOf, type Builder, type Value } from '../graph.js';
import { list, range, whole, type Kernel, type Kernels } from './kernel.js';

/** x [m, k] times y [k, n], either stored transposed. */
export function matmul(b: Builder, x: Value, y: Value, transposeX = false, transposeY = false): Value {
  const shape = [x.shape[transposeX ? 1 : 0]!, y.shape[transposeY ? 0 : 1]!];
  const attributes = { transpose_a: bool(transposeX), transpose_b: bool(transposeY), T: typeOf(x.type) };
  return b.op1('MatMul', [x, y], attributes, { type: x.type, shape });
}

/** x [batch, m, k] times y [batch, k, n]. */
function batchMatmul(b: Builder, x: Value, y: Value): Value {
  const shape = [x.shape[0]!, x.shape[1]!, y.shape[2]!];
  return b.op1('BatchMatMulV2', [x, y], { adj_x: bool(false), adj_y: bool(false), T: typeOf(x.type) }, { type: x.type, shape });
}

const sizes = (x: Value, dims: readonly number[]): number => dims.reduce((n, d) => n * x.shape[d]!, 1);
const isRun = (dims: readonly number[], start: number): boolean => dims.every((d, i) => d === start + i);

const dotGeneral: Kernel = whole((b, [x, y], { params, outputs }) => {
  const [lhsContract, rhsContract, lhsBatch, rhsBatch] = ['lhsContract', 'rhsContract', 'lhsBatch', 'rhsBatch'].map((n) => list(params, n)) as [readonly number[], readonly number[], readonly number[], readonly number[]]; // prettier-ignore
  const free = (v: Value, ...used: (readonly number[])[]): number[] =>
    range(v.shape.length).filter((d) => !used.some((u) => u.includes(d)));
  const xFree = free(x!, lhsContract, lhsBatch);
  const yFree = free(y!, rhsContract, rhsBatch);
  const [batch, m, k, n] = [sizes(x!, lhsBatch), sizes(x!, xFree), sizes(x!, lhsContract), sizes(y!, yFree)];
  if (lhsBatch.length === 0) {
    // Stored transposed is as good, as long as the contracted dimensions come first (last) and in the other operand's order.
    const transposeX = isRun(lhsContract, 0) && xFree.length > 0 && lhsContract.length > 0;
    const transposeY = isRun(rhsContract, yFree.length) && yFree.length > 0 && rhsContract.length > 0;
    const left = transposeX ? b.reshape(x!, [k, m]) : b.reshape(b.transpose(x!, [...xFree, ...lhsContract]), [m, k]);
    const right = transposeY ? b.reshape(y!, [n, k]) : b.reshape(b.transpose(y!, [...rhsContract, ...yFree]), [k, n]);
    return [b.reshape(matmul(b, left, right, transposeX, transposeY), outputs[0]!.shape)];
  }
  const left = b.reshape(b.transpose(x!, [...lhsBatch, ...xFree, ...lhsContract]), [batch, m, k]);
  const right = b.reshape(b.transpose(y!, [...rhsBatch, ...rhsContract, ...yFree]), [batch, k, n]);
  return [b.reshape(batchMatmul(b, left, right), outputs[0]!.shape)];
});

const dense: Kernel = whole((b, [x, kernel, bias], { outputs }) => {
  const depth = kernel!.shape[0]!;
  const rows = sizeOf(x!.shape.slice(0, -1));
  const product = matmul(b, b.reshape(x!, [rows, depth]), kernel!);
  return [b.reshape(bias === undefined ? product : b.binary('AddV2', product, bias), outputs[0]!.shape)];
});

/** TensorFlow's kernel is Householder's method with LAPACK's signs too. */
const qr: Kernel = whole((b, [x], { outputs }) => {
  const results = outputs.map(({ shape }) => ({ type: 'float' as const, shape }));
  if (sizeOf(x!.shape) === 0) return results.map(({ shape }) => b.broadcast(b.float(0), shape));
  return b.op('Qr', [x!], { full_matrices: bool(false), T: typeOf('float') }, results);
});

export const linearKernels: Kernels = { dotGeneral, dense, qr };
