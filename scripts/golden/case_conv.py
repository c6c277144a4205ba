"""Conv, ConvTranspose, pooling, and a convolutional net with BatchNorm."""
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen import pooling

from encoding import J, key_order
from suite import S


def tuples(x):
  """JSON's lists back to the tuples that Flax wants."""
  return tuple(tuples(v) for v in x) if isinstance(x, (list, tuple)) else x


def lists(x):
  return [lists(v) for v in x] if isinstance(x, (list, tuple)) else x


def layer_build(cfgs, seed):
  rng = np.random.default_rng(seed)
  out = {}
  for cid, c in cfgs.items():
    kw = c['kwargs']
    n, groups = c['x'][-1], kw.get('feature_group_count', 1)
    size = kw['kernel_size']
    size = (size,) if isinstance(size, int) else size
    ends = (kw['features'], n) if kw.get('transpose_kernel') else (n // groups, kw['features'])
    shape = size + ends
    p = {'kernel': (rng.standard_normal(shape) / math.sqrt(max(1, np.prod(shape[:-1])))).astype(np.float32)}
    if kw.get('use_bias', True):
      p['bias'] = (rng.standard_normal(kw['features']) * .2).astype(np.float32)
    rec = {'layer': c.get('layer', 'Conv'), 'kwargs': {k: lists(v) for k, v in kw.items()}, 'params': p,
           'x': rng.standard_normal(c['x']).astype(np.float32)}
    if c.get('mask'):
      rec['mask'] = (rng.uniform(size=shape) < .6).astype(np.float32)
    out[cid] = rec
  return out


def grads(f, *args):
  (l, y), g = jax.value_and_grad(lambda *a: (lambda y: (jnp.sum(jnp.sin(y)), y))(f(*a)), argnums=tuple(range(len(args))), has_aux=True)(*args)
  return y, l, g


def layer_compute(inp):
  out = {}
  for k, s in inp.items():
    kw = {a: tuples(v) for a, v in s['kwargs'].items()}
    if 'mask' in s:
      kw['mask'] = jnp.asarray(s['mask'])
    m = getattr(nn, s['layer'])(**kw)
    y, l, (gp, gx) = grads(lambda p, x: m.apply({'params': p}, x), J(s['params']), jnp.asarray(s['x']))
    out[k] = {'y': y, 'loss': l, 'grad': {'params': gp, 'x': gx}}
  return out


def pool_build(cfgs, seed):
  rng = np.random.default_rng(seed)
  out = {}
  for cid, c in cfgs.items():
    x = rng.integers(-2, 3, c['x']) if c.get('ties') else rng.standard_normal(c['x'])
    out[cid] = {'pool': c['pool'], 'window_shape': list(c['window']), 'kwargs': {k: lists(v) for k, v in c.get('kwargs', {}).items()},
                'x': x.astype(np.float32)}
  return out


def pool_compute(inp):
  out = {}
  for k, s in inp.items():
    f = lambda x: getattr(pooling, s['pool'])(x, tuples(s['window_shape']), **{a: tuples(v) for a, v in s['kwargs'].items()})
    y, l, (g,) = grads(f, jnp.asarray(s['x']))
    out[k] = {'y': y, 'loss': l, 'grad': {'x': g}}
  return out


class ConvNet(nn.Module):
  """two Conv/BatchNorm/relu/pool stages and a head"""
  @nn.compact
  def __call__(self, x, train: bool):
    for features, pool in [(4, nn.max_pool), (6, nn.avg_pool)]:
      x = nn.Conv(features=features, kernel_size=(3, 3), use_bias=False)(x)
      x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
      x = nn.relu(x)
      x = pool(x, window_shape=(2, 2), strides=(2, 2))
    x = x.reshape((x.shape[0], -1))
    return nn.Dense(features=3)(x)


def net_build():
  rng = np.random.default_rng(53)
  normal = lambda *shape: rng.standard_normal(shape)
  f32 = lambda x: np.asarray(x, np.float32)
  params = {
    'Conv_0': {'kernel': f32(normal(3, 3, 2, 4) / 4)},
    'BatchNorm_0': {'scale': f32(rng.uniform(.5, 1.5, 4)), 'bias': f32(normal(4) * .3)},
    'Conv_1': {'kernel': f32(normal(3, 3, 4, 6) / 6)},
    'BatchNorm_1': {'scale': f32(rng.uniform(.5, 1.5, 6)), 'bias': f32(normal(6) * .3)},
    'Dense_0': {'kernel': f32(normal(24, 3) / 5), 'bias': f32(normal(3) * .2)},
  }
  stats = {f'BatchNorm_{i}': {'mean': f32(normal(n) * .2), 'var': f32(rng.uniform(.5, 2, n))} for i, n in enumerate((4, 6))}
  return {'params': params, 'batch_stats': stats, 'x': f32(normal(5, 8, 8, 2)), 'labels': rng.integers(0, 3, 5).astype(np.int32)}


def net_compute(s):
  net, x, labels = ConvNet(), jnp.asarray(s['x']), jnp.asarray(s['labels'])

  def loss(p, x, train):
    y = net.apply({'params': p, 'batch_stats': J(s['batch_stats'])}, x, train, mutable=['batch_stats'] if train else False)
    y, updates = y if train else (y, {})
    nll = jax.nn.logsumexp(y, -1) - jnp.take_along_axis(y, labels[:, None], -1)[:, 0]
    return nll.mean(), {'logits': y, 'updates': updates}

  def run(train):
    (l, aux), (gp, gx) = jax.value_and_grad(lambda p, x: loss(p, x, train), argnums=(0, 1), has_aux=True)(J(s['params']), x)
    return {'loss': l, **aux, 'grad': {'params': gp, 'x': gx}}

  return {'train': run(True), 'eval': run(False)}


CONV = {
  'same': {'x': (2, 5, 6, 3), 'kwargs': {'features': 4, 'kernel_size': (3, 3)}},
  'one_dimension': {'x': (2, 9, 3), 'kwargs': {'features': 4, 'kernel_size': 3}},
  'three_dimensions': {'x': (2, 4, 3, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (2, 3, 2), 'strides': (1, 2, 2)}},
  'valid_strided': {'x': (2, 9, 8, 3), 'kwargs': {'features': 4, 'kernel_size': (3, 2), 'strides': (2, 3), 'padding': 'VALID'}},
  'same_strided_even': {'x': (2, 8, 9, 3), 'kwargs': {'features': 4, 'kernel_size': (4, 2), 'strides': 3}},
  'padding_number': {'x': (2, 5, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 3), 'padding': 2}},
  'padding_list': {'x': (2, 5, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 3), 'padding': (1, 0)}},
  'padding_pairs': {'x': (2, 5, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 3), 'padding': ((2, 0), (1, 3))}},
  'circular': {'x': (2, 5, 4, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 4), 'padding': 'CIRCULAR'}},
  'circular_wider_than_input': {'x': (1, 3, 2), 'kwargs': {'features': 2, 'kernel_size': (4,), 'kernel_dilation': 3, 'padding': 'CIRCULAR'}},
  'reflect': {'x': (2, 6, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 4), 'padding': 'REFLECT'}},
  'causal': {'x': (2, 7, 2), 'kwargs': {'features': 3, 'kernel_size': (3,), 'kernel_dilation': 2, 'padding': 'CAUSAL'}},
  'input_dilation': {'x': (2, 4, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 2), 'input_dilation': (2, 3), 'padding': ((1, 2), (0, 1))}},
  'kernel_dilation': {'x': (2, 8, 9, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 2), 'kernel_dilation': (2, 3)}},
  'groups': {'x': (2, 5, 5, 4), 'kwargs': {'features': 6, 'kernel_size': (3, 3), 'feature_group_count': 2}},
  'depthwise': {'x': (2, 5, 5, 3), 'kwargs': {'features': 6, 'kernel_size': (3, 3), 'feature_group_count': 3, 'strides': 2}},
  'no_bias': {'x': (2, 5, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 3), 'use_bias': False}},
  'mask': {'x': (2, 5, 5, 2), 'mask': True, 'kwargs': {'features': 3, 'kernel_size': (3, 3)}},
  'no_batch': {'x': (5, 6, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 3)}},
  'two_batches': {'x': (2, 3, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3,)}},
  'empty_batch': {'x': (0, 5, 5, 2), 'kwargs': {'features': 3, 'kernel_size': (3, 3)}},
  'transpose_same': {'layer': 'ConvTranspose', 'x': (2, 4, 5, 3), 'kwargs': {'features': 2, 'kernel_size': (3, 3), 'strides': (2, 2)}},
  'transpose_valid': {'layer': 'ConvTranspose', 'x': (2, 6, 3), 'kwargs': {'features': 2, 'kernel_size': (3,), 'strides': (2,), 'padding': 'VALID'}},
  'transpose_wide_strides': {'layer': 'ConvTranspose', 'x': (2, 4, 3), 'kwargs': {'features': 2, 'kernel_size': (2,), 'strides': (4,)}},
  'transpose_valid_wide_strides': {'layer': 'ConvTranspose', 'x': (2, 4, 3),
                                   'kwargs': {'features': 2, 'kernel_size': (2,), 'strides': (4,), 'padding': 'VALID'}},
  'transpose_pairs': {'layer': 'ConvTranspose', 'x': (2, 4, 3), 'kwargs': {'features': 2, 'kernel_size': (3,), 'strides': (2,), 'padding': ((1, 2),)}},
  'transpose_kernel': {'layer': 'ConvTranspose', 'x': (2, 4, 3, 3),
                       'kwargs': {'features': 2, 'kernel_size': (3, 2), 'strides': (2, 1), 'transpose_kernel': True}},
  'transpose_dilated': {'layer': 'ConvTranspose', 'x': (2, 4, 5, 2),
                        'kwargs': {'features': 3, 'kernel_size': (2, 3), 'strides': (2, 1), 'kernel_dilation': (2, 2)}},
  'transpose_circular': {'layer': 'ConvTranspose', 'x': (2, 4, 5, 2),
                         'kwargs': {'features': 3, 'kernel_size': (3, 4), 'strides': (2, 3), 'padding': 'CIRCULAR'}},
  'transpose_circular_kernel': {'layer': 'ConvTranspose', 'x': (1, 5, 5, 2),
                                'kwargs': {'features': 3, 'kernel_size': (6, 6), 'strides': (2, 2), 'padding': 'CIRCULAR', 'transpose_kernel': True}},
}
POOLS = {
  'max': {'pool': 'max_pool', 'x': (2, 6, 5, 3), 'window': (2, 2), 'kwargs': {'strides': (2, 2)}},
  'max_ties': {'pool': 'max_pool', 'x': (2, 7, 7, 3), 'window': (3, 3), 'ties': True, 'kwargs': {'strides': (2, 2), 'padding': 'SAME'}},
  'max_each_step': {'pool': 'max_pool', 'x': (2, 6, 3), 'window': (2,)},
  'max_padded': {'pool': 'max_pool', 'x': (2, 5, 4, 2), 'window': (3, 2), 'kwargs': {'padding': ((2, 1), (0, 1))}},
  'max_three_dimensions': {'pool': 'max_pool', 'x': (2, 4, 5, 3, 2), 'window': (2, 3, 2), 'kwargs': {'strides': (2, 1, 2), 'padding': 'SAME'}},
  'max_no_batch': {'pool': 'max_pool', 'x': (6, 5, 3), 'window': (2, 2)},
  'max_two_batches': {'pool': 'max_pool', 'x': (2, 3, 6, 2), 'window': (3,), 'kwargs': {'strides': (3,)}},
  'min': {'pool': 'min_pool', 'x': (2, 6, 5, 3), 'window': (2, 3), 'kwargs': {'strides': (1, 2), 'padding': 'SAME'}},
  'min_ties': {'pool': 'min_pool', 'x': (2, 7, 7, 2), 'window': (3, 3), 'ties': True},
  'avg': {'pool': 'avg_pool', 'x': (2, 6, 5, 3), 'window': (2, 2), 'kwargs': {'strides': (2, 2)}},
  'avg_same': {'pool': 'avg_pool', 'x': (2, 7, 6, 3), 'window': (3, 3), 'kwargs': {'strides': (2, 2), 'padding': 'SAME'}},
  'avg_same_without_padding': {'pool': 'avg_pool', 'x': (2, 7, 6, 3), 'window': (3, 3),
                               'kwargs': {'strides': (2, 2), 'padding': 'SAME', 'count_include_pad': False}},
  'avg_pairs_without_padding': {'pool': 'avg_pool', 'x': (3, 5, 2), 'window': (3,),
                                'kwargs': {'padding': ((1, 2),), 'count_include_pad': False}},
  'avg_no_batch': {'pool': 'avg_pool', 'x': (6, 5, 3), 'window': (2, 3), 'kwargs': {'padding': 'SAME', 'count_include_pad': False}},
}
S.add('conv', 'nn.Conv and nn.ConvTranspose on given params: y, and grads of sum(sin(y)) w.r.t. params and x.', lambda: layer_build(CONV, 51), layer_compute)
S.add('pooling', 'nn.max_pool, nn.min_pool, nn.avg_pool: y, and the grad of sum(sin(y)) w.r.t. x.', lambda: pool_build(POOLS, 52), pool_compute)
S.add('conv_net', 'Two Conv/BatchNorm/relu/pool stages and a Dense head on given variables: loss, logits, updates and grads in training and evaluation.', net_build, net_compute)


def init_compute(inp):
  out = {}
  for name, s in inp.items():
    key, x = jax.random.PRNGKey(s['seed']), jnp.ones(tuples(s['x']))
    if name == 'net':
      variables = ConvNet().init(key, x, False)
    else:
      variables = getattr(nn, s['layer'])(**{a: tuples(v) for a, v in s['kwargs'].items()}).init(key, x)
    out[name] = {'variables': variables, 'key_order': key_order(variables)}
  return out


INIT = {
  'conv': {'layer': 'Conv', 'seed': 0, 'x': [1, 8, 8, 3], 'kwargs': {'features': 5, 'kernel_size': [3, 3]}},
  'groups': {'layer': 'Conv', 'seed': 1, 'x': [1, 8, 4], 'kwargs': {'features': 6, 'kernel_size': 3, 'feature_group_count': 2}},
  'transpose': {'layer': 'ConvTranspose', 'seed': 2, 'x': [1, 4, 4, 3], 'kwargs': {'features': 2, 'kernel_size': [2, 2], 'transpose_kernel': True}},
  'net': {'seed': 3, 'x': [1, 8, 8, 2]},
}
S.add('conv_init', 'What init makes for Conv, ConvTranspose and the net of conv_net.', lambda: INIT, init_compute, x64=False)
