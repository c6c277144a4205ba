/** Whatever reaches the addon, it answers with a result or a JS error, and writes nowhere but into its outputs. */
import { expect, it } from 'vitest';
import type { Program, WireArray, WireGraph } from '../../typings/addon.js';
import { addon, aval, GraphBuilder, outputAvals, run, size, zeros } from './support.js';

/** A small generator of random numbers (mulberry32), so that a seed that fails can be run again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A graph with most kinds of primitives, and every kind of parameter. */
function sample(): WireGraph {
  const b = new GraphBuilder();
  const x = b.input([4, 3]);
  const w = b.input([3, 5]);
  const bias = b.input([5]);
  const labels = b.input([4], 'int32');
  const key = b.input([2], 'uint32');
  const mask = b.input([4, 5], 'bool');
  const h = b.node('dense', [x, w, bias], {}, aval([4, 5]));
  const bn = b.node('batchNorm', [h, bias, bias], { epsilon: 1e-5, fastVariance: true }, aval([4, 5]), aval([5]), aval([5]));
  const zero = b.node('full', [], { value: 0 }, aval([4, 5]));
  const kept = b.node('select', [mask, b.map('max', bn, zero), zero], {}, aval([4, 5]));
  const loss = b.node('softmaxCrossEntropy', [kept, labels], {}, aval([4]), aval([4]));
  const total = b.node('reduceSum', [loss], { axes: [0] }, aval([]));
  const turned = b.node('transpose', [kept], { perm: [1, 0] }, aval([5, 4]));
  const dot = b.node(
    'dotGeneral',
    [turned, x],
    { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    aval([5, 3]),
  );
  const part = b.node('slice', [dot], { start: [1, 0], limit: [5, 3], strides: [2, 1] }, aval([2, 3]));
  const padded = b.node('pad', [part, total], { low: [1, 0], high: [0, 2], interior: [1, 0] }, aval([4, 5]));
  const taken = b.node('take', [padded, labels], { axis: 1, mode: 'fill' }, aval([4, 4]));
  const scattered = b.node('scatterAdd', [padded, labels, taken], { axis: 1 }, aval([4, 5]));
  const joined = b.node('concatenate', [scattered, kept], { axis: 0 }, aval([8, 5]));
  const wide = b.node('broadcast', [bias], { dims: [1] }, aval([4, 5]));
  const index = b.node('iota', [], { axis: 0 }, aval([8], 'uint32'));
  const bits = b.node('threefry2x32', [key, index, index], {}, aval([8], 'uint32'), aval([8], 'uint32'));
  const best = b.node('argmax', [joined], { axis: 1 }, aval([8], 'int32'));
  const sorted = b.node('sort', [joined], { axis: 1, numKeys: 1 }, aval([8, 5]));
  const summed = b.node('cumsum', [sorted], { axis: 0, reverse: true }, aval([8, 5]));
  const flat = b.node('reshape', [summed], {}, aval([40]));
  const w2 = b.map('sub', w, b.map('mul', w, w));
  return b.graph([w2, total, flat, bits + 1, best, wide, x], [0, 1]);
}

const junk = (random: () => number): unknown => {
  // prettier-ignore
  const values = [
    undefined, null, true, false, 0, 1, -1, 2, 3, 7, 0.5, NaN, Infinity, -Infinity, 1e9, 2 ** 31, 2 ** 40, 2 ** 53, 1e300,
    '', 'add', 'dense', 'reshape', 'sort', 'take', 'float32', 'int32', 'bool', 'clip', 'x'.repeat(1000),
    [], [0], [1, 0], [0, 0], [-1], [1.5], [2 ** 32, 2 ** 32], [0, 2 ** 40], new Array(9).fill(1), {}, { shape: [1], dtype: 'float32' },
    () => 0, Symbol('junk'), 10n, new Float32Array(3), new Array(5),
  ];
  return values[Math.floor(random() * values.length)];
};

/** Changes one to three places of a graph, wherever they are. */
function mutate(graph: WireGraph, random: () => number): unknown {
  const copy = structuredClone(graph) as unknown;
  const changes = 1 + Math.floor(random() * 3);
  for (let i = 0; i < changes; i++) {
    let at = copy as Record<string, unknown>;
    for (;;) {
      const keys = Object.keys(at);
      if (keys.length === 0) break;
      const key = keys[Math.floor(random() * keys.length)]!;
      const inner = at[key];
      if (typeof inner === 'object' && inner !== null && random() < 0.85) {
        at = inner as Record<string, unknown>;
        continue;
      }
      const kind = random();
      if (kind < 0.1) Reflect.deleteProperty(at, key);
      else if (kind < 0.55 && typeof inner === 'number') at[key] = inner + (random() < 0.5 ? 1 : -1);
      else at[key] = junk(random);
      break;
    }
  }
  return copy;
}

const guard = 64;
const seeds = Number(process.env.FLAXEN_FUZZ_SEEDS ?? 1500);

/** Runs a program with its outputs inside larger buffers, and checks that the rest of those is untouched. */
function runGuarded(program: Program, graph: WireGraph, random: () => number): void {
  const inside = (array: WireArray): WireArray => {
    const bytes = new Uint8Array(array.byteLength + 2 * guard).fill(0xa5);
    const kind = array.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => WireArray;
    return new kind(bytes.buffer, guard, array.length);
  };
  const inputs = graph.inputs.map((a) => {
    const array = inside(zeros(a));
    for (let i = 0; i < array.length; i++) array[i] = a.dtype === 'bool' ? Math.floor(random() * 2) : Math.floor(random() * 9) - 2;
    return array;
  });
  const outputs = outputAvals(graph).map((a, k) => (program.aliases[k]! >= 0 ? inputs[program.aliases[k]!]! : inside(zeros(a))));
  addon.wait(run(program, inputs, outputs));
  for (const array of [...inputs, ...outputs]) {
    const bytes = new Uint8Array(array.buffer);
    const outside = [...bytes.subarray(0, guard), ...bytes.subarray(bytes.length - guard)];
    expect(outside.every((byte) => byte === 0xa5)).toBe(true);
  }
}

it('compiles and runs the graph unchanged', () => {
  runGuarded(addon.compile(sample()), sample(), generator(1));
});

it('survives mutated graphs', () => {
  const graph = sample();
  let compiled = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const random = generator(seed);
    const mutant = mutate(graph, random) as WireGraph;
    let program: Program;
    try {
      program = addon.compile(mutant);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw new Error(`seed ${seed}`, { cause: error });
      continue;
    }
    compiled++;
    const elements = [...mutant.inputs, ...outputAvals(mutant)].reduce((n, a) => n + size(a.shape), 0);
    if (elements < 1e6 && program.arenaBytes < 1e8) runGuarded(program, mutant, random);
    program.text();
  }
  expect(compiled).toBeGreaterThan(20);
});

it('refuses what is too large', () => {
  const b = new GraphBuilder();
  const x = b.input([]);
  const huge = b.node('broadcast', [x], { dims: [] }, aval([2 ** 36]));
  const sums = b.node('cumsum', [huge], { axis: 0, reverse: false }, aval([2 ** 36]));
  expect(() => addon.compile(b.graph([b.node('reduceMax', [sums], { axes: [0] }, aval([]))]))).toThrow(RangeError);
  expect(() => addon.compile({ inputs: [aval([2 ** 20, 2 ** 20])], nodes: [], outputs: [0], donated: [] })).toThrow(/bytes; make it smaller/);
  expect(() => addon.compile({ inputs: [aval([0, 2 ** 40, 2 ** 40])], nodes: [], outputs: [0], donated: [] })).toThrow(RangeError);
  expect(() => addon.compile({ inputs: [aval(new Array<number>(9).fill(1))], nodes: [], outputs: [], donated: [] })).toThrow(/rank 9/);
});
