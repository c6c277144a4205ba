/** Elementwise primitives and those that make arrays from nothing, as docs/primitives.md defines them. */
import type { DType } from '../../lib/backends/backend.js';
import * as math from './reference_math.js';
import { aroundAxis, GREATEST, LEAST, number, type Kernel, type Precision } from './reference_value.js';

type Scalar = (x: number, y: number, z: number) => number;
type ScalarOf = (dtype: DType, precision: Precision) => Scalar;

/** A kernel that applies one function of numbers; the function may depend on the first input's dtype. */
const map =
  (scalarOf: ScalarOf): Kernel =>
  ([x, y, z], [out], _, precision) => {
    const f = scalarOf(x!.dtype, precision);
    for (let i = 0; i < out!.data.length; i++) out!.data[i] = f(x!.data[i]!, y?.data[i] ?? 0, z?.data[i] ?? 0);
  };
const same = (f: Scalar): Kernel => map(() => f);
const byPrecision = (single: Scalar, double: Scalar): Kernel => map((_, precision) => (precision === 'float32' ? single : double));
const bool = (f: (x: number, y: number) => boolean): Kernel => same((x, y) => (f(x, y) ? 1 : 0));
const isFloat = (dtype: DType): boolean => dtype === 'float32';

/** Integer division truncates; by zero it gives all ones. Storing wraps the one overflow, -2^31 / -1. */
const divide: ScalarOf = (dtype) => (isFloat(dtype) ? (x, y) => x / y : (x, y) => (y === 0 ? -1 : Math.trunc(x / y)));
const remainder: ScalarOf = (dtype) => (isFloat(dtype) ? (x, y) => x % y : (x, y) => (y === 0 ? x : x % y));
const multiply: ScalarOf = (dtype) => (isFloat(dtype) ? (x, y) => x * y : (x, y) => Math.imul(x, y));

const convert: Kernel = ([x], [out]) => {
  const to = out!.dtype;
  for (let i = 0; i < out!.data.length; i++) {
    const v = x!.data[i]!;
    if (to === 'bool') out!.data[i] = v !== 0 ? 1 : 0;
    else if (isFloat(x!.dtype) && !isFloat(to))
      out!.data[i] = Number.isNaN(v) ? 0 : Math.min(GREATEST[to], Math.max(LEAST[to], Math.trunc(v)));
    else out!.data[i] = v;
  }
};

const bitcast: Kernel = ([x], [out]) => {
  for (let i = 0; i < out!.data.length; i++) {
    const bits = isFloat(x!.dtype) ? math.toBits(x!.data[i]!) : x!.data[i]!;
    out!.data[i] = isFloat(out!.dtype) ? math.fromBits(bits) : bits;
  }
};

const full: Kernel = (_, [out], params) => {
  const value = number(params, 'value');
  if (isFloat(out!.dtype)) out!.data.fill(value);
  else if (out!.dtype === 'bool') out!.data.fill(value !== 0 ? 1 : 0);
  else out!.data.fill(Number.isNaN(value) ? 0 : Math.min(GREATEST[out!.dtype], Math.max(LEAST[out!.dtype], Math.trunc(value))));
};

const iota: Kernel = (_, [out], params) => {
  const { length, inner } = aroundAxis(out!.shape, number(params, 'axis'));
  for (let i = 0; i < out!.data.length; i++) out!.data[i] = Math.floor(i / inner) % length;
};

export const elementwiseKernels: Record<string, Kernel> = {
  neg: same((x) => -x),
  abs: same(Math.abs),
  sign: same(Math.sign),
  floor: same(Math.floor),
  ceil: same(Math.ceil),
  round: same(math.roundHalfEven),
  exp: same(Math.exp),
  expm1: same(Math.expm1),
  log: byPrecision(math.log, Math.log),
  log1p: byPrecision(math.log1p, Math.log1p),
  sqrt: same(Math.sqrt),
  rsqrt: same((x) => 1 / Math.sqrt(x)),
  sin: same(Math.sin),
  cos: same(Math.cos),
  tanh: same(Math.tanh),
  logistic: same((x) => 1 / (1 + Math.exp(-x))),
  erf: same(math.erf64),
  erfInv: byPrecision(math.erfInv, math.erfInv64),
  isFinite: bool(Number.isFinite),
  not: map((dtype) => (dtype === 'bool' ? (x) => 1 - x : (x) => ~x)),
  convert,
  bitcast,
  add: same((x, y) => x + y),
  sub: same((x, y) => x - y),
  mul: map(multiply),
  div: map(divide),
  rem: map(remainder),
  pow: same(math.pow),
  max: same((x, y) => Math.max(x, y)),
  min: same((x, y) => Math.min(x, y)),
  eq: bool((x, y) => x === y),
  ne: bool((x, y) => x !== y),
  lt: bool((x, y) => x < y),
  le: bool((x, y) => x <= y),
  gt: bool((x, y) => x > y),
  ge: bool((x, y) => x >= y),
  and: same((x, y) => x & y),
  or: same((x, y) => x | y),
  xor: same((x, y) => x ^ y),
  shiftLeft: same((x, y) => (y >>> 0 >= 32 ? 0 : x << y)),
  shiftRightLogical: same((x, y) => (y >>> 0 >= 32 ? 0 : x >>> y)),
  select: same((p, a, b) => (p ? a : b)),
  fma: byPrecision(math.fma, (x, y, z) => x * y + z),
  full,
  iota,
};
