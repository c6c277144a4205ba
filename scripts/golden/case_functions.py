"""Losses, activations, reductions."""
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from suite import S


def loss_one(s):
  fn = s['fn']
  kw = s.get('kwargs', {})
  if 'axis' in kw and isinstance(kw['axis'], list):
    kw['axis'] = tuple(kw['axis'])
  a = jnp.asarray(s['a'])
  b = jnp.asarray(s['b']) if 'b' in s else None
  if 'where' in s:
    kw = dict(kw, where=jnp.asarray(s['where']))
  f = getattr(optax, fn)
  g = (lambda a: f(a, b, **kw)) if b is not None else (lambda a: f(a, **kw))
  out = {'value': g(a), 'grad_a_of_sum': jax.grad(lambda a: jnp.sum(g(a)))(a)}
  if b is not None and b.dtype.kind == 'f':
    out['grad_b_of_sum'] = jax.grad(lambda b: jnp.sum(f(a, b, **kw)))(b)
  return out


def loss_compute(inp):
  return {k: loss_one(s) for k, s in inp.items()}


FUNCS = {
  'relu': nn.relu, 'gelu': nn.gelu, 'gelu_exact': lambda x: nn.gelu(x, approximate=False),
  'silu': nn.silu, 'sigmoid': nn.sigmoid, 'tanh': nn.tanh, 'softplus': nn.softplus,
  'elu': nn.elu, 'leaky_relu': nn.leaky_relu, 'relu6': jax.nn.relu6,
  'log_sigmoid': nn.log_sigmoid, 'softmax': nn.softmax, 'log_softmax': nn.log_softmax,
  'logsumexp': lambda x: jax.nn.logsumexp(x, axis=-1),
  'maximum_zero': lambda x: jnp.maximum(0.0, x), 'abs': jnp.abs,
  'max_last': lambda x: jnp.max(x, axis=-1), 'rsqrt_sq': lambda x: jax.lax.rsqrt(x * x + 1e-5),
  'mean_last': lambda x: jnp.mean(x, axis=-1), 'var_last': lambda x: jnp.var(x, axis=-1),
}


def funcs_compute(inp):
  x = jnp.asarray(inp['x'])
  w = jnp.asarray(inp['w'])
  out = {}
  for n in inp['functions']:
    f = FUNCS[n]
    y = f(x)
    ww = w if y.shape == w.shape else w[..., 0]
    out[n] = {'y': y, 'grad_of_weighted_sum': jax.grad(lambda x: jnp.sum(f(x) * ww))(x)}
  if 'one_hot' in inp:
    out['one_hot'] = nn.one_hot(jnp.asarray(inp['one_hot']['labels']), inp['one_hot']['num_classes'],
                                dtype=x.dtype)
  if 'argmax' in inp:
    out['argmax_last'] = jnp.argmax(jnp.asarray(inp['argmax']), -1).astype(jnp.int32)
  return out


def losses():
  rng = np.random.default_rng(41)
  f = lambda *s, k=2.0: (rng.standard_normal(s) * k).astype(np.float32)
  ext = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0], [1e4, 1e4, 1e4], [-1e4, -1e4, -1e4], [1e4, 0, -1e4], [88.8, 89.1, -1e4],
                  [0, 0, 0], [1e-4, -1e-4, 1e4]], np.float32)
  lab = np.array([0, 0, 1, 2, 2, 1, 0, 2], np.int32)
  oh = np.eye(3, dtype=np.float32)[lab]
  soft = rng.dirichlet(np.ones(3), 8).astype(np.float32)
  I = 'softmax_cross_entropy_with_integer_labels'
  bx = np.array([0, 1, -1, 30, -30, 88, -88, 100, -100, 1e4, -1e4, 1e4, -1e4, 1e-6], np.float32)
  bl = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, .3], np.float32)
  hp = np.array([-1e4, -2, -1, -.5, 0, .5, 1, 1.0001, 2, 1e4, 3, 3], np.float32)
  ht = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 2], np.float32)
  return {
    'int_labels': {'fn': I, 'a': f(6, 4), 'b': rng.integers(0, 4, 6).astype(np.int32)},
    'int_labels_3d': {'fn': I, 'a': f(2, 3, 5), 'b': rng.integers(0, 5, (2, 3)).astype(np.int32)},
    'int_labels_1d': {'fn': I, 'a': f(4), 'b': np.int32(2)},
    'int_labels_extreme': {'fn': I, 'a': ext, 'b': lab},
    'int_labels_one_class': {'fn': I, 'a': f(5, 1), 'b': np.zeros(5, np.int32)},
    'int_labels_axis0': {'fn': I, 'a': f(4, 6), 'b': rng.integers(0, 4, 6).astype(np.int32), 'kwargs': {'axis': 0}},
    'int_labels_where': {'fn': I, 'a': f(4, 3), 'b': np.array([0, 1, 2, 0], np.int32), 'where': np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 0]], bool)},
    'int_labels_negative_label': {'fn': I, 'a': f(2, 3), 'b': np.array([-1, -3], np.int32)},
    'int_labels_out_of_range_INTENDED_NAN': {'fn': I, 'a': f(3, 3), 'b': np.array([0, 3, 5], np.int32)},
    'softmax_ce_one_hot': {'fn': 'softmax_cross_entropy', 'a': f(8, 3), 'b': oh},
    'softmax_ce_soft': {'fn': 'softmax_cross_entropy', 'a': f(8, 3), 'b': soft},
    'softmax_ce_extreme': {'fn': 'softmax_cross_entropy', 'a': ext, 'b': oh},
    'softmax_ce_extreme_soft': {'fn': 'softmax_cross_entropy', 'a': ext, 'b': soft},
    'l2': {'fn': 'l2_loss', 'a': f(5, 2), 'b': f(5, 2)}, 'l2_no_target': {'fn': 'l2_loss', 'a': f(5)},
    'l2_extreme': {'fn': 'l2_loss', 'a': np.array([1e4, -1e4, 0, 1e-5], np.float32), 'b': np.array([-1e4, -1e4, 0, 0], np.float32)},
    'sigmoid_bce': {'fn': 'sigmoid_binary_cross_entropy', 'a': f(6, 2), 'b': rng.integers(0, 2, (6, 2)).astype(np.float32)},
    'sigmoid_bce_extreme': {'fn': 'sigmoid_binary_cross_entropy', 'a': bx, 'b': bl},
    'huber': {'fn': 'huber_loss', 'a': hp, 'b': ht}, 'huber_delta_0.5': {'fn': 'huber_loss', 'a': hp, 'b': ht, 'kwargs': {'delta': 0.5}},
    'huber_random': {'fn': 'huber_loss', 'a': f(5, 3), 'b': f(5, 3)},
  }
S.add('losses', 'optax losses: value (not reduced), and gradient of sum(value) w.r.t. the first argument a (logits/predictions) and, if float, the second argument b.', losses, loss_compute,
      note='"NaN"/"Infinity" are strings; the *_INTENDED_NAN case has labels >= number of classes (take_along_axis fills NaN).')

def funcs():
  rng = np.random.default_rng(42)
  x = (rng.standard_normal((6, 5)) * 2).astype(np.float32)
  x[0, 0] = 0.0; x[1] = [100, -100, 30, -30, 0]; x[2] = [1.5, 1.5, -1.5, -1.5, 0.0]
  return {'functions': list(FUNCS), 'x': x, 'w': rng.standard_normal((6, 5)).astype(np.float32),
          'one_hot': {'labels': np.array([0, 2, -1, 3, 1], np.int32), 'num_classes': 3},
          'argmax': np.array([[1, 3, 3], [2, 2, 2], [-1, 0, -5]], np.float32)}
S.add('functions', 'flax.linen/jax.nn element functions and reductions, with the gradient of sum(w*f(x)): ties and 0 included (relu has grad 0 at 0, maximum(0,x) has 0.5, max splits ties evenly). Functions that reduce the last axis use w[...,0].', funcs, funcs_compute)
