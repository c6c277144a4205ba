/** Tensors from host data: dtypes, shapes, and the mistakes that are caught. */
import { errors, jit, np, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';

const kind = (t: Tensor): string => `${t.dtype}[${t.shape.join()}]`;

describe('array', () => {
  test('numbers are float32, whole ones too; booleans are bool; a mixture is float32', () => {
    expect(kind(np.array([1, 2, 3]))).toBe('float32[3]');
    expect(kind(np.array([[true], [false]]))).toBe('bool[2,1]');
    expect(np.array([true, 2]).toArray()).toEqual([1, 2]);
    expect(kind(np.array(5))).toBe('float32[]');
    expect(kind(np.array([]))).toBe('float32[0]');
    expect(kind(np.array([[], []]))).toBe('float32[2,0]');
  });

  test('a dtype converts: floats are cut off, NaN gives 0', () => {
    expect(np.array([1.9, -1.9, NaN, 3e9], { dtype: 'int32' }).toArray()).toEqual([1, -1, 0, 2147483647]);
    expect(np.array([0, 0.5], 'bool').toArray()).toEqual([false, true]);
    expect(np.array([4294967295], 'uint32').toArray()).toEqual([4294967295]);
  });

  test('typed arrays keep their dtype; narrow integers become int32, doubles float32', () => {
    expect(kind(np.array(new Float32Array(2)))).toBe('float32[2]');
    expect(kind(np.array(new Float64Array(2)))).toBe('float32[2]');
    expect(kind(np.array(Uint32Array.of(7)))).toBe('uint32[1]');
    for (const narrow of [Int8Array, Int16Array, Uint8Array, Uint8ClampedArray, Uint16Array])
      expect(kind(np.array(narrow.of(7)))).toBe('int32[1]');
    expect(np.array(Uint8Array.of(0, 2), 'bool').toArray()).toEqual([false, true]);
    expect(kind(np.array(Buffer.from([1, 2, 3, 4]), { shape: [2, 2] }))).toBe('int32[2,2]');
  });

  test('data is copied', () => {
    const data = Float32Array.of(1, 2);
    const t = np.array(data);
    data[0] = 9;
    expect(t.toArray()).toEqual([1, 2]);
  });

  test('tensors in a nest are stacked, next to numbers, traced ones too', () => {
    const t = np.array([1, 2]);
    expect(np.array([t, t.mul(2)]).toArray()).toEqual([
      [1, 2],
      [2, 4],
    ]);
    expect(np.array([[t.sum(), 1.5], [0, true]]).toArray()).toEqual([
      [3, 1.5],
      [0, 1],
    ]); // prettier-ignore
    expect(kind(np.array([np.array(3, 'int32'), 2]))).toBe('int32[2]');
    expect(jit((x: Tensor) => np.array([x.sum(), x.max()]))(t).toArray()).toEqual([3, 2]);
    expect(() => np.array([t, np.zeros([3])])).toThrow('np.array stacks tensors of one shape');
    expect(() => np.array([t, 1])).toThrow('np.array stacks tensors of one shape');
  });

  test('ragged nests and strangers are named with their place', () => {
    expect(() => np.array([[1, 2], [3]])).toThrow('[1] has 1 entries where its siblings have an array of 2');
    expect(() => np.array([[1, 2], 3])).toThrow('[1] is a number where its siblings have an array of 2');
    expect(() => np.array([1, [2]])).toThrow('[1] has 1 entries where its siblings have a number');
    expect(() =>
      np.array([
        [[1], [2]],
        [[1], [2, 3]],
      ]),
    ).toThrow('[1][1] has 2 entries');
    expect(() => np.array(['1' as never])).toThrow('np.array got string "1" at [0]');
    expect(() => np.array([1, null as never])).toThrow('np.array got null at [1]');
    expect(() => np.array(undefined as never)).toThrow('np.array got undefined at the root');
    expect(() => np.array([1, 2, 3], { shape: [2] })).toThrow('3 elements, which do not fill the shape [2]');
    expect(() => np.array([1], 'float16' as never)).toThrow(errors.DTypeError);
  });

  test('a detached array throws', () => {
    const data = new Float32Array(4);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expect(() => np.array(data)).toThrow('detached');
    expect(() => np.add(data, 1)).toThrow('detached');
  });
});

describe('formulas', () => {
  test('shapes may be numbers, options a dtype', () => {
    expect(kind(np.zeros(3))).toBe('float32[3]');
    expect(kind(np.ones([2, 1], 'int32'))).toBe('int32[2,1]');
    expect(kind(np.full([2], true))).toBe('bool[2]');
    expect(np.full([2, 2], np.array([1, 2])).toArray()).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(() => np.zeros('3' as never)).toThrow('takes a shape');
    expect(() => np.zeros([-1])).toThrow('at least 0');
  });

  test('arange and linspace name what they cannot do', () => {
    expect(() => np.arange(0, 5, 0)).toThrow('step 0');
    expect(() => np.arange(NaN)).toThrow('finite numbers');
    expect(() => np.linspace(0, 1, { num: 1.5 })).toThrow('num 1.5');
  });
});
