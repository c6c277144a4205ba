/** flaxen itself: the program of README.md with the case's widths, and single kernels. */
import { readFileSync } from 'node:fs';
import { backendInfo, jit, lax, nn, np, optim, random, training, tree, valueAndGrad, vjp, type Tensor } from 'flaxen';
import type { BlockKernel, GemmKernel, JobRequest, Kernel, MlpCase } from '../harness/cases.js';
import { serve } from './lines.mjs';
import { MLP } from './mlp.js';

type Run = (steps: number) => number;
type Batch = { image: Tensor; label: Tensor };

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
      const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, batch.image, {
        train: true,
        mutable: ['batch_stats'],
      });
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

/** Waits for a tensor without copying all of it. */
function wait(t: Tensor): void {
  lax.slice(t, t.shape.map(() => 0), t.shape.map(() => 1)).dataSync(); // prettier-ignore
}

/** Calls `f` again and again on the same tensors. Each call gets the last results' memory, as inside a train step, or BLAS's `out`. */
function loop(f: (...args: Tensor[]) => readonly Tensor[], ...args: Tensor[]): Run {
  const step = jit((_out: readonly Tensor[], ...args: Tensor[]) => f(...args), { donate: [0], name: 'kernel' });
  let out = jit(f)(...args);
  return (steps) => {
    for (let i = 0; i < steps; i++) out = step(out, ...args);
    wait(out[0]!);
    return 0;
  };
}

/** The backward pass of `f` alone: what it needs of the forward pass is traced too, but nothing else of it stays in the program. */
const pullOf = (f: (...args: Tensor[]) => Tensor, args: Tensor[], cotangent: Tensor): Run =>
  loop((ct, ...args) => vjp(f, ...args)[1](ct), cotangent, ...args);

function openGemm({ m, n, k, transA, transB }: GemmKernel): Run {
  const dims = { lhsContract: [transA ? 0 : 1], rhsContract: [transB ? 1 : 0], lhsBatch: [], rhsBatch: [] };
  return loop((a, b) => [lax.dotGeneral(a, b, dims)], transA ? normal(k, m) : normal(m, k), transB ? normal(n, k) : normal(k, n));
}

const BATCH_NORM = { epsilon: 1e-5, fastVariance: true };

const dense = (x: Tensor, kernel: Tensor, bias: Tensor): Tensor => lax.dense(x, kernel, bias);
const batchNorm = (x: Tensor, scale: Tensor, bias: Tensor): [Tensor, Tensor, Tensor] => lax.batchNorm(x, scale, bias, BATCH_NORM);
/** The backward pass of batch norm alone, from the statistics that the forward pass found. */
function pullOfBatchNorm(x: Tensor, scale: Tensor, bias: Tensor, cotangent: Tensor): Run {
  const [, mean, variance] = batchNorm(x, scale, bias);
  return loop((dy, x, s, m, v) => lax.batchNormGrad(dy, x, s, m, v, BATCH_NORM), cotangent, x, scale, mean, variance);
}
const normalize = (x: Tensor, scale: Tensor, bias: Tensor): Tensor => batchNorm(x, scale, bias)[0];

/** Dense, batch norm and relu as one program, or as one program each. */
function openBlock({ rows, inputs, features, fused, backward }: BlockKernel): Run {
  const [x, kernel, bias] = [normal(rows, inputs), normal(inputs, features), np.zeros([features])];
  const [scale, shift, cotangent] = [np.ones([features]), np.zeros([features]), normal(rows, features)];
  if (fused) {
    const block = (x: Tensor, kernel: Tensor, bias: Tensor, scale: Tensor, shift: Tensor): Tensor =>
      nn.relu(normalize(dense(x, kernel, bias), scale, shift));
    if (!backward) return loop((x, w, b, s, t) => [block(x, w, b, s, t)], x, kernel, bias, scale, shift);
    return loop((ct, x, w, b, s, t) => {
      const [y, back] = vjp(block, x, w, b, s, t);
      return [y, ...back(ct)];
    }, cotangent, x, kernel, bias, scale, shift); // prettier-ignore
  }
  const z = dense(x, kernel, bias);
  const y = normalize(z, scale, shift);
  const parts = [loop((x, w, b) => [dense(x, w, b)], x, kernel, bias), loop(batchNorm, z, scale, shift), loop((y) => [nn.relu(y)], y)];
  if (backward) {
    parts.push(pullOf(nn.relu, [y], cotangent), pullOfBatchNorm(z, scale, shift, cotangent), pullOf(dense, [x, kernel, bias], cotangent));
  }
  return (steps) => {
    for (let i = 0; i < steps; i++) for (const part of parts) part(1);
    return 0;
  };
}

function openKernel(k: Kernel): Run {
  switch (k.op) {
    case 'gemm':
      return openGemm(k);
    case 'block':
      return openBlock(k);
    case 'dense':
      return loop((x, w, b) => [dense(x, w, b)], normal(k.rows, k.inputs), normal(k.inputs, k.features), np.zeros([k.features]));
    case 'denseGrad': {
      const args = [normal(k.rows, k.inputs), normal(k.inputs, k.features), np.zeros([k.features])];
      return pullOf(dense, args, normal(k.rows, k.features));
    }
    case 'batchNorm':
      return loop(batchNorm, normal(k.rows, k.features), np.ones([k.features]), np.zeros([k.features]));
    case 'batchNormGrad': {
      const [x, cotangent] = [normal(k.rows, k.features), normal(k.rows, k.features)];
      return pullOfBatchNorm(x, np.ones([k.features]), np.zeros([k.features]), cotangent);
    }
  }
}

const openJob = (request: JobRequest): Run =>
  request.kind === 'kernel' ? openKernel(request.kernel) : openMlp(request.kind, request.case);

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
np.zeros([1]).dataSync(); // loads the addon
await serve({ name: 'flaxen', version: `flaxen ${version}, ${JSON.stringify(backendInfo())}` }, openJob);
