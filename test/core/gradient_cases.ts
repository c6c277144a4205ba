/** For each primitive with a gradient: functions through it and points to differentiate at, away from kinks and poles. */
import { lax, setBackend, type Tensor } from 'flaxen';
import { bind } from '../../lib/core/bind.js';
import { primitives, type Params } from '../../lib/core/primitive.js';
import { randomNumbers, tensor, tensorOf } from '../support/tensors.js';
import { windowGradientCases } from './gradient_cases_windows.js';

setBackend('reference64'); // in double precision, so that differences tell

export interface GradientCase {
  readonly label: string;
  /** Shapes of the differentiated inputs; numbers are drawn from `from` to `to`, unless `values` has them. */
  readonly shapes: readonly (readonly number[])[];
  readonly from?: number;
  readonly to?: number;
  readonly values?: readonly (readonly number[] | null)[];
  readonly f: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
}

const apply = (name: string, inputs: Tensor[], params: Params = {}): Tensor[] => bind(primitives().get(name)!, inputs, params);

const unary = (f: (x: Tensor) => Tensor, from: number, to: number): GradientCase[] => [
  { label: 'a vector', shapes: [[6]], from, to, f },
  { label: 'a scalar', shapes: [[]], from, to, f },
];
const binary = (f: (x: Tensor, y: Tensor) => Tensor, from: number, to: number): GradientCase[] => [
  {
    label: 'two tensors',
    shapes: [
      [2, 3],
      [2, 3],
    ],
    from,
    to,
    f,
  },
  { label: 'one tensor twice', shapes: [[4]], from, to, f: (x) => f(x, lax.mul(x, x)) },
];

const dotCase = (
  label: string,
  x: number[],
  y: number[],
  contract: [number[], number[]],
  batch: [number[], number[]] = [[], []],
): GradientCase => ({
  label,
  shapes: [x, y],
  f: (a, b) => lax.dotGeneral(a, b, { lhsContract: contract[0], rhsContract: contract[1], lhsBatch: batch[0], rhsBatch: batch[1] }),
});

const indices = tensor(
  [
    [2, 0],
    [1, 2],
  ],
  'int32',
);
const outside = tensor([0, -1, 2, 5, 0], 'int32');

function batchNormCases(): GradientCase[] {
  const shapes = [[5, 3], [3], [3]];
  const cases: GradientCase[] = [];
  for (const fastVariance of [true, false]) {
    const f = (x: Tensor, scale: Tensor, bias: Tensor) => lax.batchNorm(x, scale, bias, { epsilon: 0.01, fastVariance });
    const kind = fastVariance ? 'fast' : 'two-pass';
    cases.push({ label: `${kind}, all outputs`, shapes, f });
    cases.push({ label: `${kind}, y alone`, shapes, f: (x, s, b) => f(x, s, b)[0] });
    cases.push({ label: `${kind}, statistics alone`, shapes, f: (x, s, b) => f(x, s, b).slice(1) });
    cases.push({ label: `${kind}, rank 4`, shapes: [[2, 1, 3, 2], [2], [2]], f });
  }
  return cases;
}

function batchNormGradCases(): GradientCase[] {
  const cases: GradientCase[] = [];
  for (const fastVariance of [true, false]) {
    const f = (...inputs: Tensor[]) => apply('batchNormGrad', inputs, { epsilon: 0.5, fastVariance });
    const shapes = [[4, 3], [4, 3], [3], [3], [3]];
    const kind = fastVariance ? 'fast' : 'two-pass';
    const variance = fastVariance ? [0.7, 1.3, -0.2] : [0.7, 1.3, 0.2];
    const values = [null, null, null, null, variance];
    cases.push({ label: `${kind}, all outputs`, shapes, values, f });
    for (const [i, name] of ['dx', 'dscale', 'dbias'].entries())
      cases.push({ label: `${kind}, ${name} alone`, shapes, values, f: (...x) => f(...x)[i]! });
  }
  return cases;
}

/** By primitive. */
export const gradientCases: Record<string, readonly GradientCase[]> = {
  neg: unary(lax.neg, -2, 2),
  abs: [...unary(lax.abs, 0.5, 2), ...unary(lax.abs, -2, -0.5)],
  exp: unary(lax.exp, -2, 2),
  expm1: unary(lax.expm1, -2, 2),
  log: unary(lax.log, 0.3, 3),
  log1p: unary(lax.log1p, -0.7, 3),
  sqrt: unary(lax.sqrt, 0.3, 3),
  rsqrt: unary(lax.rsqrt, 0.3, 3),
  sin: unary(lax.sin, -3, 3),
  cos: unary(lax.cos, -3, 3),
  tanh: unary(lax.tanh, -2, 2),
  logistic: unary(lax.logistic, -3, 3),
  erf: unary(lax.erf, -2, 2),
  erfInv: unary(lax.erfInv, -0.9, 0.9),
  convert: [{ label: 'float32 to float32', shapes: [[4]], f: (x) => apply('convert', [x], { dtype: 'float32' }) }],
  add: binary(lax.add, -2, 2),
  sub: binary(lax.sub, -2, 2),
  mul: binary(lax.mul, -2, 2),
  div: binary(lax.div, 0.5, 2),
  rem: [
    {
      label: 'off the multiples',
      shapes: [[4], [4]],
      values: [
        [5.3, -5.3, 0.4, 7.1],
        [2, 1.5, 3, -2.5],
      ],
      f: lax.rem,
    },
  ],
  pow: [
    ...binary(lax.pow, 0.5, 2),
    {
      label: 'negative exponents',
      shapes: [[3], [3]],
      values: [
        [0.5, 1.5, 2],
        [-1.5, -2, -0.5],
      ],
      f: lax.pow,
    },
    { label: 'negative bases to whole powers', shapes: [[3]], values: [[-1.5, -0.7, 2]], f: (x) => lax.pow(x, 3) },
  ],
  max: [
    {
      label: 'apart',
      shapes: [[4], [4]],
      values: [
        [1, 2, 3, -4],
        [2, 1, -3, 4],
      ],
      f: lax.max,
    },
  ],
  min: [
    {
      label: 'apart',
      shapes: [[4], [4]],
      values: [
        [1, 2, 3, -4],
        [2, 1, -3, 4],
      ],
      f: lax.min,
    },
  ],
  select: [{ label: 'both branches', shapes: [[4], [4]], f: (x, y) => lax.select(tensor([true, false, true, false], 'bool'), x, y) }],
  fma: [{ label: 'three tensors', shapes: [[4], [4], [4]], f: lax.fma }],

  reshape: [{ label: 'to another rank', shapes: [[2, 3, 2]], f: (x) => lax.reshape(x, [4, 3]) }],
  transpose: [
    { label: 'a matrix', shapes: [[2, 3]], f: (x) => lax.transpose(x, [1, 0]) },
    { label: 'a rotation of three axes', shapes: [[2, 3, 2]], f: (x) => lax.transpose(x, [2, 0, 1]) },
  ],
  broadcast: [
    { label: 'new dimensions', shapes: [[3]], f: (x) => lax.broadcast(x, [2, 3, 2], [1]) },
    { label: 'stretched ones', shapes: [[1, 3, 1]], f: (x) => lax.broadcast(x, [2, 2, 3, 4], [1, 2, 3]) },
    { label: 'a scalar', shapes: [[]], f: (x) => lax.broadcast(x, [2, 2], []) },
    { label: 'a size 1 that stays', shapes: [[1]], f: (x) => lax.broadcast(x, [3, 1], [1]) },
  ],
  reverse: [{ label: 'two of three axes', shapes: [[2, 3, 2]], f: (x) => lax.reverse(x, [0, 2]) }],
  slice: [
    { label: 'a part', shapes: [[4, 5]], f: (x) => lax.slice(x, [1, 0], [3, 4]) },
    { label: 'with strides', shapes: [[4, 7]], f: (x) => lax.slice(x, [1, 1], [4, 7], [2, 3]) },
    { label: 'a stride past the end', shapes: [[5]], f: (x) => lax.slice(x, [1], [4], [10]) },
    { label: 'nothing', shapes: [[3]], f: (x) => [lax.slice(x, [1], [1]), x] },
  ],
  pad: [
    { label: 'around', shapes: [[2, 3], []], f: (x, v) => lax.pad(x, v, { low: [1, 0], high: [0, 2], interior: [0, 0] }) },
    { label: 'between', shapes: [[3, 2], []], f: (x, v) => lax.pad(x, v, { low: [0, 1], high: [2, 1], interior: [2, 1] }) },
  ],
  concatenate: [
    {
      label: 'along the first axis',
      shapes: [
        [1, 2],
        [3, 2],
        [2, 2],
      ],
      f: (...xs) => lax.concatenate(xs, 0),
    },
    {
      label: 'along the last, one twice',
      shapes: [
        [2, 1],
        [2, 3],
      ],
      f: (x, y) => lax.concatenate([x, y, x], 1),
    },
  ],
  take: [
    { label: 'rows', shapes: [[3, 2]], f: (x) => lax.take(x, indices, 0) },
    { label: 'columns', shapes: [[2, 3]], f: (x) => lax.take(x, indices, 1) },
    { label: 'clipped', shapes: [[3, 2]], f: (x) => lax.take(x, outside, 0, 'clip') },
    { label: 'one, by a scalar', shapes: [[3, 2]], f: (x) => lax.take(x, tensor(1, 'int32'), 0) },
    { label: 'by uint32', shapes: [[3]], f: (x) => lax.take(x, tensor([2, 2, 7], 'uint32'), 0, 'clip') },
  ],
  scatterAdd: [
    {
      label: 'rows, repeated and outside',
      shapes: [
        [3, 2],
        [5, 2],
      ],
      f: (x, u) => lax.scatterAdd(x, outside, u, 0),
    },
    {
      label: 'columns at a matrix of indices',
      shapes: [
        [2, 3],
        [2, 2, 2],
      ],
      f: (x, u) => lax.scatterAdd(x, indices, u, 1),
    },
  ],
  takeAlong: [
    {
      label: 'the first axis',
      shapes: [[3, 2]],
      f: (x) =>
        lax.takeAlong(
          x,
          tensor(
            [
              [2, 0],
              [1, 1],
              [2, 2],
              [0, 1],
            ],
            'int32',
          ),
          0,
        ),
    },
    {
      label: 'the last, clipped',
      shapes: [[2, 3]],
      f: (x) =>
        lax.takeAlong(
          x,
          tensor(
            [
              [-4, 0],
              [1, 9],
            ],
            'int32',
          ),
          1,
          'clip',
        ),
    },
  ],
  scatterAddAlong: [
    {
      label: 'repeated and outside',
      shapes: [
        [2, 3],
        [2, 4],
      ],
      f: (x, u) =>
        lax.scatterAddAlong(
          x,
          tensor(
            [
              [0, 0, -1, 2],
              [3, 1, 2, 1],
            ],
            'int32',
          ),
          u,
          1,
        ),
    },
  ],

  reduceSum: [
    { label: 'all', shapes: [[2, 3]], f: (x) => lax.reduceSum(x) },
    { label: 'the middle of three', shapes: [[2, 3, 2]], f: (x) => lax.reduceSum(x, 1) },
  ],
  reduceProd: [
    { label: 'all', shapes: [[5]], f: (x) => lax.reduceProd(x) },
    { label: 'odd and even lengths', shapes: [[3, 2, 7]], f: (x) => lax.reduceProd(x, [0, 2]) },
    { label: 'one zero', shapes: [[4]], values: [[2, 0, 3, 0.5]], f: (x) => lax.reduceProd(x) },
    { label: 'two zeros', shapes: [[2, 3]], values: [[2, 0, 0, 1, 0, 3]], f: (x) => lax.reduceProd(x, 1) },
    { label: 'one element', shapes: [[1, 2]], f: (x) => lax.reduceProd(x, 0) },
  ],
  reduceMax: [
    { label: 'all', shapes: [[2, 3]], f: (x) => lax.reduceMax(x) },
    { label: 'one axis', shapes: [[3, 4]], f: (x) => lax.reduceMax(x, 0) },
  ],
  reduceMin: [{ label: 'two of three axes', shapes: [[2, 3, 2]], f: (x) => lax.reduceMin(x, [0, 2]) }],
  cumsum: [
    { label: 'forward', shapes: [[2, 4]], f: (x) => lax.cumsum(x, 1) },
    { label: 'backward', shapes: [[4, 2]], f: (x) => lax.cumsum(x, 0, true) },
  ],
  sort: [
    { label: 'one operand', shapes: [[2, 5]], f: (x) => lax.sort([x], 1) },
    {
      label: 'a key and a value, first axis',
      shapes: [
        [4, 2],
        [4, 2],
      ],
      f: (x, y) => lax.sort([x, y], 0),
    },
    { label: 'two keys', shapes: [[5], [5]], values: [[1.5, 0.5, 1.5, 0.5, 1.5], null], f: (x, y) => lax.sort([lax.floor(x), y], 0, 2) },
    { label: 'the value alone', shapes: [[4], [4]], f: (x, y) => lax.sort([x, y], 0)[1]! },
  ],

  dotGeneral: [
    dotCase('matrices', [2, 3], [3, 4], [[1], [0]]),
    dotCase('the left transposed', [3, 2], [3, 4], [[0], [0]]),
    dotCase('the right transposed', [2, 3], [4, 3], [[1], [1]]),
    dotCase('both transposed', [3, 2], [4, 3], [[0], [1]]),
    dotCase('vectors', [3], [3], [[0], [0]]),
    dotCase('a vector and a matrix', [3], [2, 3], [[0], [1]]),
    dotCase('an outer product', [2], [3], [[], []]),
    dotCase('a batch', [2, 3, 2], [2, 2, 3], [[2], [1]], [[0], [0]]),
    dotCase('a batch in the middle and at the end', [3, 2, 4], [3, 2, 2], [[0], [0]], [[1], [2]]),
    dotCase(
      'two batches in another order',
      [2, 3, 4],
      [3, 4, 2],
      [[2], [1]],
      [
        [0, 1],
        [2, 0],
      ],
    ),
    dotCase(
      'two contractions, crossed',
      [2, 3, 2],
      [2, 2, 3],
      [
        [1, 2],
        [2, 0],
      ],
    ),
    dotCase('a batch without contraction', [2, 3], [2, 2], [[], []], [[0], [0]]),
    {
      label: 'an operand with itself',
      shapes: [[2, 2]],
      f: (x) => lax.dotGeneral(x, x, { lhsContract: [1], rhsContract: [1], lhsBatch: [], rhsBatch: [] }),
    },
  ],
  dense: [
    { label: 'with bias', shapes: [[3, 2], [2, 4], [4]], f: (x, k, b) => lax.dense(x, k, b) },
    {
      label: 'without',
      shapes: [
        [3, 2],
        [2, 4],
      ],
      f: (x, k) => lax.dense(x, k),
    },
    { label: 'of a vector', shapes: [[2], [2, 3], [3]], f: (x, k, b) => lax.dense(x, k, b) },
    { label: 'of rank 3', shapes: [[2, 2, 3], [3, 2], [2]], f: (x, k, b) => lax.dense(x, k, b) },
  ],
  batchNorm: batchNormCases(),
  batchNormGrad: batchNormGradCases(),
  softmaxCrossEntropy: [
    { label: 'both outputs', shapes: [[4, 3]], f: (x) => lax.softmaxCrossEntropy(x, tensor([0, 2, -1, 1], 'int32')) },
    { label: 'the loss', shapes: [[2, 3]], f: (x) => lax.softmaxCrossEntropy(x, tensor([0, 2], 'int32'))[0] },
    { label: 'logsumexp', shapes: [[2, 3]], f: (x) => lax.softmaxCrossEntropy(x, tensor([0, 2], 'int32'))[1] },
    { label: 'one row, one class', shapes: [[1]], f: (x) => lax.softmaxCrossEntropy(x, tensor(0, 'int32')) },
    {
      label: 'rank 3',
      shapes: [[2, 2, 3]],
      f: (x) =>
        lax.softmaxCrossEntropy(
          x,
          tensor(
            [
              [0, 2],
              [1, -3],
            ],
            'int32',
          ),
        ),
    },
  ],
  softmaxCrossEntropyGrad: [
    {
      label: 'with labels from either end and outside',
      shapes: [[4], [4, 3], [4]],
      f: (d, x, total) => lax.softmaxCrossEntropyGrad(d, x, tensor([0, 2, -1, 7], 'int32'), total),
    },
  ],
  ...windowGradientCases,
};

/** Primitives that are constant almost everywhere, take no floats, or refuse to be differentiated. */
export const withoutGradient = [
  'full iota sign floor ceil round isFinite not eq ne lt le gt ge and or xor shiftLeft shiftRightLogical bitcast argmax argmin threefry2x32 qr',
].flatMap((names) => names.split(' '));

export function inputsOf({ shapes, from = -2, to = 2, values }: GradientCase, seed: number): Tensor[] {
  const random = randomNumbers(seed);
  return shapes.map((shape, i) => {
    const size = shape.reduce((n, d) => n * d, 1);
    return tensorOf(values?.[i] ?? Array.from({ length: size }, () => from + (to - from) * random()), shape);
  });
}
