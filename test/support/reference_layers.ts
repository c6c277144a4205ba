/** Primitives that are whole layers, as docs/primitives.md defines them. */
import type { Kernel } from './reference_value.js';

/** The mean of `f` over the rows of each column. */
function columnMeans(rows: number, columns: number, f: (at: number, column: number) => number): Float64Array {
  const means = new Float64Array(columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) means[c]! += f(r * columns + c, c);
  return means.map((sum) => sum / rows);
}

const rowsOf = (length: number, columns: number): number => (columns === 0 ? 0 : length / columns);

const batchNorm: Kernel = ([x, scale, bias], [y, mean, variance], { epsilon, fastVariance }) => {
  const columns = scale!.data.length;
  const rows = rowsOf(x!.data.length, columns);
  const at = x!.data;
  const means = columnMeans(rows, columns, (i) => at[i]!);
  const variances = fastVariance
    ? columnMeans(rows, columns, (i) => at[i]! ** 2).map((square, c) => square - means[c]! ** 2)
    : columnMeans(rows, columns, (i, c) => (at[i]! - means[c]!) ** 2);
  const factors = variances.map((v, c) => scale!.data[c]! / Math.sqrt(Math.max(v, 0) + (epsilon as number)));
  for (let i = 0; i < at.length; i++) {
    const c = i % columns;
    y!.data[i] = (at[i]! - means[c]!) * factors[c]! + bias!.data[c]!;
  }
  mean!.data.set(means);
  variance!.data.set(variances);
};

const batchNormGrad: Kernel = ([dy, x, scale, mean, variance], [dx, dscale, dbias], { epsilon, fastVariance }) => {
  const columns = scale!.data.length;
  const rows = rowsOf(x!.data.length, columns);
  const clip = (v: number): number => (fastVariance ? Math.max(v, 0) : v);
  const inverse = Float64Array.from(variance!.data, (v) => 1 / Math.sqrt(clip(v) + (epsilon as number)));
  const gate = Float64Array.from(variance!.data, (v) => (!fastVariance || v > 0 ? 1 : v === 0 ? 0.5 : 0));
  const normalized = (i: number, c: number): number => (x!.data[i]! - mean!.data[c]!) * inverse[c]!;
  const ofBias = columnMeans(rows, columns, (i) => dy!.data[i]!);
  const ofScale = columnMeans(rows, columns, (i, c) => dy!.data[i]! * normalized(i, c));
  for (let i = 0; i < dy!.data.length; i++) {
    const c = i % columns;
    dx!.data[i] = scale!.data[c]! * inverse[c]! * (dy!.data[i]! - ofBias[c]! - normalized(i, c) * gate[c]! * ofScale[c]!);
  }
  dscale!.data.set(ofScale.map((m) => (rows === 0 ? 0 : m * rows)));
  dbias!.data.set(ofBias.map((m) => (rows === 0 ? 0 : m * rows)));
};

const softmaxCrossEntropy: Kernel = ([logits, labels], [loss, logSumExp]) => {
  const classes = logits!.shape[logits!.shape.length - 1]!;
  for (let row = 0; row < labels!.data.length; row++) {
    const values = logits!.data.subarray(row * classes, (row + 1) * classes);
    let greatest = -Infinity;
    for (const v of values) greatest = Math.max(greatest, v);
    const shift = Number.isFinite(greatest) ? greatest : 0;
    let sum = 0;
    for (const v of values) sum += Math.exp(v - shift);
    const total = Math.log(sum) + shift;
    const given = labels!.data[row]!;
    const label = given < 0 ? given + classes : given;
    logSumExp!.data[row] = total;
    loss!.data[row] = total - (values[label] ?? NaN);
  }
};

const softmaxCrossEntropyGrad: Kernel = ([dloss, logits, labels, logSumExp], [dlogits]) => {
  const classes = logits!.shape[logits!.shape.length - 1]!;
  for (let row = 0; row < labels!.data.length; row++) {
    const exps = Float64Array.from({ length: classes }, (_, c) => Math.exp(logits!.data[row * classes + c]! - logSumExp!.data[row]!));
    const sum = exps.reduce((total, e) => total + e, 0);
    const given = labels!.data[row]!;
    const label = given < 0 ? given + classes : given;
    for (let c = 0; c < classes; c++) {
      dlogits!.data[row * classes + c] = dloss!.data[row]! * (exps[c]! / sum - Number(c === label));
    }
  }
};

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
];

/** Threefry-2x32 with 20 rounds (Salmon et al. 2011). */
export function threefry2x32(key0: number, key1: number, x0: number, x1: number): [number, number] {
  const keys = [key0, key1, key0 ^ key1 ^ 0x1bd11bda];
  let a = (x0 + key0) | 0;
  let b = (x1 + key1) | 0;
  for (let group = 0; group < 5; group++) {
    for (const r of ROTATIONS[group % 2]!) {
      a = (a + b) | 0;
      b = ((b << r) | (b >>> (32 - r))) ^ a;
    }
    a = (a + keys[(group + 1) % 3]!) | 0;
    b = (b + keys[(group + 2) % 3]! + group + 1) | 0;
  }
  return [a >>> 0, b >>> 0];
}

const threefry: Kernel = ([key, x0, x1], [out0, out1]) => {
  for (let i = 0; i < x0!.data.length; i++) {
    [out0!.data[i], out1!.data[i]] = threefry2x32(key!.data[0]!, key!.data[1]!, x0!.data[i]!, x1!.data[i]!);
  }
};

export const layerKernels: Record<string, Kernel> = {
  batchNorm,
  batchNormGrad,
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
  threefry2x32: threefry,
};
