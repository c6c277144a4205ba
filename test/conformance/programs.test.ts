/** Random programs, jitted, against the same operations one at a time and against the reference interpreter; with donation; and their gradients. */
import { backendInfo, grad, jit, lax, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { flushedResult } from '../support/reference_value.js';
import { withBackend } from '../support/tensors.js';
import { difference, type Tolerance } from './compare.js';
import { Source } from './data.js';
import { subnormalsAreZero } from './exceptions.js';
import { randomProgram, tensorsOf, type Program, type ProgramInput, type ProgramKind } from './random_program.js';

const read = (tensors: readonly Tensor[]): ArrayLike<number>[] => tensors.map((t) => t.dataSync());
const seeds = (count: number, part = 0): number[] => Array.from({ length: count }, (_, i) => part * 1000 + i);

// Then whether an operation that moves or compares elements sees a subnormal one or zero is open, so that programs start without.
const flushes = backendInfo().name in subnormalsAreZero;
const withoutSubnormals = (x: ProgramInput): ProgramInput =>
  x.dtype === 'float32' ? { ...x, numbers: x.numbers.map((n) => flushedResult(n)) } : x;

/** Many small programs a test, so that the report stays short; a fault names the seed. */
function forSeeds(kind: ProgramKind, list: readonly number[], check: (program: Program, seed: number) => void): void {
  for (const seed of list) {
    const program = randomProgram(kind, seed);
    try {
      check(program, seed);
    } catch (error) {
      const text = withBackend('reference', () => jit((...xs: Tensor[]) => program.run(xs)).lower(...tensorsOf(program.inputs)));
      throw new Error(`${kind} program ${seed}: ${(error as Error).message}\n${text.asText().split('\n\n')[0]}`, { cause: error });
    }
  }
}

function expectClose(have: ArrayLike<number>[], want: ArrayLike<number>[], tolerance: Tolerance): void {
  want.forEach((expected, o) => {
    if (have[o]!.length !== expected.length) throw new Error(`output ${o} has ${have[o]!.length} elements, not ${expected.length}`);
    for (let i = 0; i < expected.length; i++) {
      const wrong = difference(have[o]![i]!, expected[i]!, tolerance, o, i);
      if (wrong !== null) throw new Error(`output ${o}, element ${i}: ${have[o]![i]}, expected ${expected[i]}; ${wrong}`);
    }
  });
}

/** Rounding of a chain of well-conditioned steps, relative to the output's size. */
const rounding = (want: ArrayLike<number>[], factor: number): Tolerance => {
  const sizes = want.map((w) => Array.from(w).reduce((m, x) => Math.max(m, Math.abs(x)), 1));
  return { error: (output) => () => factor * sizes[output]! };
};

const jitted = (program: Program) => jit((...xs: Tensor[]) => program.run(xs));
const oracle = (program: Program, run = program.run): ArrayLike<number>[] =>
  withBackend('reference64', () => read(run(tensorsOf(program.inputs))));

describe(`programs on the ${backendInfo().name} backend`, () => {
  it.each([1, 2, 3, 4])('whose results are determined to the bit (part %i)', (part) => {
    forSeeds('exact', seeds(100, part), (program) => {
      const f = jitted(program);
      const want = withBackend(flushes ? 'referenceFlushed' : 'reference', () => read(program.run(tensorsOf(program.inputs))));
      const inputs = tensorsOf(flushes ? program.inputs.map(withoutSubnormals) : program.inputs);
      expectClose(read(f(...inputs)), want, 'exact');
      expectClose(read(f(...inputs)), want, 'exact');
      expectClose(read(program.run(inputs)), want, 'exact');
    });
  });

  it.each([1, 2])('of functions and layout: jitted, the same bits as one by one (part %i)', (part) => {
    forSeeds('elementwise', seeds(100, part), (program) => {
      const inputs = tensorsOf(program.inputs);
      const atOnce = read(program.run(inputs));
      expectClose(read(jitted(program)(...inputs)), atOnce, 'exact');
      const want = oracle(program);
      expectClose(atOnce, want, rounding(want, 1e-4));
    });
  });

  it.each([1, 2])('of sums and products (part %i)', (part) => {
    forSeeds('smooth', seeds(100, part), (program) => {
      const inputs = tensorsOf(program.inputs);
      const f = jitted(program);
      const have = read(f(...inputs));
      const want = oracle(program);
      expectClose(have, want, rounding(want, 1e-3));
      expectClose(read(program.run(inputs)), want, rounding(want, 1e-3));
      expectClose(read(f(...inputs)), have, 'exact');
    });
  });

  it('donating any arguments changes no result', () => {
    for (const kind of ['exact', 'smooth'] as const) {
      forSeeds(kind, seeds(120), (program, seed) => {
        const source = new Source(seed);
        const donate = program.inputs.map((_, i) => i).filter(() => source.chance(0.6));
        const want = read(jitted(program)(...tensorsOf(program.inputs)));
        const f = jit((...xs: Tensor[]) => program.run(xs), { donate });
        for (let i = 0; i < 2; i++) expectClose(read(f(...tensorsOf(program.inputs))), want, 'exact');
      });
    }
  });

  it.each([1, 2])('gradients of jitted sums and products (part %i)', (part) => {
    forSeeds('smooth', seeds(60, part), (program) => {
      const wanted = program.inputs.flatMap((x, i) => (x.dtype === 'float32' ? [i] : []));
      const loss = (...xs: Tensor[]): Tensor =>
        program
          .run(xs)
          .filter((y) => y.dtype === 'float32')
          .map((y) => lax.reduceSum(lax.sin(y)))
          .reduce((a, b) => lax.add(a, b), lax.full([], 0));
      const gradient = grad(loss, { argnums: wanted });
      const run = (xs: readonly Tensor[]): Tensor[] => gradient(...xs);
      const want = oracle(program, run);
      const inputs = tensorsOf(program.inputs);
      const have = read(jit((...xs: Tensor[]) => run(xs))(...inputs));
      expectClose(have, want, rounding(want, 3e-3));
      expectClose(read(run(inputs)), want, rounding(want, 3e-3));
      expectClose(read(grad(jit(loss), { argnums: wanted })(...inputs)), want, rounding(want, 3e-3));
    });
  });
});

it('programs are as random as they should be', () => {
  const texts = seeds(60).map((seed) => {
    const program = randomProgram('exact', seed);
    return withBackend('reference', () =>
      jitted(program)
        .lower(...tensorsOf(program.inputs))
        .asText(),
    );
  });
  expect(new Set(texts).size).toBe(60);
});
