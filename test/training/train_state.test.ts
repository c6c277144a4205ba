import { inspect } from 'node:util';
import { jit, lax, optim, training, tree, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { makeTx, type Spec } from '../optim/specs.js';
import { expectGolden, golden, toTree } from '../support/golden.js';

const file = golden('train_state');
const inputs = toTree(file.inputs) as { params: Params; batch_stats: Stats; grads: Params };
type Params = { Dense_0: { kernel: Tensor; bias: Tensor } };
type Stats = { BatchNorm_0: { mean: Tensor; var: Tensor } };
const apply = (variables: object): object => variables;
const tx = makeTx((file.inputs as { tx: Spec }).tx);
const create = () => training.TrainState.create({ applyFn: apply, params: inputs.params, batch_stats: inputs.batch_stats, tx });
type State = ReturnType<typeof create>;
const fieldsOf = ({ step, params, opt_state, batch_stats }: State) => ({ step: step.item(), params, opt_state, batch_stats });
const doubled = (stats: Stats): Stats => tree.map((x: Tensor) => lax.mul(x, 2), stats);
const compare = (state: State, name: string): void => expectGolden(fieldsOf(state), file.outputs[name], 'train_state', name);

test('create, two steps with a changed extra field, replace: the numbers of Flax', () => {
  const state = create();
  compare(state, 'created');
  const first = state.applyGradients({ grads: inputs.grads });
  compare(first, 'after_1');
  expect(state.step.item()).toBe(file.outputs.original_unchanged_step);
  const second = first.applyGradients({ grads: inputs.grads, batch_stats: doubled(inputs.batch_stats) });
  compare(second, 'after_2_with_batch_stats_kwarg');
  compare(second.replace({ step: 7 }), 'replaced');
});

test('the leaves stand in the order of Flax', () => {
  const paths = tree.leavesWithPath(create()).map(([path]) => tree.formatPath(path));
  const flax = (file.outputs.flatten_leaf_paths as string[]).map((p) =>
    p
      .replace(/^\./, '')
      .replace(/\['?(\w+)'?\]/g, '/$1')
      .replaceAll('.', '/'),
  );
  expect(paths).toEqual(flax);
});

test('step is an int32 scalar, also after replace with a number', () => {
  for (const { step } of [create(), create().replace({ step: 3 })]) expect([step.dtype, step.shape]).toEqual(['int32', []]);
});

describe('inside jit', () => {
  const step = (state: State, grads: Params) => state.applyGradients({ grads }).replace({ batch_stats: doubled(state.batch_stats) });
  test.each([[[]], [[0]]])('donating %j', (donate: number[]) => {
    const jitted = jit(step, { donate, name: 'trainStep' });
    let state = create();
    const before = state;
    const fresh = tree.map((x: Tensor) => lax.add(x, 0), state); // keeps the inputs of the other tests alive
    expect(fresh).toBeInstanceOf(training.TrainState);
    state = fresh;
    const held = state.params.Dense_0.kernel;
    state = jitted(state, inputs.grads);
    state = jitted(state, inputs.grads);
    expect(jitted.cacheSize()).toBe(1);
    const eager = step(step(before, inputs.grads), inputs.grads);
    expect(state.step.item()).toBe(2);
    expectGolden(
      state.params,
      (file.outputs as { after_2_with_batch_stats_kwarg: { params: unknown } }).after_2_with_batch_stats_kwarg.params,
      'train_state',
      'after_1',
    );
    const [a, b] = [tree.leaves(state) as Tensor[], tree.leaves(eager) as Tensor[]];
    a.forEach((x, i) => expect(x.toArray()).toEqual(b[i]!.toArray()));
    expect(state.applyFn).toBe(apply);
    expect(state.tx).toBe(tx);
    if (donate.length > 0) expect(() => held.dataSync()).toThrow(/donated to trainStep/);
    else expect(held.size).toBe(6);
  });
  test('replace with a number keeps the program', () => {
    const jitted = jit((s: State) => s.replace({ step: lax.add(s.step, 1) }));
    jitted(create());
    expect(jitted(create().replace({ step: 9 })).step.item()).toBe(10);
    expect(jitted.cacheSize()).toBe(1);
  });
  test('create works there too', () => {
    const made = jit((params: Params) => training.TrainState.create({ applyFn: apply, params, tx }));
    const state = made(inputs.params);
    expect(state.step.item()).toBe(0);
    expect(tree.leaves(state.opt_state)).toHaveLength(5);
  });
});

test('states with other fields are other trees', () => {
  const plain = training.TrainState.create({ applyFn: apply, params: inputs.params, tx });
  const count = jit((s: unknown) => lax.full([], tree.leaves(s).length));
  expect([count(plain).item(), count(create()).item()]).toEqual([8, 10]);
  expect(tree.sameStructure(plain, create())).toBe(false);
  expect(tree.sameStructure(create(), create())).toBe(true);
  const ordered = training.TrainState.create({ applyFn: apply, params: inputs.params, tx, b: null, a: 1 });
  expect(tree.structure(ordered)).toEqual(
    tree.structure(training.TrainState.create({ applyFn: apply, params: inputs.params, tx, a: 2, b: null })),
  );
});

test('what is static can be replaced', () => {
  const other = optim.sgd(0.1);
  const state = create().replace({ tx: other, opt_state: other.init(inputs.params) });
  expect(state.applyGradients({ grads: inputs.grads }).step.item()).toBe(1);
});

test('it prints its fields, and goes into JSON', () => {
  const text = inspect(create(), { depth: 1 });
  expect(text).toMatch(/^TrainState \{\n? *step: Tensor int32\[\] 0/);
  expect(JSON.parse(JSON.stringify(create()))).toMatchObject({ step: 0, batch_stats: { BatchNorm_0: {} } });
});

describe('mistakes', () => {
  const state = create() as unknown as Record<string, unknown> & { replace(x: object): unknown; applyGradients(x: unknown): unknown };
  test('assigning a field', () => {
    expect(() => (state.step = 3)).toThrow(/cannot assign to field "step".*state\.replace\(\{ step/);
    expect(() => (state.batch_stats = 3)).toThrow(/cannot assign to field "batch_stats"/);
    expect(() => (state.other = 3)).toThrow(TypeError);
  });
  test('fields that are none', () => {
    expect(() => state.replace({ batchStats: 1 })).toThrow(
      /unexpected field "batchStats": this TrainState has step, params, opt_state, batch_stats, applyFn, tx/,
    );
    expect(() => state.applyGradients({ grads: inputs.grads, lr: 1 })).toThrow(/unexpected field "lr"/);
    const plain = training.TrainState.create({ applyFn: apply, params: inputs.params, tx }) as unknown as typeof state;
    expect(() => plain.replace({ batch_stats: 1 })).toThrow(/unexpected field "batch_stats".*TrainState\.create/);
  });
  test('gradients that do not fit', () => {
    expect(() => state.applyGradients(inputs.params)).toThrow(/takes one object with grads/);
    expect(() => state.applyGradients(undefined)).toThrow(/takes one object with grads/);
    expect(() => state.applyGradients({ grads: { Dense_0: { kernel: inputs.grads.Dense_0.kernel } } })).toThrow(
      /gradients with the structure of params.*trees differ at Dense_0: the other lacks "bias"/,
    );
    expect(() =>
      state.applyGradients({ grads: { Dense_0: { kernel: inputs.grads.Dense_0.bias, bias: inputs.grads.Dense_0.bias } } }),
    ).toThrow(/gradient Tensor<float32\[2\]> for the parameter Tensor<float32\[3, 2\]>/);
    expect(() => state.applyGradients({ grads: inputs.grads, params: 1 })).toThrow(/computes params itself/);
  });
  test('create', () => {
    const make = training.TrainState.create as (fields: unknown) => unknown;
    expect(() => make(undefined)).toThrow(/takes one object/);
    expect(() => make({ applyFn: apply, params: {} })).toThrow(/needs tx/);
    expect(() => make({ applyFn: apply, tx })).toThrow(/needs params/);
    expect(() => make({ applyFn: apply, params: {}, tx: 1e-3 })).toThrow(/gradient transformation such as optim\.adam/);
    expect(() => make({ applyFn: apply, params: {}, tx, step: 1 })).toThrow(/makes step itself/);
    expect(() => make({ applyFn: apply, params: {}, tx, replace: 1 })).toThrow(/cannot have an extra field named "replace"/);
    expect(() => make({ applyFn: apply, params: { w: 'x' }, tx })).toThrow(/params at w is a string/);
  });
});
