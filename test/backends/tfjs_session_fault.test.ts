/** A session that fails is no secret: it is told on stderr and by asText(), and is an error in this test suite. The program goes on all the same. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { jit, lax, setBackend, type Tensor } from 'flaxen';
import { Builder, type Op, type TfGraph } from '../../lib/backends/tfjs/graph.js';
import { loadTfjsNode, TF_TYPES, type Binding } from '../../lib/backends/tfjs/load.js';
import { ProgramRunner } from '../../lib/backends/tfjs/runner.js';
import { tfjsInstalled } from '../support/installed.js';

const SETTING = 'FLAXEN_TFJS_SESSION';

/** x + 1, and so on; `change` alters the last operation. */
function additions(count: number, change: (op: Op) => Partial<Op> = () => ({})): TfGraph {
  const b = new Builder();
  let x = b.input({ type: 'float', shape: [2] });
  for (let i = 0; i < count; i++) {
    b.origin = `node ${i} (add)`;
    x = b.binary('AddV2', x, b.float(1));
  }
  const ops = b.ops.map((op, i): Op => (i === count - 1 ? { ...op, ...change(op) } : op));
  const sources = b.sources.map((source) => (source.from === 'op' ? { ...source, op: ops[b.ops.indexOf(source.op)]! } : source));
  return { inputs: b.inputs, ops, sources, outputs: [x] };
}

describe.skipIf(!tfjsInstalled)(`a failing session${tfjsInstalled ? '' : ' (@tensorflow/tfjs-node is not installed)'}`, () => {
  let binding: Binding;
  let said: string[];
  beforeEach(() => {
    ({ binding } = loadTfjsNode());
    said = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  /** Runs a program often enough to become a session; what each run gave. */
  function runs(runner: ProgramRunner, times = 3): number[][] {
    const x = binding.createTensor([2], TF_TYPES.float, Float32Array.of(1, 2));
    const one = (): number[] => {
      const [id] = runner.run([x]);
      const data = [...binding.tensorDataSync(id!)];
      binding.deleteTensor(id!);
      return data;
    };
    try {
      return Array.from({ length: times }, one);
    } finally {
      binding.deleteTensor(x);
    }
  }
  const make = (graph: TfGraph, on = binding): ProgramRunner => new ProgramRunner(on, graph, 0);
  /** The binding, but for some functions. */
  const bindingWith = (functions: Partial<Binding>): Binding =>
    Object.create(binding, Object.fromEntries(Object.entries(functions).map(([name, value]) => [name, { value }]))) as Binding;
  const thrice = (...values: number[]): number[][] => [values, values, values];
  /** TensorFlow infers this type when it runs the operation alone, and so does not see that it is wrong. */
  const refused = () => additions(20, (op) => ({ attributes: { ...op.attributes, T: { kind: 'type', value: 'bool' } } }));

  it('is an error here, in every test and in what a test starts', () => {
    expect(process.env[SETTING]).toBe('required');
    const runner = make(refused());
    expect(() => runs(runner)).toThrow(
      /^a program of 20 operations cannot run on tfjs-node as one session: .*n21 is AddV2 of node 19 \(add\).*Unset FLAXEN_TFJS_SESSION/,
    );
    expect(runs(runner)).toEqual(thrice(21, 22));
    expect(said).toEqual([]);
  });

  it('is told once for each reason, and the program runs as before', () => {
    vi.stubEnv(SETTING, undefined);
    const [one, two] = [make(refused()), make(refused())];
    expect([runs(one), runs(two)]).toEqual([thrice(21, 22), thrice(21, 22)]);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /^flaxen: a program of 20 operations cannot run .* operation by operation, .* 4 microseconds slower at each\n$/,
    );
    expect(two.how).toMatch(/^one by one \(no session: .*n21 is AddV2 of node 19 \(add\)/);
    runs(make(additions(21, () => ({ name: 'Add' }))));
    expect(said).toHaveLength(2);
    expect(said[1]).toContain('flaxen does not know the name of result 0 of Add: give it in lib/backends/tfjs/result_names.ts');
  });

  it('tells where its folder can be put', () => {
    vi.stubEnv(SETTING, undefined);
    vi.stubEnv('TMPDIR', '/nowhere');
    expect(runs(make(additions(12)))).toEqual(thrice(13, 14));
    expect(said.join()).toMatch(/its folder cannot be written: ENOENT.*\/nowhere.*; set TMPDIR to one that can/);
  });

  it('that fails as it runs, where the same operations succeed one by one, is given up', () => {
    const fails = (): never => {
      throw new Error('the session is ill');
    };
    const [tensors, sessions] = [binding.getNumOfTensors(), binding.getNumOfSavedModels()];
    const strict = make(additions(12), bindingWith({ runSavedModel: fails }));
    expect(() => runs(strict)).toThrow('as one session: the session is ill');
    expect(runs(strict)).toEqual(thrice(13, 14));
    vi.stubEnv(SETTING, undefined);
    const runner = make(additions(12), bindingWith({ runSavedModel: fails }));
    expect(runs(runner)).toEqual(thrice(13, 14));
    expect(said.join()).toContain('as one session: the session is ill. It runs operation by operation');
    expect(runner.how).toBe('one by one (no session: the session is ill)');
    expect(binding.getNumOfSavedModels()).toBe(sessions);
    for (const used of [strict, runner]) used.dispose();
    expect(binding.getNumOfTensors()).toBe(tensors);
  });

  it('does not hide what is wrong with the program itself, which stays a session', () => {
    let ill = false;
    const illness = bindingWith({
      runSavedModel: (...args) => {
        if (ill) throw new Error('no memory');
        return binding.runSavedModel(...args);
      },
      executeOp: (...args) => {
        if (ill) throw new Error('no memory');
        return binding.executeOp(...args);
      },
    });
    const runner = make(additions(12), illness);
    expect(runs(runner)).toEqual(thrice(13, 14));
    ill = true;
    expect(() => runs(runner)).toThrow(/^tfjs-node failed at .*operation AddV2: no memory$/);
    ill = false;
    expect(runs(runner)).toEqual(thrice(13, 14));
    expect(runner.how).toBe('as one session');
    runner.dispose();
  });

  it('is another thing than a program that is not meant to be one', () => {
    const few = make(additions(11));
    expect(runs(few)).toEqual(thrice(12, 13));
    expect(few.how).toBe('one by one (a session pays from 12 on)');
    setBackend('tfjs');
    const text = jit(() => Array.from({ length: 12 }, (_, i): Tensor => lax.full([i + 1], 3)))
      .lower()
      .asText();
    expect(text).toContain('operations, one by one (a session needs an input)');
    expect(said).toEqual([]);
  });

  it('and a setting that nobody knows is an error', () => {
    vi.stubEnv(SETTING, 'always');
    expect(() => runs(make(refused()))).toThrow('FLAXEN_TFJS_SESSION=always is not known: set it to "required", or not at all');
  });
});
