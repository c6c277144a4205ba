/** Optimizers and schedules from the golden files' descriptions: `{ name, kwargs }`, `{ chain: [...] }`, `{ schedule, kwargs }`. */
import { optim } from 'flaxen';
import { camelCase } from '../support/golden.js';

export type Spec = { name: string; kwargs: Record<string, unknown> } | { chain: Spec[] };
interface ScheduleSpec {
  schedule: string;
  kwargs: Record<string, unknown>;
}

// The positional arguments of each function, in its original's order; all else is an option.
const POSITIONAL: Record<string, string[]> = {
  clip: ['maxDelta'],
  clipByGlobalNorm: ['maxNorm'],
  constantSchedule: ['value'],
  linearSchedule: ['initValue', 'endValue', 'transitionSteps'],
  cosineDecaySchedule: ['initValue', 'decaySteps'],
  warmupCosineDecaySchedule: ['initValue', 'peakValue', 'warmupSteps', 'decaySteps'],
  exponentialDecay: ['initValue', 'transitionSteps', 'decayRate'],
  piecewiseConstantSchedule: ['initValue'],
};

function call(snake: string, kwargs: Record<string, unknown>): unknown {
  const name = Object.keys(camelCase({ [snake]: 0 }))[0]!;
  const options = camelCase(kwargs);
  const positional = (POSITIONAL[name] ?? ['learningRate']).map((key) => {
    const value = options[key];
    delete options[key];
    return value;
  });
  const f = (optim as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!;
  return Object.keys(options).length > 0 ? f(...positional, options) : f(...positional);
}

export const makeSchedule = (spec: ScheduleSpec): optim.TensorSchedule => call(spec.schedule, spec.kwargs) as optim.TensorSchedule;

export function makeTx(spec: Spec): optim.GradientTransformation {
  if ('chain' in spec) return optim.chain(...spec.chain.map(makeTx));
  const kwargs = Object.fromEntries(
    Object.entries(spec.kwargs).map(([k, v]) => [
      k,
      typeof v === 'object' && v !== null && 'schedule' in v ? makeSchedule(v as ScheduleSpec) : v,
    ]),
  );
  return call(spec.name, kwargs) as optim.GradientTransformation;
}
