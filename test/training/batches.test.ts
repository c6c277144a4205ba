import { lax, random, training, type Tensor } from 'flaxen';
import { expect, test } from 'vitest';

const data = () => ({ x: lax.reshape(lax.iota([20]), [10, 2]), y: Int32Array.from({ length: 10 }, (_, i) => 10 * i) });
type Batch = { x: Tensor; y: Tensor };
const collect = (...args: Parameters<typeof training.batches>): Batch[] => [...training.batches(...args)] as Batch[];

test('all rows once, in the order of the permutation', () => {
  const key = random.PRNGKey(3);
  const got = collect(key, data(), 4);
  expect(got.map((b) => b.x.shape)).toEqual([
    [4, 2],
    [4, 2],
    [2, 2],
  ]);
  const order = random.permutation(key, 10).toArray() as number[];
  expect(got.flatMap((b) => b.y.toArray() as number[])).toEqual(order.map((i) => 10 * i));
  expect(got.flatMap((b) => b.x.toArray() as number[][])).toEqual(order.map((i) => [2 * i, 2 * i + 1]));
  expect([...order].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('in order without a key; dropRemainder drops the rest', () => {
  expect(collect(null, data(), 4).flatMap((b) => b.y.toArray() as number[])).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
  expect(collect(null, data(), 4, { dropRemainder: true })).toHaveLength(2);
  expect(collect(null, data(), 100)).toHaveLength(1);
});

test('mistakes', () => {
  expect(() => collect(null, data(), 0)).toThrow(/batch size of at least 1, got 0/);
  expect(() => collect(null, data(), 11, { dropRemainder: true })).toThrow(/only 10 rows/);
  expect(() => collect(null, { x: lax.zeros([3]), y: lax.zeros([4]) }, 2)).toThrow(
    /one number of rows, got 3 and, at y, Tensor<float32\[4\]>/,
  );
  expect(() => collect(null, { x: lax.zeros([]) }, 2)).toThrow(/first axis to cut, got Tensor<float32\[\]> at x/);
  expect(() => collect(null, {}, 2)).toThrow(/at least one tensor/);
  expect(() => collect(null, data(), 2, { drop: true } as never)).toThrow(/no option "drop"/);
});
