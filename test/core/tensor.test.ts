import { inspect } from 'node:util';
import { errors, jit, lax, Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { fromTypedArray } from '../../lib/core/array.js';
import { tensor } from '../support/tensors.js';

describe('reading', () => {
  it('gives numbers in row-major order, by dtype', async () => {
    const kinds = [
      [
        tensor([
          [1.5, 2],
          [3, 4],
        ]),
        Float32Array,
        [1.5, 2, 3, 4],
      ],
      [tensor([-1, 7], 'int32'), Int32Array, [-1, 7]],
      [tensor([4294967295, 7], 'uint32'), Uint32Array, [4294967295, 7]],
      [tensor([true, false], 'bool'), Uint8Array, [1, 0]],
    ] as const;
    for (const [t, kind, numbers] of kinds) {
      expect(t.dataSync()).toBeInstanceOf(kind);
      expect([...t.dataSync()]).toEqual(numbers);
      expect([...(await t.data())]).toEqual(numbers);
    }
  });

  it('gives copies', async () => {
    const t = tensor([1, 2]);
    t.dataSync()[0] = 9;
    (await t.data())[1] = 9;
    expect(t.toArray()).toEqual([1, 2]);
  });

  it('nests', async () => {
    expect(
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]).toArray(),
    ).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(await tensor([true, false], 'bool').array()).toEqual([true, false]);
    expect(tensor(5).toArray()).toBe(5);
    expect(lax.zeros([2, 0]).toArray()).toEqual([[], []]);
    expect(lax.zeros([0, 2]).toArray()).toEqual([]);
    expect(JSON.stringify({ w: tensor([1, 2]) })).toBe('{"w":[1,2]}');
  });

  it('item() takes one element', () => {
    expect(tensor(2.5).item()).toBe(2.5);
    expect(tensor([[3]], 'int32').item()).toBe(3);
    expect(tensor(true, 'bool').item()).toBe(true);
    expect(() => tensor([1, 2]).item()).toThrow(/item\(\) needs a tensor of one element, got Tensor<float32\[2\]>/);
    expect(() => lax.zeros([0]).item()).toThrow(errors.ShapeError);
  });
});

it('an operation with another parameter is another operation', () => {
  expect([0, -0, 0].map((v) => lax.full([], v).item())).toEqual([0, -0, 0]);
  expect(
    [0, 1].map((axis) =>
      lax
        .reduceSum(
          tensor([
            [1, 2],
            [3, 4],
          ]),
          axis,
        )
        .toArray(),
    ),
  ).toEqual([
    [4, 6],
    [3, 7],
  ]);
  const pad = (low: number, high: number): unknown =>
    lax.pad(tensor([1]), tensor(0), { low: [low], high: [high], interior: [0] }).toArray();
  expect([pad(1, 0), pad(0, 1)]).toEqual([
    [0, 1],
    [1, 0],
  ]);
});

describe('as a JavaScript value', () => {
  it('a single number compares and computes', () => {
    const loss = tensor(0.5);
    expect(loss < (1 as unknown as Tensor)).toBe(true);
    expect(Number(loss) + 1).toBe(1.5);
    expect(+tensor([[4]], 'int32')).toBe(4);
    expect(Math.sqrt(tensor(9) as unknown as number)).toBe(3);
  });

  it('prints what it is', () => {
    expect(String(tensor([1, 2]))).toBe('Tensor<float32[2]>');
    expect(`${tensor(true, 'bool')}`).toBe('Tensor<bool[]>');
  });

  it('several numbers do not', () => {
    expect(() => +tensor([1, 2])).toThrow(/is no single number.*np\.add/);
    expect(() => tensor([1, 2]) > tensor([0, 1])).toThrow(errors.ShapeError);
  });
});

describe('inspect', () => {
  it('shows as few digits as tell a float32 from its neighbours', () => {
    const values = [0.1, 0.10542504489421844, 1 / 3, 16777217.5, 1e-45, 3.4028234663852886e38].map(Math.fround);
    const [, digits] = /\[([^\]]*)\]$/.exec(inspect(tensor(values)))!;
    expect(digits!.split(', ').map((d) => Math.fround(Number(d)))).toEqual(values);
    expect(digits).toMatch(/^0\.1, 0\.10542504\d?, 0\.33333334, 16777218, /);
  });
  it('shows small tensors whole', () => {
    expect(
      inspect(
        tensor([
          [1, NaN],
          [Infinity, -2.5],
        ]),
      ),
    ).toBe('Tensor float32[2, 2] [[1, NaN], [Infinity, -2.5]]');
    expect(inspect({ a: tensor(true, 'bool') })).toContain('Tensor bool[] true');
    expect(inspect(lax.zeros([0, 3]))).toBe('Tensor float32[0, 3] []');
  });
  it('shows as few digits as tell a float32 from its neighbours', () => {
    const numbers = [0.1, 1 / 3, 1e-7, 1e30, 16777216, 2 ** -149, 0.30000001192092896];
    const shown = inspect(tensor(numbers));
    expect(shown).toBe('Tensor float32[7] [0.1, 0.33333334, 1e-7, 1e+30, 16777216, 1.4013e-45, 0.3]');
    expect((JSON.parse(shown.slice(shown.lastIndexOf('['))) as number[]).map(Math.fround)).toEqual(numbers.map(Math.fround));
  });
  it('shows large ones by type', () => {
    expect(inspect(lax.zeros([2000]))).toBe('Tensor<float32[2000]>');
  });
  it('shows traced and donated ones without reading', () => {
    let traced = '';
    jit((x: Tensor) => {
      traced = inspect(x);
      return x;
    })(tensor([1, 2]));
    expect(traced).toBe('Traced<float32[2]>');
    const x = tensor([1]);
    jit((a: Tensor) => lax.mul(a, 2), { donate: [0], name: 'double' })(x);
    expect(inspect(x)).toBe('Tensor<float32[1]> (donated to double)');
  });
});

describe('from typed arrays', () => {
  it('takes the dtype of the array, and copies', () => {
    const source = new Float32Array([1, 2]);
    const t = fromTypedArray(source);
    source[0] = 9;
    expect(t.toArray()).toEqual([1, 2]);
    expect(fromTypedArray(new Int32Array(2)).dtype).toBe('int32');
    expect(fromTypedArray(new Uint32Array(2)).dtype).toBe('uint32');
    expect(fromTypedArray(new Float64Array(2)).dtype).toBe('float32');
    expect(fromTypedArray(new Uint8Array([0, 3])).dtype).toBe('int32');
    expect(fromTypedArray(new Uint8Array([0, 3]), [2], 'bool').toArray()).toEqual([false, true]);
    expect(fromTypedArray(new Int16Array([-5])).toArray()).toEqual([-5]);
  });

  it('truncates and saturates', () => {
    expect(fromTypedArray(new Float64Array([1.9, -1.9, 1e10, -1e10, NaN]), [5], 'int32').toArray()).toEqual([
      1, -1, 2147483647, -2147483648, 0,
    ]);
    expect(fromTypedArray(new Float64Array([-1, 5e9, Infinity]), [3], 'uint32').toArray()).toEqual([0, 4294967295, 4294967295]);
  });

  it('reads views at their offset', () => {
    const whole = new Float32Array([0, 1, 2, 3]);
    expect(fromTypedArray(whole.subarray(1, 3)).toArray()).toEqual([1, 2]);
  });
});
