/** Initializers against jax.nn.initializers: the same bits. */
import { describe, expect, it } from 'vitest';
import { errors, nn } from 'flaxen';
import { expectGolden, golden, toTensor } from '../support/golden.js';
import { key } from './support.js';

const { initializers } = nn;
const file = 'initializers';
const { inputs, outputs } = golden(file);

interface Call {
  init: string;
  stddev?: number;
  scale?: number;
  value?: number;
  shape: number[];
  key: { shape: number[]; dtype: string; data: number[] };
}

const make: Record<string, (call: Call) => nn.initializers.Initializer> = {
  lecun_normal: () => initializers.lecunNormal(),
  lecun_uniform: () => initializers.lecunUniform(),
  xavier_normal: () => initializers.xavierNormal(),
  xavier_uniform: () => initializers.xavierUniform(),
  he_normal: () => initializers.heNormal(),
  he_uniform: () => initializers.heUniform(),
  zeros: () => initializers.zerosInit(),
  ones: () => initializers.onesInit(),
  normal: ({ stddev }) => initializers.normal(stddev),
  uniform: ({ scale }) => initializers.uniform(scale),
  truncated_normal: ({ stddev }) => initializers.truncatedNormal(stddev),
  constant: ({ value }) => initializers.constant(value!),
  orthogonal: ({ scale }) => initializers.orthogonal(scale),
};

describe('initializers', () => {
  it.each(Object.keys(inputs.calls))('%s', (name) => {
    const call = inputs.calls[name] as Call;
    const got = make[call.init]!(call)(toTensor(call.key), call.shape);
    expectGolden(got, outputs[name], file, name);
    if (call.init !== 'orthogonal') expect(got.dataSync()).toEqual(toTensor(outputs[name]).dataSync());
  });

  it('orthogonal takes any column axis, and has orthonormal columns', () => {
    const q = initializers.orthogonal(1, 0)(key(1), [2, 3]).toArray() as number[][];
    const dot = (a: number[], b: number[]) => a.reduce((s, v, i) => s + v * b[i]!, 0);
    expect(dot(q[0]!, q[0]!)).toBeCloseTo(1, 6);
    expect(dot(q[0]!, q[1]!)).toBeCloseTo(0, 6);
    expect(initializers.orthogonal()(key(1), [2, 3, 4]).shape).toEqual([2, 3, 4]);
  });

  it('counts fans over the axes it is told', () => {
    const tall = initializers.lecunNormal({ inAxis: -1, outAxis: -2 })(key(1), [8, 2]).dataSync();
    const flat = initializers.lecunNormal()(key(1), [8, 2]).dataSync();
    expect(tall[0]! / flat[0]!).toBeCloseTo(2, 5);
  });

  it('refuses vectors and unknown modes', () => {
    expect(() => initializers.lecunNormal()(key(0), [3])).toThrow(/1-dimensional weights tensor \[3\]. Must be at least 2D/);
    expect(() => initializers.orthogonal()(key(0), [3])).toThrow(errors.ShapeError);
    expect(() => initializers.varianceScaling(1, 'fan' as 'fan_in', 'normal')(key(0), [3, 3])).toThrow(
      /fan_in, fan_out or fan_avg, got fan/,
    );
    expect(() => initializers.varianceScaling(1, 'fan_in', 'gamma' as 'normal')(key(0), [3, 3])).toThrow(/or uniform, got gamma/);
  });
});
