/** Primitives that are whole layers. Bounds follow from how each number is computed, not from what a backend happens to give. */
import { input, type Case, type Input } from './case.js';
import { UNIT, type Tolerance } from './compare.js';
import { sizeOf, Source } from './data.js';

const SHAPES = [
  [1, 1],
  [2, 1],
  [1, 5],
  [7, 3],
  [16, 16],
  [33, 17],
  [100, 4],
  [5, 3, 2, 9],
  [2000, 7],
  [64, 128],
  [3001, 33],
  [0, 3],
  [4, 0],
];
const columnsOf = (shape: readonly number[]): number => shape[shape.length - 1]!;

/** For each column, the mean over rows of `f`. */
function columnMeans(shape: readonly number[], f: (at: number, column: number) => number): Float64Array {
  const columns = columnsOf(shape);
  const rows = columns === 0 ? 0 : sizeOf(shape) / columns;
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows * columns; i++) sums[i % columns]! += f(i, i % columns) / rows;
  return sums;
}

const ROUNDINGS = 16; // of a sum over rows, relative to the sum of absolutes

function batchNormBound([x, scale]: readonly Input[], epsilon: number, fast: boolean): Tolerance {
  const { shape, values } = x!;
  const columns = columnsOf(shape);
  const unit = ROUNDINGS * UNIT;
  const mean = columnMeans(shape, (i) => values[i]!);
  const size = columnMeans(shape, (i) => Math.abs(values[i]!));
  const square = columnMeans(shape, (i) => values[i]! ** 2);
  const variance = columnMeans(shape, (i, c) => (values[i]! - mean[c]!) ** 2);
  const ofMean = size.map((s) => unit * s);
  // Deviations may be taken from any element instead of the mean.
  const farthest = new Float64Array(columns);
  values.forEach((v, i) => (farthest[i % columns] = Math.max(farthest[i % columns]!, (v - mean[i % columns]!) ** 2)));
  const ofVariance = variance.map((v, c) => unit * Math.max(fast ? square[c]! : 0, v + farthest[c]!) + 2 * ofMean[c]! ** 2);
  const bounds = [
    (i: number): number => {
      const c = i % columns;
      const inverse = 1 / Math.sqrt(Math.max(variance[c]! - ofVariance[c]!, 0) + epsilon);
      const centered = Math.abs(values[i]! - mean[c]!);
      const ofCentered = ofMean[c]! + UNIT * (Math.abs(values[i]!) + Math.abs(mean[c]!));
      const own = ofCentered * inverse + centered * inverse * (4 * UNIT + (inverse ** 2 * ofVariance[c]!) / 2);
      return Math.abs(scale!.values[c]!) * own + 4 * UNIT * (1 + centered * inverse * Math.abs(scale!.values[c]!));
    },
    (c: number): number => ofMean[c]!,
    (c: number): number => ofVariance[c]!,
  ];
  return { error: (output) => bounds[output]! };
}

function* batchNorms(): Generator<Case> {
  const source = new Source(31);
  for (const shape of SHAPES) {
    const vector = [columnsOf(shape)];
    for (const fastVariance of [true, false]) {
      for (const [label, offset, spread] of [
        ['centered', 0, 1],
        ['off center', 5, 2],
        ['constant', 3, 0],
      ] as const) {
        const inputs = [
          input(shape, 'float32', () => Math.fround(offset + spread * source.normal())),
          input(vector, 'float32', () => source.normal()),
          input(vector, 'float32', () => source.between(-1, 1)),
        ];
        for (const epsilon of [1e-5, 0.5]) {
          const params = { epsilon, fastVariance };
          yield { op: 'batchNorm', label, inputs, params, tolerance: batchNormBound(inputs, epsilon, fastVariance) };
        }
      }
    }
  }
}

function batchNormGradBound([dy, x, scale, mean, variance]: readonly Input[], epsilon: number, fast: boolean): Tolerance {
  const { shape } = x!;
  const columns = columnsOf(shape);
  const rows = columns === 0 ? 0 : sizeOf(shape) / columns;
  const inverse = variance!.values.map((v) => 1 / Math.sqrt((fast ? Math.max(v, 0) : v) + epsilon));
  // |x - mean|, with the rounding that cancellation brings counted as size
  const normal = (i: number, c: number): number => Math.abs(x!.values[i]! - mean!.values[c]!) * inverse[c]!;
  const ofNormal = (i: number, c: number): number =>
    2 * UNIT * (Math.abs(x!.values[i]!) + Math.abs(mean!.values[c]!)) * inverse[c]! + 6 * UNIT * normal(i, c);
  const unit = ROUNDINGS * UNIT;
  const bias = columnMeans(shape, (i) => Math.abs(dy!.values[i]!));
  const ofScale = columnMeans(shape, (i, c) => Math.abs(dy!.values[i]!) * (unit * normal(i, c) + ofNormal(i, c)));
  const ofDot = columnMeans(shape, (i, c) => Math.abs(dy!.values[i]!) * normal(i, c));
  const bounds = [
    (i: number): number => {
      const c = i % columns;
      const inner =
        unit * (Math.abs(dy!.values[i]!) + bias[c]!) + normal(i, c) * (ofScale[c]! + unit * ofDot[c]!) + ofNormal(i, c) * ofDot[c]!;
      return Math.abs(scale!.values[c]!) * inverse[c]! * inner;
    },
    (c: number): number => rows * ofScale[c]!,
    (c: number): number => rows * unit * bias[c]!,
  ];
  return { error: (output) => bounds[output]! };
}

function* batchNormGrads(): Generator<Case> {
  const source = new Source(32);
  for (const shape of SHAPES) {
    const vector = [columnsOf(shape)];
    const normals = (of: readonly number[]): Input => input(of, 'float32', () => source.normal());
    for (const fastVariance of [true, false]) {
      // With fastVariance zero and negative variances have rules of their own.
      const variances = input(vector, 'float32', (c) => (fastVariance && c % 3 > 0 ? [0, -0.1][(c % 3) - 1]! : source.between(0.1, 2)));
      const inputs = [
        normals(shape),
        normals(shape),
        normals(vector),
        input(vector, 'float32', () => source.between(-0.5, 0.5)),
        variances,
      ];
      const params = { epsilon: 0.01, fastVariance };
      yield { op: 'batchNormGrad', label: 'random', inputs, params, tolerance: batchNormGradBound(inputs, 0.01, fastVariance) };
    }
  }
}

function* crossEntropies(): Generator<Case> {
  const source = new Source(33);
  for (const shape of [[1], [10], [3, 1], [0, 4], [5, 10], [33, 7], [2, 3, 17], [128, 1000], [5000, 10]]) {
    const classes = columnsOf(shape);
    for (const [label, spread] of [
      ['modest', 3],
      ['large', 300],
      ['equal', 0],
    ] as const) {
      const logits = input(shape, 'float32', () => Math.fround(spread * source.normal()));
      const inside = source.chance(0.5);
      const labels = input(shape.slice(0, -1), 'int32', () =>
        inside ? source.below(classes) : source.below(3 * classes + 4) - 2 - 2 * classes,
      );
      const greatest = (row: number): number =>
        logits.values.subarray(row * classes, (row + 1) * classes).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const tolerance: Tolerance = { error: () => (row) => UNIT * (8 + 4 * greatest(row) + 4 * Math.log(classes)) };
      yield { op: 'softmaxCrossEntropy', label, inputs: [logits, labels], params: {}, tolerance };
    }
  }
  const special = (values: number[]): Case => ({
    op: 'softmaxCrossEntropy',
    label: `logits ${values.join(', ')}`,
    inputs: [input([1, values.length], 'float32', (i) => values[i]!), input([1], 'int32', () => 0)],
    params: {},
    tolerance: { error: () => () => 4 * UNIT },
  });
  for (const values of [
    [NaN, 1],
    [1, NaN, 2],
    [0, -Infinity],
    [-Infinity, 0, 1],
  ])
    yield special(values);
}

function* crossEntropyGrads(): Generator<Case> {
  const source = new Source(36);
  for (const shape of [[1], [10], [3, 1], [0, 4], [5, 10], [33, 7], [2, 3, 17], [16, 24], [17, 25], [128, 1000], [3, 2500], [5000, 10]]) {
    const classes = columnsOf(shape);
    const rows = shape.slice(0, -1);
    for (const [label, spread] of [
      ['modest', 3],
      ['large', 80],
      ['equal', 0],
    ] as const) {
      const logits = input(shape, 'float32', () => Math.fround(spread * source.normal()));
      const labels = input(rows, 'int32', () => source.below(3 * classes + 4) - 2 - 2 * classes);
      const dloss = input(rows, 'float32', () => source.normal());
      // Not quite that of the logits: what is divided by its own sum does not depend on it.
      const logSumExp = input(rows, 'float32', (row) => {
        const values = logits.values.subarray(row * classes, (row + 1) * classes);
        const top = values.reduce((m, v) => Math.max(m, v), -Infinity);
        return Math.fround(top + Math.log(values.reduce((s, v) => s + Math.exp(v - top), 0)) + source.between(-0.5, 0.5));
      });
      const sizes = Float64Array.from(dloss.values, (_, row) =>
        logits.values
          .subarray(row * classes, (row + 1) * classes)
          .reduce((m, v) => Math.max(m, Math.abs(v) + Math.abs(logSumExp.values[row]!)), 0),
      );
      const tolerance: Tolerance = {
        error: () => (i) => {
          const row = Math.floor(i / classes);
          return Math.abs(dloss.values[row]!) * UNIT * (12 + 4 * sizes[row]! + 4 * Math.log(classes));
        },
      };
      yield { op: 'softmaxCrossEntropyGrad', label, inputs: [dloss, logits, labels, logSumExp], params: {}, tolerance };
    }
  }
}

function* ciphers(): Generator<Case> {
  const source = new Source(34);
  for (const shape of [[], [0], [1], [7], [16], [33], [3, 5, 7], [100_003]]) {
    const inputs = [[2], shape, shape].map((s) => input(s, 'uint32', () => source.anything('uint32')));
    yield { op: 'threefry2x32', label: 'random', inputs, params: {}, tolerance: 'exact' };
    const counted = [inputs[0]!, input(shape, 'uint32', () => 0), input(shape, 'uint32', (i) => i)];
    yield { op: 'threefry2x32', label: 'counting', inputs: counted, params: {}, tolerance: 'exact' };
  }
}

function* decompositions(): Generator<Case> {
  const source = new Source(35);
  for (const [m, n] of [
    [1, 1],
    [3, 3],
    [5, 3],
    [3, 5],
    [1, 4],
    [4, 1],
    [0, 3],
    [3, 0],
    [40, 17],
    [64, 64],
  ] as const) {
    // A heavy diagonal keeps the factors well determined.
    const x = input([m, n], 'float32', (i) => Math.fround(source.normal() + (Math.floor(i / n) === i % n ? 3 * Math.sqrt(m + n) : 0)));
    const size = Math.sqrt(x.values.reduce((s, v) => s + v * v, 0));
    const tolerance: Tolerance = { error: (output) => () => 32 * UNIT * (output === 0 ? Math.max(m, n) : size) };
    yield { op: 'qr', label: 'random', inputs: [x], params: {}, tolerance };
  }
  const triangular = [2, 1, 3, 0, -5, 4, 0, 0, 7];
  yield {
    op: 'qr',
    label: 'triangular already',
    inputs: [input([3, 3], 'float32', (i) => triangular[i]!)],
    params: {},
    tolerance: { error: () => () => 1e-6 },
  };
  yield { op: 'qr', label: 'zeros', inputs: [input([3, 2], 'float32', () => 0)], params: {}, tolerance: { error: () => () => 0 } };
}

export function* layerCases(): Generator<Case> {
  yield* batchNorms();
  yield* batchNormGrads();
  yield* crossEntropies();
  yield* crossEntropyGrads();
  yield* ciphers();
  yield* decompositions();
}
