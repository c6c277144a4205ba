/**
 * One suite for every backend: each primitive on every dtype it takes, on odd shapes and at the edges of the number range, against the reference
 * interpreter. The backend under test is the current one: FLAXEN_BACKEND=name npx vitest run test/conformance.
 */
import { describe, expect, it } from 'vitest';
import { currentBackend, setBackend } from '../../lib/backends/select.js';
import { primitives } from '../../lib/core/primitive.js';
import type { DataArray } from '../../lib/backends/backend.js';
import { describeCase, outputsOf, runCase, type Case } from './case.js';
import { sizeOf } from './data.js';
import { elementwiseCases } from './cases_elementwise.js';
import { layerCases } from './cases_layers.js';
import { layoutCases } from './cases_layout.js';
import { reductionCases } from './cases_reduction.js';
import { flushed } from '../support/reference_value.js';
import { windowCases } from './cases_windows.js';
import { difference, isTiny, type Tolerance } from './compare.js';
import { exceptions, mostElements, subnormalsAreZero } from './exceptions.js';

const backend = currentBackend();
const references = ['reference', 'reference64'].map((name) => {
  setBackend(name);
  return currentBackend();
});
setBackend(backend.name);

const byPrimitive = new Map<string, Case[]>();
let tooLarge = 0;
for (const one of [...elementwiseCases(), ...layoutCases(), ...reductionCases(), ...layerCases(), ...windowCases()]) {
  const excepted = exceptions[backend.name]?.some((e) => e.op === one.op && (e.label === undefined || e.label === one.label));
  if (!byPrimitive.has(one.op)) byPrimitive.set(one.op, []);
  if (sizeOfCase(one) > mostElements) tooLarge++;
  else if (!excepted) byPrimitive.get(one.op)!.push(one);
}

/** The elements of all its arrays. */
function sizeOfCase(one: Case): number {
  const types = [...one.inputs, ...outputsOf(one.op, one.inputs, one.params)];
  return types.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** The first wrong element of a case, or null. */
function fault(one: Case): string | null {
  const have = runCase(backend, one);
  // Exact primitives have float32 semantics bit for bit; others are compared with their true value.
  const reference = references[one.tolerance === 'exact' ? 0 : 1]!;
  const want = runCase(reference, one);
  let ofZeros: DataArray[] | null = null;
  const isFlushed = (o: number, i: number, tolerance: Tolerance): boolean => {
    if (!(backend.name in subnormalsAreZero)) return false;
    ofZeros ??= runCase(reference, withZeros(one));
    const number = have[o]![i]!;
    return [want[o]![i]!, ofZeros[o]![i]!].some(
      (w) => (isTiny(number) && isTiny(w) && number !== w) || difference(number, w, tolerance, o, i) === null,
    );
  };
  const types = outputsOf(one.op, one.inputs, one.params);
  for (let o = 0; o < want.length; o++) {
    if (have[o]!.length !== want[o]!.length) return `output ${o} has ${have[o]!.length} elements, not ${want[o]!.length}`;
    const tolerance = types[o]!.dtype === 'float32' ? one.tolerance : 'exact';
    for (let i = 0; i < want[o]!.length; i++) {
      const wrong = difference(have[o]![i]!, want[o]![i]!, tolerance, o, i);
      if (wrong !== null && !isFlushed(o, i, tolerance))
        return `output ${o}, element ${i}: ${have[o]![i]}, the reference has ${want[o]![i]}; ${wrong}${operandsAt(one, want[o]!.length, i)}`;
    }
  }
  return null;
}

/** The case with zeros for subnormal floats. */
const withZeros = (one: Case): Case => ({
  ...one,
  inputs: one.inputs.map((x) => (x.dtype === 'float32' ? { ...x, values: x.values.map(flushed) } : x)),
});

const operandsAt = (one: Case, size: number, at: number): string =>
  one.inputs.length > 0 && one.inputs.every((x) => x.values.length === size)
    ? `; of ${one.inputs.map((x) => x.values[at]).join(', ')}`
    : '';

const without = tooLarge === 0 ? '' : `, without ${tooLarge} cases of more than ${mostElements} elements`;
describe(`the ${backend.name} backend${without}`, () => {
  it.each([...byPrimitive.keys()].map((op) => [op]))('%s', (op) => {
    const faults: string[] = [];
    for (const one of byPrimitive.get(op)!) {
      const wrong = fault(one);
      if (wrong !== null) faults.push(`${describeCase(one)}: ${wrong}`);
    }
    if (faults.length > 0)
      throw new Error(`${faults.length} of ${byPrimitive.get(op)!.length} cases differ:\n${faults.slice(0, 8).join('\n')}`);
  });

  it('gives the same bits at every run', () => {
    for (const op of [
      'reduceSum',
      'dotGeneral',
      'dense',
      'batchNorm',
      'batchNormGrad',
      'softmaxCrossEntropyGrad',
      'cumsum',
      'scatterAdd',
    ]) {
      for (const one of byPrimitive.get(op)!.slice(-3)) {
        const first = runCase(backend, one);
        for (let run = 0; run < 2; run++) expect(runCase(backend, one), describeCase(one)).toEqual(first);
      }
    }
  });
});

it('every primitive is covered', () => {
  expect([...byPrimitive.keys()].sort()).toEqual([...primitives().keys()].sort());
});
