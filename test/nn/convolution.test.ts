/** Conv, ConvTranspose and a convolutional net against real Flax: outputs, running statistics, gradients, and init bit for bit. */
import { describe, expect, it } from 'vitest';
import { errors, grad, nn, np, optim, valueAndGrad, type Tensor } from 'flaxen';
import { convert, reduceSum, sin } from '../../lib/core/primitives/index.js';
import { camelCase, expectGolden, golden, numbers, toTensor, toTree, type Entry } from '../support/golden.js';
import { key, keyOrder, ones, tensor } from './support.js';

const sumSin = (y: Tensor): Tensor => reduceSum(sin(y));
type Layer = 'Conv' | 'ConvTranspose';
const layerOf = (layer: Layer, kwargs: object, mask?: Tensor) => nn[layer]({ ...(camelCase(kwargs) as unknown as nn.ConvConfig), mask });

describe('Conv and ConvTranspose', () => {
  const { inputs, outputs } = golden('conv');
  it.each(Object.keys(inputs))('%s', (name) => {
    const input = inputs[name] as { layer: Layer; kwargs: object; params: object; x: Entry; mask?: Entry };
    const layer = layerOf(input.layer, input.kwargs, input.mask && toTensor(input.mask));
    const f = (p: nn.Collection, x: Tensor) => {
      const y = layer.apply({ params: p }, x);
      return [sumSin(y), y] as const;
    };
    const [[loss, y], [dparams, dx]] = valueAndGrad(f, { hasAux: true, argnums: [0, 1] })(toTree(input.params), toTensor(input.x));
    expectGolden({ y, loss, grad: { params: dparams, x: dx } }, outputs[name], 'conv', name);
  });
});

const ConvNet = nn.module('ConvNet', () => (x: Tensor, { train }: { train: boolean }) => {
  for (const [features, pool] of [
    [4, nn.maxPool],
    [6, nn.avgPool],
  ] as const) {
    x = nn.Conv({ features, kernelSize: [3, 3], useBias: false })(x);
    x = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(x);
    x = nn.relu(x);
    x = pool(x, [2, 2], { strides: [2, 2] });
  }
  return nn.Dense({ features: 3 })(np.reshape(x, [x.shape[0]!, -1]));
});

describe('a net of Conv, BatchNorm over NHWC, relu and pooling', () => {
  const { inputs, outputs } = golden('conv_net');
  it.each([true, false])('training: %s', (train) => {
    const { params, batch_stats, x, labels } = toTree(inputs);
    const f = (p: nn.Collection, input: Tensor) => {
      const variables = { params: p, batch_stats };
      const [logits, updates] = train
        ? ConvNet().apply(variables, input, { train, mutable: ['batch_stats'] })
        : [ConvNet().apply(variables, input, { train }), {}];
      return [optim.softmaxCrossEntropyWithIntegerLabels(logits, labels).mean(), { logits, updates }] as const;
    };
    const [[loss, aux], [dparams, dx]] = valueAndGrad(f, { hasAux: true, argnums: [0, 1] })(params, x);
    const name = train ? 'train' : 'eval';
    expectGolden({ loss, ...aux, grad: { params: dparams, x: dx } }, outputs[name], 'conv_net', name);
  });
});

describe('init gives Flax bits', () => {
  const { inputs, outputs } = golden('conv_init');
  it.each(Object.keys(inputs))('%s', (name) => {
    const { seed, x, layer, kwargs } = inputs[name] as { seed: number; x: number[]; layer: Layer; kwargs: object };
    const variables =
      name === 'net' ? ConvNet().init(key(seed), ones(...x), { train: false }) : layerOf(layer, kwargs).init(key(seed), ones(...x));
    expect(keyOrder(variables)).toEqual(outputs[name].key_order);
    const compare = (have: unknown, want: Record<string, unknown> | Entry, path: string): void => {
      if (!('dtype' in want)) return Object.entries(want).forEach(([k, v]) => compare((have as Record<string, unknown>)[k], v as Entry, `${path}/${k}`)); // prettier-ignore
      expect((have as Tensor).shape, path).toEqual((want as Entry).shape);
      expect(Array.from((have as Tensor).dataSync()), path).toEqual(numbers(want as Entry));
    };
    compare(variables, outputs[name].variables, '');
  });
});

describe('Conv', () => {
  it('takes negative padding as cutting off', () => {
    const x = tensor([1, 6, 1], [1, 2, 3, 4, 5, 6]);
    const params = { kernel: tensor([2, 1, 1], [1, 10]) };
    const conv = (padding: nn.ConvConfig['padding']) => nn.Conv({ features: 1, kernelSize: 2, useBias: false, padding });
    const f = (input: Tensor) => conv([[-1, -2]]).apply({ params }, input);
    expect(f(x).toArray()).toEqual([[[32], [43]]]);
    expect(
      conv([[1, -3]])
        .apply({ params }, x)
        .toArray(),
    ).toEqual([[[10], [21], [32]]]);
    expect(grad((input: Tensor) => reduceSum(f(input)))(x).toArray()).toEqual([[[0], [1], [11], [10], [0], [0]]]);
  });

  it('computes in float32 for integer inputs', () => {
    const conv = nn.Conv({ features: 2, kernelSize: [2, 2], kernelInit: nn.initializers.ones, precision: 'highest' });
    const [y, { params }] = conv.initWithOutput(key(0), convert(ones(1, 2, 2, 3), 'int32'));
    expect(Object.keys(params)).toEqual(['kernel', 'bias']);
    expect([y.dtype, y.toArray()]).toEqual(['float32', [[[[12, 12], [6, 6]], [[6, 6], [3, 3]]]]]); // prettier-ignore
  });

  const run =
    (config: object, ...shape: number[]) =>
    () =>
      nn.Conv(config as nn.ConvConfig).init(key(0), ones(...shape));
  it.each<[string, () => unknown, RegExp]>([
    ['no kernelSize', run({ features: 2 }, 1, 4, 1), /Conv needs kernelSize, whole numbers of at least 1 such as \[3, 3\], got undefined/],
    ['features', run({ features: 2.5, kernelSize: 3 }, 1, 4, 1), /Conv needs the number of its features.*got 2.5/],
    [
      'strides',
      run({ features: 2, kernelSize: [3, 3], strides: [2] }, 1, 4, 4, 1),
      /strides of at least 1.* 2 spatial dimensions, got \[2\]/,
    ],
    [
      'a strange padding',
      run({ features: 2, kernelSize: [3], padding: 'SOME' }, 1, 4, 1),
      /Conv has no padding "SOME": use 'SAME', 'VALID'/,
    ],
    ['too few widths', run({ features: 2, kernelSize: [3, 3], padding: [1] }, 1, 4, 4, 1), /padding \[1\].*for each of 2 dimensions/],
    [
      'CAUSAL in two dimensions',
      run({ features: 2, kernelSize: [3, 3], padding: 'CAUSAL' }, 1, 4, 4, 1),
      /'CAUSAL' for one dimension only/,
    ],
    ['inputDilation with a name', run({ features: 2, kernelSize: [3], inputDilation: 2 }, 1, 4, 1), /nn.ConvTranspose; got 'SAME'/],
    ['groups', run({ features: 4, kernelSize: 3, featureGroupCount: 2 }, 1, 4, 3), /featureGroupCount 2 needs features.* got 3 and 4/],
    ['too few axes', run({ features: 2, kernelSize: [3, 3] }, 4, 4), /Conv over 2 dimensions needs \[batch..., spatial..., features\]/],
    [
      'too many dimensions',
      run({ features: 2, kernelSize: [1, 1, 1, 1] }, 1, 2, 2, 2, 2, 1),
      /needs \[batch, 1 to 3 spatial dimensions, features\]/,
    ],
    ['a mask', run({ features: 2, kernelSize: 3, mask: ones(3, 1) }, 1, 4, 1), /mask of its kernel's shape \[3, 1, 2\]/],
    ['groups of none', run({ features: 2, kernelSize: 3, featureGroupCount: 0 }, 1, 4, 1), /featureGroupCount of at least 1, got 0/],
  ])('refuses %s', (_, f, message) => expect(f).toThrow(message));

  it('names existing parameters that do not fit', () => {
    const conv = nn.Conv({ features: 2, kernelSize: [3, 3] });
    const variables = conv.init(key(0), ones(1, 4, 4, 3));
    expect(() => conv.apply(variables, ones(1, 4, 4, 5))).toThrow(errors.ScopeParamShapeError);
  });
});
