"""The guide's two models: variables, outputs, updates, gradients."""
import jax
import jax.numpy as jnp
import numpy as np

from encoding import J, key_order, shapes, src
from models import MLP, MLP_BN
from suite import S


def guide_compute(model, bn):
  def compute(inp, stored=None):
    x0, x = jnp.asarray(inp['x_init']), jnp.asarray(inp['x_test'])
    key = jax.random.PRNGKey(inp['seed'])
    out = {}
    if stored is None:
      variables = model.init(key, x0, train=False) if bn else model.init(key, x0)
      if bn:
        vt = model.init(key, x0, train=True)
        assert jax.tree_util.tree_all(jax.tree_util.tree_map(
            lambda a, b: bool((a == b).all()), variables, vt))
    else:
      variables = J(stored['variables'])
    out['variables'] = variables
    sh = jax.tree_util.tree_map(jnp.shape, variables)
    out['variables_type'] = f'{type(variables).__module__}.{type(variables).__name__}'
    out['variables_key_order'] = key_order(variables)
    out['shapes'] = shapes(variables)
    out['shapes_key_order_after_tree_map'] = key_order(
        jax.tree_util.tree_map(lambda a: 0, variables))
    out['shapes_repr'] = repr(sh)
    out['leaf_paths'] = [jax.tree_util.keystr(p) for p, _ in
                         jax.tree_util.tree_flatten_with_path(variables)[0]]
    params = variables['params']
    if not bn:
      out['y_ones'] = model.apply({'params': params}, x0)
      out['y_test'] = model.apply({'params': params}, x)
      g = jax.grad(lambda p, x: jnp.mean(model.apply({'params': p}, x) ** 2), argnums=(0, 1))
      gp, gx = g(params, x)
      out['grad_mean_sq'] = {'params': gp, 'x': gx}
      return out
    bs = variables['batch_stats']
    V = {'params': params, 'batch_stats': bs}
    out['y_eval_ones'] = model.apply(V, x0, train=False)
    out['y_eval'] = model.apply(V, x, train=False)
    y, up = model.apply(V, x, train=True, mutable=['batch_stats'])
    out['y_train'] = y
    out['updates_key_order'] = key_order(up)
    out['updates'] = up
    V2 = {'params': params, 'batch_stats': up['batch_stats']}
    out['y_eval_after_1'] = model.apply(V2, x, train=False)
    x2 = jnp.asarray(inp['x_test2'])
    y2, up2 = model.apply(V2, x2, train=True, mutable=['batch_stats'])
    out['y_train_2'] = y2
    out['updates_2'] = up2
    def loss(p, xx):
      yy, u = model.apply({'params': p, 'batch_stats': bs}, xx, train=True,
                          mutable=['batch_stats'])
      return jnp.mean(yy ** 2), (yy, u)
    (l, _), (gp, gx) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, x)
    out['loss_mean_sq'] = l
    out['grad_mean_sq'] = {'params': gp, 'x': gx}
    return out
  return compute


def guide_build(model_cls, seed, d, n, s2):
  def b():
    rng = np.random.default_rng(s2)
    return {'source': src(model_cls), 'seed': seed, 'x_init': np.ones((1, d), np.float32),
            'x_test': (rng.standard_normal((n, d)) * 2 + .5).astype(np.float32),
            'x_test2': (rng.standard_normal((n + 2, d)) - 1).astype(np.float32)}
  return b
S.add('guide_mlp_no_bn', "The guide's MLP without BatchNorm: init with PRNGKey(0) on ones((1,3)), the variables tree, apply and grads of mean(y^2).", guide_build(MLP, 0, 3, 6, 11), guide_compute(MLP(), False))
S.add('guide_mlp_bn', "The guide's MLP with BatchNorm: init (train=False), variables, apply in eval and in train mode (mutable=['batch_stats']), two successive updates, grads of mean(y^2) in train mode.", guide_build(MLP_BN, 0, 3, 6, 12), guide_compute(MLP_BN(), True))
