/** Every primitive's batching rule against the primitive itself run example by example, for every choice of batched inputs, on the conformance suite's cases. */
import { describe, expect, it } from 'vitest';
import { lax, setBackend, vmap, type Tensor } from 'flaxen';
import { bind } from '../../lib/core/bind.js';
import { primitives } from '../../lib/core/primitive.js';
import { describeCase, outputsOf, type Case, type Input } from '../conformance/case.js';
import { elementwiseCases } from '../conformance/cases_elementwise.js';
import { layerCases } from '../conformance/cases_layers.js';
import { layoutCases } from '../conformance/cases_layout.js';
import { reductionCases } from '../conformance/cases_reduction.js';
import { windowCases } from '../conformance/cases_windows.js';
import { sizeOf } from '../conformance/data.js';
import { tensorOf } from '../support/tensors.js';

setBackend('reference64'); // so that another order of summation makes no difference worth a tolerance

const EXAMPLES = 3;
const small = (c: Case): boolean =>
  c.inputs.length > 0 &&
  [...c.inputs, ...outputsOf(c.op, c.inputs, c.params)].every(({ shape }) => sizeOf(shape) <= 300 && shape.length < 8);
const cases = [...elementwiseCases(), ...layoutCases(), ...reductionCases(), ...layerCases(), ...windowCases()].filter(small);

/** Examples of an input that differ: its values, turned round by some places. */
const turned = ({ values, shape, dtype }: Input, by: number): Tensor =>
  tensorOf(
    values.map((_, i) => values[(i + by) % values.length]!),
    shape,
    dtype,
  );

function fault(c: Case, batched: readonly boolean[]): string | null {
  const primitive = primitives().get(c.op)!;
  const examples = Array.from({ length: EXAMPLES }, (_, k) => c.inputs.map((x, i) => turned(x, batched[i] ? k : 0)));
  const stacked = c.inputs.map((_, i) =>
    batched[i]
      ? lax.concatenate(
          examples.map((e) => lax.reshape(e[i]!, [1, ...e[i]!.shape])),
          0,
        )
      : examples[0]![i]!,
  );
  const inAxes = batched.map((b) => (b ? 0 : null));
  const have = vmap((...inputs: Tensor[]) => bind(primitive, inputs, c.params), { inAxes })(...stacked);
  const want = examples.map((inputs) => bind(primitive, inputs, c.params));
  for (let o = 0; o < have.length; o++) {
    const shape = [EXAMPLES, ...want[0]![o]!.shape];
    if (have[o]!.shape.join() !== shape.join() || have[o]!.dtype !== want[0]![o]!.dtype)
      return `output ${o} is ${have[o]!}, expected ${want[0]![o]!} stacked`;
    const [a, b] = [have[o]!.dataSync(), want.flatMap((w) => Array.from(w[o]!.dataSync()))];
    for (let i = 0; i < b.length; i++) {
      const [x, y] = [a[i]!, b[i]!];
      const same = Object.is(x, y) || x === y || Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y));
      if (!same) return `output ${o}, element ${i}: ${x}, example by example ${y}`;
    }
  }
  return null;
}

const subsets = (n: number): boolean[][] =>
  Array.from({ length: 2 ** n - 1 }, (_, bits) => Array.from({ length: n }, (_, i) => (((bits + 1) >> i) & 1) === 1));

describe('batching rules', () => {
  const names = [...new Set(cases.map((c) => c.op))];
  const withInputs = [...primitives().keys()].filter((name) => !['full', 'iota'].includes(name));
  it('every primitive that takes inputs has small cases', () => expect(names.sort()).toEqual(withInputs.sort()));
  it.each(names)('%s', (name) => {
    const faults: string[] = [];
    for (const c of cases.filter((one) => one.op === name)) {
      for (const batched of c.inputs.length <= 3 ? subsets(c.inputs.length) : [c.inputs.map(() => true), c.inputs.map((_, i) => i === 1)]) {
        const wrong = fault(c, batched);
        if (wrong !== null) faults.push(`${describeCase(c)}, batched ${batched.join()}: ${wrong}`);
      }
    }
    expect(faults).toEqual([]);
  });
});
