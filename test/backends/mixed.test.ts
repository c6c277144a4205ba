/** Programs split between the C++ kernels and another backend, the reference here: same results, same order, same freedom of the event loop. */
import { jit, lax, setBackend, type Tensor } from 'flaxen';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Buffer, Executable, WireGraph } from '../../lib/backends/backend.js';
import { foreignFrom, type Foreign } from '../../lib/backends/mixed/foreign.js';
import { loadAddon, NativeBackend } from '../../lib/backends/native.js';
import { registerBackend } from '../../lib/backends/select.js';
import { difference } from '../conformance/compare.js';
import { Source } from '../conformance/data.js';
import { randomProgram, tensorsOf } from '../conformance/random_program.js';
import { ReferenceBackend } from '../support/reference.js';
import { tensorOf, withBackend } from '../support/tensors.js';

const addon = loadAddon();
const own = addon.info().primitives;

/** A foreign backend that tells what it runs, and fails when asked to. */
class Watched implements Foreign {
  readonly name = 'watched';
  runs = 0;
  alive = 0;
  failure: Error | null = null;
  private readonly inner = foreignFrom(new ReferenceBackend('watched', 'float32'));
  compile(graph: WireGraph): Executable {
    const program = this.inner.compile(graph);
    return {
      run: (inputs) => {
        this.runs++;
        if (this.failure) throw this.failure;
        const made = program.run(inputs);
        this.alive += made.length;
        return made;
      },
      text: () => program.text(),
    };
  }
  lend(...args: Parameters<Foreign['lend']>): Buffer {
    this.alive++;
    return this.inner.lend(...args);
  }
  take(buffer: Buffer) {
    return this.inner.take(buffer);
  }
  discard(): void {
    this.alive--;
  }
}

function mixed(name: string, lacks: (primitive: string) => boolean): { backend: NativeBackend; watched: Watched } {
  const watched = new Watched();
  const backend = new NativeBackend(addon, new Set(own.filter((p) => !lacks(p))), () => watched, name);
  registerBackend(name, () => backend);
  return { backend, watched };
}

describe('random programs', () => {
  it.each([1, 2, 3])('with every primitive on one side or the other (choice %i)', (choice) => {
    const side = new Map(own.map((p, i) => [p, new Source(choice * 100 + i).chance(0.5)]));
    const { watched } = mixed(`half ${choice}`, (p) => side.get(p)!);
    for (let seed = 0; seed < 60; seed++) {
      const program = randomProgram('exact', choice * 1000 + seed);
      const want = withBackend('reference', () => program.run(tensorsOf(program.inputs)).map((t) => t.dataSync()));
      withBackend(`half ${choice}`, () => {
        const source = new Source(seed);
        const donate = program.inputs.map((_, i) => i).filter(() => source.chance(0.5));
        for (const options of [{}, { donate }]) {
          const f = jit((...xs: Tensor[]) => program.run(xs), options);
          for (let run = 0; run < 3; run++) {
            const have = f(...tensorsOf(program.inputs)).map((t) => t.dataSync());
            want.forEach((expected, o) => {
              for (let i = 0; i < expected.length; i++) {
                const wrong = difference(have[o]![i]!, expected[i]!, 'exact', o, i);
                if (wrong) throw new Error(`program ${seed}, donating ${JSON.stringify(options)}, run ${run}, output ${o}, element ${i}: ${have[o]![i]}, expected ${expected[i]}`); // prettier-ignore
              }
            });
          }
        }
      });
    }
    expect(watched.runs).toBeGreaterThan(100);
    expect(watched.alive).toBe(0); // every buffer was handed back
  });
});

describe('a program with a foreign segment', () => {
  const { backend, watched } = mixed('without tanh', (p) => p === 'tanh');
  beforeEach(() => {
    setBackend('without tanh');
    watched.runs = 0;
    watched.failure = null;
  });
  afterEach(() => {
    expect(backend.queue.busy).toBe(false);
    expect(watched.alive).toBe(0);
  });

  const SIDE = 500;
  const large = (): Tensor => tensorOf(Float64Array.from({ length: SIDE * SIDE }, (_, i) => Math.sin(i) / SIDE), [SIDE, SIDE]); // prettier-ignore
  const square = (x: Tensor): Tensor => lax.dotGeneral(x, x, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] });
  const step = jit((x: Tensor) => lax.mul(square(lax.tanh(square(x))), 2), { name: 'step' });
  const expected = (x: Tensor): number => withBackend('reference', () => Math.tanh(x.dataSync()[0]!));

  it('shows the split', () => {
    const text = step.lower(large()).asText();
    expect(text).toContain('split in 3 segments: tanh run on watched');
    expect(text).toMatch(/segment 1, C\+\+: %0 -> %1\n[^]*segment 2, watched: %1 -> %2\n[^]*segment 3, C\+\+: %2 -> %\d+\n/);
  });

  it('returns at once, goes on in the background, and answers an awaited read', async () => {
    const y = step(large());
    expect(backend.queue.busy).toBe(true);
    expect(watched.runs).toBe(0);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const numbers = await y.data();
    clearInterval(timer);
    expect(watched.runs).toBe(1);
    expect(numbers).toEqual(step(large()).dataSync());
    expect(turns).toBeGreaterThan(0);
  });

  it('finishes within a synchronous read', () => {
    const y = step(large());
    expect(watched.runs).toBe(0);
    expect(y.dataSync()).toHaveLength(SIDE * SIDE);
    expect(watched.runs).toBe(1);
  });

  it('keeps the order with native runs: one that takes memory over waits', () => {
    const overwrite = jit((x: Tensor) => lax.sub(x, 1000), { donate: [0], name: 'overwrite' });
    const f = jit((x: Tensor) => lax.add(lax.tanh(square(x)), x));
    const want = f(large()).dataSync();
    const x = large();
    const y = f(x);
    const z = overwrite(x); // the memory that f's last segment reads
    expect(y.dataSync()).toEqual(want);
    expect(z.dataSync()[0]).toBe(Math.fround(large().dataSync()[0]! - 1000));
  });

  it('feeds later runs, and chains of them, without a read between', async () => {
    const next = jit((x: Tensor) => lax.mul(lax.tanh(x), 3));
    const plain = jit((x: Tensor) => lax.sub(x, 1));
    let x = tensorOf([0.5, -2], [2]);
    const wanted = [0.5, -2];
    for (let i = 0; i < 40; i++) {
      x = plain(next(x));
      wanted.forEach((v, k) => (wanted[k] = Math.fround(Math.fround(Math.fround(Math.tanh(v)) * 3) - 1)));
    }
    const early = x;
    x = plain(x);
    expect(Array.from(await x.data())).toEqual(wanted.map((v) => Math.fround(v - 1)));
    expect(Array.from(early.dataSync())).toEqual(wanted);
  });

  it('runs operations one at a time', () => {
    const x = tensorOf([0.25], [1]);
    const y = lax.add(lax.tanh(x), 1);
    expect(y.item()).toBe(Math.fround(Math.fround(expected(x)) + 1));
  });

  it('bounds what waits', () => {
    let x = tensorOf([0.5], [1]);
    for (let i = 0; i < 200; i++) x = lax.tanh(x);
    expect(watched.runs).toBeGreaterThanOrEqual(180);
    expect(x.dataSync()).toHaveLength(1);
  });

  it('fails at the read, with what depends on it, and nothing else', async () => {
    const other = lax.tanh(tensorOf([1], [1]));
    other.dataSync();
    watched.failure = new Error('no kernel today');
    const y = step(large());
    const z = lax.add(y, 1);
    const unrelated = lax.add(other, 1);
    await expect(y.data()).rejects.toThrow('no kernel today');
    expect(() => z.dataSync()).toThrow('no kernel today');
    watched.failure = null;
    expect(() => lax.mul(y, 2).dataSync()).toThrow('no kernel today'); // failed runs stay failed
    expect(() => step(y).dataSync()).toThrow('no kernel today');
    expect(unrelated.dataSync()[0]).toBeCloseTo(Math.tanh(1) + 1, 6);
    expect(step(large()).dataSync()).toHaveLength(SIDE * SIDE);
  });
});
