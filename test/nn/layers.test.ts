/** Dense and BatchNorm against real Flax: outputs, running statistics and gradients. */
import { describe, expect, it } from 'vitest';
import { Tensor, errors, nn, valueAndGrad } from 'flaxen';
import { convert, reduceSum, sin } from '../../lib/core/primitives/index.js';
import { camelCase, expectGolden, golden, numbers, toTensor, toTree, type Entry } from '../support/golden.js';
import { key, ones, tensor } from './support.js';

const sumSin = (y: Tensor): Tensor => reduceSum(sin(y));

describe('Dense', () => {
  const { inputs, outputs } = golden('dense');
  it.each(Object.keys(inputs))('%s', (name) => {
    const { features, use_bias: useBias, params, x } = toTree(inputs[name]);
    const dense = nn.Dense({ features, useBias });
    const f = (p: nn.Collection, input: Tensor) => {
      const y = dense.apply({ params: p }, input);
      return [sumSin(y), y] as const;
    };
    const [[loss, y], [dparams, dx]] = valueAndGrad(f, { hasAux: true, argnums: [0, 1] })(params, x);
    expectGolden({ y, loss, grad: { params: dparams, x: dx } }, outputs[name], 'dense', name);
  });

  it('computes in float32 for integer inputs, in the shapes of its configuration', () => {
    const dense = nn.Dense({
      features: 2,
      kernelInit: nn.initializers.constant(0.5),
      biasInit: nn.initializers.ones,
      precision: 'highest',
    });
    const x = convert(ones(3, 4), 'int32');
    const [y, { params }] = dense.initWithOutput(key(0), x);
    expect(Object.keys(params)).toEqual(['kernel', 'bias']);
    expect(y.toArray()).toEqual([
      [3, 3],
      [3, 3],
      [3, 3],
    ]);
    expect(() => dense.apply({ params }, ones())).toThrow(/at least one axis, got Tensor<float32\[\]>/);
  });
});

interface BatchNormCase {
  kwargs: object;
  x: Entry;
  params: Record<string, Entry>;
  batch_stats: Record<string, Entry>;
  mask?: Entry;
}

function runBatchNorm(input: BatchNormCase, train: boolean) {
  const bn = nn.BatchNorm(camelCase(input.kwargs));
  const x = toTensor(input.x);
  const { params, batch_stats } = toTree({ params: input.params, batch_stats: input.batch_stats }) as nn.Variables;
  const mask = input.mask && toTensor(input.mask);
  const f = (p: nn.Collection, v: Tensor) => {
    const variables = { params: p, batch_stats };
    const [y, updates] = train
      ? bn.apply(variables, v, { useRunningAverage: false, mask, mutable: ['batch_stats'] })
      : [bn.apply(variables, v, { useRunningAverage: true, mask }), undefined];
    return [sumSin(y), { y, updates }] as const;
  };
  const [[loss, { y, updates }], [dparams, dx]] = valueAndGrad(f, { hasAux: true, argnums: [0, 1] })(params, x);
  return { y, loss, grad: { params: dparams, x: dx }, ...(train ? { updates } : {}) };
}

describe('BatchNorm options', () => {
  const file = 'batchnorm_options';
  const { inputs, outputs } = golden(file);
  it.each(Object.keys(inputs))('%s', (name) => {
    expectGolden({ train: runBatchNorm(inputs[name], true), eval: runBatchNorm(inputs[name], false) }, outputs[name], file, name);
  });
});

describe('BatchNorm of a large mean', () => {
  const file = 'batchnorm_large_mean';
  const { inputs, outputs } = golden(file);
  const tight = Object.keys(inputs).filter((name) => name.endsWith('_slow') || name === 'mean_1e2_fast');
  it.each(tight)('%s', (name) => {
    expectGolden({ train: runBatchNorm(inputs[name], true), eval: runBatchNorm(inputs[name], false) }, outputs[name], file, name);
  });

  // Here float32 leaves no digits of E[x^2] - E[x]^2: the result hangs on the order of summation, so its properties are compared.
  it.each(Object.keys(inputs).filter((name) => !tight.includes(name)))('%s', (name) => {
    const { y, updates } = runBatchNorm(inputs[name], true);
    const stats = updates!.batch_stats;
    const x = numbers(inputs[name].x);
    const [rows, features] = inputs[name].x.shape as [number, number];
    for (let j = 0; j < features; j++) {
      const column = Array.from({ length: rows }, (_, i) => x[i * features + j]!);
      const mean = column.reduce((a, b) => a + b, 0) / rows;
      const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / rows;
      const ulp = 2 ** (Math.floor(Math.log2(mean * mean)) - 23);
      expect(Math.abs(stats.mean.dataSync()[j] / mean - 1)).toBeLessThan(1e-6);
      expect(stats.var.dataSync()[j]).toBeGreaterThanOrEqual(0);
      expect(Math.abs(stats.var.dataSync()[j] - variance)).toBeLessThanOrEqual(4 * ulp);
    }
    expect(Array.from(y.dataSync()).every(Number.isFinite)).toBe(true);
    const want = numbers(outputs[name].eval.y);
    const scale = Math.max(...want.map(Math.abs));
    const evaluated = runBatchNorm(inputs[name], false).y.dataSync();
    want.forEach((w, i) => expect(Math.abs(evaluated[i]! - w)).toBeLessThanOrEqual(1e-6 * Math.max(1, scale)));
  });
});

describe('BatchNorm', () => {
  it('names an axis that no vmap has bound, except in init', () => {
    const bn = nn.BatchNorm({ useRunningAverage: false, axisName: 'batch' });
    const variables = bn.init(key(0), ones(2, 3));
    expect(() => bn.apply(variables, ones(2, 3), { mutable: ['batch_stats'] })).toThrow(errors.UnboundAxisError);
    expect(() => bn.apply(variables, ones(2, 3), { mutable: ['batch_stats'] })).toThrow('unbound axis name: "batch" in "/"');
  });

  it('refuses a mask that is not bool or does not broadcast', () => {
    const bn = nn.BatchNorm({ useRunningAverage: false });
    const variables = bn.init(key(0), ones(2, 3));
    expect(() => bn.apply(variables, ones(2, 3), { mask: ones(2, 1), mutable: ['batch_stats'] })).toThrow(/a mask is bool/);
    const wrong = convert(ones(3, 1), 'bool');
    expect(() => bn.apply(variables, ones(2, 3), { mask: wrong, mutable: ['batch_stats'] })).toThrow(/cannot broadcast/);
  });

  it('keeps float32 statistics and gives float32 for integer inputs', () => {
    const bn = nn.BatchNorm({ useRunningAverage: false, momentum: 0 });
    const x = convert(tensor([2, 1], [1, 3]), 'int32');
    const [y, { batch_stats }] = bn.apply(bn.init(key(0), x), x, { mutable: ['batch_stats'] });
    expect(y.dtype).toBe('float32');
    expect([batch_stats.mean.item(), batch_stats.var.item()]).toEqual([2, 1]);
  });
});

describe('LayerNorm', () => {
  it('normalizes each row by itself', () => {
    const ln = nn.LayerNorm({ epsilon: 0 });
    const x = tensor([2, 2], [1, 3, 10, 30]);
    const [y, { params }] = ln.initWithOutput(key(0), x);
    expect(Object.keys(params)).toEqual(['scale', 'bias']);
    expect(y.toArray()).toEqual([
      [-1, 1],
      [-1, 1],
    ]);
    const masked = ln.apply({ params }, x, { mask: convert(tensor([1, 2], [1, 0]), 'bool') }).dataSync();
    expect(masked[0]).toBeNaN(); // one element: 0 * rsqrt(0)
  });

  it('takes feature axes of its own', () => {
    const ln = nn.LayerNorm({ reductionAxes: [1, 2], featureAxes: [1, 2] });
    const { params } = ln.init(key(0), ones(2, 3, 4));
    expect(params.scale.shape).toEqual([3, 4]);
  });
});

describe('Embed', () => {
  it('looks rows up, and attends to them', () => {
    const embed = nn.Embed({ numEmbeddings: 3, features: 2 });
    const params = { embedding: tensor([3, 2], [1, 2, 3, 4, 5, 6]) };
    const rows = embed.apply({ params }, convert(tensor([2], [2, 0]), 'int32'));
    expect(rows.toArray()).toEqual([
      [5, 6],
      [1, 2],
    ]);
    expect((embed.apply({ params }, tensor([2], [1, 1]), { method: 'attend' }) as Tensor).toArray()).toEqual([3, 7, 11]);
    expect(() => embed.apply({ params }, ones(2))).toThrow(/integer inputs/);
    expect(embed.init(key(0), convert(ones(1), 'int32')).params.embedding.shape).toEqual([3, 2]);
  });
});
