/**
 * The golden training runs on the simulated CUDA device, beside the C++ kernels: losses, accuracies and gradients of each step, with products in tf32 (the
 * default) and in float32 ('highest'). That both give Flax's numbers in float32 is for test/acceptance/trajectories.test.ts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { jit, np, setBackend, tree, type nn, type Tensor } from 'flaxen';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/backends/package.js';
import { createState, modelOf, trainStep, type Widths } from '../acceptance/models.js';
import { makeTx, type Spec } from '../optim/specs.js';
import { golden, numbers, toTree, type Entry } from '../support/golden.js';

const simulator = join(packageRoot, 'build', 'Release', 'libflaxen_cuda_sim.so');
const FILES = ['train_no_bn', 'train_bn', 'train_no_bn_lr1e-2', 'train_bn_lr1e-2', 'train_bn_sgd', 'train_bn_deep_no_pre_bias'];
const STEPS = 10;

interface Run {
  losses: number[];
  /** Of the first step, by leaf. */
  gradients: number[][];
}

/** The first steps of a golden run. */
function train(backend: string, precision: string, name: string): Run {
  process.env.FLAXEN_MATMUL_PRECISION = precision;
  setBackend(backend);
  const { inputs } = golden(name);
  const data = toTree(inputs) as { init_variables: nn.Variables; x: Tensor; labels: Tensor };
  const { source, kwargs } = inputs.model as { source: string; kwargs: Widths };
  let state = createState(modelOf(source, kwargs), data.init_variables, makeTx(inputs.tx as Spec));
  const rows = inputs.batch_indices as Entry;
  const size = rows.shape[1]!;
  const step = jit(trainStep);
  const run: Run = { losses: [], gradients: [] };
  for (let t = 0; t < STEPS; t++) {
    const index = np.array(Int32Array.from(numbers(rows).slice(t * size, (t + 1) * size)));
    const batch = { image: np.take(data.x, index, { axis: 0 }), label: np.take(data.labels, index, { axis: 0 }) };
    const [next, { loss }, gradients] = step(state, batch);
    state = next;
    run.losses.push(loss.item() as number);
    if (t === 0) run.gradients = tree.leaves(gradients).map((leaf) => Array.from((leaf as Tensor).dataSync()));
  }
  return run;
}

const largest = (list: readonly number[]): number => Math.max(...list.map(Math.abs));

/** The largest difference, relative to the list's largest number, or to `least`. */
const apart = (a: readonly number[], b: readonly number[], least: number): number =>
  largest(a.map((x, i) => x - b[i]!)) / Math.max(least, largest(b));

/** Of gradients by leaf; those far below the largest, such as that of a bias before a batch norm, are round-off around 0. */
function gradientsApart(a: readonly number[][], b: readonly number[][]): number {
  const least = Math.max(...b.map(largest)) / 100;
  return Math.max(...a.map((leaf, i) => apart(leaf, b[i]!, least)));
}

describe.skipIf(!existsSync(simulator))('golden training runs on the simulated CUDA device, beside the CPU', () => {
  const before = { ...process.env };
  beforeAll(() => {
    process.env.FLAXEN_CUDA_SIM ||= '80';
  });
  afterAll(() => {
    process.env = before;
  });

  describe.each<[precision: string, loss: number, gradient: number]>([
    ['default', 5e-4, 2e-3],
    ['highest', 1e-5, 1e-5],
  ])("precision '%s': losses within %s, gradients within %s", (precision, loss, gradient) => {
    it.each(FILES)('%s', (name) => {
      const cuda = train('cuda', precision, name);
      const cpu = train('cpu', precision, name);
      expect(cuda.losses.length).toBe(STEPS);
      expect(apart(cuda.losses, cpu.losses, 1)).toBeLessThanOrEqual(loss);
      expect(gradientsApart(cuda.gradients, cpu.gradients)).toBeLessThanOrEqual(gradient);
      expect(cuda.gradients.length).toBeGreaterThan(3);
    });
  });
});
