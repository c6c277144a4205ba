/** What np adds to a graph: one node where one is enough, and numbers as constants of the final dtype and shape. */
import { jit, np, type Tensor } from 'flaxen';
import { expect, test } from 'vitest';

/** The primitives that `f` becomes, in order. */
function ops<A extends unknown[]>(f: (...args: A) => unknown, ...args: A): string[] {
  const text = jit(f).lower(...args).asText(); // prettier-ignore
  const graph = text.slice(text.indexOf('\n') + 1, text.indexOf('\n\n'));
  return [...graph.matchAll(/ = (\w+)/g)].map((m) => m[1]!);
}

const x = np.ones([4, 3]);
const bias = np.ones([3]);
const ints = np.arange(4);

test('operands that fit need nothing else', () => {
  expect(ops((a: Tensor, b: Tensor) => np.add(a, b), x, x)).toEqual(['add']);
  expect(ops((a: Tensor) => np.maximum(a, a), x)).toEqual(['max']);
  expect(ops((a: Tensor, b: Tensor) => np.equal(a, b), ints, ints)).toEqual(['eq']);
  expect(ops((a: Tensor) => np.exp(a), x)).toEqual(['exp']);
  expect(ops((a: Tensor) => a.sum(-1), x)).toEqual(['reduceSum']);
  expect(ops((a: Tensor, b: Tensor) => np.where(np.greater(a, b), a, b), x, x)).toEqual(['gt', 'select']);
});

test('a number is a constant, whatever its dtype would be', () => {
  expect(ops((a: Tensor) => np.multiply(a, 2), x)).toEqual(['full', 'mul']);
  expect(ops((a: Tensor) => np.subtract(0.5, a), x)).toEqual(['full', 'sub']);
  expect(ops((a: Tensor) => np.multiply(a, 3), ints)).toEqual(['full', 'mul']);
  expect(ops((a: Tensor) => np.divide(a, 3), ints)).toEqual(['convert', 'full', 'div']);
});

test('what broadcasts does so once, after conversion', () => {
  expect(ops((a: Tensor, b: Tensor) => np.add(a, b), x, bias)).toEqual(['broadcast', 'add']);
  expect(ops((a: Tensor, lr: number) => np.multiply(a, lr), x, 0.1)).toEqual(['broadcast', 'mul']);
  expect(ops((a: Tensor, n: number) => np.multiply(a, n), x, 2)).toEqual(['convert', 'broadcast', 'mul']);
});

test('reductions and powers', () => {
  expect(ops((a: Tensor) => a.mean(), x)).toEqual(['reduceSum', 'full', 'div']);
  expect(ops((a: Tensor) => a.mean({ axis: 0, keepdims: true }), x)).toEqual(['reduceSum', 'reshape', 'full', 'div']);
  expect(ops((a: Tensor) => np.square(a), x)).toEqual(['mul']);
  expect(ops((a: Tensor) => np.power(a, 3), x)).toEqual(['mul', 'mul']);
  expect(ops((a: Tensor) => a.astype('float32').reshape(4, 3).transpose(0, 1).slice().squeeze(), x)).toEqual([]);
});

test('products are one node where no dimension moves', () => {
  expect(ops((a: Tensor) => np.matmul(a, np.ones([3, 2])), x)).toEqual(['full', 'dotGeneral']);
  expect(ops((a: Tensor, b: Tensor) => np.einsum('bij,bjk->bik', a, b), np.ones([2, 3, 4]), np.ones([2, 4, 5]))).toEqual(['dotGeneral']);
  expect(ops((a: Tensor, b: Tensor) => np.matmul(a, b), np.ones([2, 3, 4]), np.ones([4, 5]))).toEqual(['dotGeneral']);
});
