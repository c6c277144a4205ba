"""How the key of each parameter comes about."""
import hashlib

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from encoding import src
from models import MLP
from suite import S


def fold_static_hash(suffix):
  m = hashlib.sha1()
  for x in suffix:
    if isinstance(x, str):
      m.update(x.encode('utf-8'))
    else:
      m.update(x.to_bytes((x.bit_length() + 7) // 8, 'big'))
  return m.digest()




def rng_derive(seed, suffix):
  d = fold_static_hash(suffix)
  h = int.from_bytes(d[:4], 'big')
  key = jax.random.PRNGKey(seed)
  sub = jax.random.fold_in(key, jnp.uint32(h)) if suffix else key
  return {'seed': seed, 'suffix': list(suffix), 'sha1_hex': d.hex(), 'hash_uint32': h, 'key': np.asarray(sub)}


def rng_build():
  return {'rule': "key = fold_in(root_key, uint32(big-endian first 4 bytes of sha1(concat(utf8(names along the module path)..., counter))))  "
                  "counter is per scope and per rng collection, +1 before each make_rng; ints are minimal big-endian bytes (0 is empty); no separators (flax_fix_rng_separator=False)",
          'flax_fix_rng_separator': bool(flax.config.flax_fix_rng_separator),
          'suffixes': [[], [1], ['Dense_0', 1], ['Dense_0', 2], ['Dense_1', 1], ['BatchNorm_0', 1], ['BatchNorm_0', 2],
                       ['ResBlock_0', 'Dense_0', 1], ['a', 'bc', 1], ['ab', 'c', 1], ['Dense_0', 255], ['Dense_0', 256], ['Dense_0', 65536]],
          'seeds': [0, 42], 'dropout': {'x': np.ones((4, 6), np.float32), 'rate': 0.5, 'seed': 3}}

class DropNet(nn.Module):
  @nn.compact
  def __call__(self, x):
    a = nn.Dropout(0.5, deterministic=False)(x)
    d = nn.Dropout(0.5, deterministic=False)
    b = d(x)
    c = d(x)                       # same instance again: counter 2, another mask
    k = jax.random.key_data(jax.random.wrap_key_data(self.make_rng('dropout')))
    return {'Dropout_0': a, 'Dropout_1_first': b, 'Dropout_1_second': c, 'root_make_rng': k}

class ParamOrder(nn.Module):
  @nn.compact
  def __call__(self, x):
    z = self.param('z', nn.initializers.zeros, (2,))      # counter 1 (zeros still takes a key)
    n = self.param('n', nn.initializers.normal(1.0), (2,))  # counter 2
    k = self.make_rng('params')                            # counter 3
    m = self.param('m', nn.initializers.normal(1.0), (2,))  # counter 4
    return {'z': z, 'n': n, 'm': m, 'key': k}

def rng_compute(inp):
  out = {'derived': [rng_derive(s, suf) for s in inp['seeds'] for suf in inp['suffixes']]}
  d = inp['dropout']
  x = jnp.asarray(d['x'])
  drop = DropNet().apply({}, x, rngs={'dropout': jax.random.PRNGKey(d['seed'])})
  for nm, suf, got in [('a', ['Dropout_0', 1], 'Dropout_0'), ('b', ['Dropout_1', 1], 'Dropout_1_first'), ('c', ['Dropout_1', 2], 'Dropout_1_second')]:
    key = jnp.asarray(rng_derive(d['seed'], suf)['key'])
    want = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 0.5, 0)
    assert (want == drop[got]).all(), nm
  assert (jnp.asarray(rng_derive(d['seed'], [1])['key']) == drop['root_make_rng']).all()
  out['dropout'] = {'source': src(DropNet), **drop}
  po = ParamOrder().init_with_output(jax.random.PRNGKey(9), x)[0]
  for nm, c in [('n', 2), ('m', 4)]:
    want = jax.random.normal(jnp.asarray(rng_derive(9, [c])['key']), (2,))
    assert (want == po[nm]).all()
  out['param_order'] = {'source': src(ParamOrder), 'seed': 9, **po}
  # derived kernel keys reproduce the guide's kernels
  v = MLP().init(jax.random.PRNGKey(0), jnp.ones((1, 3)))['params']
  for n, sh in [('Dense_0', (3, 4)), ('Dense_1', (4, 1))]:
    want = nn.initializers.lecun_normal()(jnp.asarray(rng_derive(0, [n, 1])['key']), sh, jnp.float32)
    assert (want == v[n]['kernel']).all()
  return out
S.add('rng_derivation', 'How Flax derives the key of each make_rng/param call from the root key (SHA-1 of the path and a counter), with dropout masks and parameter order; asserted against real Flax when generated.', rng_build, rng_compute, x64=False)
