/** Random programs of primitives: what a compiler may fuse, fold, reorder or place in memory, with results that are known. */
import { lax, type DType, type Tensor } from 'flaxen';
import { tensorOf, withBackend } from '../support/tensors.js';
import { Source, sizeOf } from './data.js';
import { exactSteps } from './random_exact.js';
import { layoutSteps } from './random_layout.js';
import { smoothSteps } from './random_smooth.js';

/** A step computes one more value from those before it. */
export type Step = (values: readonly Tensor[]) => Tensor;

/** What a step is drawn from: the values so far (on the reference backend) and a way to choose among them. */
export interface Draw {
  readonly source: Source;
  readonly values: readonly Tensor[];
  /** The number of a value that satisfies `f`, late ones more often; null if none does. */
  find(f: (value: Tensor) => boolean): number | null;
}

/** Draws a step, or null if the values so far do not allow it. */
export type StepKind = (draw: Draw) => Step | null;

export interface ProgramInput {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly numbers: Float64Array;
}

export interface Program {
  readonly inputs: readonly ProgramInput[];
  run(inputs: readonly Tensor[]): Tensor[];
}

/**
 * `exact`: every result is determined to the bit, on any numbers at all. `elementwise`: functions and layout, no float sums. `smooth`: sums and
 * products too, on numbers of moderate size, with functions that don't blow errors up.
 */
export type ProgramKind = 'exact' | 'elementwise' | 'smooth';

const SHAPES = [[], [1], [7], [33], [3, 5], [16, 17], [2, 3, 4], [5, 1, 3], [64, 33], [70, 131], [0, 3], [2, 1, 2, 3]];

const kindsOf: Record<ProgramKind, readonly StepKind[]> = {
  exact: [...exactSteps, ...layoutSteps],
  elementwise: [...smoothSteps.elementwise, ...smoothSteps.elementwise, ...layoutSteps],
  smooth: [...smoothSteps.elementwise, ...smoothSteps.sums, ...layoutSteps],
};

export function randomProgram(kind: ProgramKind, seed: number): Program {
  const source = new Source(seed * 7919 + kind.length);
  const dtypes: DType[] = kind === 'exact' ? ['float32', 'float32', 'int32', 'uint32', 'bool'] : ['float32', 'float32', 'float32', 'int32'];
  const shape = source.pick(SHAPES);
  const inputs = Array.from({ length: 2 + source.below(4) }, (_, i): ProgramInput => {
    const own = source.chance(0.7) ? shape : source.pick(SHAPES);
    const dtype = i === 0 ? 'float32' : source.pick(dtypes);
    const element = (): number => (kind === 'exact' ? source.anything(dtype) : dtype === 'float32' ? source.normal() : source.below(9) - 3);
    return { shape: own, dtype, numbers: source.fill(sizeOf(own), element) };
  });
  const steps: Step[] = [];
  const count = 4 + source.below(25);
  const values = withBackend('reference', () => {
    const values = tensorsOf(inputs);
    const find = (f: (value: Tensor) => boolean): number | null => {
      const fitting = values.flatMap((v, i) => (f(v) ? [i] : []));
      if (fitting.length === 0) return null;
      const late = fitting.slice(-4);
      return source.chance(0.6) ? source.pick(late) : source.pick(fitting);
    };
    while (steps.length < count) {
      const step = source.pick(kindsOf[kind])({ source, values, find });
      if (step === null) continue;
      const value = step(values);
      if (value.size > 20_000) continue;
      const bounded = kind !== 'exact' && value.dtype === 'float32' && value.dataSync().some((x) => !(Math.abs(x) < 8));
      steps.push(bounded ? (v) => lax.tanh(step(v)) : step);
      values.push(bounded ? lax.tanh(value) : value);
    }
    return values;
  });
  // The last value, and some of all, inputs included.
  const outputs = [values.length - 1, ...values.map((_, i) => i).filter(() => source.chance(0.15))];
  const run = (given: readonly Tensor[]): Tensor[] => {
    const all = [...given];
    for (const step of steps) all.push(step(all));
    return outputs.map((i) => all[i]!);
  };
  return { inputs, run };
}

/** Fresh tensors of a program's inputs, on the current backend. */
export const tensorsOf = (inputs: readonly ProgramInput[]): Tensor[] => inputs.map((x) => tensorOf(x.numbers, x.shape, x.dtype));
