/** flaxen itself: the program of README.md with the case's widths, and single kernels. */
import { readFileSync } from 'node:fs';
import { jit, lax, nn, np, optim, random, training, tree, valueAndGrad, vjp, type Tensor } from 'flaxen';
import type { GemmKernel, JobRequest, Kernel, MlpCase } from '../harness/cases.js';
import { serve } from './lines.mjs';

type Run = (steps: number) => number;
type Batch = { image: Tensor; label: Tensor };

const MLP = nn.module('MLP', ({ widths }: { widths: readonly number[] }) => (x: Tensor, { train }: { train: boolean }) => {
  for (const features of widths.slice(0, -1)) {
    x = nn.Dense({ features })(x);
    x = nn.BatchNorm({ useRunningAverage: !train })(x);
    x = nn.relu(x);
  }
  return nn.Dense({ features: widths.at(-1)! })(x);
});

function openMlp(kind: 'train' | 'grad' | 'eval', { batch: rows, input, widths }: MlpCase): Run {
  const [imageKey, labelKey] = random.split(random.PRNGKey(1), 2);
  const batch: Batch = { image: random.normal(imageKey!, [rows, input]), label: random.randint(labelKey!, [rows], 0, widths.at(-1)!) };
  const mlp = MLP({ widths });
  const { params, batch_stats } = mlp.init(random.PRNGKey(0), batch.image, { train: false });
  let state = training.TrainState.create({ applyFn: mlp.apply, params, batch_stats: batch_stats ?? {}, tx: optim.adam(1e-3) });
  type State = typeof state;
  tree.map((t: Tensor) => t.dataSync(), [state.params, batch]);

  const metricsOf = (logits: Tensor, label: Tensor) => ({
    loss: optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(),
    accuracy: np.mean(np.equal(np.argmax(logits, -1), label)),
  });
  const lossAndGrads = (state: State, batch: Batch) => {
    const lossFn = (params: State['params']) => {
      const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, batch.image, { train: true, mutable: ['batch_stats'] });
      const metrics = metricsOf(logits, batch.label);
      return [metrics.loss, { metrics, updates }] as const;
    };
    return valueAndGrad(lossFn, { hasAux: true })(state.params);
  };

  if (kind === 'train') {
    const trainStep = jit(
      (state: State, batch: Batch) => {
        const [[, { metrics, updates }], grads] = lossAndGrads(state, batch);
        return [state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats ?? {} }), metrics] as const;
      },
      { donate: [0], name: 'trainStep' },
    );
    return (steps) => {
      let metrics!: { loss: Tensor; accuracy: Tensor };
      for (let i = 0; i < steps; i++) [state, metrics] = trainStep(state, batch);
      return metrics.loss.item() as number;
    };
  }
  if (kind === 'grad') {
    const gradStep = jit((state: State, batch: Batch) => {
      const [[loss], grads] = lossAndGrads(state, batch);
      return [loss, grads] as const;
    });
    return (steps) => {
      let loss!: Tensor;
      for (let i = 0; i < steps; i++) [loss] = gradStep(state, batch);
      return loss.item() as number;
    };
  }
  const evalStep = jit((state: State, batch: Batch) => {
    const logits = state.applyFn({ params: state.params, batch_stats: state.batch_stats }, batch.image, { train: false });
    return [logits, metricsOf(logits, batch.label)] as const;
  });
  return (steps) => {
    let loss = NaN;
    for (let i = 0; i < steps; i++) {
      const [logits, metrics] = evalStep(state, batch);
      logits.dataSync();
      loss = metrics.loss.item() as number;
    }
    return loss;
  };
}

let seed = 0;
const normal = (...shape: number[]): Tensor => random.normal(random.PRNGKey(seed++), shape);

/** Calls `f` on the same tensors again and again; the last argument is donated, so that its memory can take a result as BLAS's `out` does. */
function repeat<A extends Tensor[]>(f: (...args: A) => Tensor | readonly Tensor[], ...args: A): Run {
  const step = jit(f);
  tree.map((t: Tensor) => t.dataSync(), args);
  return (steps) => {
    let result!: Tensor | readonly Tensor[];
    for (let i = 0; i < steps; i++) result = step(...args);
    const last = Array.isArray(result) ? (result as readonly Tensor[])[0]! : (result as Tensor);
    last.dataSync();
    return 0;
  };
}

function openGemm({ m, n, k, transA, transB }: GemmKernel): Run {
  const a = transA ? normal(k, m) : normal(m, k);
  const b = transB ? normal(n, k) : normal(k, n);
  const product = jit(
    (a: Tensor, b: Tensor, _out: Tensor) =>
      lax.dotGeneral(a, b, { lhsContract: [transA ? 0 : 1], rhsContract: [transB ? 1 : 0], lhsBatch: [], rhsBatch: [] }),
    { donate: [2], name: 'product' },
  );
  let out = np.zeros([m, n]);
  tree.map((t: Tensor) => t.dataSync(), [a, b, out]);
  return (steps) => {
    for (let i = 0; i < steps; i++) out = product(a, b, out);
    return wait(out);
  };
}
