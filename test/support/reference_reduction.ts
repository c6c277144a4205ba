/** Reductions and matrix products, as docs/primitives.md defines them. Sums of floats are double and rounded once. */
import type { DType } from '../../lib/backends/backend.js';
import { aroundAxis, dot, forEachIndex, GREATEST, LEAST, list, number, range, stridesOf, type Kernel } from './reference_value.js';

type Fold = (a: number, b: number) => number;

/** Wraps at 32 bits; int32 and uint32 differ only in how the bits are read, which storing settles. */
const addOf = (dtype: DType): Fold => (dtype === 'float32' ? (a, b) => a + b : (a, b) => (a + b) | 0);
const mulOf = (dtype: DType): Fold => (dtype === 'float32' ? (a, b) => a * b : Math.imul);

const reduce =
  (startOf: (dtype: DType) => number, foldOf: (dtype: DType) => Fold): Kernel =>
  ([x], [out], params) => {
    const axes = list(params, 'axes');
    const kept = range(x!.shape.length).filter((d) => !axes.includes(d));
    const strides = stridesOf(out!.shape);
    const fold = foldOf(x!.dtype);
    const totals = new Float64Array(out!.data.length).fill(startOf(x!.dtype));
    forEachIndex(x!.shape, (index, at) => {
      const to = kept.reduce((sum, d, i) => sum + index[d]! * strides[i]!, 0);
      totals[to] = fold(totals[to]!, x!.data[at]!);
    });
    out!.data.set(totals);
  };

const indexOfExtremum =
  (better: (a: number, b: number) => boolean): Kernel =>
  ([x], [out], params) => {
    const { outer, length, inner } = aroundAxis(x!.shape, number(params, 'axis'));
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        let best = 0;
        for (let k = 1; k < length; k++) {
          const [have, value] = [x!.data[(o * length + best) * inner + i]!, x!.data[(o * length + k) * inner + i]!];
          if (!Number.isNaN(have) && (Number.isNaN(value) || better(value, have))) best = k;
        }
        out!.data[o * inner + i] = best;
      }
    }
  };

const cumsum: Kernel = ([x], [out], params) => {
  const { outer, length, inner } = aroundAxis(x!.shape, number(params, 'axis'));
  const add = addOf(x!.dtype);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let sum = 0;
      for (let k = 0; k < length; k++) {
        const at = (o * length + (params.reverse ? length - 1 - k : k)) * inner + i;
        sum = add(sum, x!.data[at]!);
        out!.data[at] = sum;
      }
    }
  }
};

const dotGeneral: Kernel = ([x, y], [out], params) => {
  const [lhsContract, rhsContract, lhsBatch, rhsBatch] = ['lhsContract', 'rhsContract', 'lhsBatch', 'rhsBatch'].map((n) => list(params, n));
  const free = (rank: number, ...used: (readonly number[])[]) => range(rank).filter((d) => !used.some((u) => u.includes(d)));
  const xFree = free(x!.shape.length, lhsContract!, lhsBatch!);
  const yFree = free(y!.shape.length, rhsContract!, rhsBatch!);
  const xStrides = stridesOf(x!.shape);
  const yStrides = stridesOf(y!.shape);
  const pick = (dims: readonly number[], strides: readonly number[]) => dims.map((d) => strides[d]!);
  // Strides by output dimension (batch, x's free, y's free), and by contracted dimension.
  const xOut = [...pick(lhsBatch!, xStrides), ...pick(xFree, xStrides), ...yFree.map(() => 0)];
  const yOut = [...pick(rhsBatch!, yStrides), ...xFree.map(() => 0), ...pick(yFree, yStrides)];
  const pairs: [number, number][] = [];
  const [xSum, ySum] = [pick(lhsContract!, xStrides), pick(rhsContract!, yStrides)];
  forEachIndex(
    lhsContract!.map((d) => x!.shape[d]!),
    (index) => pairs.push([dot(index, xSum), dot(index, ySum)]),
  );
  const [add, mul] = [addOf(x!.dtype), mulOf(x!.dtype)];
  forEachIndex(out!.shape, (index, at) => {
    const [xAt, yAt] = [dot(index, xOut), dot(index, yOut)];
    let sum = 0;
    for (const [i, j] of pairs) sum = add(sum, mul(x!.data[xAt + i]!, y!.data[yAt + j]!));
    out!.data[at] = sum;
  });
};

const dense: Kernel = ([x, kernel, bias], [out]) => {
  const [depth, width] = kernel!.shape as [number, number];
  for (let at = 0; at < out!.data.length; at++) {
    const [row, column] = [Math.floor(at / width), at % width];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += x!.data[row * depth + k]! * kernel!.data[k * width + column]!;
    out!.data[at] = sum + (bias?.data[column] ?? 0);
  }
};

/** Householder's method with LAPACK's signs: each reflection maps a column to -sign(its head) times its length. */
const qr: Kernel = ([x], [q, r]) => {
  const [rows, columns] = x!.shape as [number, number];
  const rank = Math.min(rows, columns);
  const a = Float64Array.from(x!.data);
  const full = Float64Array.from({ length: rows * rows }, (_, i) => (i % (rows + 1) === 0 ? 1 : 0)); // becomes Q
  for (let k = 0; k < rank; k++) {
    let tail = 0;
    for (let i = k + 1; i < rows; i++) tail += a[i * columns + k]! ** 2;
    if (tail === 0) continue; // no reflection: LAPACK keeps the head's sign
    const head = a[k * columns + k]!;
    const beta = (head < 0 || Object.is(head, -0) ? 1 : -1) * Math.sqrt(head * head + tail);
    const v = Float64Array.from({ length: rows }, (_, i) => (i < k ? 0 : i === k ? head - beta : a[i * columns + k]!));
    const factor = 2 / v.reduce((s, e) => s + e * e, 0);
    for (let j = k; j < columns; j++) {
      let s = 0;
      for (let i = k; i < rows; i++) s += v[i]! * a[i * columns + j]!;
      for (let i = k; i < rows; i++) a[i * columns + j]! -= factor * s * v[i]!;
    }
    for (let i = 0; i < rows; i++) {
      let s = 0;
      for (let j = k; j < rows; j++) s += full[i * rows + j]! * v[j]!;
      for (let j = k; j < rows; j++) full[i * rows + j]! -= factor * s * v[j]!;
    }
  }
  for (let i = 0; i < rows; i++) for (let j = 0; j < rank; j++) q!.data[i * rank + j] = full[i * rows + j]!;
  for (let i = 0; i < rank; i++) for (let j = 0; j < columns; j++) r!.data[i * columns + j] = j < i ? 0 : a[i * columns + j]!;
};

export const reductionKernels: Record<string, Kernel> = {
  reduceSum: reduce(() => 0, addOf),
  reduceProd: reduce(() => 1, mulOf),
  reduceMax: reduce(
    (dtype) => LEAST[dtype],
    () => Math.max,
  ),
  reduceMin: reduce(
    (dtype) => GREATEST[dtype],
    () => Math.min,
  ),
  argmax: indexOfExtremum((a, b) => a > b),
  argmin: indexOfExtremum((a, b) => a < b),
  cumsum,
  dotGeneral,
  dense,
  qr,
};
