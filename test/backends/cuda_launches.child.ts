/**
 * One train step of each of the benchmark's models on the simulated CUDA device, whose log, named by FLAXEN_CUDA_SIM_LOG, gets the kernels' names. Prints
 * those of each step as JSON and dies before the kernels run: the device works when somebody waits for it, and nobody does.
 */
import { readFileSync, writeSync } from 'node:fs';
import { jit, np, optim, random, training, valueAndGrad } from 'flaxen';
import { mlpCases, type MlpCase } from '../../bench/harness/cases.js';
import { MLP } from '../../bench/peers/mlp.js';

const kernels = (): string[] => readFileSync(process.env.FLAXEN_CUDA_SIM_LOG!, 'utf8').trim().split('\n');

function launchesOf({ batch: rows, input, widths }: MlpCase): string[] {
  const mlp = MLP({ widths });
  const batch = { image: np.zeros([rows, input]), label: np.zeros([rows], 'int32') };
  const { params, batch_stats } = mlp.init(random.PRNGKey(0), np.zeros([1, input]), { train: false });
  const state = training.TrainState.create({ applyFn: mlp.apply, params, batch_stats, tx: optim.adam(1e-3) });
  const step = jit(
    (state_: typeof state, { image, label }: typeof batch) => {
      const lossFn = (of: typeof params) => {
        const variables = { params: of, batch_stats: state_.batch_stats };
        const [logits, updates] = state_.applyFn(variables, image, { train: true, mutable: ['batch_stats'] });
        return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), { logits, updates }] as const;
      };
      const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state_.params);
      const accuracy = np.mean(np.equal(np.argmax(logits, -1), label));
      return [state_.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats }), { loss, accuracy }] as const;
    },
    { donate: [0] },
  );
  const before = kernels().length;
  step(state, batch);
  return kernels().slice(before);
}

writeSync(1, JSON.stringify(Object.fromEntries(mlpCases.map((model) => [model.name, launchesOf(model)]))));
process.kill(process.pid, 'SIGKILL');
