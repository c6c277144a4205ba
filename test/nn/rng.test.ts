/** Which key each parameter and each makeRng gets, against real Flax. */
import { describe, expect, it } from 'vitest';
import { nn, type Tensor } from 'flaxen';
import { deriveKey, pathHash } from '../../lib/nn/rng.js';
import { golden, toTensor } from '../support/golden.js';
import { key, ones } from './support.js';

const { inputs, outputs } = golden('rng_derivation');

describe('derived keys', () => {
  const cases = (
    outputs.derived as {
      seed: number;
      suffix: (string | number)[];
      hash_uint32: number;
      key: { shape: number[]; dtype: string; data: number[] };
    }[]
  ) //
    .filter(({ suffix }) => suffix.length > 0); // no parameter has an empty path and no counter
  it.each(cases)('seed $seed, $suffix', ({ seed, suffix, hash_uint32: hash, key: want }) => {
    const path = suffix.slice(0, -1) as string[];
    const counter = suffix.at(-1) as number;
    expect(pathHash(path, counter)).toBe(hash);
    expect(deriveKey(key(seed), path, counter).dataSync()).toEqual(toTensor(want).dataSync());
  });

  it('differ from call to call, and from stream to stream', () => {
    const Keys = nn.module('Keys', () => () => ['params', 'params', 'dropout', 'noise'].map((stream) => nn.makeRng(stream)));
    const rngs = { params: key(1), dropout: key(2) };
    const got = Keys().apply({}, { rngs });
    const expected = [
      [key(1), 1],
      [key(1), 2],
      [key(2), 1],
      [key(1), 3], // no such stream: params stands in, and counts
    ] as const;
    expected.forEach(([root, counter], i) => expect(got[i]!.dataSync()).toEqual(deriveKey(root, [], counter).dataSync()));
  });
});

describe('dropout', () => {
  const { x, rate, seed } = inputs.dropout;
  const DropNet = nn.module('DropNet', () => (v: Tensor) => {
    const a = nn.Dropout({ rate, deterministic: false })(v);
    const d = nn.Dropout({ rate, deterministic: false });
    const b = d(v);
    const c = d(v);
    return { Dropout_0: a, Dropout_1_first: b, Dropout_1_second: c, root_make_rng: nn.makeRng('dropout') };
  });

  it('has the masks that Flax has', () => {
    const got = DropNet().apply({}, toTensor(x), { rngs: { dropout: key(seed) } });
    for (const [name, value] of Object.entries(got)) expect(value.dataSync()).toEqual(toTensor(outputs.dropout[name]).dataSync());
  });

  it('passes its input on if deterministic or at rate 0, and drops all at rate 1', () => {
    const v = ones(2, 2);
    expect(nn.Dropout({ rate: 0.5 }).apply({}, v, { deterministic: true })).toBe(v);
    expect(nn.Dropout({ rate: 0, deterministic: false }).apply({}, v)).toBe(v);
    expect(nn.Dropout({ rate: 1, deterministic: false }).apply({}, v).dataSync()).toEqual(new Float32Array(4));
  });

  it('shares draws along broadcastDims, and takes a stream or a key of its own', () => {
    const drop = nn.Dropout({ rate: 0.5, deterministic: false, broadcastDims: [0], rngCollection: 'noise' });
    const rows = drop.apply({}, ones(4, 8), { rngs: { noise: key(1) } }).toArray() as number[][];
    rows.forEach((row) => expect(row).toEqual(rows[0]));
    const by = (rng: Tensor) => nn.Dropout({ rate: 0.5, deterministic: false }).apply({}, ones(16), { rng }).dataSync();
    expect(by(key(1))).toEqual(by(key(1)));
    expect(by(key(1))).not.toEqual(by(key(2)));
  });

  it('refuses a rate outside of 0 to 1', () => {
    expect(() => nn.Dropout({ rate: 1.5 })).toThrow(/rate from 0 to 1, as in nn.Dropout\({ rate: 0.5 }\), got 1.5/);
  });
});

it('every created parameter and every makeRng takes the next key', () => {
  const { normal, zeros } = nn.initializers;
  const ParamOrder = nn.module('ParamOrder', () => () => {
    const z = nn.param('z', zeros, [2]);
    const n = nn.param('n', normal(1), [2]);
    const k = nn.makeRng('params');
    return { z, n, m: nn.param('m', normal(1), [2]), key: k };
  });
  const [got] = ParamOrder().initWithOutput(key(outputs.param_order.seed));
  for (const [name, value] of Object.entries(got)) expect(value.dataSync()).toEqual(toTensor(outputs.param_order[name]).dataSync());
});
