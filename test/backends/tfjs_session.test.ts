/** A program as one TensorFlow session gives what its operations give one by one, to the bit: every primitive in each form that it takes, and random programs. */
import { jit, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { registerBackend } from '../../lib/backends/select.js';
import { EagerRunner } from '../../lib/backends/tfjs/eager.js';
import { loadTfjsNode, TF_TYPES } from '../../lib/backends/tfjs/load.js';
import { openTfjs } from '../../lib/backends/tfjs/index.js';
import { heldAs, lower } from '../../lib/backends/tfjs/lower.js';
import type { Runner } from '../../lib/backends/tfjs/runner.js';
import { SessionRunner } from '../../lib/backends/tfjs/session.js';
import { allocate, type DataArray } from '../../lib/core/dtype.js';
import { primitives } from '../../lib/core/primitive.js';
import { describeCase, graphOf, type Case } from '../conformance/case.js';
import { elementwiseCases } from '../conformance/cases_elementwise.js';
import { layerCases } from '../conformance/cases_layers.js';
import { layoutCases } from '../conformance/cases_layout.js';
import { reductionCases } from '../conformance/cases_reduction.js';
import { windowCases } from '../conformance/cases_windows.js';
import { randomProgram, tensorsOf } from '../conformance/random_program.js';
import { tfjsInstalled } from '../support/installed.js';
import { withBackend } from '../support/tensors.js';

/** By primitive the cases that become different operations, of each the one with the most numbers, up to a limit. */
function variants(): Map<string, Case[]> {
  const size = (one: Case): number => one.inputs.reduce((n, x) => n + x.values.length, 0);
  const best = new Map<string, Case>();
  for (const one of [...elementwiseCases(), ...layoutCases(), ...reductionCases(), ...layerCases(), ...windowCases()]) {
    if (size(one) >= 20_000) continue;
    const names = new Set(lower(graphOf(one)).ops.map(({ name }) => name));
    const form = [one.op, ...[...names].sort()].join();
    if (!best.has(form) || size(one) > size(best.get(form)!)) best.set(form, one);
  }
  const found = new Map<string, Case[]>();
  for (const one of best.values()) found.set(one.op, [...(found.get(one.op) ?? []), one]);
  return found;
}

/** Primitives that make tensors from nothing, so that there is nothing to feed a session with. */
const FROM_NOTHING = ['full', 'iota'];

describe.skipIf(!tfjsInstalled)(`a session${tfjsInstalled ? '' : ' (@tensorflow/tfjs-node is not installed)'}`, () => {
  const cases = variants();

  /** Runs a case one by one and as a session. */
  function both(one: Case): [oneByOne: Uint8Array[], atOnce: Uint8Array[]] {
    const { binding } = loadTfjsNode();
    const graph = lower(graphOf(one));
    const inputs = one.inputs.map(({ shape, dtype, values }) => {
      const data = allocate(dtype, values.length);
      data.set(values);
      return binding.createTensor(shape, TF_TYPES[heldAs[dtype]], data instanceof Uint32Array ? new Int32Array(data.buffer) : data);
    });
    const run = (runner: Runner): Uint8Array[] => {
      const results = runner.run(inputs).map((id) => {
        const data = binding.tensorDataSync(id);
        binding.deleteTensor(id);
        return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      });
      runner.dispose();
      return results;
    };
    const results = [run(new EagerRunner(binding, graph)), run(new SessionRunner(binding, graph))] as [Uint8Array[], Uint8Array[]];
    inputs.forEach((id) => binding.deleteTensor(id));
    return results;
  }

  it.each([...primitives().keys()].filter((op) => !FROM_NOTHING.includes(op)))('%s', (op) => {
    expect(cases.get(op)!.length).toBeGreaterThan(0);
    for (const one of cases.get(op)!) {
      const [oneByOne, atOnce] = both(one);
      atOnce.forEach((bytes, i) => expect(Buffer.compare(bytes, oneByOne[i]!), describeCase(one)).toBe(0));
      expect(atOnce.length).toBe(oneByOne.length);
    }
  });

  it.each(['exact', 'elementwise', 'smooth'] as const)('of random programs (%s)', (kind) => {
    registerBackend('sessions', () => openTfjs(-1));
    let sessions = 0;
    for (let seed = 0; seed < 30; seed++) {
      const program = randomProgram(kind, seed);
      const f = jit((...xs: Tensor[]) => program.run(xs));
      const results = (backend: string): DataArray[] =>
        withBackend(backend, () => {
          const inputs = tensorsOf(program.inputs);
          const found = f(...inputs).map((t) => t.dataSync());
          sessions += Number(f.lower(...inputs).asText().includes('as one session')); // prettier-ignore
          return found;
        });
      expect(results('sessions'), `${kind} program ${seed}`).toEqual(results('tfjs'));
    }
    expect(sessions).toBeGreaterThan(10);
  });
});
