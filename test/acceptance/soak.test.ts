/** Endurance: memory stays flat in a synchronous loop, the event loop keeps ticking, worker threads train side by side. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const child = fileURLToPath(new URL('soak.child.ts', import.meta.url));

async function run<T>(...args: string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', child, ...args], { cwd: process.cwd() });
  return JSON.parse(stdout) as T;
}

const MB = 1e6;
/** The tests' interpreter computes on this very thread. */
const interpreted = process.env.FLAXEN_BACKEND?.startsWith('reference') ?? false;
interface Memory {
  steps: number;
  firstLoss: number;
  lastLoss: number;
  before: number;
  after: number;
}

test.each(['donate', 'keep'])(
  '100,000 synchronous steps keep memory flat (%s)',
  async (how) => {
    const { firstLoss, lastLoss, before, after } = await run<Memory>('memory', how);
    expect((after - before) / MB).toBeLessThan(50);
    expect(lastLoss).toBeLessThan(firstLoss);
  },
  300_000,
);

test.each(['small', 'wide'])(
  'a 10 ms timer comes in time while a %s model trains with awaited reads',
  async (size) => {
    const { steps, ticks, idle, busy } = await run<{ steps: number; ticks: number; idle: number; busy: number }>('latency', size);
    expect(steps).toBeGreaterThan(0);
    expect(ticks).toBeGreaterThan(50);
    expect(busy - idle, `late by ${busy} ms at p99, by ${idle} ms in a program that always gives way`).toBeLessThan(interpreted ? 100 : 20);
  },
  120_000,
);

test('two worker threads train at once, with the results of the main thread', async () => {
  expect(await run('workers')).toEqual({ equal: [true, true], differ: true });
}, 120_000);
