/** Float32 arithmetic on the host, bit for bit as XLA computes it, for bounds that are known when a sampler is called. */

const { fround } = Math;
const float = new Float32Array(1);
const word = new Int32Array(float.buffer);
const double = new Float64Array(1);
const word64 = new BigInt64Array(double.buffer);

/** The float32 next to x in the direction of `toward`. */
export function nextAfter(x: number, toward: number): number {
  const from = fround(x);
  if (Number.isNaN(from) || from === toward) return from;
  if (from === 0) return Math.sign(toward) * 2 ** -149;
  float[0] = from;
  word[0]! += from < toward === from > 0 ? 1 : -1;
  return float[0];
}

/** `a * b + c` of float32 numbers, rounded once: the double sum is rounded to odd, so that rounding it again to float32 is exact. */
export function fma(a: number, b: number, c: number): number {
  const product = a * b; // exact
  const sum = product + c;
  const back = sum - product;
  const error = product - (sum - back) + (c - back);
  if (error === 0 || !Number.isFinite(sum)) return fround(sum);
  double[0] = sum;
  if ((word64[0]! & 1n) === 0n) word64[0]! += error > 0 === sum > 0 ? 1n : -1n;
  return fround(double[0]);
}

const horner = (x: number, coefficients: readonly number[]): number => coefficients.reduce((p, c) => fma(p, x, fround(c)), 0);

const NUMERATOR = [0.00022905065, 0.003408291, 0.050955694, 0.18520832, 1.1283791];
const DENOMINATOR = [-1.1791603e-7, 2.3547966e-5, 0.0010179626, 0.01407047, 0.11098505, 0.49746925, 1.0];
/** Past this erf rounds to 1. */
const ERF_IS_ONE = fround(3.7439212);

/** The error function of a float32 number: XLA's rational approximation. */
export function erf(x: number): number {
  if (Math.abs(x) > ERF_IS_ONE) return Math.sign(x);
  const square = fround(x * x);
  return fround(fround(x * horner(square, NUMERATOR)) / horner(square, DENOMINATOR));
}
