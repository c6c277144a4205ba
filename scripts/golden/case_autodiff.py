"""value_and_grad and grad."""
import jax
import jax.numpy as jnp
import numpy as np

from encoding import J
from suite import S


def vg_build():
  rng = np.random.default_rng(81)
  f = lambda *s: rng.standard_normal(s).astype(np.float32)
  return {'params': {'w': f(3, 2), 'b': f(2)}, 'x': f(4, 3), 'y': f(4, 2),
          'f': 'f(params, x) = mean((tanh(x @ params.w + params.b) - y)**2); aux = (prediction, {"n": 4})'}
def vg_compute(inp):
  p, x, y = J(inp['params']), jnp.asarray(inp['x']), jnp.asarray(inp['y'])
  def f(p, x):
    pred = jnp.tanh(x @ p['w'] + p['b'])
    return jnp.mean((pred - y) ** 2), (pred, {'n': 4})
  g = lambda p, x: f(p, x)[0]
  out = {}
  out['value_and_grad'] = jax.value_and_grad(g)(p, x)
  out['value_and_grad_argnums_1'] = jax.value_and_grad(g, argnums=1)(p, x)
  out['value_and_grad_argnums_0_1'] = jax.value_and_grad(g, argnums=(0, 1))(p, x)
  out['value_and_grad_argnums_tuple_0'] = jax.value_and_grad(g, argnums=(0,))(p, x)
  out['value_and_grad_has_aux'] = jax.value_and_grad(f, has_aux=True)(p, x)
  out['grad_has_aux'] = jax.grad(f, has_aux=True)(p, x)
  out['unused_leaf_has_zero_grad'] = jax.grad(lambda p: jnp.sum(p['b'] ** 2))(p)
  out['stop_gradient'] = jax.grad(lambda p: jnp.sum(jax.lax.stop_gradient(p['b']) * p['b']))(p)
  out['second_derivative'] = jax.grad(lambda b: jnp.sum(jax.grad(lambda b: jnp.sum(jnp.tanh(b) ** 3))(b)))(p['b'])
  return out
S.add('value_and_grad', 'Structure and values of jax.value_and_grad / jax.grad with argnums and has_aux (tuples are {"__tuple__": [...]}).', vg_build, vg_compute)
