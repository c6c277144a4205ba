/** Scalar functions that JavaScript lacks, and those whose float32 bits are part of the contract (XLA's polynomials on CPU). */
const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);
const double = new Float64Array(1);
const long = new BigInt64Array(double.buffer);
const round = Math.fround;

/** The float32 with these bits. */
export function fromBits(bits: number): number {
  word[0] = bits;
  return single[0]!;
}

/** The bits of a number as float32. */
export function toBits(x: number): number {
  single[0] = x;
  return word[0]!;
}

/**
 * x * y + z of float32 numbers, rounded once. The product is exact in double precision; the sum is rounded to odd there, after which rounding
 * to float32 is right (Boldo & Melquiond 2008).
 */
export function fma(x: number, y: number, z: number): number {
  const product = x * y;
  const sum = product + z;
  const tail = sum - product;
  const error = product - (sum - tail) + (z - tail);
  if (error === 0 || !Number.isFinite(sum) || !Number.isFinite(error)) return round(sum);
  double[0] = sum;
  if ((long[0]! & 1n) === 0n) long[0] = long[0]! + (error > 0 === sum > 0 ? 1n : -1n);
  return round(double[0]);
}

/** Coefficients from the highest power down. */
const polynomial = (x: number, [first, ...others]: readonly number[]): number => others.reduce((p, c) => fma(p, x, c), first!);
const floats = (...bits: number[]): number[] => bits.map(fromBits);

const LEAST_NORMAL = fromBits(0x00800000);
const SQRT_HALF = fromBits(0x3f3504f3);
const LOG_HIGH = floats(0x3d9021bb, 0xbdebd1b8, 0x3def251a);
const LOG_MIDDLE = floats(0xbdfe5d4f, 0x3e11e9bf, 0xbe2aae50);
const LOG_LOW = floats(0x3e4cceac, 0xbe7ffffc, 0x3eaaaaaa);
const LN2_HIGH = fromBits(0x3f318000);
const LN2_LOW = fromBits(0xb95e8083);

/** float32 logarithm: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), and a polynomial of m - 1 (Cephes logf). */
export function log(x: number): number {
  if (!(x >= 0)) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return Infinity;
  const bits = toBits(Math.max(x, LEAST_NORMAL));
  const half = fromBits((bits & 0x007fffff) | 0x3f000000);
  const small = half < SQRT_HALF;
  const exponent = (bits >>> 23) - 126 - (small ? 1 : 0);
  const z = round(round(half - 1) + (small ? half : 0));
  const square = round(z * z);
  const cube = round(square * z);
  const high = fma(polynomial(z, LOG_HIGH), cube, polynomial(z, LOG_MIDDLE));
  const series = fma(fma(high, cube, polynomial(z, LOG_LOW)), cube, round(exponent * LN2_LOW));
  return fma(exponent, LN2_HIGH, round(fma(square, -0.5, z) + series));
}

const LOG1P_LIMIT = fromBits(0x3ed413cd); // sqrt(2) - 1
const LOG1P_NUMERATOR = [round(4.527e-5), ...floats(0x3eff40c5, 0x40d284fa, 0x41ef4b9c, 0x4273cc76, 0x426473ad, 0x41a05101)];
const LOG1P_DENOMINATOR = [1, ...floats(0x417101ad, 0x42a6185b, 0x435dc32d, 0x439a8ca3, 0x43586d8a, 0x42707982)];

/** float32 log(1 + x): a rational function near 0 (Cephes log1p), `log` elsewhere. */
export function log1p(x: number): number {
  if (!(Math.abs(x) < LOG1P_LIMIT)) return log(round(x + 1));
  const square = round(x * x);
  const ratio = round(polynomial(x, LOG1P_NUMERATOR) / polynomial(x, LOG1P_DENOMINATOR));
  return round(x + fma(square, -0.5, round(round(x * square) * ratio)));
}

const ERF_INV_CENTRAL = floats(
  ...[0x32f16588, 0x34b84b36, 0xb66c7357, 0xb6935ac1, 0x396532db, 0xbaa45408, 0xbb88e4ef, 0x3e7c8f63, 0x3fc02e2f],
);
const ERF_INV_TAIL = floats(
  ...[0xb951f09b, 0x38d3b56b, 0x3ab0dc72, 0xbb70bde7, 0x3bbc127b, 0xbbf9c5d7, 0x3c1aa57e, 0x3f8036db, 0x40354f7e],
);

/** float32 inverse of erf: Giles' polynomials in -log(1 - x^2). */
export function erfInv(x: number): number {
  if (Math.abs(x) === 1) return x * Infinity;
  const logarithm = log1p(round(x * -x));
  const central = logarithm > -5;
  const w = central ? round(-2.5 - logarithm) : round(round(Math.sqrt(-logarithm)) - 3);
  return round(x * polynomial(w, central ? ERF_INV_CENTRAL : ERF_INV_TAIL));
}

/** erfc of x >= 2 in double precision: its continued fraction, from the bottom. */
function erfcTail(x: number): number {
  let fraction = x;
  for (let k = 120; k >= 1; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}

/** erf in double precision: Kummer's series, whose terms all have one sign, then the tail. */
export function erf64(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (Math.abs(x) > 2) return Math.sign(x) * (1 - erfcTail(Math.min(Math.abs(x), 30)));
  let term = x;
  let sum = x;
  for (let n = 1; n < 60; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** The inverse of erf in double precision: Winitzki's estimate, polished by Halley's method. */
export function erfInv64(x: number): number {
  if (Math.abs(x) === 1) return x * Infinity;
  if (!(Math.abs(x) < 1)) return NaN;
  const rest = 1 - Math.abs(x);
  const a = 0.147;
  const l = Math.log(rest * (1 + Math.abs(x)));
  const b = 2 / (Math.PI * a) + l / 2;
  let y = Math.sqrt(Math.sqrt(b * b - l / a) - b);
  for (let i = 0; i < 4; i++) {
    const error = y > 2 ? rest - erfcTail(y) : erf64(y) - Math.abs(x);
    const newton = (error / (2 / Math.sqrt(Math.PI))) * Math.exp(y * y);
    y -= newton / (1 + y * newton);
  }
  return x === 0 ? x : Math.sign(x) * y;
}

/** Rounds to the nearest whole number, halves to the even one. */
export function roundHalfEven(x: number): number {
  if (!Number.isFinite(x)) return x;
  const size = Math.abs(x);
  const down = Math.floor(size);
  const rest = size - down;
  const nearest = rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  return x < 0 || Object.is(x, -0) ? -nearest : nearest;
}

/** C's pow, which is 1 where the base is 1, or -1 with an infinite exponent. */
export const pow = (x: number, y: number): number => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y));
