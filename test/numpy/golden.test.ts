/** The functions of np among those of functions.json, with their gradients at ties and at 0. */
import { lax, np, vjp, type Tensor } from 'flaxen';
import { expect, test } from 'vitest';
import { expectGolden, golden, toTensor, type Entry } from '../support/golden.js';

const functions: Record<string, (x: Tensor) => Tensor> = {
  tanh: np.tanh,
  logsumexp: (x) => np.logsumexp(x, -1),
  maximum_zero: (x) => np.maximum(0, x),
  abs: np.abs,
  max_last: (x) => np.max(x, -1),
  rsqrt_sq: (x) => lax.rsqrt(np.add(np.square(x), 1e-5)),
  mean_last: (x) => np.mean(x, { axis: -1 }),
  var_last: (x) => np.var(x, -1),
};

const { inputs, outputs } = golden('functions');
const x = toTensor(inputs.x as Entry);
const w = toTensor(inputs.w as Entry);

for (const [name, f] of Object.entries(functions)) {
  test(name, () => {
    const [y, back] = vjp(f, x);
    const weights = y.ndim === x.ndim ? w : w.slice('...', 0);
    expectGolden({ y, grad_of_weighted_sum: back(weights)[0] }, outputs[name], 'functions', name);
  });
}

test('one_hot and argmax_last', () => {
  const { labels, num_classes: classes } = inputs.one_hot as { labels: Entry; num_classes: number };
  expectGolden(np.oneHot(toTensor(labels), classes), outputs.one_hot, 'functions', 'one_hot');
  const indices = np.argmax(toTensor(inputs.argmax as Entry), -1);
  expectGolden(indices, outputs.argmax_last, 'functions', 'argmax_last');
  expect(indices.dtype).toBe('int32');
});
