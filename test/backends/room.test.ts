/** Room for large arrays: refused before the system ends the process, after what is dead has been collected. */
import { backendInfo, errors, np } from 'flaxen';
import { expect, it } from 'vitest';
import { Room } from '../../lib/backends/room.js';

const GIB = 2 ** 30;

/** A machine with so many GiB left, of which `dead` come back when collected. */
function machine(left: number, dead = 0) {
  const state = { run: 1, queued: false, left, settled: 0, collected: 0 };
  const room = new Room({
    run: () => state.run,
    idle: () => !state.queued,
    settle: () => {
      state.settled++;
      state.queued = false;
    },
    available: () => state.left * GIB,
    collect: () => {
      state.collected++;
      state.left += dead;
    },
  });
  return { state, take: (gib: number) => () => room.take(gib * GIB) };
}

it('small arrays ask nobody', () => {
  const { state, take } = machine(0);
  take(0.9)();
  expect(state.collected).toBe(0);
});
it('an array that fits is given', () => {
  const { state, take } = machine(8);
  take(7)();
  expect(state.settled).toBe(0);
});
it('one that does not is refused with both sizes', () => {
  expect(machine(8).take(9)).toThrow(/9.0 GiB are wanted and 8.0 GiB are left/);
});
it('dead arrays are collected first', () => {
  const { state, take } = machine(3, 4);
  take(6)();
  expect(state).toMatchObject({ settled: 1, collected: 1 });
});
it('results of one run count together, though none is written yet', () => {
  const { take } = machine(8);
  take(5)();
  expect(take(5)).toThrow(/5.0 GiB are wanted and 3.0 GiB are left/);
});
it('what queued runs will write counts, until they are over', () => {
  const { state, take } = machine(8);
  take(5)();
  state.run = 2;
  state.queued = true;
  take(5)();
  expect(state).toMatchObject({ settled: 1, queued: false });
  state.run = 3;
  take(7)();
  expect(state.settled).toBe(1);
});

it.runIf(backendInfo().name === 'cpu')('a tensor past what the machine has left is an error', () => {
  const elements = Math.ceil(process.availableMemory() / 4) + 2 ** 30;
  expect(() => np.zeros([elements])).toThrow(errors.MemoryError);
  expect(() => np.zeros([elements])).toThrow(/cannot allocate \d+ elements of float32: [\d.]+ GiB are wanted and [\d.]+ GiB are left/);
  expect(np.ones([2]).toArray()).toEqual([1, 1]);
});
