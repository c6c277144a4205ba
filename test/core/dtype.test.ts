import { describe, expect, it } from 'vitest';
import { promote, typeOfNumber, type DType, type TypeLike } from '../../lib/core/dtype.js';

const strong = (dtype: DType): TypeLike => ({ dtype, weak: false });
const weak = (dtype: DType): TypeLike => ({ dtype, weak: true });
const types: Record<string, TypeLike> = {
  b: strong('bool'),
  u: strong('uint32'),
  i: strong('int32'),
  f: strong('float32'),
  'i*': weak('int32'),
  'f*': weak('float32'),
};
const show = (t: TypeLike): string => Object.entries(types).find(([, v]) => v.dtype === t.dtype && v.weak === t.weak)?.[0] ?? '?';

// jnp.result_type of each pair in JAX with 64-bit types off; * marks the type of a Python scalar.
const TABLE: Record<string, string> = {
  'b b': 'b',
  'b u': 'u',
  'b i': 'i',
  'b f': 'f',
  'b i*': 'i*',
  'b f*': 'f*',
  'u u': 'u',
  'u i': 'i',
  'u f': 'f',
  'u i*': 'u',
  'u f*': 'f*',
  'i i': 'i',
  'i f': 'f',
  'i i*': 'i',
  'i f*': 'f*',
  'f f': 'f',
  'f i*': 'f',
  'f f*': 'f',
  'i* i*': 'i*',
  'i* f*': 'f*',
  'f* f*': 'f*',
};

describe('promotion', () => {
  it.each(Object.entries(TABLE))('%s -> %s', (pair, result) => {
    const [a, b] = pair.split(' ').map((name) => types[name]!);
    expect(show(promote([a!, b!]))).toBe(result);
    expect(show(promote([b!, a!]))).toBe(result);
  });

  it('of three does not depend on the order', () => {
    const names = Object.keys(types);
    for (const a of names)
      for (const b of names)
        for (const c of names) {
          const of = (...list: string[]) => show(promote(list.map((n) => types[n]!)));
          expect(new Set([of(a, b, c), of(a, c, b), of(b, a, c), of(b, c, a), of(c, a, b), of(c, b, a)]).size).toBe(1);
        }
  });

  it('of one type is that type', () => {
    for (const name of Object.keys(types)) expect(show(promote([types[name]!]))).toBe(name);
  });
});

it('takes whole numbers of 32 bits for int32, others for float32', () => {
  for (const n of [0, 1, -1, 2147483647, -2147483647]) expect(show(typeOfNumber(n))).toBe('i*');
  for (const n of [0.5, 2147483648, -3e9, NaN, Infinity, -Infinity, 1e300]) expect(show(typeOfNumber(n))).toBe('f*');
});
