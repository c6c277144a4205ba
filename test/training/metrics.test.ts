import { jit, lax, training, type Tensor } from 'flaxen';
import { expect, test } from 'vitest';

const metrics = (loss: number, accuracy: number) => ({ loss: lax.full([], loss), accuracy: lax.full([], accuracy) });

test('means, weighted by the size of the batch', async () => {
  const mean = new training.MeanMetrics<ReturnType<typeof metrics>>();
  mean.add(metrics(1, 0)).add(metrics(2, 1));
  expect(await mean.result()).toEqual({ loss: 1.5, accuracy: 0.5 });
  mean.reset();
  mean.add(metrics(1, 0), 3).add(metrics(7, 5), 1).add(metrics(0, 0), 0.5).add(metrics(0, 0), lax.full([], 0.5));
  expect(await mean.result()).toEqual({ loss: 2, accuracy: 1 });
});

test('integers count as numbers; tensors keep their shapes; it works inside jit', async () => {
  const mean = new training.MeanMetrics<{ hits: Tensor }>();
  mean.add({ hits: lax.iota([2]) }).add({ hits: lax.full([2], 4, 'int32') });
  expect(await mean.result()).toEqual({ hits: [2, 2.5] });
  const f = jit((a: Tensor, b: Tensor) => new training.MeanMetrics<{ m: Tensor }>().add({ m: a }, 2).add({ m: b }).compute().m);
  expect(f(lax.full([], 3), lax.full([], 9)).item()).toBe(5);
});

test('mistakes', () => {
  const mean = new training.MeanMetrics<Record<string, Tensor>>();
  expect(() => mean.compute()).toThrow(/no metrics yet/);
  expect(() => mean.add(metrics(1, 1), -1)).toThrow(/weight of at least 0, got -1/);
  mean.add(metrics(1, 1));
  expect(() => mean.add({ loss: lax.full([], 1) })).toThrow(/trees differ/);
});

test('numbers are metrics too', async () => {
  const mean = new training.MeanMetrics<{ loss: Tensor | number }>();
  mean
    .add({ loss: 3 })
    .add({ loss: lax.full([], 4) })
    .add({ loss: 0.5 });
  expect(await mean.result()).toEqual({ loss: 2.5 });
});
