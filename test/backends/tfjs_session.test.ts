/** A program as one TensorFlow session gives what its operations give one by one, for every primitive: to the bit. */
import { describe, expect, it } from 'vitest';
import { EagerRunner } from '../../lib/backends/tfjs/eager.js';
import { loadTfjsNode, TF_TYPES } from '../../lib/backends/tfjs/load.js';
import { heldAs, lower } from '../../lib/backends/tfjs/lower.js';
import type { Runner } from '../../lib/backends/tfjs/runner.js';
import { SessionRunner } from '../../lib/backends/tfjs/session.js';
import { allocate } from '../../lib/core/dtype.js';
import { primitives } from '../../lib/core/primitive.js';
import { graphOf, type Case } from '../conformance/case.js';
import { elementwiseCases } from '../conformance/cases_elementwise.js';
import { layerCases } from '../conformance/cases_layers.js';
import { layoutCases } from '../conformance/cases_layout.js';
import { reductionCases } from '../conformance/cases_reduction.js';
import { windowCases } from '../conformance/cases_windows.js';
import { tfjsInstalled } from '../support/installed.js';

/** Of each primitive the case with the most numbers, up to a limit. */
function largest(): Map<string, Case> {
  const found = new Map<string, Case>();
  const size = (one: Case): number => one.inputs.reduce((n, x) => n + x.values.length, 0);
  for (const one of [...elementwiseCases(), ...layoutCases(), ...reductionCases(), ...layerCases(), ...windowCases()]) {
    const best = found.get(one.op);
    if (size(one) < 20_000 && (best === undefined || size(one) > size(best))) found.set(one.op, one);
  }
  return found;
}

/** Primitives that make tensors from nothing, so that there is nothing to feed a session with. */
const FROM_NOTHING = ['full', 'iota'];

describe.skipIf(!tfjsInstalled)(`a session${tfjsInstalled ? '' : ' (@tensorflow/tfjs-node is not installed)'}`, () => {
  const cases = largest();
  it.each([...primitives().keys()].filter((op) => !FROM_NOTHING.includes(op)))('%s', (op) => {
    const { binding } = loadTfjsNode();
    const one = cases.get(op)!;
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
    const [oneByOne, atOnce] = [run(new EagerRunner(binding, graph)), run(new SessionRunner(binding, graph))];
    inputs.forEach((id) => binding.deleteTensor(id));
    atOnce.forEach((bytes, i) => expect(Buffer.compare(bytes, oneByOne[i]!)).toBe(0));
    expect(atOnce.length).toBe(oneByOne.length);
  });
});
