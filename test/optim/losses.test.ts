import { grad, jit, lax, optim, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { camelCase, expectGolden, golden, toTensor, type Entry } from '../support/golden.js';

interface LossCase {
  fn: string;
  a: Entry;
  b?: Entry;
  where?: Entry;
  kwargs?: object;
}
type Loss = (a: Tensor, b?: Tensor | null, options?: object) => Tensor;

const file = golden('losses');
const cases = Object.entries(file.inputs as Record<string, LossCase>);

describe.each(cases)('%s', (name, spec) => {
  const loss = (optim as unknown as Record<string, Loss>)[Object.keys(camelCase({ [spec.fn]: 0 }))[0]!]!;
  const options = { ...camelCase(spec.kwargs ?? {}), ...(spec.where && { where: toTensor(spec.where) }) };
  const a = toTensor(spec.a);
  const b = spec.b ? toTensor(spec.b) : null;
  const apply = (x: Tensor, y: Tensor | null): Tensor => (Object.keys(options).length > 0 ? loss(x, y, options) : loss(x, y));
  const total = (x: Tensor, y: Tensor | null): Tensor => lax.reduceSum(apply(x, y));
  const all = () => ({
    value: apply(a, b),
    grad_a_of_sum: grad((x: Tensor) => total(x, b))(a),
    ...(b?.dtype === 'float32' && { grad_b_of_sum: grad((y: Tensor) => total(a, y))(b) }),
  });
  test('value and gradients', () => expectGolden(all(), file.outputs[name], 'losses', name));
  test('inside jit', () => expectGolden(jit(all)(), file.outputs[name], 'losses', name));
});

const ramp = (...shape: number[]): Tensor =>
  lax.sin(lax.convert(lax.reshape(lax.iota([shape.reduce((n, d) => n * d, 1)]), shape), 'float32'));
const ints = (...values: number[]): Tensor =>
  lax.concatenate(
    values.map((v) => lax.full([1], v, 'int32')),
    0,
  );
const close = (x: Tensor, y: Tensor): void => {
  expect(x.shape).toEqual(y.shape);
  const [a, b] = [x.dataSync(), y.dataSync()];
  a.forEach((v, i) => expect(v).toBeCloseTo(b[i]!, 5));
};

describe('softmax cross entropy', () => {
  const logits = ramp(2, 3, 4);
  test('several class axes are flattened in their order', () => {
    const labels = ints(7, 2);
    const flat = optim.softmaxCrossEntropyWithIntegerLabels(lax.reshape(logits, [2, 12]), labels);
    close(optim.softmaxCrossEntropyWithIntegerLabels(logits, labels, { axis: [1, 2] }), flat);
    const swapped = optim.softmaxCrossEntropyWithIntegerLabels(lax.reshape(lax.transpose(logits, [0, 2, 1]), [2, 12]), labels);
    close(optim.softmaxCrossEntropyWithIntegerLabels(logits, labels, { axis: [2, -2] }), swapped);
  });
  test('a mask of examples is a mask of all their classes', () => {
    const mask = lax.gt(ints(1, 0), 0);
    const x = lax.reshape(logits, [2, 12]);
    const [kept, dropped] = optim.softmaxCrossEntropyWithIntegerLabels(x, ints(7, 2), { where: mask }).toArray() as number[];
    expect(kept).toBeCloseTo((optim.softmaxCrossEntropyWithIntegerLabels(x, ints(7, 2)).toArray() as number[])[0]!, 5);
    expect(dropped).toBe(0);
    const g = grad((l: Tensor) => lax.reduceSum(optim.softmaxCrossEntropyWithIntegerLabels(l, ints(7, 2), { where: mask })))(x);
    expect((g.toArray() as number[][])[1]).toEqual(new Array(12).fill(0));
  });
  test('probabilities: masks, axes and broadcast labels agree with class indices', () => {
    const oneHot = lax.convert(lax.eq(lax.iota([2, 12], 1), lax.broadcast(ints(7, 2), [2, 12], [0])), 'float32');
    const x = lax.reshape(logits, [2, 12]);
    close(optim.softmaxCrossEntropy(x, oneHot), optim.softmaxCrossEntropyWithIntegerLabels(x, ints(7, 2)));
    close(
      optim.softmaxCrossEntropy(lax.transpose(x, [1, 0]), lax.transpose(oneHot, [1, 0]), { axis: 0 }),
      optim.softmaxCrossEntropy(x, oneHot),
    );
    const where = lax.lt(lax.iota([2, 12], 1), 9);
    const both = [optim.softmaxCrossEntropy(x, oneHot, { where }), optim.softmaxCrossEntropyWithIntegerLabels(x, ints(7, 2), { where })];
    close(both[0]!, both[1]!);
    close(optim.softmaxCrossEntropy(x, lax.full([1, 12], 1 / 12)), optim.softmaxCrossEntropy(x, lax.full([2, 12], 1 / 12)));
  });
  test('one node where the classes are the last axis', () => {
    const text = jit((l: Tensor, y: Tensor) => optim.softmaxCrossEntropyWithIntegerLabels(l, y))
      .lower(ramp(4, 3), ints(0, 1, 2, 0))
      .asText();
    expect(
      text
        .split('\n\nprogram')[0]!
        .split('\n')
        .filter((l) => l.includes(' = ')),
    ).toHaveLength(1);
  });
  test('uint32 labels', () => {
    const labels = lax.convert(ints(7, 2), 'uint32');
    close(
      optim.softmaxCrossEntropyWithIntegerLabels(lax.reshape(logits, [2, 12]), labels),
      optim.softmaxCrossEntropyWithIntegerLabels(lax.reshape(logits, [2, 12]), ints(7, 2)),
    );
  });
});

test('finite values and gradients at 1e4 and beyond', () => {
  const far = lax.concatenate(
    [1e4, -1e4, 3e38, -3e38, 0].map((v) => lax.full([1], v)),
    0,
  );
  for (const f of [
    (x: Tensor) => optim.sigmoidBinaryCrossEntropy(x, 1),
    (x: Tensor) => optim.sigmoidBinaryCrossEntropy(x, 0),
    (x: Tensor) => optim.logCosh(x),
    (x: Tensor) => optim.huberLoss(x),
    (x: Tensor) => optim.softmaxCrossEntropyWithIntegerLabels(x, lax.full([], 1, 'int32')),
  ]) {
    const g = grad((x: Tensor) => lax.reduceSum(lax.mul(f(x), 1e-3)))(far);
    for (const v of [...f(far).dataSync(), ...g.dataSync()]) expect(Number.isNaN(v)).toBe(false);
  }
});

test('second derivatives at 0', () => {
  const second = (f: (x: Tensor) => Tensor): number => grad((x: Tensor) => grad(f)(x))(lax.full([], 0)).item() as number;
  expect(second((x) => optim.sigmoidBinaryCrossEntropy(x, 0.3))).toBeCloseTo(0.25, 6);
  expect(second((x) => optim.logCosh(x))).toBeCloseTo(1, 6);
  expect(second((x) => optim.huberLoss(x))).toBeCloseTo(1, 6);
});

test('targets broadcast where optax lets them', () => {
  close(optim.huberLoss(ramp(2, 3), ramp(3)), optim.huberLoss(ramp(2, 3), lax.broadcastTo(ramp(3), [2, 3])));
  close(optim.logCosh(ramp(3), 0), optim.logCosh(ramp(3)));
  expect(() => optim.l2Loss(ramp(2, 3), ramp(3))).toThrow(/targets shaped like the predictions, got Tensor<float32\[3\]>/);
});

describe('mistakes', () => {
  const name = /softmaxCrossEntropyWithIntegerLabels/;
  const f = optim.softmaxCrossEntropyWithIntegerLabels;
  test('dtypes', () => {
    expect(() => f(ramp(2, 3), ramp(2))).toThrow(/needs integer labels, got Tensor<float32\[2\]>; convert/);
    expect(() => f(lax.zeros([2, 3], 'int32'), ints(0, 0))).toThrow(/needs float32 logits, got Tensor<int32\[2, 3\]>; convert/);
    expect(() => f(ramp(2, 3), Int32Array.of(0, 0) as never)).toThrow(
      /labels that are a tensor, got a value of type object; use np\.array/,
    );
    expect(() => f(ramp(2, 3), ints(0, 0), { where: ints(1, 1) })).toThrow(/where to be bool/);
    expect(() => optim.sigmoidBinaryCrossEntropy(ints(1), 0)).toThrow(/sigmoidBinaryCrossEntropy needs float32 logits/);
    expect(() => optim.huberLoss(3 as never)).toThrow(/huberLoss needs predictions that are a float32 tensor, got a value of type number/);
  });
  test('shapes', () => {
    expect(() => f(ramp(4, 3), ints(0, 0, 0))).toThrow(/labels of shape \[4\], got Tensor<int32\[3\]>/);
    expect(() => f(ramp(4, 3), ints(0, 0, 0))).toThrow(name);
    expect(() => f(ramp(4, 3), ints(0, 0, 0, 0), { axis: 2 })).toThrow(/axis 2 is out of bounds/);
    expect(() => optim.softmaxCrossEntropy(ramp(4, 3), ramp(5, 3))).toThrow(/do not broadcast/);
  });
  test('options', () => {
    expect(() => f(ramp(4, 3), ints(0, 0, 0, 0), { axes: 1 } as never)).toThrow(/no option "axes": its options are axis, where/);
  });
});
