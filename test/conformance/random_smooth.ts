/** Steps of random programs on floats of moderate size: functions, and sums and products of them. */
import { lax, type Tensor } from 'flaxen';
import type { StepKind } from './random_program.js';

type Unary = (x: Tensor) => Tensor;
type Binary = (x: Tensor, y: Tensor | number) => Tensor;

const isFloat = (v: Tensor): boolean => v.dtype === 'float32';
const summable = (v: Tensor): boolean => isFloat(v) && v.ndim > 0 && v.size > 0 && v.size < 5000;

const unary =
  (...functions: Unary[]): StepKind =>
  ({ source, find }) => {
    const at = find(isFloat);
    const f = source.pick(functions);
    return at === null ? null : (v) => f(v[at]!);
  };

const binary =
  (...functions: Binary[]): StepKind =>
  ({ source, values, find }) => {
    const a = find(isFloat);
    if (a === null) return null;
    const f = source.pick(functions);
    const constant = source.pick([0, 1, -1, 0.5, 2, -0.3]);
    if (source.chance(0.25)) return (v) => f(v[a]!, constant);
    const b = find((v) => isFloat(v) && v.shape.join() === values[a]!.shape.join())!;
    return (v) => f(v[a]!, v[b]!);
  };

const fromIntegers: StepKind = ({ find }) => {
  const at = find((v) => v.dtype === 'int32');
  return at === null ? null : (v) => lax.convert(v[at]!, 'float32');
};

/** A mask that is known when the program is written, as causal masks are. */
const masked: StepKind = ({ source, values, find }) => {
  const a = find((v) => isFloat(v) && v.ndim > 0);
  if (a === null) return null;
  const { shape } = values[a]!;
  const axis = source.below(shape.length);
  const b = find((v) => isFloat(v) && v.shape.join() === shape.join())!;
  return (v) => lax.select(lax.lt(lax.iota(shape, axis), 2), v[a]!, v[b]!);
};

const mean: StepKind = ({ source, values, find }) => {
  const at = find(summable);
  if (at === null) return null;
  const { shape } = values[at]!;
  const axes = shape.map((_, i) => i).filter(() => source.chance(0.6));
  const count = axes.reduce((n, a) => n * shape[a]!, 1);
  return (v) => lax.mul(lax.reduceSum(v[at]!, axes), 1 / count);
};

/** A value less the greatest or the mean along an axis, put back by broadcast: the heart of softmax and layer norm. */
const centered: StepKind = ({ source, values, find }) => {
  const at = find(summable);
  if (at === null) return null;
  const { shape } = values[at]!;
  const axis = source.below(shape.length);
  const dims = shape.map((_, i) => i).filter((i) => i !== axis);
  const reduce: Unary = source.chance(0.5) ? (x) => lax.reduceMax(x, axis) : (x) => lax.mul(lax.reduceSum(x, axis), 1 / shape[axis]!);
  return (v) => lax.sub(v[at]!, lax.broadcast(reduce(v[at]!), shape, dims));
};

const running: StepKind = ({ source, values, find }) => {
  const at = find(summable);
  if (at === null) return null;
  const axis = source.below(values[at]!.ndim);
  const reverse = source.chance(0.5);
  return (v) => lax.mul(lax.cumsum(v[at]!, axis, reverse), 0.1);
};

const product: StepKind = ({ source, values, find }) => {
  const a = find((v) => summable(v) && v.ndim <= 3);
  if (a === null) return null;
  const x = values[a]!;
  const axis = source.below(x.ndim);
  const b = find(
    (v) => summable(v) && v.ndim <= 2 && v.shape.includes(x.shape[axis]!) && (v.size / x.shape[axis]!) * (x.size / x.shape[axis]!) < 5000,
  );
  if (b === null) return null;
  const other = values[b]!.shape.indexOf(x.shape[axis]!);
  return (v) => lax.mul(lax.dotGeneral(v[a]!, v[b]!, { lhsContract: [axis], rhsContract: [other], lhsBatch: [], rhsBatch: [] }), 0.2);
};

const dense: StepKind = ({ source, values, find }) => {
  const a = find(summable);
  if (a === null) return null;
  const depth = values[a]!.shape.at(-1)!;
  const kernel = find((v) => isFloat(v) && v.ndim === 2 && v.shape[0] === depth && v.shape[1]! * values[a]!.size < 50_000);
  if (kernel === null) return null;
  const width = values[kernel]!.shape[1]!;
  const bias = source.chance(0.6) ? find((v) => isFloat(v) && v.ndim === 1 && v.shape[0] === width) : null;
  const activation = source.pick<Unary>([(x) => x, (x) => lax.max(x, 0), lax.tanh]);
  return (v) => activation(lax.mul(lax.dense(v[a]!, v[kernel]!, bias === null ? null : v[bias]!), 0.2));
};

const batchNorm: StepKind = ({ source, values, find }) => {
  const at = find((v) => summable(v) && v.ndim > 1);
  if (at === null) return null;
  const features = [values[at]!.shape.at(-1)!];
  const [output, relu] = [source.pick([0, 0, 0, 1, 2]), source.chance(0.5)];
  const params = { epsilon: 0.1, fastVariance: source.chance(0.5) };
  return (v) => {
    const y = lax.batchNorm(v[at]!, lax.full(features, 0.7), lax.full(features, 0.1), params)[output]!;
    return relu ? lax.max(y, 0) : y;
  };
};

export const smoothSteps: Record<'elementwise' | 'sums', readonly StepKind[]> = {
  elementwise: [
    unary(lax.tanh, lax.sin, lax.cos, lax.logistic, lax.neg, lax.abs, lax.erf),
    unary(
      (x) => lax.exp(lax.mul(lax.abs(x), -1)),
      (x) => lax.sqrt(lax.add(lax.mul(x, x), 0.5)),
      (x) => lax.log(lax.add(lax.abs(x), 0.5)),
    ),
    binary(lax.add, lax.sub, lax.mul, lax.max, lax.min),
    binary(lax.add, lax.sub, lax.mul),
    (draw) => binary((x, y) => lax.div(x, lax.add(lax.abs(typeof y === 'number' ? lax.full(x.shape, y) : y), 0.5)))(draw),
    fromIntegers,
    masked,
  ],
  sums: [mean, centered, running, product, product, dense, dense, batchNorm],
};
