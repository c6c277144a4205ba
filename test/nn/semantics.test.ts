/** Small facts of Flax's behaviour that raise nothing: each case of semantics.json, said in flaxen. */
import { describe, expect, it } from 'vitest';
import { Tensor, nn, tree, valueAndGrad } from 'flaxen';
import { div, full, mul, reduceSum, softmaxCrossEntropy } from '../../lib/core/primitives/index.js';
import { golden, toTensor, toTree } from '../support/golden.js';
import { Drop, MLP, MLP_BN, SameNameTwoCollections } from './models.js';
import { key, ones, shapes } from './support.js';

const x = ones(2, 3);
const plain = MLP();
const withBn = MLP_BN();
const vPlain = plain.init(key(0), x);
const vBn = withBn.init(key(0), x, { train: false });
const { params, batch_stats } = vBn;
const { normal, zeros } = nn.initializers;

const keys = (value: unknown): string[] => Object.keys(value as object);
const same = (a: Tensor, b: Tensor): boolean => Buffer.compare(Buffer.from(a.dataSync().buffer), Buffer.from(b.dataSync().buffer)) === 0;
const kernel = (v: nn.Variables, layer = 'Dense_0'): Tensor => v.params[layer].kernel;
const labels = (...values: number[]): Tensor => toTensor({ shape: [values.length], dtype: 'int32', data: values });

const A = nn.module('A', () => () => {
  nn.param('z', zeros, [1]);
  return nn.param('n', normal(), [1]);
});
const B = nn.module('B', () => () => nn.param('n', normal(), [1]));

const Leaf = nn.module('Leaf', () => () => nn.path());
const RootOfLeaves = nn.module('Root', () => () => [nn.path(), Leaf()(), Leaf({ name: 'z' })(), Leaf()()]);

const Twice = nn.module('M', () => {
  const d = nn.Dense({ features: 2, name: 'd' });
  return { __call__: (v: Tensor) => d(v), twice: (v: Tensor) => mul(d(v), 2) };
});
const Two = nn.module('Two', () => ({
  __call__: (v: Tensor) => nn.Dense({ features: 2 })(v),
  other: (v: Tensor) => nn.Dense({ features: 2 })(v),
}));

const cases: Record<string, () => unknown> = {
  init_returns_plain_dict_with_params_first: () => [
    Object.getPrototypeOf(vBn) === Object.prototype ? 'dict' : 'another class',
    keys(vBn),
    keys(params),
    keys(params.Dense_0),
    keys(params.BatchNorm_0),
    keys(batch_stats.BatchNorm_0),
  ],
  tree_map_sorts_keys: () => {
    const t = tree.map((leaf: Tensor) => leaf.shape, vBn);
    return [keys(t), keys(t.params), keys(t.params.Dense_0), keys(t.params.BatchNorm_0)];
  },
  apply_mutable_list_returns_pair: () => {
    const r = withBn.apply(vBn, x, { train: true, mutable: ['batch_stats'] });
    return { len: r.length, updates_keys: keys(r[1]) };
  },
  apply_mutable_string: () => keys(withBn.apply(vBn, x, { train: true, mutable: 'batch_stats' })[1]),
  apply_mutable_true_returns_every_collection: () => keys(withBn.apply(vBn, x, { train: true, mutable: true })[1]).sort(),
  apply_mutable_empty_list_still_returns_pair: () => {
    const r = withBn.apply(vBn, x, { train: false, mutable: [] });
    return { len: r.length, updates: r[1] };
  },
  apply_mutable_deny_list: () => keys(withBn.apply(vBn, x, { train: true, mutable: nn.DenyList(['params']) })[1]).sort(),
  eval_with_mutable_returns_unchanged_stats: () => withBn.apply(vBn, x, { train: false, mutable: ['batch_stats'] })[1],
  mutable_params_not_changed_by_apply: () => keys(withBn.apply(vBn, x, { train: false, mutable: ['params'] })[1]),
  mutable_unknown_collection_is_not_returned: () => withBn.apply(vBn, x, { train: false, mutable: ['nothing'] })[1],
  train_without_batch_stats_but_mutable_starts_from_zeros_and_ones: () =>
    withBn.apply({ params }, x, { train: true, mutable: ['batch_stats'] })[1],
  eval_without_batch_stats_but_mutable_uses_zeros_and_ones: () =>
    withBn.apply({ params }, x, { train: false, mutable: ['batch_stats'] })[1],
  apply_does_not_change_the_input_tree: () => {
    withBn.apply(vBn, mul(x, 5), { train: true, mutable: ['batch_stats'] });
    return batch_stats;
  },
  init_in_train_mode_does_not_update_the_stats: () => withBn.init(key(0), mul(x, 5), { train: true }).batch_stats,
  extra_params_are_ignored: () => plain.apply({ params: { ...vPlain.params, Other: { w: ones(3) } } }, x).shape,
  extra_collections_are_ignored: () => plain.apply({ ...vPlain, batch_stats }, x).shape,
  wrong_batch_stats_of_size_1_broadcast: () =>
    nn
      .BatchNorm({ useRunningAverage: true })
      .apply({ params: { scale: ones(3), bias: ones(3) }, batch_stats: { mean: full([1], 0), var: ones(1) } }, x).shape,
  one_rng_is_params_rng: () => same(kernel(plain.init(key(0), x)), kernel(plain.init({ params: key(0) }, x))),
  missing_dropout_rng_falls_back_to_params_rng: () => {
    const v = Drop().init(key(0), x, { train: false });
    return Drop().apply(v, x, { train: true, rngs: { params: key(1) } }).shape;
  },
  init_train_true_with_dropout_needs_no_dropout_rng: () => keys(Drop().init(key(0), x, { train: true })),
  same_name_in_two_collections_is_allowed: () => {
    const v = SameNameTwoCollections().init(key(0), x);
    return Object.fromEntries(keys(v).map((c) => [c, keys(v[c])]));
  },
  init_does_not_depend_on_input_values_or_batch_size: () => same(kernel(vPlain), kernel(plain.init(key(0), full([7, 3], 0)))),
  kernel_of_Dense_0_is_the_same_with_and_without_batchnorm: () =>
    ['Dense_0', 'Dense_1'].map((n) => same(kernel(vPlain, n), kernel(vBn, n))),
  zero_param_init_still_advances_the_counter: () => same(A().init(key(0)).params.n, B().init(key(0)).params.n),
  missing_layer_is_initialized_by_apply_with_mutable_params_and_a_params_rng: () => {
    const some = { params: { Dense_0: vPlain.params.Dense_0 as unknown } };
    const [, u] = plain.apply(some, x, { mutable: ['params'], rngs: { params: key(0) } });
    return same(kernel(u, 'Dense_1'), kernel(vPlain, 'Dense_1'));
  },
  an_existing_param_takes_no_key_so_a_later_missing_one_uses_counter_1: () => {
    const [, u] = A().apply({ params: { z: full([1], 0) } }, { mutable: ['params'], rngs: { params: key(0) } });
    return same(u.params.n, B().init(key(0)).params.n);
  },
  guide_mlp_with_one_output_has_zero_loss_and_zero_grads: () => {
    const lossFn = (p: nn.Collection): Tensor => {
      const [logits] = withBn.apply({ params: p, batch_stats }, x, { train: true, mutable: ['batch_stats'] });
      return div(reduceSum(softmaxCrossEntropy(logits, labels(0, 0))[0]), 2);
    };
    const [loss, grads] = valueAndGrad(lossFn)(params);
    return { loss, grads };
  },
  guide_mlp_with_one_output_and_label_1_gives_nan_INTENDED: () => softmaxCrossEntropy(plain.apply(vPlain, x), labels(1, 1))[0],
  guide_eval_loss_is_a_vector_without_mean: () => softmaxCrossEntropy(withBn.apply(vBn, x, { train: false }), labels(0, 0))[0].shape,
  bound_module_and_path_names: () => RootOfLeaves().apply({}),
  call_method_other_than_call: () => {
    const m = Twice();
    const v = m.init(key(0), x);
    const double = mul(m.apply(v, x), 2);
    const byFunction = m.apply(v, x, { method: (self: typeof m, input: Tensor) => self.methods.twice(input) }) as Tensor;
    return same(m.apply(v, x, { method: 'twice' }) as Tensor, double) && same(byFunction, double);
  },
  init_with_output: () => {
    const [y, v] = plain.initWithOutput(key(0), x);
    return { y, keys: keys(v) };
  },
  two_compact_methods_are_allowed_now: () => {
    const v = Two().init(key(0), x);
    return { shapes: shapes(v), other_same: same(Two().apply(v, x, { method: 'other' }) as Tensor, Two().apply(v, x)) };
  },
};

// Facts of Python's objects that flaxen has nothing like.
const pythonOnly: Record<string, string> = {
  frozen_dict_variables_are_accepted: 'flaxen has plain objects only; a frozen one is tested below',
  typed_key_and_legacy_key_give_the_same_params: 'a key has one form',
  set_attribute_on_unbound_module_is_allowed: 'a configuration is fixed when the instance is made',
};

const { outputs } = golden('semantics');

function plainForm(value: unknown): unknown {
  if (value instanceof Tensor) return { shape: [...value.shape], dtype: value.dtype, data: Array.from(value.dataSync()) };
  if (Array.isArray(value)) return value.map(plainForm);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plainForm(v)]));
}

/** Compares trees with float32 numbers to 1e-6. */
function expectSame(got: unknown, want: unknown, path = ''): void {
  if (typeof want === 'number' && typeof got === 'number') {
    expect(Object.is(got, want) || Math.abs(got - want) <= 1e-6, `${path}: ${got} against ${want}`).toBe(true);
  } else if (typeof want === 'object' && want !== null) {
    expect(keys(got).sort(), path).toEqual(keys(want).sort());
    for (const k of keys(want)) expectSame((got as nn.Collection)[k], (want as nn.Collection)[k], `${path}/${k}`);
  } else {
    expect(got, path).toEqual(want);
  }
}

describe('semantics', () => {
  it('covers every case', () => expect([...keys(cases), ...keys(pythonOnly)].sort()).toEqual(keys(outputs).sort()));
  it.each(keys(cases))('%s', (name) => expectSame(plainForm(cases[name]!()), plainForm(toTree(outputs[name].result))));

  it('frozen variables are accepted', () => {
    const freeze = (t: object): object => {
      for (const v of Object.values(t)) if (!(v instanceof Tensor)) freeze(v as object);
      return Object.freeze(t);
    };
    const frozen = freeze(withBn.init(key(0), x, { train: false })) as nn.Variables;
    const [, updates] = withBn.apply(frozen, x, { train: true, mutable: ['batch_stats'] });
    expect(updates.batch_stats !== frozen.batch_stats).toBe(true);
  });
});
