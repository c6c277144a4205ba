"""Wrong uses, and the errors that Flax, JAX and optax raise."""
import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.training import train_state

from encoding import src
from mistakes import *  # noqa: F403 - the cases' code is recorded as it stands, with bare names
from suite import S


def e_train_true_without_mutable():
  return MLP_BN_.apply(Vb, X, train=True)
def e_train_true_mutable_other_collection():
  return MLP_BN_.apply(Vb, X, train=True, mutable=['other'])
def e_missing_batch_stats_eval():
  return MLP_BN_.apply({'params': P}, X, train=False)
def e_missing_batch_stats_train_immutable():
  return MLP_BN_.apply({'params': P}, X, train=True)
def e_batch_stats_missing_one_variable():
  return MLP_BN_.apply({'params': P, 'batch_stats': {'BatchNorm_0': {'mean': jnp.zeros(4)}}}, X, train=False)
def e_missing_params():
  return MLP_.apply({}, X)
def e_missing_params_bn():
  return MLP_BN_.apply({'batch_stats': BS}, X, train=False)
def e_missing_one_param():
  return MLP_.apply({'params': {'Dense_0': {'kernel': jnp.ones((3, 4))}, 'Dense_1': PV['params']['Dense_1']}}, X)
def e_missing_one_layer():
  return MLP_.apply({'params': {'Dense_0': PV['params']['Dense_0']}}, X)
def e_params_not_wrapped():
  return MLP_.apply(PV['params'], X)
def e_params_wrapped_twice():
  return MLP_.apply({'params': PV}, X)
def e_variables_not_a_dict():
  return MLP_.apply([1, 2], X)
def e_wrong_input_width():
  return MLP_.apply(PV, jnp.ones((2, 5)))
def e_wrong_input_width_bn():
  return MLP_BN_.apply(Vb, jnp.ones((2, 7)), train=False)
def e_wrong_kernel_shape():
  return MLP_.apply({'params': {'Dense_0': {'kernel': jnp.ones((3, 9)), 'bias': jnp.ones(4)}, 'Dense_1': PV['params']['Dense_1']}}, X)
def e_wrong_bias_shape():
  return nn.Dense(4).apply({'params': {'kernel': jnp.ones((3, 4)), 'bias': jnp.ones(5)}}, X)
def e_wrong_bn_scale_shape():
  return nn.BatchNorm(use_running_average=True).apply({'params': {'scale': jnp.ones(2), 'bias': jnp.ones(3)}, 'batch_stats': {'mean': jnp.zeros(3), 'var': jnp.ones(3)}}, X)
def e_wrong_batch_stats_shape():
  return nn.BatchNorm(use_running_average=True).apply({'params': {'scale': jnp.ones(3), 'bias': jnp.ones(3)}, 'batch_stats': {'mean': jnp.zeros(2), 'var': jnp.ones(2)}}, X)
def e_duplicate_submodule_names():
  return TwoSame().init(jax.random.PRNGKey(0), X)
def e_auto_name_clashes_with_explicit():
  return AutoClash().init(jax.random.PRNGKey(0), X)
def e_submodule_clashes_with_param():
  return ParamClash().init(jax.random.PRNGKey(0), X)
def e_param_twice():
  return ParamTwice().init(jax.random.PRNGKey(0), X)
def e_dropout_rng_missing():
  v = Drop().init(jax.random.PRNGKey(0), X, train=False)
  return Drop().apply(v, X, train=True)
def e_init_without_params_rng():
  return MLP_.init({}, X)
def e_init_with_only_dropout_rng():
  return MLP_.init({'dropout': jax.random.PRNGKey(0)}, X)
def e_init_first_argument_not_a_key():
  return MLP_.init(X, X)
def e_train_argument_missing():
  return MLP_BN_.init(jax.random.PRNGKey(0), X)
def e_unexpected_train_argument():
  return MLP_.apply(PV, X, train=True)
def e_use_running_average_not_given():
  return NoFlag().init(jax.random.PRNGKey(0), X)
def e_use_running_average_given_twice():
  return BothFlags().init(jax.random.PRNGKey(0), X)
def e_call_unbound_module():
  return nn.Dense(2)(X)
def e_submodule_outside_compact():
  return NotCompact().init(jax.random.PRNGKey(0), X)
def e_param_outside_compact():
  return ParamNotCompact().init(jax.random.PRNGKey(0), X)
def e_set_attribute_in_call():
  return SetsAttr().init(jax.random.PRNGKey(0), X)
def e_init_on_class():
  return MLP.init(jax.random.PRNGKey(0), X)
def e_invalid_mutable_filter():
  return MLP_BN_.apply(Vb, X, train=True, mutable=3)
def e_unknown_method():
  return MLP_.apply(PV, X, method='no_such_method')
def e_dense_without_features():
  return nn.Dense()
def e_value_and_grad_of_vector_loss_the_guides_literal_loss():
  def loss_fn(params):
    logits = MLP_.apply({'params': params}, X)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits=logits, labels=jnp.zeros(2, jnp.int32))
    return loss, logits
  return jax.value_and_grad(loss_fn, has_aux=True)(PV['params'])
def e_value_and_grad_has_aux_but_no_aux():
  return jax.value_and_grad(lambda p: jnp.sum(p), has_aux=True)(jnp.ones(2))
def e_grad_of_integer_input():
  return jax.grad(lambda x: x * 2.0)(3)
def e_integer_labels_are_float():
  return optax.softmax_cross_entropy_with_integer_labels(jnp.ones((2, 3)), jnp.ones(2))
def e_integer_logits():
  return optax.softmax_cross_entropy_with_integer_labels(jnp.ones((2, 3), jnp.int32), jnp.ones(2, jnp.int32))
def e_labels_wrong_batch():
  return optax.softmax_cross_entropy_with_integer_labels(jnp.ones((4, 3)), jnp.zeros(3, jnp.int32))
def e_train_state_without_batch_stats():
  return TSBS.create(apply_fn=MLP_BN_.apply, params=P, tx=optax.adam(1e-3))
def e_plain_train_state_with_batch_stats():
  return train_state.TrainState.create(apply_fn=MLP_BN_.apply, params=P, batch_stats=BS, tx=optax.adam(1e-3))
def e_train_state_is_frozen():
  st = TSBS.create(apply_fn=MLP_BN_.apply, params=P, batch_stats=BS, tx=optax.adam(1e-3))
  st.step = 3
def e_apply_gradients_wrong_tree():
  st = train_state.TrainState.create(apply_fn=MLP_.apply, params=PV['params'], tx=optax.adam(1e-3))
  return st.apply_gradients(grads={'Dense_0': PV['params']['Dense_0']})
def e_apply_gradients_positional():
  st = train_state.TrainState.create(apply_fn=MLP_.apply, params=PV['params'], tx=optax.adam(1e-3))
  return st.apply_gradients(PV['params'])
def e_adamw_without_params():
  tx = optax.adamw(1e-3)
  return tx.update(P, tx.init(P))
def e_frozen_dict_assignment():
  fd = flax.core.freeze({'a': 1})
  fd['a'] = 2
ERRS = [(n, f) for n, f in list(globals().items()) if n.startswith('e_')]

def err_build():
  return {'sources': {c.__name__: src(c) for c in [MLP, MLP_BN, TwoSame, AutoClash, ParamClash, ParamTwice, Drop, NotCompact, ParamNotCompact, SetsAttr, NoFlag, BothFlags]},
          'setup': 'X = ones((2,3)); PV = MLP().init(PRNGKey(0), X); Vb = MLP_BN().init(PRNGKey(0), X, train=False); P = Vb["params"]; BS = Vb["batch_stats"]',
          'cases': {n[2:]: src(f) for n, f in ERRS}}
def err_compute(inp):
  table = run_errors({n[2:]: (n[2:].replace('_', ' '), f) for n, f in ERRS})
  bad = {k: v['result'] for k, v in table.items() if v['raises'] is None}
  assert not bad, ('do not raise', bad)
  return table
S.add('errors', 'Wrong uses and the exception real Flax/JAX/optax raises: class, module, mro, message (with and without the documentation URL).', err_build, err_compute, x64=False)
