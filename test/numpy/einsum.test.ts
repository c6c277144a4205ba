/** einsum, matmul and tensordot against plain loops, for random subscripts and shapes. */
import { np, type Tensor } from 'flaxen';
import { expect, test } from 'vitest';
import { randomNumbers } from '../support/tensors.js';

const next = randomNumbers(11);
const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
const wholes = (shape: readonly number[]): Tensor =>
  np.array(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => int(-3, 3)),
    { shape },
  );

/** Sums the products over all assignments of the labels; small whole numbers, so that every order of summation agrees. */
function naive(terms: string[], output: string, operands: Tensor[], sizes: Map<string, number>): number[] {
  const labels = [...sizes.keys()].filter((l) => terms.some((t) => t.includes(l)));
  const data = operands.map((t) => t.dataSync());
  const out = new Array<number>([...output].reduce((n, l) => n * sizes.get(l)!, 1)).fill(0);
  const value = new Map<string, number>();
  const flat = (term: string): number => [...term].reduce((at, l) => at * sizes.get(l)! + value.get(l)!, 0);
  const visit = (depth: number): void => {
    if (depth === labels.length) {
      out[flat(output)]! += terms.reduce((p, term, k) => p * data[k]![flat(term)]!, 1);
      return;
    }
    for (let v = 0; v < sizes.get(labels[depth]!)!; v++) {
      value.set(labels[depth]!, v);
      visit(depth + 1);
    }
  };
  visit(0);
  return out;
}

test('200 random sums of products', () => {
  for (let round = 0; round < 200; round++) {
    const sizes = new Map([...'abcde'].map((l) => [l, int(1, 3)]));
    const terms = Array.from({ length: int(1, 4) }, () => Array.from({ length: int(0, 3) }, () => 'abcde'[int(0, 4)]!).join(''));
    const present = [...new Set(terms.join(''))];
    const output = present.filter(() => int(0, 1) === 0).sort(() => int(0, 1) - 0.5).join(''); // prettier-ignore
    const operands = terms.map((t) => wholes([...t].map((l) => sizes.get(l)!)));
    const spec = `${terms.join(',')}->${output}`;
    const got = np.einsum(spec, ...operands);
    expect(got.shape, spec).toEqual([...output].map((l) => sizes.get(l)));
    expect(
      Array.from(got.dataSync(), (v) => v + 0),
      spec,
    ).toEqual(naive(terms, output, operands, sizes).map((v) => v + 0));
  }
});

test('sizes of 1 stretch, under letters and under the dots', () => {
  const x = wholes([1, 3]);
  const y = wholes([2, 3]);
  expect(np.einsum('ij,ij->ij', x, y).toArray()).toEqual(np.multiply(x, y).toArray());
  expect(np.einsum('...j,...j->...', x, y).toArray()).toEqual(np.sum(np.multiply(x, y), -1).toArray());
});

test('integers wrap, bools are logic, dtypes are promoted', () => {
  expect(np.einsum('i,i', np.array([2, 3], 'int32'), np.array([4, 5], 'int32')).dtype).toBe('int32');
  expect(np.einsum('i,i', np.array([2, 3], 'int32'), np.array([4, 5])).dtype).toBe('float32');
  expect(np.einsum('i,i', np.array([true, false]), np.array([true, true])).toArray()).toBe(true);
});

test('mistakes are named', () => {
  const x = np.zeros([2, 3]);
  expect(() => np.einsum('ij,jk->ik', x, np.zeros([4, 5]))).toThrow(
    'np.einsum "ij,jk->ik": "j" has size 4 in operand 1 (Tensor<float32[4, 5]>) and 3 before it',
  );
  expect(() => np.einsum('ijk->', x)).toThrow('"ijk" has 3 labels, but operand 0 is Tensor<float32[2, 3]>');
  expect(() => np.einsum('ij', x, x)).toThrow('names 1 operands, got 2');
  expect(() => np.einsum('i1->', x)).toThrow('"1" is no label');
  expect(() => np.einsum('ij->k', x)).toThrow('"k" stands in no operand');
  expect(() => np.einsum('ij->ii', x)).toThrow('has the label "i" twice');
  expect(() => np.einsum('ii', x)).toThrow('"i" has size 3');
});
