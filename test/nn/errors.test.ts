/** The same mistakes raise the same errors: each case of errors.json that concerns modules, said in flaxen. */
import { describe, expect, it } from 'vitest';
import { errors, nn, type Tensor } from 'flaxen';
import { full } from '../../lib/core/primitives/index.js';
import { golden } from '../support/golden.js';
import { AutoClash, BothFlags, Drop, MLP, MLP_BN, NoFlag, ParamClash, ParamTwice, TwoSame } from './models.js';
import { key, ones } from './support.js';

const x = ones(2, 3);
const plain = MLP();
const withBn = MLP_BN();
const vPlain = plain.init(key(0), x);
const vBn = withBn.init(key(0), x, { train: false });
const { params, batch_stats } = vBn;
const evalBn = nn.BatchNorm({ useRunningAverage: true });
const wrong = (value: unknown): never => value as never;

interface Mistake {
  make: () => unknown;
  /** Default the class that Flax raises, where that is its own. */
  error?: new (...args: never[]) => Error;
  /** Words that Flax's message and ours share; default Flax's first sentence up to its end. */
  says?: string;
}

const mistakes: Record<string, Mistake> = {
  train_true_without_mutable: { make: () => withBn.apply(vBn, x, { train: true }) },
  train_true_mutable_other_collection: { make: () => withBn.apply(vBn, x, { train: true, mutable: ['other'] }) },
  missing_batch_stats_eval: { make: () => withBn.apply({ params }, x, { train: false }) },
  missing_batch_stats_train_immutable: { make: () => withBn.apply({ params }, x, { train: true }) },
  batch_stats_missing_one_variable: {
    make: () => withBn.apply({ params, batch_stats: { BatchNorm_0: { mean: full([4], 0) } } }, x, { train: false }),
  },
  missing_params: { make: () => plain.apply({}, x) },
  missing_params_bn: { make: () => withBn.apply({ batch_stats }, x, { train: false }) },
  missing_one_param: {
    make: () => plain.apply({ params: { Dense_0: { kernel: ones(3, 4) }, Dense_1: vPlain.params.Dense_1 as unknown } }, x),
  },
  missing_one_layer: { make: () => plain.apply({ params: { Dense_0: vPlain.params.Dense_0 as unknown } }, x) },
  params_not_wrapped: { make: () => plain.apply(vPlain.params, x) },
  params_wrapped_twice: { make: () => plain.apply({ params: vPlain }, x), says: 'but got a dict with an extra params layer' },
  variables_not_a_dict: {
    make: () => plain.apply(wrong([1, 2]), x),
    error: errors.ApplyScopeInvalidVariablesTypeError,
    says: 'got an array of 2',
  },
  wrong_input_width: { make: () => plain.apply(vPlain, ones(2, 5)) },
  wrong_input_width_bn: { make: () => withBn.apply(vBn, ones(2, 7), { train: false }) },
  wrong_kernel_shape: {
    make: () => plain.apply({ params: { Dense_0: { kernel: ones(3, 9), bias: ones(4) }, Dense_1: vPlain.params.Dense_1 as unknown } }, x),
  },
  wrong_bias_shape: { make: () => nn.Dense({ features: 4 }).apply({ params: { kernel: ones(3, 4), bias: ones(5) } }, x) },
  wrong_bn_scale_shape: {
    make: () => evalBn.apply({ params: { scale: ones(2), bias: ones(3) }, batch_stats: { mean: full([3], 0), var: ones(3) } }, x),
  },
  wrong_batch_stats_shape: {
    make: () => evalBn.apply({ params: { scale: ones(3), bias: ones(3) }, batch_stats: { mean: full([2], 0), var: ones(2) } }, x),
    error: errors.ShapeError,
    says: 'of shape [2] does not broadcast over an input of shape [2, 3]',
  },
  duplicate_submodule_names: { make: () => TwoSame().init(key(0), x) },
  auto_name_clashes_with_explicit: { make: () => AutoClash().init(key(0), x) },
  submodule_clashes_with_param: { make: () => ParamClash().init(key(0), x) },
  param_twice: { make: () => ParamTwice().init(key(0), x) },
  dropout_rng_missing: { make: () => Drop().apply(Drop().init(key(0), x, { train: false }), x, { train: true }) },
  init_without_params_rng: { make: () => plain.init({}, x) },
  init_with_only_dropout_rng: { make: () => plain.init({ dropout: key(0) }, x) },
  init_first_argument_not_a_key: {
    make: () => plain.init(x, x),
    says: 'RNGs should be of shape (2,) or PRNGKey in Module MLP, but rngs are: ',
  },
  train_argument_missing: {
    make: () => withBn.init(...(wrong([key(0), x]) as Parameters<typeof withBn.init>)),
    error: errors.ArgumentError,
    says: 'MLP_BN.__call__() missing 1',
  },
  use_running_average_not_given: {
    make: () => NoFlag().init(key(0), x),
    error: errors.ArgumentError,
    says: 'Parameter "useRunningAverage" must be passed to the constructor or at call time',
  },
  use_running_average_given_twice: {
    make: () => BothFlags().init(key(0), x),
    error: errors.ArgumentError,
    says: 'Parameter "useRunningAverage" was passed to the constructor and at call time. Should be passed just once',
  },
  call_unbound_module: { make: () => nn.Dense({ features: 2 })(x) },
  init_on_class: {
    make: () => (MLP as unknown as { init: (...args: unknown[]) => unknown }).init(key(0), x),
    says: 'methods on an instance of the Module class, not the Module class itself',
  },
  invalid_mutable_filter: { make: () => withBn.apply(vBn, x, { train: true, mutable: wrong(3) }) },
  unknown_method: {
    make: () => plain.apply(vPlain, x, { method: 'no_such_method' }) as unknown,
    error: errors.ArgumentError,
    says: '"MLP" object has no attribute "no_such_method"',
  },
  dense_without_features: {
    make: () => nn.Dense(wrong({})),
    error: errors.ArgumentError,
    says: 'Dense needs the number of its features',
  },
};

/** Cases without a meaning here, or tested with another part of flaxen. */
const elsewhere: Record<string, string> = {
  unexpected_train_argument: 'JavaScript passes excess arguments over; the compiler refuses them (types.test.ts)',
  submodule_outside_compact: 'every forward function may make submodules',
  param_outside_compact: 'every forward function may make parameters',
  set_attribute_in_call: 'an instance has no attributes to set',
  frozen_dict_assignment: 'variables are plain objects',
  value_and_grad_of_vector_loss_the_guides_literal_loss: 'autodiff',
  value_and_grad_has_aux_but_no_aux: 'autodiff',
  grad_of_integer_input: 'autodiff',
  integer_labels_are_float: 'losses',
  integer_logits: 'losses',
  labels_wrong_batch: 'losses',
  train_state_without_batch_stats: 'TrainState',
  plain_train_state_with_batch_stats: 'TrainState',
  train_state_is_frozen: 'TrainState',
  apply_gradients_wrong_tree: 'TrainState',
  apply_gradients_positional: 'TrainState',
  adamw_without_params: 'optimizers',
};

const { outputs } = golden('errors');

function caught(make: () => unknown): Error {
  try {
    make();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** Flax writes shapes as (5, 4) and (4,). */
const shapesAsOurs = (message: string): string => message.replace(/\((\d+(?:, \d+)*),?\)/g, '[$1]').replace(/\.$/, '');

describe('mistakes', () => {
  it('are all covered', () => expect([...Object.keys(mistakes), ...Object.keys(elsewhere)].sort()).toEqual(Object.keys(outputs).sort()));

  it.each(Object.keys(mistakes))('%s', (name) => {
    const { make, error, says } = mistakes[name]!;
    const want = outputs[name] as { raises: string; message_without_url: string; mro: string[] };
    const got = caught(make);
    if (error === undefined) {
      expect(got.name).toBe(want.raises);
      expect(got).toBeInstanceOf(errors[want.raises as keyof typeof errors]);
      expect(got).toBeInstanceOf(errors.FlaxError);
    } else {
      expect(got).toBeInstanceOf(error);
    }
    expect(got).toBeInstanceOf(errors.FlaxenError);
    expect(got.message).toContain(says ?? shapesAsOurs(want.message_without_url));
    expect(got.message.length).toBeGreaterThan((says ?? want.message_without_url).length); // and how to mend it
  });
});

describe('mistakes of flaxen alone', () => {
  const Leaky = (keep: (value: unknown) => void) =>
    nn.module('Leaky', () => (v: Tensor) => {
      const dense = nn.Dense({ features: 2 });
      keep(dense);
      return dense(v);
    })();

  it('async forward functions are refused', () => {
    const Late = nn.module('Late', () => async (v: Tensor) => nn.Dense({ features: 2 })(await Promise.resolve(v)));
    expect(() => Late().init(key(0), x)).toThrow(/Late.__call__ is async: a forward function must be synchronous/);
  });

  it('hooks and instances are of no use outside of a module', () => {
    expect(() => nn.param('w', nn.initializers.zeros, [1])).toThrow(errors.CallCompactUnboundModuleError);
    expect(() => nn.param('w', nn.initializers.zeros, [1])).toThrow(/nn.param\(\) was called outside of a module's forward function/);
    expect(() => nn.isInitializing()).toThrow(errors.CallCompactUnboundModuleError);
  });

  it('a submodule or variable that outlives its apply is refused', () => {
    let kept: unknown;
    const leaky = Leaky((dense) => (kept = dense));
    const variables = leaky.init(key(0), x);
    const Thief = nn.module('Thief', () => (v: Tensor) => (kept as (v: Tensor) => Tensor)(v));
    expect(() => Thief().apply(variables, x)).toThrow(errors.InvalidScopeError);
    let variable: nn.Variable<Tensor> | undefined;
    nn.module('State', () => () => void (variable = nn.variable('state', 'v', () => ones())))().init(key(0));
    expect(() => variable!.value).toThrow(/The scope "\/" is no longer valid: variable "v" was used after/);
  });

  it('nothing is left behind by a forward function that throws', () => {
    const Fails = nn.module('Fails', () => (v: Tensor) => {
      nn.Dense({ features: 2 })(v);
      throw new RangeError('on purpose');
    });
    expect(() => Fails().init(key(0), x)).toThrow(RangeError);
    expect(() => nn.path()).toThrow(errors.CallCompactUnboundModuleError);
  });

  it('wrong rngs, configurations and names', () => {
    expect(() => plain.init(wrong({ params: 3 }), x)).toThrow(/the rng "params" is 3/);
    expect(() => plain.init(wrong(null), x)).toThrow(errors.InvalidRngError);
    expect(() => MLP(wrong(3))).toThrow(/MLP takes its configuration as one object/);
    expect(() => nn.module('', () => (v: Tensor) => v)).toThrow(/a name that is not empty/);
    expect(() =>
      nn
        .module(
          'M',
          wrong(() => 3),
        )()
        .init(key(0)),
    ).toThrow(/configure of module M must return its forward function/);
    const Proto = nn.module('Proto', () => (v: Tensor) => nn.Dense({ features: 2, name: '__proto__' })(v));
    expect(() => Proto().init(key(0), x)).toThrow(/not "__proto__"/);
    expect(() => plain.apply(vPlain, x, { method: wrong(3) }) as unknown).toThrow(/method of MLP must be a name or a function, got 3/);
    expect(() => plain.apply({ params: wrong(3) }, x)).toThrow(/"params" as a number/);
    expect(() => nn.Sequential(wrong({}))).toThrow(/Sequential needs a list/);
    expect(() => nn.Embed({ numEmbeddings: 2, features: wrong(undefined) })).toThrow(/Embed needs features/);
  });

  it('a TypeError of the forward function itself passes', () => {
    const Buggy = nn.module('Buggy', () => (v: Tensor) => (v as unknown as { nothing: { there: Tensor } }).nothing.there);
    expect(() => Buggy().init(key(0), x)).toThrow(TypeError);
  });
});
