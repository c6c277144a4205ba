/** Inputs that are no tensors, and initializers that are none, get an error that says what to pass. */
import { errors, nn, random } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { key, ones } from './support.js';

const wrong = (value: unknown): never => value as never;

describe('inputs that are no tensors', () => {
  const layers: [string, nn.Module][] = [
    ['Dense', nn.Dense({ features: 2 })],
    ['Conv', nn.Conv({ features: 2, kernelSize: [3] })],
    ['ConvTranspose', nn.ConvTranspose({ features: 2, kernelSize: [3] })],
    ['Embed', nn.Embed({ numEmbeddings: 3, features: 2 })],
    ['BatchNorm', nn.BatchNorm({ useRunningAverage: false })],
    ['LayerNorm', nn.LayerNorm()],
    ['Dropout', nn.Dropout({ rate: 0.5, deterministic: true })],
  ];
  it.each(layers)('%s', (name, layer) => {
    for (const [input, got] of [
      [[[1, 2, 3]], 'an array of 1'],
      [new Float32Array(3), 'a Float32Array'],
      [3, '3'],
      ['x', 'x'],
    ])
      // prettier-ignore
      expect(() => layer.init(random.PRNGKey(0), wrong(input))).toThrow(
        new errors.ArgumentError(`${name} takes a tensor, got ${got}: make one with np.array`),
      );
  });
  it.each(['relu', 'relu6', 'gelu', 'softmax', 'sigmoid', 'leakyRelu'] as const)('nn.%s', (name) => {
    expect(() => nn[name](wrong([1, -2]))).toThrow(/needs tensors, got a value of class Array: make one with np.array/);
  });
});

describe('initializers', () => {
  it('that are no functions', () => {
    expect(() => nn.Dense({ features: 2, kernelInit: wrong(3) }).init(key(0), ones(1, 3))).toThrow(
      /the initializer of parameter "kernel" in "\/" is no function such as nn.initializers.zeros, got 3/,
    );
  });
  it('that were not called', () => {
    expect(() => nn.Dense({ features: 2, kernelInit: wrong(nn.initializers.lecunNormal) }).init(key(0), ones(1, 3))).toThrow(
      /the initializer of parameter "kernel" in "\/" returned a function: call it first, as in nn.initializers.lecunNormal\(\)/,
    );
  });
});
