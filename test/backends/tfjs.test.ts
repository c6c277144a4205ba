/** What the tfjs backend promises beyond the numbers, which test/conformance compares: memory, donation, errors. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jit, lax, nn, np, optim, random, setBackend, Tensor, training, tree, valueAndGrad } from 'flaxen';
import { beforeAll, describe, expect, it } from 'vitest';
import { currentBackend } from '../../lib/backends/select.js';
import { loadTfjsNode, type Binding } from '../../lib/backends/tfjs/load.js';
import { LARGE_BYTES } from '../../lib/backends/tfjs/store.js';
import { root, runFile } from '../support/command.js';
import { tfjsInstalled } from '../support/installed.js';
import { withBackend } from '../support/tensors.js';

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 2 })(x);
});

/** The guide's train step and its first state, on the current backend. */
function makeTraining(donate: number[]) {
  const batch = { image: random.normal(random.PRNGKey(1), [32, 3]), label: random.randint(random.PRNGKey(2), [32], 0, 2) };
  const mlp = MLP();
  const { params, batch_stats } = mlp.init(random.PRNGKey(0), batch.image, { train: false });
  const state = training.TrainState.create({ applyFn: mlp.apply, params, batch_stats, tx: optim.adam(1e-2) });
  type State = typeof state;
  const step = jit(
    (state: State, { image, label }: typeof batch) => {
      const lossFn = (params: State['params']) => {
        const variables = { params, batch_stats: state.batch_stats };
        const [logits, updates] = state.applyFn(variables, image, { train: true, mutable: ['batch_stats'] });
        return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), { logits, updates }] as const;
      };
      const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
      const accuracy = np.mean(np.equal(np.argmax(logits, -1), label));
      return [state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats }), { loss, accuracy }] as const;
    },
    { donate },
  );
  return { state, step, batch };
}

describe.skipIf(!tfjsInstalled)(`the tfjs backend${tfjsInstalled ? '' : ' (@tensorflow/tfjs-node is not installed)'}`, () => {
  let binding: Binding;
  beforeAll(() => {
    binding = loadTfjsNode().binding;
    setBackend('tfjs');
  });

  it('trains as the reference interpreter does', () => {
    const run = (): number[] => {
      const { state: first, step, batch } = makeTraining([0]);
      let state = first;
      return Array.from({ length: 20 }, () => {
        const [next, { loss }] = step(state, batch);
        state = next;
        return loss.item() as number;
      });
    };
    const [ours, wanted] = [run(), withBackend('reference', run)];
    ours.forEach((loss, i) => expect(Math.abs(loss - wanted[i]!)).toBeLessThan(1e-5));
    expect(ours.at(-1)).toBeLessThan(ours[0]!);
  });

  it.each(['donated', 'kept'])(
    'keeps memory flat over 10,000 synchronous steps (the state is %s)',
    (how) => {
      const { status, out, err } = runFile(join(root, 'test/backends/tfjs_memory.child.ts'), [how], root);
      expect(status, err).toBe(0);
      const { tensors, resident, loss } = JSON.parse(out) as { tensors: number[]; resident: number[]; loss: number };
      const spread = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);
      expect(tensors).toHaveLength(40);
      expect(spread(tensors)).toBeLessThan(100);
      expect(spread(resident)).toBeLessThan(8);
      expect(loss).toBeLessThan(0.1); // it trained
    },
    120_000,
  );

  it('deletes large tensors when V8 finds that nobody holds them', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const x = np.ones([LARGE_BYTES / 4]);
    const make = (count: number): void => void Array.from({ length: count }, () => lax.neg(x));
    make(1);
    const count = binding.getNumOfTensors();
    make(50);
    expect(binding.getNumOfTensors() - count).toBe(50);
    for (let i = 0; i < 20 && binding.getNumOfTensors() - count >= 10; i++) {
      await setTimeout(10);
      collect();
    }
    expect(binding.getNumOfTensors() - count).toBeLessThan(10);
  });

  it('gives the same bits before and after it becomes one session', () => {
    const { state: first, step, batch } = makeTraining([]);
    const bits = (results: unknown): unknown[] => tree.leaves(results).map((t) => (t instanceof Tensor ? t.dataSync() : t));
    // Only the first run is sure to be one by one: on a busy machine it may take all the time that a session is worth.
    expect(step.lower(first, batch).asText()).toContain('operations, one by one');
    const before = bits(step(first, batch));
    for (let i = 0; i < 300; i++) step(first, batch);
    expect(step.lower(first, batch).asText()).toContain('operations, as one session');
    expect(bits(step(first, batch))).toEqual(before);
  });

  it.each(['exp', 'expm1', 'sin', 'cos', 'rsqrt', 'logistic'] as const)(
    '%s of what is broadcast has the bits of the same in its full shape',
    (name) => {
      for (const n of [3, 5, 9, 17]) {
        const x = random.uniform(random.PRNGKey(n), [n]);
        const spread = (x: Tensor): Tensor => np.broadcastTo(x, [7, n]);
        expect(jit((x: Tensor) => lax[name](spread(x)))(x).dataSync()).toEqual(lax[name](spread(x)).dataSync());
      }
    },
  );

  it('deletes donated tensors at once', () => {
    const step = jit((x: Tensor) => lax.add(x, 1), { donate: [0] });
    let x = step(np.zeros([100]));
    const count = binding.getNumOfTensors();
    for (let i = 0; i < 50; i++) x = step(x);
    expect(binding.getNumOfTensors()).toBeLessThanOrEqual(count);
    expect(x.dataSync()[99]).toBe(51);
  });

  it('moves old results out of TensorFlow, and they stay what they were', () => {
    const count = binding.getNumOfTensors();
    const results = Array.from({ length: 6000 }, (_, i) => lax.add(np.array([i, -i]), 1));
    expect(binding.getNumOfTensors() - count).toBeLessThan(1500);
    results.forEach((x, i) => expect([...x.dataSync()]).toEqual([i + 1, 1 - i]));
    expect(lax.mul(results[0]!, results[5999]!).toArray()).toEqual([6000, -5998]);
  });

  it('takes tensors of other backends', () => {
    const x = withBackend('reference', () => np.array([1.5, 2.5]));
    expect(lax.mul(x, 2).toArray()).toEqual([3, 5]);
    const y = lax.add(x, 1);
    expect(withBackend('reference', () => lax.mul(y, 2).toArray())).toEqual([5, 7]);
  });

  it('returns inputs, constants and one value twice as tensors of their own', () => {
    const f = jit((x: Tensor, n: number) => [lax.add(x, 0.5), lax.add(x, 0.5), lax.full([2, 2], 7), n] as const);
    const [a, b, c, n] = f(np.array([1, 2]), 3);
    expect([a, b, c].map((t) => t.toArray())).toEqual([
      [1.5, 2.5],
      [1.5, 2.5],
      [
        [7, 7],
        [7, 7],
      ],
    ]);
    expect(Number(n)).toBe(3);
  });

  it('names what a graph does wrong', () => {
    const aval = { shape: [2], dtype: 'float32' as const };
    const graph = (op: string, inputs: number[], outputs = [1]) => ({
      inputs: [aval],
      nodes: [{ op, inputs, params: {}, outputs: [aval] }],
      outputs,
      donated: [],
    });
    const backend = currentBackend();
    expect(() => backend.compile(graph('frobnicate', [0]))).toThrow(
      'node 0 (frobnicate): the tfjs backend knows no primitive "frobnicate"',
    );
    expect(() => backend.compile(graph('neg', [5]))).toThrow('node 0 (neg) reads value 5, which no earlier node makes');
    expect(() => backend.compile(graph('neg', [0], [7]))).toThrow('output 0 reads value 7');
    const program = backend.compile(graph('neg', [0]));
    expect(() => program.run([])).toThrow('a program of 1 inputs got 0');
    expect(() => program.run([backend.fromHost(Float32Array.of(1), 'float32')])).toThrow('input 0 is float32 of 1 elements');
  });

  it('shows the TensorFlow operations that a function became', () => {
    const text = jit((x: Tensor) => nn.relu(lax.mul(x, 2)))
      .lower(np.ones([3]))
      .asText();
    expect(text).toMatch(/tfjs-node, \d+ operations/);
    expect(text).toMatch(/t\d+: float\[3\] = Mul %0 \{2\}/);
  });
});
