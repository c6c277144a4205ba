"""Small facts of behaviour that raise nothing."""
import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from case_errors import err_build
from encoding import shapes, src
from mistakes import *  # noqa: F403 - the cases' code is recorded as it stands, with bare names
from suite import S


def s_init_returns_plain_dict_with_params_first():
  return [type(Vb).__name__, list(Vb), list(Vb['params']), list(Vb['params']['Dense_0']), list(Vb['params']['BatchNorm_0']), list(Vb['batch_stats']['BatchNorm_0'])]
def s_tree_map_sorts_keys():
  t = jax.tree_util.tree_map(jnp.shape, Vb)
  return [list(t), list(t['params']), list(t['params']['Dense_0']), list(t['params']['BatchNorm_0'])]
def s_apply_mutable_false_returns_only_y():
  return {'type': type(MLP_BN_.apply(Vb, X, train=False)).__mro__[-2].__name__ if False else 'Array'}
def s_apply_mutable_list_returns_pair():
  r = MLP_BN_.apply(Vb, X, train=True, mutable=['batch_stats'])
  return {'len': len(r), 'updates_keys': list(r[1])}
def s_apply_mutable_string():
  return list(MLP_BN_.apply(Vb, X, train=True, mutable='batch_stats')[1])
def s_apply_mutable_true_returns_every_collection():
  return sorted(MLP_BN_.apply(Vb, X, train=True, mutable=True)[1])
def s_apply_mutable_empty_list_still_returns_pair():
  r = MLP_BN_.apply(Vb, X, train=False, mutable=[])
  return {'len': len(r), 'updates': r[1]}
def s_apply_mutable_deny_list():
  return sorted(MLP_BN_.apply(Vb, X, train=True, mutable=nn.DenyList(['params']))[1])
def s_eval_with_mutable_returns_unchanged_stats():
  return MLP_BN_.apply(Vb, X, train=False, mutable=['batch_stats'])[1]
def s_mutable_params_not_changed_by_apply():
  return sorted(MLP_BN_.apply(Vb, X, train=False, mutable=['params'])[1])
def s_mutable_unknown_collection_is_not_returned():
  return MLP_BN_.apply(Vb, X, train=False, mutable=['nothing'])[1]
def s_train_without_batch_stats_but_mutable_starts_from_zeros_and_ones():
  return MLP_BN_.apply({'params': P}, X, train=True, mutable=['batch_stats'])[1]
def s_eval_without_batch_stats_but_mutable_uses_zeros_and_ones():
  return MLP_BN_.apply({'params': P}, X, train=False, mutable=['batch_stats'])[1]
def s_apply_does_not_change_the_input_tree():
  MLP_BN_.apply(Vb, X * 5, train=True, mutable=['batch_stats'])
  return Vb['batch_stats']
def s_init_in_train_mode_does_not_update_the_stats():
  return MLP_BN_.init(jax.random.PRNGKey(0), X * 5, train=True)['batch_stats']
def s_extra_params_are_ignored():
  return MLP_.apply({'params': {**PV['params'], 'Other': {'w': jnp.ones(3)}}}, X).shape
def s_extra_collections_are_ignored():
  return MLP_.apply({**PV, 'batch_stats': BS}, X).shape
def s_wrong_batch_stats_of_size_1_broadcast():
  return nn.BatchNorm(use_running_average=True).apply({'params': {'scale': jnp.ones(3), 'bias': jnp.ones(3)}, 'batch_stats': {'mean': jnp.zeros(1), 'var': jnp.ones(1)}}, X).shape
def s_one_rng_is_params_rng():
  a = MLP_.init(jax.random.PRNGKey(0), X); b = MLP_.init({'params': jax.random.PRNGKey(0)}, X)
  return bool((a['params']['Dense_0']['kernel'] == b['params']['Dense_0']['kernel']).all())
def s_missing_dropout_rng_falls_back_to_params_rng():
  v = Drop().init(jax.random.PRNGKey(0), X, train=False)
  return Drop().apply(v, X, train=True, rngs={'params': jax.random.PRNGKey(1)}).shape
def s_init_train_true_with_dropout_needs_no_dropout_rng():
  return sorted(Drop().init(jax.random.PRNGKey(0), X, train=True))
def s_same_name_in_two_collections_is_allowed():
  v = SameNameTwoCollections().init(jax.random.PRNGKey(0), X)
  return {c: list(v[c]) for c in sorted(v)}
def s_frozen_dict_variables_are_accepted():
  y, u = MLP_BN_.apply(flax.core.freeze(Vb), X, train=True, mutable=['batch_stats'])
  return {'updates_type': type(u).__name__}
def s_init_does_not_depend_on_input_values_or_batch_size():
  a = MLP_.init(jax.random.PRNGKey(0), X); b = MLP_.init(jax.random.PRNGKey(0), jnp.zeros((7, 3)))
  return bool((a['params']['Dense_0']['kernel'] == b['params']['Dense_0']['kernel']).all())
def s_kernel_of_Dense_0_is_the_same_with_and_without_batchnorm():
  return [bool((PV['params'][n]['kernel'] == Vb['params'][n]['kernel']).all()) for n in ('Dense_0', 'Dense_1')]
def s_zero_param_init_still_advances_the_counter():
  class A(nn.Module):
    @nn.compact
    def __call__(self, x):
      self.param('z', nn.initializers.zeros, (1,))
      return self.param('n', nn.initializers.normal(), (1,))
  class B(nn.Module):
    @nn.compact
    def __call__(self, x):
      return self.param('n', nn.initializers.normal(), (1,))
  k = jax.random.PRNGKey(0)
  return bool((A().init(k, X)['params']['n'] == B().init(k, X)['params']['n']).all())
def s_missing_layer_is_initialized_by_apply_with_mutable_params_and_a_params_rng():
  _, u = MLP_.apply({'params': {'Dense_0': PV['params']['Dense_0']}}, X, mutable=['params'], rngs={'params': jax.random.PRNGKey(0)})
  return bool((u['params']['Dense_1']['kernel'] == PV['params']['Dense_1']['kernel']).all())
def s_an_existing_param_takes_no_key_so_a_later_missing_one_uses_counter_1():
  class A(nn.Module):
    @nn.compact
    def __call__(self, x):
      self.param('z', nn.initializers.zeros, (1,))
      return self.param('n', nn.initializers.normal(), (1,))
  class B(nn.Module):
    @nn.compact
    def __call__(self, x):
      return self.param('n', nn.initializers.normal(), (1,))
  k = jax.random.PRNGKey(0)
  _, u = A().apply({'params': {'z': jnp.zeros(1)}}, X, mutable=['params'], rngs={'params': k})
  return bool((u['params']['n'] == B().init(k, X)['params']['n']).all())
def s_typed_key_and_legacy_key_give_the_same_params():
  a = MLP_.init(jax.random.key(0), X)
  return bool((a['params']['Dense_0']['kernel'] == PV['params']['Dense_0']['kernel']).all())
def s_guide_mlp_with_one_output_has_zero_loss_and_zero_grads():
  def loss_fn(p):
    logits, u = MLP_BN_.apply({'params': p, 'batch_stats': BS}, X, train=True, mutable=['batch_stats'])
    return optax.softmax_cross_entropy_with_integer_labels(logits, jnp.zeros(2, jnp.int32)).mean()
  l, g = jax.value_and_grad(loss_fn)(P)
  return {'loss': l, 'grads': g}
def s_guide_mlp_with_one_output_and_label_1_gives_nan_INTENDED():
  logits = MLP_.apply(PV, X)
  return optax.softmax_cross_entropy_with_integer_labels(logits, jnp.ones(2, jnp.int32))
def s_guide_eval_loss_is_a_vector_without_mean():
  logits = MLP_BN_.apply(Vb, X, train=False)
  return optax.softmax_cross_entropy_with_integer_labels(logits, jnp.zeros(2, jnp.int32)).shape
def s_bound_module_and_path_names():
  class Leaf(nn.Module):
    @nn.compact
    def __call__(self, x):
      return self.path
  class Root(nn.Module):
    @nn.compact
    def __call__(self, x):
      return [list(self.path), list(Leaf()(x)), list(Leaf(name='z')(x)), list(Leaf()(x))]
  return Root().apply({}, X)
def s_call_method_other_than_call():
  class M(nn.Module):
    def setup(self):
      self.d = nn.Dense(2)
    def __call__(self, x):
      return self.d(x)
    def twice(self, x):
      return 2 * self.d(x)
  v = M().init(jax.random.PRNGKey(0), X)
  return bool(jnp.allclose(M().apply(v, X, method='twice'), 2 * M().apply(v, X))) and bool(jnp.allclose(M().apply(v, X, method=M.twice), 2 * M().apply(v, X)))
def s_init_with_output():
  y, v = MLP_.init_with_output(jax.random.PRNGKey(0), X)
  return {'y': y, 'keys': list(v)}
def s_set_attribute_on_unbound_module_is_allowed():
  m = nn.Dense(2)
  m.features = 3
  return m.features
def s_two_compact_methods_are_allowed_now():
  class Two(nn.Module):
    @nn.compact
    def __call__(self, x):
      return nn.Dense(2)(x)
    @nn.compact
    def other(self, x):
      return nn.Dense(2)(x)
  v = Two().init(jax.random.PRNGKey(0), X)
  return {'shapes': shapes(v), 'other_same': bool((Two().apply(v, X, method='other') == Two().apply(v, X)).all())}
SEM = [(n, f) for n, f in list(globals().items()) if n.startswith('s_')]
SEM = [(n, f) for n, f in SEM if n != 's_apply_mutable_false_returns_only_y']

def sem_compute(inp):
  out = run_errors({n[2:]: (n[2:].replace('_', ' '), f) for n, f in SEM})
  bad = {k: v for k, v in out.items() if v['raises']}
  assert not bad, ('raise', bad)
  return out
S.add('semantics', 'Small facts of Flax behaviour that do not raise (mutable filters, key order, missing collections, rng fall-back): code and the result.', lambda: {**err_build(), 'cases': {n[2:]: src(f) for n, f in SEM}}, sem_compute, x64=False)
