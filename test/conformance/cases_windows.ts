/** Convolution and pooling. Sums are compared within a few roundings of the sum of absolutes, which the reference computes too. */
import type { WireParams } from '../../lib/backends/backend.js';
import { kernels } from '../support/reference.js';
import { input, outputsOf, type Case, type Input } from './case.js';
import { UNIT, type Tolerance } from './compare.js';
import { FLOATS, sizeOf, Source } from './data.js';

const ROUNDINGS = 16;

/** For an op that is linear in the operands `of`: a bound for each element from the same op on their absolutes. */
function bound(op: string, inputs: readonly Input[], params: WireParams, of: readonly number[]): Tolerance {
  const [type] = outputsOf(op, inputs, params);
  const sums = { ...type!, data: new Float64Array(sizeOf(type!.shape)) };
  const absolutes = inputs.map((x, i) => ({ ...x, data: of.includes(i) ? x.values.map(Math.abs) : x.values }));
  kernels.get(op)!(absolutes, [sums], params, 'float64');
  return { error: () => (i) => ROUNDINGS * UNIT * sums.data[i]! };
}

type Lists = Record<'strides' | 'low' | 'high', readonly number[]>;
type ConvSetting = readonly [label: string, x: readonly number[], kernel: readonly number[], Partial<Lists> & { dilation?: readonly number[]; groups?: number }]; // prettier-ignore

const CONVOLUTIONS: readonly ConvSetting[] = [
  ['one tap', [3, 5, 4], [1, 4, 7], {}],
  ['one dimension', [2, 17, 3], [5, 3, 4], { low: [2], high: [2] }],
  ['one dimension, causal and dilated', [2, 20, 3], [3, 3, 5], { low: [8], dilation: [4] }],
  ['one dimension, strided', [4, 33, 2], [4, 2, 3], { low: [1], high: [2], strides: [3] }],
  ['pixels', [5, 7, 6, 3], [1, 1, 3, 8], {}],
  ['valid', [2, 9, 8, 3], [3, 3, 3, 4], {}],
  ['same', [2, 9, 8, 3], [3, 3, 3, 4], { low: [1, 1], high: [1, 1] }],
  ['same, even window', [2, 8, 9, 2], [2, 4, 2, 3], { low: [0, 1], high: [1, 2] }],
  ['strided', [2, 9, 12, 3], [3, 3, 3, 4], { low: [0, 1], high: [1, 0], strides: [2, 2] }],
  ['uneven strides', [2, 9, 12, 3], [3, 2, 3, 4], { strides: [1, 3] }],
  ['strides past the window', [1, 11, 11, 2], [2, 2, 2, 3], { strides: [4, 5] }],
  ['lopsided padding', [1, 5, 4, 2], [3, 3, 2, 2], { low: [4, 0], high: [0, 3] }],
  ['dilated', [2, 11, 9, 2], [3, 2, 2, 3], { dilation: [3, 2], low: [3, 1], high: [3, 1] }],
  ['dilated and strided', [2, 13, 9, 2], [3, 2, 2, 3], { dilation: [2, 3], strides: [2, 1], low: [1, 0] }],
  ['groups', [2, 6, 5, 4], [3, 3, 2, 6], { groups: 2, low: [1, 1], high: [1, 1] }],
  ['groups, strided and dilated', [2, 9, 9, 6], [2, 2, 2, 3], { groups: 3, strides: [2, 2], dilation: [2, 1] }],
  ['each feature by itself', [2, 6, 5, 4], [3, 3, 1, 4], { groups: 4, low: [1, 1], high: [1, 1] }],
  ['each feature to two', [2, 7, 7, 3], [3, 3, 1, 6], { groups: 3, strides: [2, 2] }],
  ['each feature to two, uneven strides', [2, 7, 7, 3], [3, 2, 1, 6], { groups: 3, strides: [2, 1], dilation: [1, 2] }],
  ['three dimensions', [2, 5, 4, 6, 3], [3, 2, 3, 3, 4], { low: [1, 0, 1], high: [1, 1, 1] }],
  ['three dimensions, strided and dilated', [1, 7, 6, 5, 2], [2, 3, 2, 2, 3], { strides: [2, 1, 2], dilation: [2, 2, 1], low: [0, 2, 0] }],
  ['three dimensions in groups', [1, 3, 4, 3, 4], [2, 2, 2, 2, 2], { groups: 2 }],
  ['larger', [8, 28, 28, 8], [3, 3, 8, 16], { low: [1, 1], high: [1, 1] }],
  ['an input smaller than the window', [2, 2, 2, 1], [3, 3, 1, 2], { low: [1, 1], high: [1, 1] }],
  ['no window fits', [2, 2, 2, 1], [4, 3, 1, 2], {}],
  ['no examples', [0, 5, 5, 2], [3, 3, 2, 3], {}],
  ['no input features', [2, 5, 5, 0], [3, 3, 0, 3], {}],
  ['no output features', [2, 5, 5, 2], [3, 3, 2, 0], {}],
  ['no pixels, padding alone', [2, 0, 3, 2], [2, 2, 2, 3], { low: [1, 0], high: [2, 0] }],
];

function* convolutions(): Generator<Case> {
  const source = new Source(41);
  const normals = (shape: readonly number[]): Input => input(shape, 'float32', () => source.normal());
  for (const [label, x, kernel, given] of CONVOLUTIONS) {
    const each = (n: number): number[] => x.slice(2).map(() => n);
    const params = { strides: each(1), low: each(0), high: each(0), dilation: each(1), groups: 1, ...given };
    const [image, weights] = [normals(x), normals(kernel)];
    const dy = normals(outputsOf('conv', [image, weights], params)[0]!.shape);
    const one = (op: string, inputs: Input[], own: WireParams): Case => ({
      op,
      label,
      inputs,
      params: own,
      tolerance: bound(op, inputs, own, [0, 1]),
    });
    yield one('conv', [image, weights], params);
    yield one('convInputGrad', [dy, weights], { ...params, spatial: x.slice(1, -1) });
    yield one('convKernelGrad', [image, dy], { ...params, window: kernel.slice(0, -2) });
  }
}

type PoolSetting = readonly [label: string, x: readonly number[], window: readonly number[], Partial<Lists>];

const POOLS: readonly PoolSetting[] = [
  ['one dimension', [3, 10, 4], [2], { strides: [2] }],
  ['one dimension, overlapping', [2, 11, 3], [3], { strides: [2], low: [1], high: [1] }],
  ['halves', [2, 8, 6, 3], [2, 2], { strides: [2, 2] }],
  ['a remainder', [2, 9, 7, 3], [2, 2], { strides: [2, 2] }],
  ['overlapping', [2, 9, 8, 3], [3, 3], { strides: [2, 2], low: [0, 0], high: [1, 1] }],
  ['each step', [2, 5, 6, 2], [3, 2], { low: [1, 0], high: [1, 1] }],
  ['uneven', [1, 9, 8, 2], [2, 3], { strides: [3, 1] }],
  ['strides past the window', [1, 9, 8, 2], [2, 1], { strides: [4, 3] }],
  ['the whole', [3, 5, 4, 6], [5, 4], {}],
  ['lopsided padding', [1, 5, 4, 2], [3, 3], { low: [2, 0], high: [0, 2] }],
  ['windows in the padding', [1, 3, 3, 2], [2, 2], { strides: [2, 2], low: [2, 3], high: [2, 0] }],
  ['three dimensions', [2, 5, 4, 6, 2], [2, 2, 3], { strides: [2, 2, 3] }],
  ['three dimensions, padded', [1, 4, 4, 3, 2], [3, 2, 2], { strides: [1, 2, 1], low: [1, 0, 1], high: [1, 1, 0] }],
  ['larger', [8, 28, 28, 16], [2, 2], { strides: [2, 2] }],
  ['no window fits', [1, 2, 3, 2], [3, 2], {}],
  ['nothing but padding', [2, 0, 3, 1], [2, 2], { low: [1, 0], high: [2, 1] }],
  ['no examples', [0, 4, 4, 2], [2, 2], {}],
  ['no features', [2, 4, 4, 0], [2, 2], {}],
];

function* pools(): Generator<Case> {
  const source = new Source(42);
  for (const [label, x, window, given] of POOLS) {
    const each = (n: number): number[] => window.map(() => n);
    const params = { window, strides: each(1), low: each(0), high: each(0), ...given };
    const draws: [string, () => number][] = [
      [label, () => source.normal()],
      [`${label}, many ties`, () => source.below(3) - 1],
    ];
    for (const [named, draw] of draws) {
      const image = input(x, 'float32', draw);
      const other = input(x, 'float32', () => source.normal());
      const dy = input(outputsOf('maxPool', [image], params)[0]!.shape, 'float32', () => source.normal());
      yield { op: 'maxPool', label: named, inputs: [image], params, tolerance: 'exact' };
      yield { op: 'maxPoolGather', label: named, inputs: [image, other], params, tolerance: 'exact' };
      yield { op: 'maxPoolGrad', label: named, inputs: [image, dy], params, tolerance: bound('maxPoolGrad', [image, dy], params, [1]) };
    }
    const image = input(x, 'float32', () => source.normal());
    yield { op: 'sumPool', label, inputs: [image], params, tolerance: bound('sumPool', [image], params, [0]) };
    const dy = input(outputsOf('sumPool', [image], params)[0]!.shape, 'float32', () => source.normal());
    const own = { ...params, spatial: x.slice(1, -1) };
    yield { op: 'sumPoolGrad', label, inputs: [dy], params: own, tolerance: bound('sumPoolGrad', [dy], own, [0]) };
  }
  for (const numbers of [
    [NaN, 1, 2, 3],
    [1, NaN, 3, 2],
    [1, 2, 3, NaN],
    [NaN, NaN, NaN, NaN],
    [-Infinity, -Infinity, -Infinity, -Infinity],
    [-Infinity, Infinity, 1, 2],
    [-Infinity, -1, NaN, -Infinity],
  ]) {
    for (const features of [1, 16]) {
      const image = input([1, 2, 2, features], 'float32', (i) => numbers[Math.floor(i / features)]!);
      const params = { window: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] };
      yield { op: 'maxPool', label: numbers.join(' '), inputs: [image], params, tolerance: 'exact' };
    }
  }
  const numbers = FLOATS.filter((v) => !Number.isNaN(v));
  for (let shift = 0; shift < 4; shift++) {
    const image = input([1, 12, 12, 1], 'float32', (i) => numbers[(7 * i + shift * 11) % numbers.length]!);
    const params = { window: [2, 3], strides: [2, 3], low: [0, 0], high: [0, 0] };
    yield { op: 'maxPool', label: 'the edges of float32', inputs: [image], params, tolerance: { ulps: 0 } };
  }
}

export function* windowCases(): Generator<Case> {
  yield* convolutions();
  yield* pools();
}
