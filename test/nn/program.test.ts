/** The program that flaxen is for, as its design writes it: the guide's model, a train step and an eval step. */
import { describe, expect, it } from 'vitest';
import { jit, nn, np, optim, random, training, tree, valueAndGrad, type Tensor } from 'flaxen';

const MLP = nn.module('MLP', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 1 })(x);
});

describe('the program', () => {
  const mlp = MLP();
  const x = np.ones([1, 3]);
  const variables = mlp.init(random.PRNGKey(0), x, { train: false });
  const { params, batch_stats } = variables;

  const create = () => training.TrainState.create({ applyFn: mlp.apply, params, batch_stats, tx: optim.adam(1e-3) });
  type State = ReturnType<typeof create>;
  type Params = typeof params;
  interface Batch {
    image: Tensor;
    label: Tensor;
  }
  const batch: Batch = { image: random.normal(random.PRNGKey(1), [8, 3]), label: np.zeros([8], { dtype: 'int32' }) };

  it('init gives the variables', () => {
    expect(tree.map((v) => v.shape, variables)).toEqual({
      batch_stats: { BatchNorm_0: { mean: [4], var: [4] } },
      params: { BatchNorm_0: { bias: [4], scale: [4] }, Dense_0: { bias: [4], kernel: [3, 4] }, Dense_1: { bias: [1], kernel: [4, 1] } },
    });
  });

  it('apply gives the output and the updates', () => {
    const [y, updates] = mlp.apply({ params, batch_stats }, x, { train: true, mutable: ['batch_stats'] });
    expect(y.shape).toEqual([1, 1]);
    expect(Object.keys(updates)).toEqual(['batch_stats']);
  });

  it('trains and evaluates as one compiled program each', () => {
    let state = create();
    const trainStep = jit(
      (state: State, batch: Batch) => {
        const lossFn = (params: Params) => {
          const [logits, updates] = state.applyFn({ params, batch_stats: state.batch_stats }, batch.image, {
            train: true,
            mutable: ['batch_stats'],
          });
          const loss = optim.softmaxCrossEntropyWithIntegerLabels(logits, batch.label).mean();
          return [loss, { logits, updates }] as const;
        };
        const [[loss, { logits, updates }], grads] = valueAndGrad(lossFn, { hasAux: true })(state.params);
        state = state.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats });
        const accuracy = np.mean(np.equal(np.argmax(logits, -1), batch.label));
        return [state, { loss, accuracy }] as const;
      },
      { donate: [0] },
    );
    const evalStep = jit((state: State, batch: Batch) =>
      state.applyFn({ params: state.params, batch_stats: state.batch_stats }, batch.image, { train: false }),
    );
    state = tree.map((v) => np.add(v, 0), state); // the first state shares its tensors with `variables`
    for (let i = 0; i < 3; i++) {
      const [next, metrics] = trainStep(state, batch);
      state = next;
      expect(metrics.loss.item()).toBe(0); // one class
      expect(metrics.accuracy.item()).toBe(1);
    }
    expect(trainStep.cacheSize()).toBe(1);
    expect(evalStep(state, batch).shape).toEqual([8, 1]);
    expect(state.batch_stats.BatchNorm_0.mean.dataSync()).not.toEqual(batch_stats.BatchNorm_0.mean.dataSync());
  });

  it('init runs inside jit too, with the same bits', () => {
    const inside = jit((key: Tensor) => mlp.init(key, x, { train: false }))(random.PRNGKey(0));
    expect(inside.params.Dense_0.kernel.dataSync()).toEqual(params.Dense_0.kernel.dataSync());
  });
});
