import { jit, lax, optim, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { expectGolden, golden } from '../support/golden.js';
import { makeSchedule } from './specs.js';

const file = golden('schedules');
const counts = file.inputs.counts as number[];
const cases = Object.entries(file.inputs.schedules as Record<string, { schedule: string; kwargs: Record<string, unknown> }>);

describe.each(cases)('%s', (name, spec) => {
  const schedule = makeSchedule(spec);
  const values = (f: (count: number) => Tensor): Tensor =>
    lax.concatenate(
      counts.map((c) => lax.reshape(f(c), [1])),
      0,
    );
  test('of numbers, of int32 counts, and of traced counts', () => {
    expectGolden(values(schedule), file.outputs[name], 'schedules', name);
    expectGolden(
      values((c) => schedule(lax.full([], c, 'int32'))),
      file.outputs[name],
      'schedules',
      name,
    );
    const traced = jit((count: Tensor) => schedule(count));
    expectGolden(
      values((c) => traced(lax.full([], c, 'int32'))),
      file.outputs[name],
      'schedules',
      name,
    );
  });
  test('of a vector of counts', () => {
    expectGolden(
      schedule(
        lax.concatenate(
          counts.map((c) => lax.full([1], c, 'int32')),
          0,
        ),
      ),
      file.outputs[name],
      'schedules',
      name,
    );
  });
});

test('joinSchedules counts from each boundary, and takes schedules that return numbers', () => {
  const joined = optim.joinSchedules([() => 1, optim.linearSchedule(10, 0, 10), () => 3], [2, 5]);
  expect([0, 1, 2, 3, 4, 5, 9].map((c) => joined(c).item())).toEqual([1, 1, 10, 9, 8, 3, 3]);
});

test('polynomials, and schedules without steps', () => {
  expect(optim.polynomialSchedule(1, 0, 2, 4)(2).item()).toBe(0.25);
  expect(optim.polynomialSchedule(1, 0, 2, 0)(7).item()).toBe(1);
  expect(optim.exponentialDecay(0.5, 5, 0)(7).item()).toBe(0.5);
  expect(optim.piecewiseConstantSchedule(2)(3).item()).toBe(2);
  expect(optim.piecewiseConstantSchedule(1, { 10: 0.5, 2: 0.25 })(10).item()).toBe(0.125);
});

test('mistakes', () => {
  expect(() => optim.cosineDecaySchedule(1, 0)).toThrow(/requires positive decaySteps, got 0/);
  expect(() => optim.warmupCosineDecaySchedule(0, 1, 10, 10)).toThrow(/positive decaySteps - warmupSteps, got 0/);
  expect(() => optim.piecewiseConstantSchedule(1, { 3: -1 })).toThrow(/scales of at least 0, got 3: -1/);
  expect(() => optim.joinSchedules([optim.constantSchedule(1)], [3])).toThrow(/1 schedules and 1 boundaries/);
});
