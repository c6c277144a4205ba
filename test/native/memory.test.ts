/** Buffers that their owner takes away: without a promise to keep them a run and a read are over when the call returns. Each in a process of its own. */
import { describe, expect, it } from 'vitest';
import { addon, doubling, floats, GraphBuilder, inChild, loadAddon, run, slowGraph } from './support.js';

/** Runs of some milliseconds each on `memory`; 3 is multiplied by 2, 20 times. */
const runs = `${loadAddon}
  require('node:v8').setFlagsFromString('--expose-gc');
  const gc = require('node:vm').runInNewContext('gc');
  const n = 256, bytes = 4 * n * n, a = { shape: [n, n], dtype: 'float32' };
  const nodes = Array.from({ length: 20 }, (_, i) => ({ op: 'dense', inputs: [i ? i + 1 : 0, 1], params: {}, outputs: [a] }));
  const program = addon.compile({ inputs: [a, a], nodes, outputs: [21], donated: [] });
  const buffer = (options) => new ArrayBuffer(bytes, options);
  const fill = (memory) => {
    new Float32Array(memory[0]).fill(3);
    const w = new Float32Array(memory[1]);
    for (let i = 0; i < n; i++) w[i * n + i] = 2;
    return memory;
  };
  const start = (memory, times = 3) => {
    let ticket = 0;
    for (let i = 0; i < times; i++) ticket = addon.run(program, memory, new Uint32Array([0, 0, 1, 0, 2, 0]));
    return ticket;
  };
  const detach = (memory) => structuredClone(memory, { transfer: memory });
  /** What is left of the memory is given back, and taken by somebody else. */
  const settle = () => {
    for (let i = 0; i < 4; i++) {
      gc();
      new Uint8Array(bytes).fill(1);
    }
  };
  const finish = (ticket) => {
    settle();
    setTimeout(() => {
      settle();
      addon.wait(ticket);
      console.log('alive', ticket > 0, addon.completed() === ticket);
    }, 100);
  };`;

const alive = { status: 0, signal: null, out: 'alive true true\n' };

describe('memory that is taken away after a run was called', () => {
  it.each([
    ['detached', 'const memory = fill([buffer(), buffer(), buffer()]); const t = start(memory); detach(memory); finish(t);'],
    ['transferred to a worker, which ends', `
      const { Worker } = require('node:worker_threads');
      const memory = fill([buffer(), buffer(), buffer()]);
      const worker = new Worker("require('node:worker_threads').parentPort.once('message', () => process.exit())", { eval: true });
      const t = start(memory);
      worker.postMessage(memory, memory);
      worker.once('exit', () => finish(t));`],
    ['shrunk', 'const memory = fill([1, 2, 3].map(() => buffer({ maxByteLength: 2 * bytes }))); const t = start(memory); for (const b of memory) b.resize(0); finish(t);'],
    ['taken out of the list', 'const memory = fill([buffer(), buffer(), buffer()]); const t = start(memory); memory.length = 0; finish(t);'],
    ['from getters, who keep none', `
      const memory = [null, null, null];
      const inputs = fill([buffer(), buffer()]);
      for (const i of [0, 1, 2]) Object.defineProperty(memory, i, { get: () => (i < 2 ? inputs[i].slice() : buffer()) });
      finish(start(memory));`],
  ])('%s', (_, script) => {
    expect(inChild(`${runs}\n${script}`)).toEqual(alive);
  });

  it('has the result when the call returns', () => {
    const script = `${runs}
      const memory = fill([buffer(), buffer(), buffer()]);
      const before = addon.completed();
      const ticket = start(memory, 1);
      console.log(ticket > before, addon.completed() === ticket, new Float32Array(memory[2])[7]);`;
    expect(inChild(script).out).toBe(`true true ${3 * 2 ** 20}\n`);
  });

  it('is read in the call, in the order of the runs', () => {
    const script = `${runs}
      const memory = fill([buffer(), buffer(), buffer()]);
      const kept = fill([buffer(), buffer(), buffer()]);
      let ticket;
      for (let i = 0; i < 3; i++) ticket = addon.run(program, kept, new Uint32Array([0, 0, 1, 0, 2, 0]), undefined, true);
      const out = new Float32Array(kept[2]);
      const first = addon.read(out, ticket, true), second = addon.read(out, ticket);
      if (addon.completed() !== ticket) throw new Error('the read did not wait');
      detach(kept);
      settle();
      Promise.all([first, second]).then(([x, y]) => console.log(x[7], y[7], out.length));`;
    expect(inChild(script).out).toBe(`${3 * 2 ** 20} ${3 * 2 ** 20} 0\n`);
  });

  it('a failure stays under its ticket', () => {
    const script = `${runs}
      const memory = fill([buffer(), buffer(), buffer()]);
      const ticket = start(memory, 1);
      try { addon.wait(ticket); } catch (error) { console.log(error.message); }
      addon.read(new Float32Array(memory[2]), ticket).catch((error) => console.log(error.message));`;
    const lines = inChild(script, { FLAXEN_ARENA_LIMIT: '1000' }).out.trim().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/scratch memory, more than FLAXEN_ARENA_LIMIT allows/);
  });
});

it('only true is a promise', () => {
  const n = 256;
  const [x, w, y] = [new Float32Array(n * n).fill(1), doubling(n), new Float32Array(n * n)];
  const program = addon.compile(slowGraph(n, 20));
  const call = addon.run as (...args: unknown[]) => number;
  for (const promise of [undefined, null, false, 1, 'true', {}, new Boolean(true)]) {
    const ticket = call(program, [x.buffer, w.buffer, y.buffer], new Uint32Array([0, 0, 1, 0, 2, 0]), [], promise);
    expect(addon.completed()).toBe(ticket);
  }
  addon.wait(run(program, [x, w], [y]));
});

const Resizable = ArrayBuffer as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer; // TypeScript's library is older than that

it('a small run needs no promise, nor does a resizable buffer', () => {
  const b = new GraphBuilder();
  const x = b.input([3]);
  const program = addon.compile(b.graph([b.map('neg', x)]));
  const from = new Resizable(12, { maxByteLength: 64 });
  new Float32Array(from).set([1, 2, 3]);
  const to = floats(0, 0, 0);
  expect(addon.run(program, [from, to.buffer as ArrayBuffer], new Uint32Array([0, 0, 1, 0]))).toBe(0);
  expect(to).toEqual(floats(-1, -2, -3));
});

it('constructors of arrays that are not what they seem are found out', () => {
  const script = `
    const honest = Float32Array;
    let how = 'short', victim;
    globalThis.Float32Array = class extends honest {
      constructor(n) {
        super(how === 'short' ? 1 : n);
        if (how === 'detach') structuredClone(victim.buffer, { transfer: [victim.buffer] });
      }
    };
    ${loadAddon}
    for (how of ['short', 'detach']) {
      victim = new honest(1000);
      try { addon.read(victim, 0); } catch (error) { console.log(error.message); }
    }`;
  const message = 'the copy of an array has another type or length: leave the global typed arrays as they are\n';
  expect(inChild(script)).toEqual({ status: 0, signal: null, out: message + message });
});
