/** Steps of random programs whose results are determined to the bit: correctly rounded arithmetic, integers, comparisons, order. */
import { lax, type DType, type Tensor } from 'flaxen';
import { isInteger } from '../../lib/core/dtype.js';
import type { StepKind } from './random_program.js';

type Unary = (x: Tensor) => Tensor;
type Binary = (x: Tensor, y: Tensor | number) => Tensor;

const any = (): boolean => true;
const isFloat = (v: Tensor): boolean => v.dtype === 'float32';
const isWhole = (v: Tensor): boolean => isInteger(v.dtype);
const isNumber = (v: Tensor): boolean => v.dtype !== 'bool';
const isBits = (v: Tensor): boolean => v.dtype !== 'float32';
const isBool = (v: Tensor): boolean => v.dtype === 'bool';

const unary =
  (fits: (v: Tensor) => boolean, ...functions: Unary[]): StepKind =>
  ({ source, find }) => {
    const at = find(fits);
    const f = source.pick(functions);
    return at === null ? null : (v) => f(v[at]!);
  };

/** Constants that a compiler may know rules for, right or wrong. */
const CONSTANTS: Record<DType, number[]> = {
  float32: [0, -0, 1, -1, 2, 0.5, NaN, Infinity, 3],
  int32: [0, 1, -1, 2, 31, -2147483648, 7],
  uint32: [0, 1, 2, 31, 4294967295, 7],
  bool: [0, 1],
};

/** On two values of one type, or a value and a constant on either side. */
const binary =
  (fits: (v: Tensor) => boolean, ...functions: Binary[]): StepKind =>
  ({ source, values, find }) => {
    const a = find(fits);
    if (a === null) return null;
    const { shape, dtype } = values[a]!;
    const f = source.pick(functions);
    if (source.chance(0.3)) {
      const constant = source.pick(CONSTANTS[dtype]);
      return source.chance(0.5) ? (v) => f(v[a]!, constant) : (v) => f(lax.full(shape, constant, dtype), v[a]!);
    }
    const b = find((v) => v.dtype === dtype && v.shape.join() === shape.join())!;
    return source.chance(0.5) ? (v) => f(v[a]!, v[b]!) : (v) => f(v[b]!, v[a]!);
  };

const convert: StepKind = ({ source, find }) => {
  const at = find(any)!;
  const to = source.pick<DType>(['float32', 'int32', 'uint32', 'bool']);
  return (v) => lax.convert(v[at]!, to);
};

const bitcast: StepKind = ({ source, find }) => {
  const at = find(isWhole); // of floats it would show which NaN it is
  const to = source.pick<DType>(['int32', 'uint32']);
  return at === null ? null : (v) => lax.bitcast(v[at]!, to);
};

const select: StepKind = ({ source, values, find }) => {
  const a = find(any)!;
  const { shape, dtype } = values[a]!;
  const matching = (v: Tensor): boolean => v.shape.join() === shape.join();
  const b = find((v) => matching(v) && v.dtype === dtype)!;
  const pred = find((v) => matching(v) && v.dtype === 'bool');
  if (pred === null) return null;
  return source.chance(0.2) ? (v) => lax.select(v[pred]!, v[a]!, 1) : (v) => lax.select(v[pred]!, v[a]!, v[b]!);
};

const fma: StepKind = ({ values, find }) => {
  const a = find(isFloat);
  if (a === null) return null;
  const same = (v: Tensor): boolean => isFloat(v) && v.shape.join() === values[a]!.shape.join();
  const [b, c] = [find(same)!, find(same)!];
  return (v) => lax.fma(v[a]!, v[b]!, v[c]!);
};

const ordered = (v: Tensor): boolean => v.ndim > 0 && v.size > 0 && v.size < 5000;

const alongAxis: StepKind = ({ source, values, find }) => {
  const at = find(ordered);
  if (at === null) return null;
  const x = values[at]!;
  const axis = source.below(x.ndim);
  const choices: Unary[] = [(v) => lax.argmax(v, axis), (v) => lax.argmin(v, axis), (v) => lax.sort([v], axis)[0]!];
  if (isWhole(x)) choices.push(...[lax.reduceSum, lax.reduceProd].map((f) => (v: Tensor) => f(v, axis)), (v) => lax.cumsum(v, axis, true));
  if (isBits(x)) choices.push(...[lax.reduceMax, lax.reduceMin].map((f) => (v: Tensor) => f(v, axis)));
  const f = source.pick(choices);
  return (v) => f(v[at]!);
};

/** The order in which a sort puts another value of the same shape. */
const sortByKey: StepKind = ({ source, values, find }) => {
  const key = find(ordered);
  if (key === null) return null;
  const other = find((v) => v.shape.join() === values[key]!.shape.join())!;
  const axis = source.below(values[key]!.ndim);
  return (v) => lax.sort([v[key]!, v[other]!], axis)[1]!;
};

export const exactSteps: readonly StepKind[] = [
  unary(isNumber, lax.neg, lax.abs, lax.sign),
  unary(isFloat, lax.floor, lax.ceil, lax.round, lax.sqrt, lax.log, lax.log1p, lax.erfInv),
  unary(isFloat, lax.isFinite),
  unary(isBits, lax.not),
  binary(isFloat, lax.add, lax.sub, lax.mul, lax.div, lax.rem, lax.max, lax.min),
  binary(isFloat, lax.add, lax.sub, lax.mul, lax.div, lax.max, lax.min),
  binary(isFloat, lax.add, lax.sub, lax.mul),
  binary(isWhole, lax.add, lax.sub, lax.mul, lax.div, lax.rem, lax.max, lax.min),
  binary(isWhole, lax.and, lax.or, lax.xor, lax.shiftLeft, lax.shiftRightLogical),
  binary(isBool, lax.and, lax.or, lax.xor, lax.max, lax.min),
  binary(any, lax.eq, lax.ne, lax.lt, lax.le, lax.gt, lax.ge),
  select,
  select,
  convert,
  bitcast,
  fma,
  alongAxis,
  sortByKey,
];
