/** Every key and sample of the golden files, bit for bit. */
import { np, random, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { golden, numbers, toTensor, type Entry } from '../support/golden.js';

interface Call {
  op: string;
  key: Entry;
  shape: number[];
  [name: string]: unknown;
}

/** The words of the numbers: equal ones have equal bits, NaN and -0 too. */
function bitsOf(values: ArrayLike<number>, dtype: string): number[] {
  if (dtype !== 'float32') return Array.from(values);
  return Array.from(new Uint32Array(Float32Array.from(values).buffer));
}

function run(call: Call): Tensor {
  if (call.op === 'PRNGKey') return random.PRNGKey(call.seed as number);
  const key = toTensor(call.key);
  switch (call.op) {
    case 'split':
      return random.split(key, call.n as number | number[]);
    case 'fold_in':
      return random.foldIn(key, call.data as number);
    case 'bits':
      return random.bits(key, call.shape);
    case 'uniform':
      return random.uniform(key, call.shape, { minval: call.minval as number, maxval: call.maxval as number });
    case 'normal':
      return random.normal(key, call.shape);
    case 'truncated_normal':
      return random.truncatedNormal(key, call.lower as number, call.upper as number, call.shape);
    case 'randint':
      return random.randint(key, call.shape, call.minval as number, call.maxval as number);
    case 'bernoulli':
      return random.bernoulli(key, call.p as number, call.shape);
    case 'permutation':
      return random.permutation(key, call.n as number);
    case 'permutation_array':
      return random.permutation(key, toTensor(call.x as Entry), { axis: call.axis as number, independent: call.independent as boolean });
    default:
      throw new Error(`no sampler for ${call.op}`);
  }
}

for (const file of ['prng_keys', 'prng_samples']) {
  describe(file, () => {
    const { inputs, outputs } = golden(file);
    for (const [name, call] of Object.entries(inputs.calls as Record<string, Call>)) {
      test(name, () => {
        const want = outputs[name] as Entry;
        const got = run(call);
        expect([got.dtype, got.shape]).toEqual([want.dtype, want.shape]);
        expect(bitsOf(got.dataSync(), want.dtype)).toEqual(bitsOf(numbers(want), want.dtype));
      });
    }
  });
}

test('the data of train_from_seeds comes from its seed', () => {
  const { inputs, outputs } = golden('train_from_seeds');
  const { seed, n, d, classes, steps, batch_size: batchSize } = inputs as Record<string, number>;
  const [kx, kw, ks] = random.split(random.PRNGKey(seed!), 4);
  const x = random.normal(kx!, [n!, d!]);
  expect(bitsOf(x.dataSync(), 'float32')).toEqual(bitsOf(numbers(outputs.x as Entry), 'float32'));
  const labels = np.argmax(np.matmul(x, random.normal(kw!, [d!, classes!])), -1);
  expect(Array.from(labels.dataSync())).toEqual(numbers(outputs.labels as Entry));
  const perEpoch = Math.floor(n! / batchSize!);
  const batches: number[][] = [];
  for (let epoch = 0; batches.length < steps!; epoch++) {
    const order = random.permutation(random.foldIn(ks!, epoch), n!);
    for (const batch of order.slice([0, perEpoch * batchSize!]).reshape(perEpoch, batchSize!)) batches.push(Array.from(batch.dataSync()));
  }
  expect(batches.slice(0, steps).flat()).toEqual(numbers(outputs.batch_indices as Entry));
});
