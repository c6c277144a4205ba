/** Functions whose float32 bits are part of the contract: XLA's polynomials on CPU, with fused multiply-adds that TensorFlow has no operation for. */
import type { Builder, Value } from '../graph.js';

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);
/** The floats with these bits. */
const floats = (...bits: number[]): number[] =>
  bits.map((b) => {
    word[0] = b;
    return single[0]!;
  });

/**
 * x * y + z of float32, rounded once. In double precision the product is exact; the sum is then rounded to odd, after which rounding to float32 is right
 * (Boldo & Melquiond 2008): where the sum was inexact and its last bit is 0, its neighbour on the error's side is the odd one.
 */
export function fma(b: Builder, x: Value, y: Value, z: Value): Value {
  const product = b.binary('Mul', b.cast(x, 'double'), b.cast(y, 'double'));
  const addend = b.cast(z, 'double');
  const sum = b.binary('AddV2', product, addend);
  const tail = b.binary('Sub', sum, product);
  const error = b.binary('AddV2', b.binary('Sub', product, b.binary('Sub', sum, tail)), b.binary('Sub', addend, tail));
  const double = (v: number): Value => b.cast(b.float(v), 'double');
  const inexact = b.binary('Greater', b.unary('Abs', error), double(0), 'bool');
  const lastBit = b.binary('BitwiseAnd', b.bitcast(sum, 'int64'), b.cast(b.int32(1), 'int64'));
  const even = b.binary('Equal', lastBit, b.cast(b.int32(0), 'int64'), 'bool');
  const toward = b.select(b.binary('Greater', error, double(0), 'bool'), double(Infinity), double(-Infinity));
  const neighbour = b.binary('NextAfter', sum, toward);
  return b.cast(b.select(b.binary('LogicalAnd', inexact, even), neighbour, sum), 'float');
}

/** Coefficients from the highest power down. */
const polynomial = (b: Builder, x: Value, [first, ...others]: readonly number[]): Value =>
  others.reduce((p, c) => fma(b, p, x, b.float(c)), b.float(first!));

const LOG_HIGH = floats(0x3d9021bb, 0xbdebd1b8, 0x3def251a);
const LOG_MIDDLE = floats(0xbdfe5d4f, 0x3e11e9bf, 0xbe2aae50);
const LOG_LOW = floats(0x3e4cceac, 0xbe7ffffc, 0x3eaaaaaa);
const [SQRT_HALF, LN2_HIGH, LN2_LOW, LEAST_NORMAL] = floats(0x3f3504f3, 0x3f318000, 0xb95e8083, 0x00800000) as [
  number,
  number,
  number,
  number,
];

/** x = m * 2^e with m in [sqrt(1/2), sqrt(2)), and a polynomial of m - 1 (Cephes logf). */
export function log(b: Builder, x: Value): Value {
  const bits = b.bitcast(b.binary('Maximum', x, b.float(LEAST_NORMAL)), 'int32');
  const mantissa = b.binary('BitwiseOr', b.binary('BitwiseAnd', bits, b.int32(0x007fffff)), b.int32(0x3f000000));
  const half = b.bitcast(mantissa, 'float');
  const small = b.binary('Less', half, b.float(SQRT_HALF), 'bool');
  const biased = b.binary('RightShift', bits, b.int32(23)); // of no negative number
  const exponent = b.binary('Sub', b.cast(b.binary('Sub', biased, b.int32(126)), 'float'), b.cast(small, 'float'));
  const z = b.binary('AddV2', b.binary('Sub', half, b.float(1)), b.select(small, half, b.float(0)));
  const square = b.binary('Mul', z, z);
  const cube = b.binary('Mul', square, z);
  const high = fma(b, polynomial(b, z, LOG_HIGH), cube, polynomial(b, z, LOG_MIDDLE));
  const series = fma(b, fma(b, high, cube, polynomial(b, z, LOG_LOW)), cube, b.binary('Mul', exponent, b.float(LN2_LOW)));
  const result = fma(b, exponent, b.float(LN2_HIGH), b.binary('AddV2', fma(b, square, b.float(-0.5), z), series));
  const ofInfinity = b.select(b.binary('Equal', x, b.float(Infinity), 'bool'), x, result);
  const ofZero = b.select(b.binary('Equal', x, b.float(0), 'bool'), b.float(-Infinity), ofInfinity);
  return b.select(b.binary('GreaterEqual', x, b.float(0), 'bool'), ofZero, b.float(NaN));
}

const LOG1P_LIMIT = floats(0x3ed413cd)[0]!; // sqrt(2) - 1
const LOG1P_NUMERATOR = [Math.fround(4.527e-5), ...floats(0x3eff40c5, 0x40d284fa, 0x41ef4b9c, 0x4273cc76, 0x426473ad, 0x41a05101)];
const LOG1P_DENOMINATOR = [1, ...floats(0x417101ad, 0x42a6185b, 0x435dc32d, 0x439a8ca3, 0x43586d8a, 0x42707982)];

/** log(1 + x): a rational function near 0 (Cephes log1p), `log` elsewhere. */
export function log1p(b: Builder, x: Value): Value {
  const square = b.binary('Mul', x, x);
  const ratio = b.binary('RealDiv', polynomial(b, x, LOG1P_NUMERATOR), polynomial(b, x, LOG1P_DENOMINATOR));
  const near = b.binary('AddV2', x, fma(b, square, b.float(-0.5), b.binary('Mul', b.binary('Mul', x, square), ratio)));
  const isNear = b.binary('Less', b.unary('Abs', x), b.float(LOG1P_LIMIT), 'bool');
  return b.select(isNear, near, log(b, b.binary('AddV2', x, b.float(1))));
}

const ERF_INV_CENTRAL = floats(0x32f16588, 0x34b84b36, 0xb66c7357, 0xb6935ac1, 0x396532db, 0xbaa45408, 0xbb88e4ef, 0x3e7c8f63, 0x3fc02e2f);
const ERF_INV_TAIL = floats(0xb951f09b, 0x38d3b56b, 0x3ab0dc72, 0xbb70bde7, 0x3bbc127b, 0xbbf9c5d7, 0x3c1aa57e, 0x3f8036db, 0x40354f7e);

/** Giles' polynomials in -log(1 - x^2), the coefficients chosen element by element. */
export function erfInv(b: Builder, x: Value): Value {
  const logarithm = log1p(b, b.binary('Mul', x, b.unary('Neg', x)));
  const central = b.binary('Greater', logarithm, b.float(-5), 'bool');
  const far = b.binary('Sub', b.unary('Sqrt', b.unary('Neg', logarithm)), b.float(3));
  const w = b.select(central, b.binary('Sub', b.float(-2.5), logarithm), far);
  const coefficients = ERF_INV_CENTRAL.map((c, i) => b.select(central, b.float(c), b.float(ERF_INV_TAIL[i]!)));
  const series = coefficients.reduce((p, c) => fma(b, p, w, c));
  const atEnd = b.binary('Equal', b.unary('Abs', x), b.float(1), 'bool');
  return b.select(atEnd, b.binary('Mul', x, b.float(Infinity)), b.binary('Mul', x, series));
}
