/** The models and the train step of the golden training runs: the guide's, with the widths as configuration. */
import { jit, nn, np, optim, training, valueAndGrad, type Tensor } from 'flaxen';

export interface Widths {
  hidden: number;
  out: number;
  momentum?: number;
}
type Options = { train?: boolean };

const MLP = nn.module('MLP', ({ hidden, out }: Widths) => (x: Tensor, _: Options) => {
  x = nn.relu(nn.Dense({ features: hidden })(x));
  return nn.Dense({ features: out })(x);
});

const MLP_BN = nn.module('MLP_BN', ({ hidden, out, momentum }: Widths) => (x: Tensor, { train = false }: Options) => {
  x = nn.Dense({ features: hidden })(x);
  x = nn.BatchNorm({ useRunningAverage: !train, momentum })(x);
  return nn.Dense({ features: out })(nn.relu(x));
});

const DeepMLP_BN = nn.module('DeepMLP_BN', ({ hidden, out, momentum }: Widths) => (x: Tensor, { train = false }: Options) => {
  for (let i = 0; i < 2; i++) {
    x = nn.Dense({ features: hidden, useBias: false })(x);
    x = nn.relu(nn.BatchNorm({ useRunningAverage: !train, momentum })(x));
  }
  return nn.Dense({ features: out })(x);
});

/** The model that a golden file's Python source defines. */
export function modelOf(source: string, widths: Widths): ReturnType<typeof MLP> {
  if (source.startsWith('class DeepMLP_BN')) return DeepMLP_BN(widths);
  return source.startsWith('class GenMLP_BN') ? MLP_BN(widths) : MLP(widths);
}

export type Model = ReturnType<typeof modelOf>;
export interface Batch {
  image: Tensor;
  label: Tensor;
}

export const createState = (model: Model, variables: nn.Variables, tx: optim.GradientTransformation) =>
  training.TrainState.create({ applyFn: model.apply, params: variables.params, batch_stats: variables.batch_stats ?? {}, tx });
export type State = ReturnType<typeof createState>;

const hits = (logits: Tensor, label: Tensor): Tensor => np.mean(np.equal(np.argmax(logits, -1), label));

/** The guide's train step; returns the gradients too. */
export function trainStep(state: State, batch: Batch) {
  const lossFn = (params: nn.Collection) => {
    const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, batch.image, {
      train: true,
      mutable: ['batch_stats'],
    });
    return [optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.label).mean(), { logits, updates }] as const;
  };
  const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
  state = state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats ?? {} });
  return [state, { loss, accuracy: hits(logits, batch.label) }, grads] as const;
}

export const evalStep = jit((state: State, batch: Batch) => {
  const logits = state.applyFn({ params: state.params, batch_stats: state.batch_stats }, batch.image, { train: false });
  const loss_per_example = optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.label);
  return [{ loss_per_example, loss: loss_per_example.mean(), accuracy: hits(logits, batch.label) }, logits] as const;
});
