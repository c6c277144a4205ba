/** Whole training runs against real Flax: 50 steps, jitted (donated and not) and un-jitted. */
import { jit, np, random, tree, type nn, type optim, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { makeTx, type Spec } from '../optim/specs.js';
import { expectGolden, golden, numbers, tolerance, toTensor, toTree, type Entry, type Tolerance } from '../support/golden.js';
import { createState, evalStep, modelOf, trainStep, type Batch, type Model, type State, type Widths } from './models.js';

interface Inputs {
  model: { source: string; kwargs: Widths };
  init: { seed: number; x_shape: number[] };
  init_variables: nn.Variables;
  tx: Spec;
  x: Tensor;
  labels: Tensor;
  x_eval: Tensor;
  labels_eval: Tensor;
}
type Step = (state: State, batch: Batch) => ReturnType<typeof trainStep>;

const copy = <T>(value: T): T => tree.map((t: Tensor) => np.array(t.dataSync(), { shape: [...t.shape] }), value);
const bits = (value: unknown): unknown => tree.leaves(value).map((t) => [...(t as Tensor).dataSync()]);

/** Rows of the batches, as host arrays. */
function batchRows(entry: Entry): Int32Array[] {
  const [steps, size] = entry.shape as [number, number];
  const all = numbers(entry);
  return Array.from({ length: steps }, (_, t) => Int32Array.from(all.slice(t * size, (t + 1) * size)));
}

interface Run {
  losses: Tensor[];
  accuracies: Tensor[];
  snapshots: Record<string, object>;
  grads_step_1: unknown;
  state: State;
}

function train(step: Step, start: State, x: Tensor, labels: Tensor, rows: Int32Array[], record: number[] = []): Run {
  const run: Run = { losses: [], accuracies: [], snapshots: {}, grads_step_1: null, state: start };
  rows.forEach((at, t) => {
    const index = np.array(at);
    const [state, metrics, grads] = step(run.state, { image: np.take(x, index, { axis: 0 }), label: np.take(labels, index, { axis: 0 }) });
    run.state = state;
    run.losses.push(metrics.loss);
    run.accuracies.push(metrics.accuracy);
    if (t === 0) run.grads_step_1 = grads;
    if (record.includes(t + 1)) {
      run.snapshots[String(t + 1)] = copy({
        params: state.params,
        ...(Object.keys(state.batch_stats).length > 0 && { batch_stats: state.batch_stats }),
      });
    }
  });
  return run;
}

const load = (name: string) => {
  const { inputs, outputs } = golden(name);
  const data = toTree(inputs) as Inputs;
  const model = modelOf(data.model.source, data.model.kwargs);
  const tx = makeTx((inputs as { tx: Spec }).tx);
  const hasStats = 'batch_stats' in data.init_variables;
  return {
    inputs,
    outputs,
    data,
    model,
    hasStats,
    rows: batchRows(inputs.batch_indices as Entry),
    start: () => freshState(model, data.init_variables, tx),
  };
};
const freshState = (model: Model, variables: nn.Variables, tx: optim.GradientTransformation): State =>
  createState(model, copy(variables), tx);

const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) => Array.from(values).slice(i * width, (i + 1) * width));

/**
 * Throws unless the accuracy is exactly that of the logits (which are checked on their own), and differs from Flax's by no more examples than those whose class
 * hangs on the logits' tolerance: argmax is no continuous function, and Flax itself gives one image or the other there (docs/numerics.md).
 */
function expectAccuracy(actual: Tensor, wanted: Entry, logits: Tensor, wantedLogits: Entry, labels: Tensor, { T }: Tolerance): void {
  const width = logits.shape[1]!;
  const label = labels.dataSync();
  const hits = rowsOf(logits.dataSync(), width).filter((row, i) => row.indexOf(Math.max(...row)) === label[i]).length;
  expect(actual.item()).toBe(Math.fround(hits / label.length));

  const flax = numbers(wantedLogits);
  const bound = 2 * T * flax.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  const ties = rowsOf(flax, width).filter((row) => {
    const [best, second] = [...row].sort((a, b) => b - a);
    return best! - second! <= bound;
  });
  expect(Math.abs(hits - numbers(wanted)[0]! * label.length)).toBeLessThanOrEqual(ties.length);
}

const FILES = ['train_no_bn', 'train_bn', 'train_no_bn_lr1e-2', 'train_bn_lr1e-2', 'train_bn_sgd', 'train_bn_deep_no_pre_bias'];

describe.each(FILES)('%s', (name) => {
  const { inputs, outputs, data, model, hasStats, rows, start } = load(name);
  const check = (actual: unknown, what: string, expected: unknown = outputs[what]): void => expectGolden(actual, expected, name, what);

  test('init gives the bits of Flax', () => {
    const { seed, x_shape } = data.init;
    const variables = model.init(random.PRNGKey(seed), np.ones(x_shape), { train: false });
    expect(bits(variables)).toEqual(bits(data.init_variables));
  });

  test('jitted, donating the state', () => {
    const step = jit(trainStep, { donate: [0] });
    const run = train(step, start(), data.x, data.labels, rows, inputs.record_params_after_steps as number[]);
    const { state } = run;
    check(np.stack(run.losses), 'loss');
    check(np.stack(run.accuracies), 'accuracy');
    check(run.grads_step_1, 'grads_step_1');
    check(run.snapshots, 'snapshots');
    expect(state.step.item()).toBe(outputs.final_step);
    check(state.params, 'final_params');
    check(state.opt_state, 'final_opt_state');
    if (hasStats) check(state.batch_stats, 'final_batch_stats');
    expect(step.cacheSize()).toBe(1);

    /** Checks an evaluation's logits and the `keys` of its metrics: losses by their tolerance, the accuracy by the logits'. */
    const checkEval = (of: State, image: Tensor, label: Tensor, metricsName: string, logitsName: string, keys: readonly string[]): void => {
      const [metrics, logits] = evalStep(of, { image, label });
      check(logits, logitsName);
      const wanted = outputs[metricsName] as Record<string, Entry>;
      const losses = keys.filter((key) => key !== 'accuracy');
      const pick = (from: object): object => Object.fromEntries(Object.entries(from).filter(([key]) => losses.includes(key)));
      check(pick(metrics), metricsName, pick(wanted));
      expectAccuracy(metrics.accuracy, wanted.accuracy!, logits, outputs[logitsName] as Entry, label, tolerance(name, logitsName));
    };
    checkEval(state, data.x_eval, data.labels_eval, 'eval', 'eval_logits', ['loss', 'loss_per_example', 'accuracy']);
    checkEval(state, data.x, data.labels, 'eval_on_train_set', 'logits_on_train_set', ['loss', 'accuracy']);
    const [{ loss, accuracy }] = evalStep(start(), { image: data.x_eval, label: data.labels_eval });
    check({ loss, accuracy }, 'eval_of_initial_params');
  });

  test('keeping the state gives the same bits as donating it', () => {
    const ten = rows.slice(0, 10);
    const kept = train(jit(trainStep), start(), data.x, data.labels, ten);
    const donated = train(jit(trainStep, { donate: [0] }), start(), data.x, data.labels, ten);
    expect(bits(kept.state)).toEqual(bits(donated.state));
    expect(bits(kept.losses)).toEqual(bits(donated.losses));
  });

  test('un-jitted', () => {
    const run = train(trainStep, start(), data.x, data.labels, rows.slice(0, 10), [1, 10]);
    const first = (entry: Entry): Entry => ({ ...entry, shape: [10], data: entry.data.slice(0, 10) });
    check(np.stack(run.losses), 'loss', first(outputs.loss as Entry));
    check(np.stack(run.accuracies), 'accuracy', first(outputs.accuracy as Entry));
    const { 1: one, 10: ten } = outputs.snapshots as Record<string, unknown>;
    check(run.snapshots, 'snapshots', { 1: one, 10: ten });
  });
});

test('train_from_seeds: data, batches, parameters and training from one seed', () => {
  const { inputs, outputs } = golden('train_from_seeds');
  const { n, d, classes, steps, batch_size: size, seed } = inputs as Record<string, number>;
  const check = (actual: unknown, what: string): void => {
    const expected = what.split('/').reduce((o: unknown, key) => (o as Record<string, unknown>)[key], outputs);
    expectGolden(actual, expected, 'train_from_seeds', what);
  };
  const [kx, kw, ks, ki] = [...random.split(random.PRNGKey(seed!), 4)] as [Tensor, Tensor, Tensor, Tensor];
  const x = random.normal(kx, [n!, d!]);
  const labels = np.argmax(np.matmul(x, random.normal(kw, [d!, classes!])), -1);
  check(x, 'x');
  check(labels, 'labels');
  const rows: Int32Array[] = [];
  for (let epoch = 0; rows.length < steps!; epoch++) {
    const order = random.permutation(random.foldIn(ks, epoch), n!).dataSync() as Int32Array;
    for (let i = 0; i + size! <= n! && rows.length < steps!; i += size!) rows.push(order.slice(i, i + size!));
  }
  check(np.stack(rows.map((r) => np.array(r))), 'batch_indices');
  const model = modelOf(inputs.source as string, inputs.kwargs as Widths);
  const variables = model.init(ki, np.take(x, np.arange(1), { axis: 0 }), { train: false });
  expect(bits(variables)).toEqual(bits(toTree(outputs.init_variables)));
  check(variables, 'init_variables');

  const run = train(jit(trainStep, { donate: [0] }), createState(model, variables, makeTx(inputs.tx as Spec)), x, labels, rows);
  check(np.stack(run.losses), 'trajectory/loss');
  check(np.stack(run.accuracies), 'trajectory/accuracy');
  check(run.grads_step_1, 'trajectory/grads_step_1');
  check(run.state.params, 'trajectory/final_params');
  check(run.state.batch_stats, 'trajectory/final_batch_stats');
  check(run.state.opt_state, 'trajectory/final_opt_state');
  const [metrics, logits] = evalStep(run.state, { image: x, label: labels });
  check(metrics, 'trajectory/eval');
  check(logits, 'trajectory/eval_logits');
  expect(toTensor(outputs.x as Entry).shape).toEqual(x.shape);
});
