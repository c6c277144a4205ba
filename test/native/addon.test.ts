import { describe, expect, it } from 'vitest';
import type { Program, WireArray, WireGraph } from '../../typings/addon.js';
import { addon, aval, doubling, evaluate, floats, GraphBuilder, inChild, loadAddon, outputArrays, run, slowGraph } from './support.js';

describe('compile and run', () => {
  it('says what it is', () => {
    const info = addon.info();
    expect(info.isas).toContain('baseline');
    expect(info.isas).toContain(info.isa);
    expect(info.threads).toBeGreaterThan(0);
    expect(info.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('computes, with views of outputs and values returned twice', () => {
    const b = new GraphBuilder();
    const x = b.input([2, 2]);
    const y = b.map('add', x, x);
    const flat = b.node('reshape', [y], {}, aval([4]));
    const z = b.map('mul', y, y);
    const [a, c, d, e, f] = evaluate(b.graph([flat, z, y, x, z]), [floats(1, 2, 3, 4)]);
    expect(a).toEqual(floats(2, 4, 6, 8));
    expect(c).toEqual(floats(4, 16, 36, 64));
    expect(d).toEqual(a);
    expect(e).toEqual(floats(1, 2, 3, 4));
    expect(f).toEqual(c);
  });

  it('handles graphs without nodes, inputs or elements', () => {
    expect(evaluate({ inputs: [], nodes: [], outputs: [], donated: [] }, [])).toEqual([]);
    const c = new GraphBuilder();
    const [u, v] = [c.input([0, 3]), c.input([2, 0])];
    const sum = c.map('add', u, u);
    const dense = c.node('dense', [v, u], {}, aval([2, 3]));
    const [s, d] = evaluate(c.graph([sum, dense]), [floats(), floats()]);
    expect(s).toEqual(floats());
    expect(d).toEqual(floats(0, 0, 0, 0, 0, 0));
  });

  it('prints the program', () => {
    const b = new GraphBuilder();
    const x = b.input([2, 3]);
    const program = addon.compile(b.graph([b.node('reshape', [b.map('add', x, x)], {}, aval([6]))], [0]));
    expect(program.text()).toMatch(/float32\[2, 3\] = input, donated/);
    expect(program.text()).toMatch(/view reshape/);
    expect(program.cost).toBeGreaterThan(0);
    expect(program.arenaBytes).toBe(0);
  });
});

describe('donated inputs', () => {
  const runDonated = (graph: WireGraph, inputs: WireArray[]): { program: Program; outputs: WireArray[] } => {
    const program = addon.compile(graph);
    const outputs = outputArrays(program, graph, inputs);
    addon.wait(run(program, inputs, outputs));
    return { program, outputs };
  };

  it('become the outputs that they correspond to', () => {
    const b = new GraphBuilder();
    const [p, m, g] = [b.input([3]), b.input([3]), b.input([3])];
    const m2 = b.map('add', m, g);
    const p2 = b.map('sub', p, m2);
    const { program, outputs } = runDonated(b.graph([p2, m2], [p, m]), [floats(1, 2, 3), floats(10, 20, 30), floats(1, 1, 1)]);
    expect(program.aliases).toEqual([0, 1]);
    expect(outputs).toEqual([floats(-10, -19, -28), floats(11, 21, 31)]);
  });

  it('stay readable until their last reader', () => {
    const b = new GraphBuilder();
    const [x, w] = [b.input([2, 2]), b.input([2, 2])];
    const y = b.node('dense', [x, w], {}, aval([2, 2]));
    const z = b.node('dense', [y, x], {}, aval([2, 2]));
    const { program, outputs } = runDonated(b.graph([y, z], [x]), [floats(1, 2, 3, 4), floats(0, 1, 1, 0)]);
    expect(program.aliases).toEqual([0, -1]);
    expect(outputs).toEqual([floats(2, 1, 4, 3), floats(5, 8, 13, 20)]);
  });

  it('pass through, also swapped, twice, and as other bits', () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input([2]), b.input([2])];
    const swapped = runDonated(b.graph([y, x, y], [x, y]), [floats(1, 2), floats(3, 4)]);
    expect(swapped.program.aliases).toEqual([1, 0, -1]);
    expect(swapped.outputs).toEqual([floats(3, 4), floats(1, 2), floats(3, 4)]);

    const c = new GraphBuilder();
    const [f, u] = [c.input([1]), c.input([1], 'uint32')];
    const fBits = c.node('bitcast', [f], {}, aval([1], 'uint32'));
    const uBits = c.node('bitcast', [u], {}, aval([1]));
    const crossed = runDonated(c.graph([fBits, uBits], [f, u]), [floats(1), new Uint32Array([0x40000000])]);
    expect(crossed.outputs).toEqual([new Uint32Array([0x3f800000]), floats(2)]);
  });
});

describe('misuse of run', () => {
  const b = new GraphBuilder();
  const [x, y] = [b.input([3]), b.input([3])];
  const graph = b.graph([b.map('add', x, y), b.map('mul', x, y)], [0]);
  const program = addon.compile(graph);
  // Two inputs and an output without an alias, each in a buffer of its own.
  const good = (): ArrayBuffer[] => [floats(1, 2, 3), floats(4, 5, 6), floats(0, 0, 0)].map((a) => a.buffer as ArrayBuffer);
  const at = (...places: number[]): Uint32Array => new Uint32Array(places);
  const apart = at(0, 0, 1, 0, 2, 0);
  const call = addon.run as (...args: unknown[]) => unknown;

  it('is told apart from use', () => {
    const m = good();
    expect(addon.run(program, m, apart)).toBe(0);
    expect([...new Float32Array(m[0]!), ...new Float32Array(m[2]!)]).toEqual([5, 7, 9, 4, 10, 18]);
    expect(() => call()).toThrow(TypeError);
    expect(() => call({}, m, apart)).toThrow(/not a Program/);
    expect(() => call(new Proxy(program, {}), m, apart)).toThrow(TypeError);
    expect(() => call(Object.create(program), m, apart)).toThrow(TypeError);
    expect(() => call(program, m[0], apart)).toThrow(/memory must be an array of ArrayBuffers/);
    expect(() => call(program, [m[0], m[1], new Float32Array(3)], apart)).toThrow(/memory 2 must be an ArrayBuffer/);
    expect(() => call(program, [m[0], m[1], new SharedArrayBuffer(12)], apart)).toThrow(TypeError);
    expect(() => call(program, [m[0], m[1], [1, 2, 3]], apart)).toThrow(TypeError);
    expect(() => call(program, m)).toThrow(/places must be a Uint32Array/);
    expect(() => call(program, m, [...apart])).toThrow(TypeError);
    expect(() => call(program, m, new Int32Array(apart))).toThrow(TypeError);
    expect(() => call(program, m, at(0, 0, 1, 0))).toThrow(/two numbers for each input and each output without an alias, 6 in all, not 4/);
    expect(() => call(program, m, at(0, 0, 1, 0, 3, 0))).toThrow(/output 1 lies in buffer 3, but memory has 3 buffers/);
    expect(() => call(program, m.slice(0, 2), apart)).toThrow(RangeError);
    expect(() => call(program, m, at(0, 0, 1, 4, 2, 0))).toThrow(/input 1 needs 12 bytes from byte 4 on, but its buffer has 12/);
    expect(() => call(program, m, at(0, 0, 1, 0, 2, 2 ** 32 - 4))).toThrow(RangeError);
    expect(() => call(program, [m[0], new ArrayBuffer(64), m[2]], at(0, 0, 1, 2, 2, 0))).toThrow(/byte 2, which is not a multiple of 4/);
    expect(() => call(program, m, apart, 3)).toThrow(/after must be an array/);
    expect(() => call(program, m, apart, ['a'])).toThrow(TypeError);
    expect(() => call(program, m, apart, [1e9])).toThrow(/no run with the ticket/);
    expect(() => call(program, m, apart, [-1])).toThrow(RangeError);
    expect(() => call(program, m, apart, [0.5])).toThrow(RangeError);
    expect(addon.run(program, m, apart)).toBe(0);
  });

  it('needs memory apart for what is written', () => {
    const m = good();
    expect(program.aliases).toEqual([0, -1]);
    expect(() => call(program, m, at(0, 0, 1, 0, 1, 0))).toThrow(/shares memory/);
    expect(() => call(program, m, at(0, 0, 1, 0, 0, 0))).toThrow(/shares memory/);
    expect(() => call(program, m, at(0, 0, 0, 0, 2, 0))).toThrow(/shares memory/);
    expect(() => call(program, [m[0], m[1], m[1]], apart)).toThrow(/shares memory/);
    const wide = new ArrayBuffer(24);
    expect(() => call(program, [wide, m[1]], at(0, 0, 1, 0, 0, 8))).toThrow(/shares memory/);
    expect(addon.run(program, [wide, m[1]!], at(0, 0, 1, 0, 0, 12))).toBe(0);
  });

  it('finds detached buffers, and survives getters that interfere', () => {
    const m = good();
    const detach = (buffer: ArrayBuffer): void => void structuredClone(buffer, { transfer: [buffer] });
    const detached = new ArrayBuffer(12);
    detach(detached);
    expect(() => call(program, [m[0], detached, m[2]], apart)).toThrow(/buffer has 0/);
    const sly = [...m];
    const inner = (): unknown => call(program, m, apart);
    Object.defineProperty(sly, 1, { configurable: true, get: () => (expect(inner).toThrow(/within run/), m[1]) });
    expect(addon.run(program, sly, apart)).toBe(0);
    // The getter of the second buffer takes the first away after it has been listed.
    const detaching = [...m];
    Object.defineProperty(detaching, 1, { get: () => (detach(detaching[0]!), m[1]) });
    detaching[0] = new ArrayBuffer(12);
    expect(() => call(program, detaching, apart)).toThrow(/buffer has 0/);
    Object.defineProperty(sly, 1, {
      get: () => {
        throw new Error('from the getter');
      },
    });
    expect(() => call(program, sly, apart)).toThrow('from the getter');
    expect(addon.run(program, m, apart)).toBe(0);
  });

  it('reaches no other function either', () => {
    const junk = [undefined, null, 0, -1, NaN, Infinity, 1e300, 'x', {}, [], () => 0, Symbol('s'), 10n, new Float32Array(2), program, addon];
    const functions = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const name of ['compile', 'run', 'wait', 'read']) {
      for (const a of junk) {
        for (const c of junk) {
          try {
            const result = functions[name]!(a, c);
            if (result instanceof Promise) result.catch(() => 0);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
      }
    }
    const text = Object.getPrototypeOf(program).text as (this: unknown) => string;
    for (const a of junk) if (a !== program) expect(() => text.call(a)).toThrow(TypeError);
    const constructor = Object.getPrototypeOf(program).constructor as new () => unknown;
    expect(() => new constructor()).toThrow(TypeError);
  });
});

describe('the queue', () => {
  const n = 128;
  const slow = slowGraph(n, 20);

  it('runs in the order of the calls and reads what was there then', async () => {
    const graph = slowGraph(n, 4, [0]);
    const program = addon.compile(graph);
    expect(program.aliases).toEqual([0]);
    const state = new Float32Array(n * n).fill(1);
    const w = doubling(n);
    const tickets: number[] = [];
    const reads: Promise<Float32Array>[] = [];
    for (let i = 0; i < 24; i++) {
      const ticket = run(program, [state, w], [state]);
      tickets.push(ticket);
      reads.push(addon.read(state, ticket, true));
    }
    expect(tickets).toEqual([...tickets].sort((a, b) => a - b));
    expect(new Set(tickets).size).toBe(24);
    const values = await Promise.all(reads);
    expect(values.map((v) => v[5])).toEqual(values.map((_, i) => 2 ** (4 * (i + 1))));
    expect(addon.completed()).toBe(tickets.at(-1));
    expect(addon.stats().queued).toBe(0);
  });

  it('waits, and takes small programs in order behind large ones', () => {
    const large = addon.compile(slow);
    const b = new GraphBuilder();
    const x = b.input([n, n]);
    const small = addon.compile(b.graph([b.map('add', x, x)]));
    const [ones, y, z] = [new Float32Array(n * n).fill(1), new Float32Array(n * n), new Float32Array(n * n)];
    const first = run(large, [ones, doubling(n)], [y]);
    const second = run(small, [y], [z], [first]);
    // Queued behind it, or inline if it has finished already.
    expect([0, first + 1]).toContain(second);
    addon.wait(second);
    expect(z[7]).toBe(2 ** 21);
    addon.wait(first);
    addon.wait(0);
    expect(() => addon.wait(first + 2)).toThrow(RangeError);
    expect(run(small, [y], [z])).toBe(0);
  });

  it('leaves the event loop free', async () => {
    const m = 256;
    const program = addon.compile(slowGraph(m, 60));
    const out = new Float32Array(m * m);
    const [x, w] = [new Float32Array(m * m).fill(1), doubling(m)];
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    let last = 0;
    for (let i = 0; i < 8; i++) last = run(program, [x, w], [out]);
    await addon.read(out, last, true);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });

  it('keeps the arrays of queued runs alive, and no longer than that', () => {
    const script = `${loadAddon}
      const n = 256, a = { shape: [n, n], dtype: 'float32' };
      const nodes = [];
      for (let i = 0; i < 4; i++) nodes.push({ op: 'dense', inputs: [i ? i + 1 : 0, 1], params: {}, outputs: [a] });
      const program = addon.compile({ inputs: [a, a], nodes, outputs: [5], donated: [] });
      const w = new Float32Array(n * n);
      for (let i = 0; i < n; i++) w[i * n + i] = 1;
      let x = new Float32Array(n * n).fill(3), most = 0;
      for (let i = 0; i < 400; i++) {
        const y = new Float32Array(n * n * 16).subarray(0, n * n);
        run(program, [x, w], [y]);
        x = y;
        most = Math.max(most, process.memoryUsage().rss);
      }
      addon.read(x, addon.stats().queued + addon.completed(), true).then((v) => console.log(v[9], most < 700e6 ? 'flat' : most));`;
    const { status, out } = inChild(script);
    expect(out.trim()).toBe('3 flat');
    expect(status).toBe(0);
  });
});

describe('failures', () => {
  it('reach the reads and the runs that depend on them, and nobody else', () => {
    const script = `${loadAddon}
      const a = (n) => ({ shape: [n, n], dtype: 'float32' });
      const graph = (n, steps) => ({
        inputs: [a(n), a(n)],
        nodes: Array.from({ length: steps }, (_, i) => ({ op: 'dense', inputs: [i ? i + 1 : 0, 1], params: {}, outputs: [a(n)] })),
        outputs: [steps + 1], donated: [] });
      const large = addon.compile(graph(512, 3)), fine = addon.compile(graph(64, 1)), small = addon.compile(graph(1, 1));
      const big = () => new Float32Array(512 * 512), mid = () => new Float32Array(64 * 64).fill(1), one = () => new Float32Array([3]);
      const out = big(), out2 = mid(), out3 = one();
      const message = (f) => { try { f(); return 'fine'; } catch (e) { return e.message; } };
      const failed = run(large, [big(), big()], [out]);
      const dependent = run(small, [one(), one()], [one()], [failed]);
      const other = run(fine, [mid(), mid()], [out2], []);
      console.log(message(() => addon.wait(failed)));
      console.log(message(() => addon.wait(dependent)) === message(() => addon.wait(failed)));
      console.log(message(() => addon.wait(other)), out2[0]);
      const later = run(small, [one(), one()], [out3], [failed]);
      console.log(later > 0, message(() => addon.wait(later)) === message(() => addon.wait(failed)));
      console.log(run(small, [one(), one()], [out3], [other]), out3[0]);
      addon.read(out, failed, true).then(() => console.log('read?'), (e) => console.log(e.message === message(() => addon.wait(failed))));
      addon.read(out3, later, true).then(() => console.log('read?'), () => console.log('rejected'));
      addon.read(out2, other, true).then((v) => console.log(v[0]));`;
    const { status, out } = inChild(script, { FLAXEN_ARENA_LIMIT: '600000' });
    expect(out.trim().split('\n')).toEqual([
      expect.stringMatching(/scratch memory, more than FLAXEN_ARENA_LIMIT allows/) as unknown as string,
      'true',
      'fine 64',
      'true true',
      '0 9',
      'true',
      'rejected',
      '64',
    ]);
    expect(status).toBe(0);
  });

  it('of settings stop the load', () => {
    expect(inChild(loadAddon, { FLAXEN_NUM_THREADS: 'many' }).out).toMatch(/FLAXEN_NUM_THREADS=many is not a number of threads/);
    expect(inChild(loadAddon, { FLAXEN_ISA: 'mmx' }).out).toMatch(/FLAXEN_ISA=mmx cannot run here; choose one of baseline/);
    expect(inChild(loadAddon + 'console.log(addon.info().threads)', { FLAXEN_NUM_THREADS: '3' }).out.trim()).toBe('3');
    expect(inChild(loadAddon + 'console.log(addon.info().isa)', { FLAXEN_ISA: 'baseline' }).out.trim()).toBe('baseline');
  });
});

describe('FLAXEN_PROFILE', () => {
  it('tells what each step of a program took, when the program goes', () => {
    const script = `${loadAddon}
      const program = addon.compile(${JSON.stringify(slowGraph(256, 2))});
      const [x, w, y] = [1, 2, 3].map(() => new Float32Array(256 * 256));
      for (let i = 0; i < 20; i++) run(program, [x, w], [y]);
      addon.wait(run(program, [x, w], [y]));`;
    const { status, out } = inChild(script, { FLAXEN_PROFILE: '1' });
    expect(status).toBe(0);
    expect(out).toMatch(/flaxen: 21 runs of a program of 2 steps/);
    expect(out.match(/%.*dense float32\[256, 256\] float32\[256, 256\] -> float32\[256, 256\]/g)).toHaveLength(2);
    expect(inChild(script)).toMatchObject({ status: 0, out: '' });
  });
});

describe('environments', () => {
  const work = `${loadAddon}
    const n = 256, a = { shape: [n, n], dtype: 'float32' };
    const nodes = [];
    for (let i = 0; i < 40; i++) nodes.push({ op: 'dense', inputs: [i ? i + 1 : 0, 1], params: {}, outputs: [a] });
    const program = addon.compile({ inputs: [a, a], nodes, outputs: [41], donated: [] });
    const w = new Float32Array(n * n);
    for (let i = 0; i < n; i++) w[i * n + i] = 1;
    const y = new Float32Array(n * n);
    let ticket = 0;
    for (let i = 0; i < 3; i++) ticket = run(program, [new Float32Array(n * n).fill(3), w], [y]);`;

  it('end cleanly in the middle of a run', () => {
    expect(inChild(work + 'process.exit(7);')).toMatchObject({ status: 7, out: '' });
    expect(inChild(work + 'addon.read(y, ticket, true); process.exit(7);')).toMatchObject({ status: 7, out: '' });
    expect(inChild(work)).toMatchObject({ status: 0, out: '' });
    expect(inChild(work + 'throw new Error("x")').status).toBe(1);
  });

  it('keep the process alive for a pending read alone', () => {
    expect(inChild(work + 'addon.read(y, ticket, true).then((v) => console.log(v[3]));')).toMatchObject({ status: 0, out: '3\n' });
  });

  it('are apart: workers run, finish and are terminated side by side', () => {
    // Only the workers load the addon, so that the last of them takes the library's last environment with it.
    const script = `
      const { Worker } = require('node:worker_threads');
      const work = ${JSON.stringify(work)};
      const ends = ["addon.read(y, ticket, true);", "addon.wait(ticket); require('node:worker_threads').parentPort.postMessage(y[3]);"];
      (async () => {
        for (let round = 0; round < 3; round++) {
          const workers = [0, 1, 1].map((end) => new Worker(work + ends[end], { eval: true }));
          const values = await Promise.all(workers.slice(1).map((w) => new Promise((done, fail) => w.once('message', done).once('error', fail))));
          await Promise.all(workers.map((w) => w.terminate()));
          console.log(values.join());
        }
      })();`;
    expect(inChild(script)).toMatchObject({ status: 0, out: '3,3\n3,3\n3,3\n' });
  });
});
