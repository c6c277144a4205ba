/** Every gradient rule against central differences, in double precision on the reference interpreter: first and second derivatives. */
import { grad, jit, lax, tree, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../lib/core/primitive.js';
import { randomNumbers, tensor, tensorOf } from '../support/tensors.js';
import { gradientCases, inputsOf, withoutGradient, type GradientCase } from './gradient_cases.js';

const STEP = 1e-4; // with five points the error is about STEP^4 plus 1e-16 / STEP
const TOLERANCE = 1e-8;

const weights = (shape: readonly number[], seed: number): Tensor => {
  const random = randomNumbers(seed);
  const size = shape.reduce((n, d) => n * d, 1);
  return tensorOf(
    Array.from({ length: size }, () => random() - 0.3),
    shape,
  );
};

/** A scalar whose cotangents at f's outputs are neither constant nor alike. */
const lossOf =
  (f: GradientCase['f']) =>
  (...inputs: Tensor[]): Tensor => {
    const outputs = tree.leaves(f(...inputs)) as Tensor[];
    const terms = outputs.map((y, i) => lax.reduceSum(lax.mul(weights(y.shape, 77 + i), lax.add(y, lax.mul(lax.mul(y, y), 0.5)))));
    return terms.reduce((a, b) => lax.add(a, b));
  };

/** d loss / d inputs[i] by a central difference of five points, element by element. */
function differences(loss: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): number[][] {
  return inputs.map((x, i) => {
    const at = Float64Array.from(x.dataSync());
    const shifted = (j: number, by: number): number => {
      const moved = at.slice();
      moved[j]! += by;
      return loss(...inputs.with(i, tensorOf(moved, x.shape))).item() as number;
    };
    return Array.from(at, (_, j) => {
      const near = shifted(j, STEP) - shifted(j, -STEP);
      const far = shifted(j, 2 * STEP) - shifted(j, -2 * STEP);
      return (8 * near - far) / (12 * STEP);
    });
  });
}

function expectNear(actual: readonly Tensor[], expected: readonly number[][]): void {
  actual.forEach((g, i) => {
    const have = g.dataSync();
    const scale = Math.max(1, ...expected[i]!.map(Math.abs));
    expected[i]!.forEach((want, j) => {
      if (!(Math.abs(have[j]! - want) <= TOLERANCE * scale))
        throw new Error(`input ${i}, element ${j}: ${have[j]}, by differences ${want}`);
    });
  });
}

describe.each(Object.entries(gradientCases))('%s', (name, cases) => {
  it.each(cases.map((c) => [c.label, c] as const))('%s', (_, c) => {
    const inputs = inputsOf(c, 1);
    const loss = lossOf(c.f);
    const all = inputs.map((_, i) => i);
    expect(
      jit(c.f)
        .lower(...inputs)
        .asText(),
    ).toContain(` = ${name} `);

    const first = grad(loss, { argnums: all });
    const grads = first(...inputs);
    grads.forEach((g, i) => expect(g.shape).toEqual(inputs[i]!.shape));
    expectNear(grads, differences(loss, inputs));

    // Alone an input must get what it gets among all: rules compute only what is needed.
    for (const i of all) expect(grad(loss, { argnums: i })(...inputs).toArray()).toEqual(grads[i]!.toArray());
    expect(jit(first)(...inputs).map((g) => g.toArray())).toEqual(grads.map((g) => g.toArray()));

    // The derivative of the gradient along a fixed direction.
    const along = (...xs: Tensor[]): Tensor =>
      first(...xs)
        .map((g, i) => lax.reduceSum(lax.mul(weights(g.shape, 99 + i), g)))
        .reduce((a, b) => lax.add(a, b));
    expectNear(grad(along, { argnums: all })(...inputs), differences(along, inputs));
  });
});

it('every primitive has a row, or has no gradient', () => {
  const all = [...primitives().keys()].sort();
  expect([...Object.keys(gradientCases), ...withoutGradient].sort()).toEqual(all);
  for (const [name, { grad }] of primitives()) if (grad === null) expect(withoutGradient).toContain(name);
  for (const cases of Object.values(gradientCases)) expect(cases.length).toBeGreaterThan(0);
});

describe('at kinks and edges, as in JAX', () => {
  const gradOf = (f: (...xs: Tensor[]) => Tensor, ...xs: Tensor[]): unknown[] =>
    grad((...inputs: Tensor[]) => lax.reduceSum(f(...inputs)), { argnums: xs.map((_, i) => i) })(...xs).map((g) => g.toArray());

  it('ties of max and min are shared', () => {
    expect(gradOf(lax.max, tensor([1, 2]), tensor([1, 1]))).toEqual([
      [0.5, 1],
      [0.5, 0],
    ]);
    expect(gradOf(lax.min, tensor([1, 2]), tensor([1, 1]))).toEqual([
      [0.5, 0],
      [0.5, 1],
    ]);
    expect(gradOf((x) => lax.reduceMax(x), tensor([3, 1, 3, 3]))).toEqual([[1 / 3, 0, 1 / 3, 1 / 3]]);
    expect(
      gradOf(
        (x) => lax.reduceMin(x, 1),
        tensor([
          [1, 1],
          [2, 1],
        ]),
      ),
    ).toEqual([
      [
        [0.5, 0.5],
        [0, 1],
      ],
    ]);
  });
  it('max with a number, as relu is written', () => {
    expect(gradOf((x) => lax.max(x, 0), tensor([-1, 0, 2]))).toEqual([[0, 0.5, 1]]);
  });
  it('abs at 0, and steps', () => {
    expect(gradOf(lax.abs, tensor([0, -1]))).toEqual([[1, -1]]);
    for (const f of [lax.sign, lax.floor, lax.ceil, lax.round]) expect(gradOf(f, tensor([0.3, 1]))).toEqual([[0, 0]]);
  });
  it('pow at base and exponent 0', () => {
    expect(gradOf(lax.pow, tensor([0, 0, 0, 2]), tensor([2, 1, 0, 0]))).toEqual([
      [0, 1, 0, 0],
      [0, 0, 0, Math.log(2)],
    ]);
  });
  it('the first of equal elements in a window is its maximum', () => {
    const x = tensor([1, 3, 3, 2, 3, 0].map((v) => [v])); // windows 1 3 3, 3 2 3, with -infinity after: 3 0
    const f = (x: Tensor): Tensor =>
      lax.mul(
        lax.maxPool(lax.reshape(x, [1, 6, 1]), { window: [3], strides: [2], low: [0], high: [1] }),
        lax.reshape(tensor([1, 10, 100]), [1, 3, 1]),
      );
    expect(gradOf(f, x)).toEqual([[[0], [1], [10], [0], [100], [0]]]);
  });
  it('batch norm of a constant column', () => {
    const x = tensor([
      [2, 1],
      [2, 3],
    ]);
    const f = (x: Tensor): Tensor =>
      lax.mul(
        lax.batchNorm(x, tensor([1, 1]), tensor([0, 0]), { epsilon: 0.01, fastVariance: true })[0],
        tensor([
          [1, 2],
          [-3, 5],
        ]),
      );
    const column = (gradOf(f, x)[0] as number[][]).map((row) => row[0]);
    expect(column[0]).toBeCloseTo(20, 10); // 1/sqrt(epsilon) * (1 - mean of the cotangent)
    expect(column[1]).toBeCloseTo(-20, 10);
  });
  it('a label past the classes: the loss is NaN, the gradient that of logsumexp', () => {
    const f = (x: Tensor): Tensor => lax.softmaxCrossEntropy(x, tensor([7], 'int32'))[0];
    expect(f(tensor([[0, 0]])).toArray()).toEqual([NaN]);
    expect(gradOf(f, tensor([[0, 0]]))).toEqual([[[0.5, 0.5]]]);
  });
  it('take outside with fill: NaN, and no gradient', () => {
    const f = (x: Tensor): Tensor => lax.take(x, tensor([0, 5, -1], 'int32'), 0);
    expect(f(tensor([1, 2])).toArray()).toEqual([1, NaN, NaN]);
    expect(gradOf(f, tensor([1, 2]))).toEqual([[1, 0]]);
  });
  it('sort keeps equal keys in order', () => {
    const f = (k: Tensor, v: Tensor): Tensor => lax.mul(lax.sort([k, v], 0)[1]!, tensor([1, 10, 100]));
    expect(gradOf(f, tensor([1, 0, 0]), tensor([5, 6, 7]))).toEqual([
      [0, 0, 0],
      [100, 1, 10],
    ]);
  });
});

describe('of nothing', () => {
  const CONV = { strides: [1], low: [0], high: [0], dilation: [1], groups: 1 };
  const POOL = { window: [2], strides: [2], low: [0], high: [0] };
  const empty = (f: (x: Tensor) => Tensor, shape: number[]): void => {
    const x = lax.zeros(shape);
    const loss = (x: Tensor): Tensor => lax.reduceSum(f(x));
    expect(grad(loss)(x).shape).toEqual(shape);
    expect(grad((x: Tensor) => lax.reduceSum(grad(loss)(x)))(x).shape).toEqual(shape);
  };
  const ints = (shape: number[]): Tensor => lax.zeros(shape, 'int32');
  const cases: [string, (x: Tensor) => Tensor, number[]][] = [
    ['elementwise', (x) => lax.mul(lax.exp(x), x), [0, 3]],
    ['reduceSum', (x) => lax.reduceSum(x, 0), [0, 3]],
    ['reduceMax', (x) => lax.mul(lax.reduceMax(x, 1), 0), [2, 0]],
    ['reduceProd', (x) => lax.reduceProd(x, 0), [0, 3]],
    ['slice', (x) => lax.slice(x, [1, 0], [1, 2]), [2, 2]],
    ['concatenate', (x) => lax.concatenate([x, lax.zeros([2, 3]), x], 0), [0, 3]],
    ['pad', (x) => lax.pad(x, lax.full([], 1), { low: [1, 2], high: [0, 0], interior: [3, 3] }), [0, 2]],
    ['broadcast', (x) => lax.broadcast(x, [3, 0], [1]), [0]],
    ['broadcast to nothing', (x) => lax.broadcast(x, [0, 3], [1]), [3]],
    ['take by nothing', (x) => lax.take(x, ints([0]), 0), [3, 2]],
    ['scatterAdd of nothing', (x) => lax.scatterAdd(x, ints([0]), lax.zeros([0, 2]), 0), [3, 2]],
    ['scatterAdd into nothing', (x) => lax.scatterAdd(lax.zeros([0, 2]), ints([3]), x, 0), [3, 2]],
    ['scatterAddAlong into nothing', (x) => lax.scatterAddAlong(lax.zeros([3, 0]), ints([3, 2]), x, 1), [3, 2]],
    ['sort', (x) => lax.sort([x], 1)[0]!, [2, 0]],
    ['cumsum', (x) => lax.cumsum(x, 0), [0, 2]],
    [
      'dotGeneral over nothing',
      (x) => lax.dotGeneral(x, lax.zeros([0, 3]), { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] }),
      [2, 0],
    ],
    ['dense', (x) => lax.dense(x, lax.zeros([3, 2]), lax.zeros([2])), [0, 3]],
    ['batchNorm', (x) => lax.batchNorm(x, lax.full([3], 1), lax.zeros([3]), { epsilon: 0.1, fastVariance: true })[0], [0, 3]],
    [
      'batchNorm without features',
      (x) => lax.batchNorm(x, lax.zeros([0]), lax.zeros([0]), { epsilon: 0.1, fastVariance: true })[0],
      [2, 0],
    ],
    ['softmaxCrossEntropy', (x) => lax.softmaxCrossEntropy(x, ints([0]))[0], [0, 3]],
    ['conv of no examples', (x) => lax.conv(x, lax.full([2, 3, 4], 1), CONV), [0, 5, 3]],
    ['conv without a window', (x) => lax.conv(x, lax.full([4, 3, 4], 1), CONV), [2, 3, 3]],
    ['conv without features', (x) => lax.conv(x, lax.zeros([2, 0, 4]), CONV), [2, 3, 0]],
    ['maxPool of no examples', (x) => lax.maxPool(x, POOL), [0, 5, 3]],
    ['maxPool without a window', (x) => lax.maxPool(x, POOL), [2, 1, 3]],
    ['sumPool without features', (x) => lax.sumPool(x, POOL), [2, 3, 0]],
  ];
  it.each(cases)('%s', (_, f, shape) => empty(f, shape));
});
