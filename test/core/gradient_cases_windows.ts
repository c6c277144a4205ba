/** Gradient cases of convolution and pooling. */
import { lax, type Tensor } from 'flaxen';
import { Aval } from '../../lib/core/aval.js';
import { primitives, type Params } from '../../lib/core/primitive.js';
import type { ConvOptions } from '../../lib/core/primitives/convolution.js';
import type { PoolOptions } from '../../lib/core/primitives/pooling.js';
import { randomNumbers } from '../support/tensors.js';
import type { GradientCase } from './gradient_cases.js';

interface ConvSetting {
  readonly label: string;
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly options: ConvOptions;
}

const options = (rank: number, given: Partial<ConvOptions> = {}): ConvOptions => {
  const each = (n: number): number[] => Array.from({ length: rank }, () => n);
  return { strides: each(1), low: each(0), high: each(0), dilation: each(1), groups: 1, ...given };
};

const CONVOLUTIONS: readonly ConvSetting[] = [
  { label: 'one dimension', x: [2, 5, 2], kernel: [3, 2, 2], options: options(1, { low: [1], high: [2] }) },
  { label: 'strides past the end', x: [1, 6, 1], kernel: [2, 1, 2], options: options(1, { strides: [4] }) },
  { label: 'two dimensions', x: [1, 3, 4, 2], kernel: [2, 3, 2, 1], options: options(2, { low: [0, 1], high: [1, 1], strides: [1, 2] }) },
  { label: 'a dilated kernel', x: [1, 5, 4, 1], kernel: [2, 2, 1, 2], options: options(2, { dilation: [3, 2], low: [1, 0] }) },
  { label: 'groups', x: [2, 3, 1, 4], kernel: [2, 1, 2, 4], options: options(2, { groups: 2 }) },
  { label: 'each feature by itself', x: [1, 3, 2], kernel: [2, 1, 4], options: options(1, { groups: 2, low: [1] }) },
  { label: 'three dimensions', x: [1, 2, 3, 2, 1], kernel: [2, 2, 1, 1, 2], options: options(3, { low: [1, 0, 0], strides: [1, 2, 1] }) },
];

function convCases(pick: (setting: ConvSetting) => Pick<GradientCase, 'shapes' | 'f'>): GradientCase[] {
  return CONVOLUTIONS.map((setting) => ({ label: setting.label, ...pick(setting) }));
}

/** The shape of a primitive's result. */
const resultOf = (name: string, shapes: readonly (readonly number[])[], params: object): readonly number[] =>
  primitives()
    .get(name)!
    .infer(
      shapes.map((shape) => Aval.of(shape, 'float32')),
      params as Params,
    )[0]!.shape;

interface PoolSetting {
  readonly label: string;
  readonly x: readonly number[];
  readonly options: PoolOptions;
}

const POOLS: readonly PoolSetting[] = [
  { label: 'one dimension, overlapping', x: [2, 5, 2], options: { window: [3], strides: [2], low: [1], high: [1] } },
  { label: 'two dimensions', x: [1, 4, 3, 2], options: { window: [2, 2], strides: [2, 1], low: [0, 0], high: [0, 1] } },
  { label: 'three dimensions', x: [1, 2, 3, 2, 1], options: { window: [2, 2, 1], strides: [1, 2, 1], low: [0, 1, 0], high: [0, 0, 0] } },
  { label: 'a window in the padding', x: [1, 3, 1], options: { window: [2], strides: [2], low: [2], high: [3] } },
];

/** Distinct numbers, far enough apart that a difference's step changes no maximum. */
function apart(shape: readonly number[], seed: number): number[] {
  const random = randomNumbers(seed);
  const numbers = Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => i / 4 - 2);
  return numbers
    .map((value) => ({ value, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

const finite = (y: Tensor): Tensor => lax.max(y, -100); // windows that are all padding have -infinity

export const windowGradientCases: Record<string, readonly GradientCase[]> = {
  conv: convCases((s) => ({ shapes: [s.x, s.kernel], f: (x, k) => lax.conv(x, k, s.options) })),
  convInputGrad: convCases((s) => ({
    shapes: [resultOf('conv', [s.x, s.kernel], s.options), s.kernel],
    f: (dy, k) => lax.convInputGrad(dy, k, s.x.slice(1, -1), s.options),
  })),
  convKernelGrad: convCases((s) => ({
    shapes: [s.x, resultOf('conv', [s.x, s.kernel], s.options)],
    f: (x, dy) => lax.convKernelGrad(x, dy, s.kernel.slice(0, -2), s.options),
  })),
  maxPool: POOLS.map((s) => ({ label: s.label, shapes: [s.x], values: [apart(s.x, 5)], f: (x) => finite(lax.maxPool(x, s.options)) })),
  maxPoolGrad: POOLS.map((s) => {
    const dy = resultOf('sumPool', [s.x], s.options);
    return { label: s.label, shapes: [s.x, dy], values: [apart(s.x, 6), null], f: (x, ct) => lax.maxPoolGrad(x, ct, s.options) };
  }),
  maxPoolGather: POOLS.map((s) => ({
    label: s.label,
    shapes: [s.x, s.x],
    values: [apart(s.x, 7), null],
    f: (x, t) => lax.maxPoolGather(x, t, s.options),
  })),
  sumPool: POOLS.map((s) => ({ label: s.label, shapes: [s.x], f: (x) => lax.sumPool(x, s.options) })),
  sumPoolGrad: POOLS.map((s) => ({
    label: s.label,
    shapes: [resultOf('sumPool', [s.x], s.options)],
    f: (dy) => lax.sumPoolGrad(dy, s.x.slice(1, -1), s.options),
  })),
};
