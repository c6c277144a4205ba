/** Tensor's methods are np's functions; operands of every kind; errors that name the function. */
import { errors, grad, jit, np, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';

const x = np.array([
  [0.5, -1, 2],
  [3, 4, -5],
]);
const y = np.array([1, 2, 3]);

describe('methods', () => {
  const pairs: [string, Tensor, Tensor][] = [
    ['add', x.add(y), np.add(x, y)],
    ['sub', x.sub(1), np.subtract(x, 1)],
    ['mul', x.mul(y), np.multiply(x, y)],
    ['div', x.div(2), np.divide(x, 2)],
    ['mod', x.mod(2), np.mod(x, 2)],
    ['pow', x.pow(2), np.power(x, 2)],
    ['neg', x.neg(), np.negative(x)],
    ['abs', x.abs(), np.abs(x)],
    ['square', x.square(), np.square(x)],
    ['sqrt', y.sqrt(), np.sqrt(y)],
    ['exp', x.exp(), np.exp(x)],
    ['log', y.log(), np.log(y)],
    ['tanh', x.tanh(), np.tanh(x)],
    ['round', x.round(), np.round(x)],
    ['clip', x.clip(-1, 2), np.clip(x, -1, 2)],
    ['maximum', x.maximum(y), np.maximum(x, y)],
    ['minimum', x.minimum(0), np.minimum(x, 0)],
    ['equal', x.equal(2), np.equal(x, 2)],
    ['notEqual', x.notEqual(2), np.notEqual(x, 2)],
    ['less', x.less(y), np.less(x, y)],
    ['lessEqual', x.lessEqual(y), np.lessEqual(x, y)],
    ['greater', x.greater(y), np.greater(x, y)],
    ['greaterEqual', x.greaterEqual(y), np.greaterEqual(x, y)],
    ['logicalAnd', x.logicalAnd(0), np.logicalAnd(x, 0)],
    ['logicalOr', x.logicalOr(0), np.logicalOr(x, 0)],
    ['logicalNot', x.logicalNot(), np.logicalNot(x)],
    ['sum', x.sum({ axis: 0 }), np.sum(x, 0)],
    ['mean', x.mean(-1), np.mean(x, { axis: -1 })],
    ['prod', x.prod(), np.prod(x)],
    ['max', x.max({ axis: 1, keepdims: true }), np.max(x, { axis: 1, keepdims: true })],
    ['min', x.min([0, 1]), np.min(x)],
    ['any', x.any(0), np.any(x, 0)],
    ['all', x.all(0), np.all(x, 0)],
    ['var', x.var({ ddof: 1 }), np.var(x, { ddof: 1 })],
    ['std', x.std(0), np.std(x, 0)],
    ['argmax', x.argmax(1), np.argmax(x, 1)],
    ['argmin', x.argmin(), np.argmin(x)],
    ['cumsum', x.cumsum(1), np.cumsum(x, 1)],
    ['sort', x.sort(), np.sort(x)],
    ['argsort', x.argsort({ axis: 0 }), np.argsort(x, 0)],
    ['matmul', x.matmul(y), np.matmul(x, y)],
    ['dot', x.dot(y), np.dot(x, y)],
    ['reshape', x.reshape(3, -1), np.reshape(x, [3, 2])],
    ['reshape of a list', x.reshape([6]), np.ravel(x)],
    ['reshape to a scalar', np.ones([1]).reshape(), np.array(1)],
    ['ravel', x.ravel(), np.reshape(x, -1)],
    ['flatten', x.flatten(), np.ravel(x)],
    ['transpose', x.transpose(), np.transpose(x)],
    ['transpose by axes', x.transpose(1, 0), np.transpose(x, [1, 0])],
    ['T', x.T, np.transpose(x)],
    ['squeeze', x.expandDims(0).squeeze(0), x],
    ['astype', x.astype('int32'), np.astype(x, 'int32')],
  ];
  for (const [name, got, want] of pairs) {
    test(name, () => {
      expect([got.dtype, got.shape, got.toArray()]).toEqual([want.dtype, want.shape, want.toArray()]);
    });
  }
});

test('a traced number is weakly typed: its dtype yields to the tensor it meets', () => {
  const ints = np.array([1, 2], 'int32');
  const f = jit((a: Tensor, n: number) => np.multiply(a, n));
  expect(f(ints, 2).dtype).toBe('int32');
  expect(f(ints, 2.5).dtype).toBe('float32');
  expect(f(ints, 2.5).toArray()).toEqual([2.5, 5]);
  expect(f(np.array([1, 2], 'uint32'), 2).dtype).toBe('uint32');
});

test('logaddexp is right to second order, at ties too', () => {
  const second = grad((a: Tensor) => grad((b: Tensor) => np.logaddexp(b, 0))(a));
  expect(second(np.array(0)).item()).toBeCloseTo(0.25, 6);
  expect(second(np.array(1)).item()).toBeCloseTo(0.1966119, 6);
});

test('typed arrays are operands', () => {
  expect(np.add(Float32Array.of(1, 2), Int32Array.of(3, 4)).toArray()).toEqual([4, 6]);
  expect(np.mean(Uint8Array.of(1, 2)).item()).toBe(1.5);
});

test('masks of 32 bits keep unsigned tensors unsigned', () => {
  const bits = np.array([0xdeadbeef], 'uint32');
  expect(np.bitwiseAnd(bits, 0xffff0000).toArray()).toEqual([0xdead0000]);
  expect(np.add(bits, -1).toArray()).toEqual([0xdeadbeee]);
});

describe('errors name the function, the values and the mend', () => {
  const cases: [() => unknown, new (...args: never[]) => Error, string][] = [
    [() => np.add(np.zeros([2]), np.zeros([3])), errors.ShapeError, 'np.add got shapes that do not broadcast: [2], [3]'],
    [
      () => np.add([1, 2] as never, 1),
      errors.ArgumentError,
      'np.add takes tensors, numbers, booleans and typed arrays, got an array of 2; make it a tensor with np.array',
    ],
    [() => np.exp('1' as never), errors.ArgumentError, 'np.exp takes tensors, numbers, booleans and typed arrays, got string "1"'],
    [() => np.subtract(x.less(0), x.less(1)), errors.DTypeError, 'use np.logicalXor'],
    [() => np.power(np.array([2], 'int32'), -1), errors.ArgumentError, "convert them with astype('float32')"],
    [() => np.bitwiseAnd(x, 1), errors.DTypeError, 'np.bitwiseAnd takes integers or bools'],
    [() => np.max(np.zeros([0])), errors.ShapeError, 'np.max of Tensor<float32[0]> over nothing has no result: pass { initial }'],
    [() => np.argmax(np.zeros([2, 0]), 1), errors.ShapeError, 'np.argmax of Tensor<float32[2, 0]> over nothing'],
    [() => np.sum(x, 2), errors.ShapeError, 'axis 2 is out of bounds for a tensor of rank 2: use -2 to 1'],
    [() => np.sum(x, [0, -2]), errors.ShapeError, 'axis 0 is named twice'],
    [
      () => np.matmul(x, x),
      errors.ShapeError,
      'np.matmul of Tensor<float32[2, 3]> and Tensor<float32[2, 3]> sums over 3 and 2 elements: transpose one of them',
    ],
    [() => np.matmul(x, 2), errors.ShapeError, 'use np.multiply'],
    [() => np.dot(x, x), errors.ShapeError, 'np.dot of'],
    [() => x.reshape(4, -1), errors.ShapeError, 'np.reshape cannot fit Tensor<float32[2, 3]> (6 elements) into [4, -1]'],
    [() => x.reshape(4), errors.ShapeError, 'cannot reshape'],
    [() => np.squeeze(x, 0), errors.ShapeError, 'cannot drop axis 0, whose size is 2, not 1'],
    [() => np.stack([x, y]), errors.ShapeError, 'np.stack needs tensors of one shape'],
    [() => np.concatenate([]), errors.ArgumentError, 'at least one tensor'],
    [() => np.concatenate([1, 2]), errors.ShapeError, 'use np.stack'],
    [
      () => np.split(x, 2, 1),
      errors.ShapeError,
      'np.split cannot cut axis 1 of Tensor<float32[2, 3]> into 2 equal parts: use np.arraySplit',
    ],
    [() => np.take(x, y), errors.DTypeError, "convert them with astype('int32')"],
    [() => np.take(x, 0, { mode: 'raise' as never }), errors.ArgumentError, `the mode "raise": use 'fill', 'clip' or 'wrap'`],
    [() => np.pad(x, [[1, 1]] as never, { mode: 'reflect' }).slice(np.zeros([1])), errors.DTypeError, 'int32 or uint32'],
    [() => np.pad(x, 3, { mode: 'reflect' }), errors.ShapeError, 'np.pad cannot mirror axis 0'],
    [() => (np.where as (c: Tensor) => Tensor)(x), errors.ArgumentError, 'np.where needs all three'],
    [() => x.astype('float64' as never), errors.DTypeError, 'float64'],
  ];
  cases.forEach(([f, type, message], i) => {
    test(`${i} ${message}`, () => {
      expect(f).toThrow(type);
      expect(f).toThrow(message);
    });
  });
});
