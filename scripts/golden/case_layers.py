"""BatchNorm with its options, Dense."""
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from encoding import J
from suite import S


def bn_build(cfgs, seed):
  rng = np.random.default_rng(seed)
  out = {}
  for cid, c in cfgs.items():
    shape = c['shape']
    kw = dict(c.get('kwargs', {}))
    x = (rng.standard_normal(shape) * c.get('std', 1.5) + c.get('mean', 0.3))
    if c.get('constant'):
      x[..., 0] = 0.7
    if c.get('mean_per_feature'):
      x = x + np.arange(shape[-1]) * c['mean_per_feature']
    axis = kw.get('axis', -1)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    axes = sorted({a % len(shape) for a in axes})
    fs = [shape[a] for a in axes]
    rec = {'kwargs': {k: (list(v) if isinstance(v, tuple) else v) for k, v in kw.items()},
           'x': x.astype(np.float32)}
    p = {}
    if kw.get('use_scale', True):
      p['scale'] = rng.uniform(.5, 1.5, fs).astype(np.float32)
    if kw.get('use_bias', True):
      p['bias'] = (rng.standard_normal(fs) * .3).astype(np.float32)
    rec['params'] = p
    sd = c.get('std', 1.0)
    rec['batch_stats'] = {'mean': (rng.standard_normal(fs) * .2 * sd + c.get('mean', 0)).astype(np.float32),
                          'var': (rng.uniform(.5, 2, fs) * sd * sd).astype(np.float32)}
    if 'mask' in c:
      m = rng.uniform(size=c['mask']) < .65
      m.reshape(-1)[0] = True
      rec['mask'] = m
    out[cid] = rec
  return out


def bn_one(s):
  kw = {k: (tuple(v) if isinstance(v, list) else v) for k, v in s['kwargs'].items()}
  bn = nn.BatchNorm(**kw)
  params, bs, x = J(s['params']), J(s['batch_stats']), jnp.asarray(s['x'])
  mask = jnp.asarray(s['mask']) if 'mask' in s else None
  V = lambda p: ({'params': p} if p else {}) | {'batch_stats': bs}
  def train(p, x):
    y, u = bn.apply(V(p), x, use_running_average=False, mask=mask, mutable=['batch_stats'])
    return jnp.sum(jnp.sin(y)), (y, u)
  def ev(p, x):
    y = bn.apply(V(p), x, use_running_average=True)
    return jnp.sum(jnp.sin(y)), y
  (l, (y, u)), (gp, gx) = jax.value_and_grad(train, argnums=(0, 1), has_aux=True)(params, x)
  (le, ye), (gpe, gxe) = jax.value_and_grad(ev, argnums=(0, 1), has_aux=True)(params, x)
  return {'train': {'y': y, 'updates': u, 'loss': l, 'grad': {'x': gx, 'params': gp}},
          'eval': {'y': ye, 'loss': le, 'grad': {'x': gxe, 'params': gpe}}}


def bn_compute(inp):
  return {k: bn_one(s) for k, s in inp.items()}


def dense_build(cfgs, seed):
  rng = np.random.default_rng(seed)
  out = {}
  for cid, c in cfgs.items():
    d, f = c['x'][-1], c['features']
    p = {'kernel': (rng.standard_normal((d, f)) / math.sqrt(d)).astype(np.float32)}
    if c.get('use_bias', True):
      p['bias'] = (rng.standard_normal(f) * .2).astype(np.float32)
    out[cid] = {'features': f, 'use_bias': c.get('use_bias', True), 'params': p,
                'x': rng.standard_normal(c['x']).astype(np.float32)}
  return out


def dense_compute(inp):
  out = {}
  for k, s in inp.items():
    m = nn.Dense(s['features'], use_bias=s['use_bias'])
    def f(p, x):
      y = m.apply({'params': p}, x)
      return jnp.sum(jnp.sin(y)), y
    (l, y), (gp, gx) = jax.value_and_grad(f, argnums=(0, 1), has_aux=True)(
        J(s['params']), jnp.asarray(s['x']))
    out[k] = {'y': y, 'loss': l, 'grad': {'params': gp, 'x': gx}}
  return out


BN = {
  'default_2d': {'shape': (8, 5)},
  'momentum_epsilon': {'shape': (16, 3), 'kwargs': {'momentum': 0.9, 'epsilon': 1e-3}},
  'momentum_0': {'shape': (6, 3), 'kwargs': {'momentum': 0.0}},
  'momentum_1': {'shape': (6, 3), 'kwargs': {'momentum': 1.0}},
  'no_bias': {'shape': (7, 4), 'kwargs': {'use_bias': False}},
  'no_scale': {'shape': (7, 4), 'kwargs': {'use_scale': False}},
  'no_scale_no_bias': {'shape': (7, 4), 'kwargs': {'use_scale': False, 'use_bias': False}},
  'axis_0_2d': {'shape': (6, 7), 'kwargs': {'axis': 0}},
  'axis_1_4d': {'shape': (2, 3, 4, 5), 'kwargs': {'axis': 1}},
  'axis_1_3_4d': {'shape': (2, 3, 4, 2), 'kwargs': {'axis': (1, 3)}},
  'input_1d': {'shape': (5,)},
  'input_3d': {'shape': (4, 6, 5), 'mean_per_feature': 0.5},
  'input_4d': {'shape': (2, 3, 3, 4)},
  'slow_variance': {'shape': (8, 5), 'kwargs': {'use_fast_variance': False}},
  'batch_of_1': {'shape': (1, 4)},
  'batch_of_1_slow': {'shape': (1, 4), 'kwargs': {'use_fast_variance': False}},
  'constant_feature': {'shape': (8, 3), 'constant': True},
  'mask_2d': {'shape': (8, 3), 'mask': (8, 1)},
  'mask_2d_full': {'shape': (8, 3), 'mask': (8, 3)},
  'mask_3d': {'shape': (4, 6, 3), 'mask': (4, 6, 1)},
  'mask_2d_slow': {'shape': (8, 3), 'mask': (8, 1), 'kwargs': {'use_fast_variance': False}},
  'mean_30': {'shape': (32, 4), 'mean': 30.0, 'std': 1.0},
  'bigger': {'shape': (128, 6), 'mean_per_feature': 0.7},
}
BIG = {
  'mean_1e2_fast': {'shape': (64, 4), 'mean': 1e2, 'std': 1.0, 'kwargs': {'momentum': 0.0}},
  'mean_1e2_slow': {'shape': (64, 4), 'mean': 1e2, 'std': 1.0, 'kwargs': {'momentum': 0.0, 'use_fast_variance': False}},
  'mean_1e3_fast': {'shape': (64, 4), 'mean': 1e3, 'std': 1.0, 'kwargs': {'momentum': 0.0}},
  'mean_1e3_slow': {'shape': (64, 4), 'mean': 1e3, 'std': 1.0, 'kwargs': {'momentum': 0.0, 'use_fast_variance': False}},
  'mean_1e4_fast': {'shape': (64, 4), 'mean': 1e4, 'std': 1.0, 'kwargs': {'momentum': 0.0}},
  'mean_1e4_slow': {'shape': (64, 4), 'mean': 1e4, 'std': 1.0, 'kwargs': {'momentum': 0.0, 'use_fast_variance': False}},
  'mean_1e4_std_1e-2_fast': {'shape': (64, 4), 'mean': 1e4, 'std': 1e-2, 'kwargs': {'momentum': 0.0}},
}
S.add('batchnorm_options', 'nn.BatchNorm with options; train and eval output y, updated batch_stats, and jax.grad of sum(sin(y)) w.r.t. x, scale, bias. running stats are inputs.', lambda: bn_build(BN, 21), bn_compute)
S.add('batchnorm_large_mean', 'nn.BatchNorm on inputs with a large mean: shows the cancellation (and clipping to 0) of the default fast variance, and the two-pass variance. momentum is 0, so the updated var is the batch variance itself.', lambda: bn_build(BIG, 22), bn_compute,
      note='*_fast with mean >= 1e3 depends on float32 summation order: compare only loosely (see tolerances.md).')

DENSE = {
  'vector': {'x': (3,), 'features': 4}, 'matrix': {'x': (4, 3), 'features': 5},
  'batch_2_3_5': {'x': (2, 3, 5), 'features': 4}, 'no_bias': {'x': (4, 3), 'features': 5, 'use_bias': False},
  'no_bias_batch': {'x': (2, 3, 5), 'features': 2, 'use_bias': False}, 'one_feature': {'x': (6, 4), 'features': 1},
  'empty_batch': {'x': (0, 3), 'features': 2}, 'wide': {'x': (8, 64), 'features': 16},
}
S.add('dense', 'nn.Dense forward on given params, and grads of sum(sin(y)) w.r.t. params and x.', lambda: dense_build(DENSE, 31), dense_compute)
