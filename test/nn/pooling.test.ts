/** maxPool, minPool and avgPool against real Flax. */
import { describe, expect, it } from 'vitest';
import { jit, nn, valueAndGrad, type Tensor } from 'flaxen';
import { reduceSum, sin } from '../../lib/core/primitives/index.js';
import { camelCase, expectGolden, golden, toTensor, type Entry } from '../support/golden.js';
import { ones, tensor } from './support.js';

const pools = { max_pool: nn.maxPool, min_pool: nn.minPool, avg_pool: nn.avgPool };

describe('pooling', () => {
  const { inputs, outputs } = golden('pooling');
  it.each(Object.keys(inputs))('%s', (name) => {
    const { pool, window_shape, kwargs, x } = inputs[name] as {
      pool: keyof typeof pools;
      window_shape: number[];
      kwargs: object;
      x: Entry;
    };
    const f = (input: Tensor) => {
      const y = pools[pool](input, window_shape, camelCase(kwargs));
      return [reduceSum(sin(y)), y] as const;
    };
    const check = (run: typeof f): void => {
      const [[loss, y], dx] = valueAndGrad(run, { hasAux: true })(toTensor(x));
      expectGolden({ y, loss, grad: { x: dx } }, outputs[name], 'pooling', name);
    };
    check(f);
    check(jit(f));
  });

  it('a window in the padding: -infinity, infinity, NaN', () => {
    const x = tensor([1, 2, 1], [3, 4]);
    const padding = [[2, 0]] as const;
    expect(nn.maxPool(x, [2], { padding }).toArray()).toEqual([[[-Infinity], [3], [4]]]);
    expect(nn.minPool(x, [2], { padding }).toArray()).toEqual([[[Infinity], [3], [3]]]);
    expect(nn.avgPool(x, [2], { padding, countIncludePad: false }).toArray()).toEqual([[[NaN], [3], [3.5]]]);
    expect(nn.avgPool(x, [2], { padding }).toArray()).toEqual([[[0], [1.5], [3.5]]]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a window of 0', () => nn.maxPool(ones(1, 4, 1), [0]), /maxPool needs a window of at least 1.*got \[0\]/],
    [
      'strides for another number of dimensions',
      () => nn.avgPool(ones(1, 4, 1), [2], { strides: [2, 2] }),
      /avgPool needs strides.*got \[2,2\]/,
    ],
    ['negative padding', () => nn.maxPool(ones(1, 4, 1), [2], { padding: [[-1, 0]] }), /maxPool of .* needs 1 of low.*got \[-1\]/],
    ['a padding of convolutions', () => nn.maxPool(ones(1, 4, 1), [2], { padding: 'CAUSAL' as 'SAME' }), /maxPool has no padding "CAUSAL"/],
    ['too few axes', () => nn.minPool(ones(4), [2, 2]), /minPool over 2 dimensions needs/],
  ])('refuses %s', (_, f, message) => expect(f).toThrow(message));
});
