/** Seeds, keys, and what samplers refuse; the same bits inside jit and outside. */
import { errors, jit, np, random, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';

describe('seeds', () => {
  test('count modulo 2^32, bigints too', () => {
    const low = (seed: number | bigint) => random.PRNGKey(seed).toArray();
    expect(low(-1)).toEqual([0, 4294967295]);
    expect(low(2 ** 32 + 5)).toEqual([0, 5]);
    expect(low(-(2 ** 33) - 1)).toEqual([0, 4294967295]);
    expect(low(12345678901234567890n)).toEqual([0, Number(12345678901234567890n & 0xffffffffn)]);
    expect(low(-1n)).toEqual([0, 4294967295]);
    expect(random.key(3).toArray()).toEqual([0, 3]);
  });

  test('that are no whole numbers throw', () => {
    for (const seed of [NaN, 0.5, Infinity, '1', undefined]) {
      expect(() => random.PRNGKey(seed as never), String(seed)).toThrow(
        `the seed of random.PRNGKey is a whole number (it counts modulo 2^32), got ${seed}`,
      );
    }
    expect(() => random.PRNGKey(np.array(1.5))).toThrow(errors.DTypeError);
  });

  test('may be traced', () => {
    const f = jit((seed: number) => random.normal(random.PRNGKey(seed as unknown as Tensor), [3]));
    expect(f(7).toArray()).toEqual(random.normal(random.PRNGKey(7), [3]).toArray());
    expect(f(-7).toArray()).toEqual(random.normal(random.PRNGKey(-7), [3]).toArray());
    expect(f.cacheSize()).toBe(1);
  });
});

test('keys are checked', () => {
  const keys = random.split(random.PRNGKey(0), 3);
  expect(() => random.normal(keys)).toThrow('these are several keys, pick one with keys.slice(i)');
  expect(() => random.split(np.zeros([2]))).toThrow(
    'random.split needs a random key, a uint32 tensor of shape [2], got Tensor<float32[2]>',
  );
  expect(() => random.uniform(42 as never)).toThrow('make one with random.PRNGKey(seed)');
  expect(() => random.foldIn(random.PRNGKey(0), 1.5)).toThrow('the data of random.foldIn is a whole number');
});

test('samplers name what they refuse', () => {
  const key = random.PRNGKey(0);
  expect(() => random.uniform(key, 3 as never)).toThrow('takes a shape such as [2, 3], got 3');
  expect(() => random.normal(key, [2], { dtype: 'int32' })).toThrow('draws float32, got the dtype int32');
  expect(() => random.randint(key, [2], 0, 2, { dtype: 'float32' })).toThrow('draws int32 or uint32');
  expect(() => random.randint(key, [2], 0.5, 2)).toThrow('whole numbers as bounds, got 0.5');
  expect(() => random.truncatedNormal(key, 1, 1)).toThrow('lower < upper, got 1 and 1');
  expect(() => random.bernoulli(key, np.array([1], 'int32'))).toThrow('float32 probability');
  expect(() => random.permutation(key, -1)).toThrow('whole number of at least 0');
  expect(() => random.choice(key, 2, [3], { replace: false })).toThrow('cannot draw 3 of 2 elements');
  expect(() => random.split(key, 1.5)).toThrow('whole number of keys');
});

test('a program with a traced key draws the same bits', () => {
  const draw = (key: Tensor) => {
    const [a, b, c, d, e] = random.split(key, 5) as unknown as Tensor[];
    return [
      random.uniform(a!, [257], { minval: -3, maxval: 0.7 }),
      random.normal(b!, [257]),
      random.truncatedNormal(c!, -2, 2, [257]),
      random.randint(d!, [257], -5, 1000),
      random.permutation(e!, 257),
      random.normal(random.foldIn(a!, 3)).mul(0.3).add(0.1),
      random
        .uniform(random.foldIn(b!, np.array(4, 'int32')), [64])
        .mul(1.7)
        .add(-0.2),
    ];
  };
  const key = random.PRNGKey(5);
  const words = (t: Tensor) => Array.from(new Uint32Array(t.dataSync().buffer));
  expect(jit(draw)(key).map(words)).toEqual(draw(key).map(words));
});

test('moments of large samples', () => {
  const key = random.PRNGKey(1);
  const n = 100_000;
  const near = (t: Tensor, want: number, within: number) => expect(Math.abs((t.item() as number) - want)).toBeLessThan(within);
  near(random.uniform(key, [n]).mean(), 0.5, 0.005);
  near(random.normal(key, [n]).var(), 1, 0.02);
  near(random.exponential(key, [n]).mean(), 1, 0.02);
  near(random.gumbel(key, [n]).mean(), 0.5772, 0.02);
  near(random.bernoulli(key, 0.3, [n]).mean(), 0.3, 0.01);
  const drawn = random.categorical(key, np.log(np.array([0.1, 0.2, 0.7])), { shape: [n] });
  near(drawn.equal(2).mean(), 0.7, 0.01);
});
