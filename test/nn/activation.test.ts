/** Activations against jax.nn: values and gradients, ties and extremes included. */
import { describe, expect, it } from 'vitest';
import { grad, nn, type Tensor } from 'flaxen';
import { convert, mul, reduceSum, sliceAxis, reshape } from '../../lib/core/primitives/index.js';
import { expectGolden, golden, toTensor } from '../support/golden.js';
import { ones, tensor } from './support.js';

const file = 'functions';
const { inputs, outputs } = golden(file);

const functions: Record<string, (x: Tensor) => Tensor> = {
  relu: nn.relu,
  gelu: (x) => nn.gelu(x),
  gelu_exact: (x) => nn.gelu(x, { approximate: false }),
  silu: nn.silu,
  sigmoid: nn.sigmoid,
  tanh: nn.tanh,
  softplus: nn.softplus,
  elu: (x) => nn.elu(x),
  leaky_relu: (x) => nn.leakyRelu(x),
  relu6: nn.relu6,
  log_sigmoid: nn.logSigmoid,
  softmax: (x) => nn.softmax(x),
  log_softmax: (x) => nn.logSoftmax(x),
  logsumexp: (x) => nn.logsumexp(x, { axis: -1 }),
};

describe('activations', () => {
  const x = toTensor(inputs.x);
  const w = toTensor(inputs.w);
  it.each(Object.keys(functions))('%s', (name) => {
    const f = functions[name]!;
    const y = f(x);
    const weights = y.ndim === x.ndim ? w : reshape(sliceAxis(w, 1, 0, 1), y.shape);
    expectGolden({ y, grad_of_weighted_sum: grad((v: Tensor) => reduceSum(mul(f(v), weights)))(x) }, outputs[name], file, name);
  });

  it('oneHot', () => {
    const { labels, num_classes: classes } = inputs.one_hot;
    expectGolden(nn.oneHot(toTensor(labels), classes), outputs.one_hot, file, 'one_hot');
    expect(nn.oneHot(convert(tensor([2], [1, 0]), 'int32'), 3, { axis: 0, dtype: 'int32' }).toArray()).toEqual([
      [0, 1],
      [1, 0],
      [0, 0],
    ]);
  });

  const at = (f: (x: Tensor) => Tensor, ...values: number[]): number[] => Array.from(f(tensor([values.length], values)).dataSync());

  it('the others, at points with known values', () => {
    expect(at(nn.hardTanh, -2, -0.5, 0.5, 2)).toEqual([-1, -0.5, 0.5, 1]);
    expect(at(nn.hardSigmoid, -4, 0, 4)).toEqual([0, 0.5, 1]);
    expect(at(nn.hardSwish, -4, 0, 4)).toEqual([-0, 0, 4]);
    expect(at(nn.softSign, -1, 0, 3)).toEqual([-0.5, 0, 0.75]);
    expect(at((x) => nn.celu(x, 2), -1, 0, 3)[0]).toBeCloseTo(2 * Math.expm1(-0.5), 6);
    expect(at(nn.selu, -1, 2)[0]).toBeCloseTo(1.0507009873554805 * 1.6732632423543772 * Math.expm1(-1), 6);
    expect(at(nn.glu, 2, 0)).toEqual([1]);
    expect(() => nn.glu(ones(3))).toThrow(/even size along axis -1/);
    expect(at(nn.relu, NaN, -0, -1)).toEqual([NaN, 0, 0]);
  });

  it('softmax, logSoftmax and logsumexp leave out what where excludes', () => {
    const x = tensor([2, 3], [1, 2, 100, 0, 0, 0]);
    const where = convert(tensor([1, 3], [1, 1, 0]), 'bool');
    const p = nn.softmax(x, { where }).toArray() as number[][];
    expect(p[0]![2]).toBe(0);
    expect(p[1]).toEqual([0.5, 0.5, 0]);
    expect((nn.logSoftmax(x, { where }).toArray() as number[][])[1]![2]).toBe(-Infinity);
    expect(nn.logsumexp(x, { axis: 1, keepdims: true, where }).shape).toEqual([2, 1]);
    expect(nn.logsumexp(tensor([2], [-Infinity, -Infinity])).item()).toBe(-Infinity);
    expect(nn.logsumexp(tensor([2], [1000, 1000])).item()).toBeCloseTo(1000 + Math.log(2), 3);
    const rows = nn.softmax(x, { axis: [0, 1] });
    expect(reduceSum(rows).item()).toBeCloseTo(1, 6);
  });
});
