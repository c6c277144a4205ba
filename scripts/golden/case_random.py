"""Keys, random numbers, initializers."""
import functools
import inspect
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from encoding import X64
from suite import S

FLAG = bool(jax.config.jax_threefry_partitionable)


def prng_one(s):
  R = jax.random
  op = s['op']
  key = jnp.asarray(s['key']) if 'key' in s else None
  shape = tuple(s.get('shape', ()))
  if op == 'PRNGKey':
    return R.PRNGKey(s['seed'])
  if op == 'split':
    n = s['n']
    return R.split(key, tuple(n) if isinstance(n, list) else n)
  if op == 'fold_in':
    return R.fold_in(key, np.uint32(s['data'] & 0xFFFFFFFF) if s['data'] >= 2**31 else s['data'])
  if op == 'bits':
    return R.bits(key, shape, jnp.uint32)
  if op == 'uniform':
    lo, hi = s.get('minval', 0.0), s.get('maxval', 1.0)
    return R.uniform(key, shape, jnp.float32, lo, hi)
  if op == 'normal':
    if not X64:
      return R.normal(key, shape, jnp.float32)
    lo = np.nextafter(np.float32(-1), np.float32(0))
    u = np.asarray(R.uniform(key, shape, jnp.float32, lo, np.float32(1)), np.float64)
    return math.sqrt(2) * scipy.special.erfinv(u)
  if op == 'truncated_normal':
    lo, hi = s['lower'], s['upper']
    if not X64:
      return R.truncated_normal(key, lo, hi, shape, jnp.float32)
    return truncnorm64(key, lo, hi, shape)
  if op == 'randint':
    return R.randint(key, shape, s['minval'], s['maxval'], jnp.int32)
  if op == 'permutation':
    return R.permutation(key, s['n']).astype(jnp.int32)
  if op == 'permutation_array':
    return R.permutation(key, jnp.asarray(s['x']), axis=s.get('axis', 0),
                         independent=s.get('independent', False))
  if op == 'bernoulli':
    return R.bernoulli(key, np.float32(s['p']), shape or None)
  raise KeyError(op)


def truncnorm64(key, lo, hi, shape):
  """float64 reference that uses the same 23 random bits per value as float32."""
  bits = np.asarray(jax.random.bits(key, tuple(shape), jnp.uint32))
  fl = ((bits >> np.uint32(9)) | np.uint32(0x3F800000)).view(np.float32).astype(np.float64) - 1.0
  a = scipy.special.erf(lo / math.sqrt(2)); b = scipy.special.erf(hi / math.sqrt(2))
  u = np.maximum(a, fl * (b - a) + a)
  return np.clip(math.sqrt(2) * scipy.special.erfinv(u), lo, hi)


def key_of(seed):
  return np.asarray(jax.random.PRNGKey(seed))


def prng_compute(inp):
  return {k: prng_one(s) for k, s in inp['calls'].items()}


INITS = {
  'lecun_normal': lambda s: nn.initializers.lecun_normal(),
  'xavier_uniform': lambda s: nn.initializers.xavier_uniform(),
  'xavier_normal': lambda s: nn.initializers.xavier_normal(),
  'he_normal': lambda s: nn.initializers.he_normal(),
  'he_uniform': lambda s: nn.initializers.he_uniform(),
  'lecun_uniform': lambda s: nn.initializers.lecun_uniform(),
  'zeros': lambda s: nn.initializers.zeros_init(),
  'ones': lambda s: nn.initializers.ones_init(),
  'constant': lambda s: nn.initializers.constant(s['value']),
  'normal': lambda s: nn.initializers.normal(s['stddev']),
  'uniform': lambda s: nn.initializers.uniform(s['scale']),
  'truncated_normal': lambda s: nn.initializers.truncated_normal(s['stddev']),
  'orthogonal': lambda s: nn.initializers.orthogonal(s.get('scale', 1.0)),
}


def init_one(s):
  key, shape = jnp.asarray(s['key']), tuple(s['shape'])
  name = s['init']
  if not X64:
    return INITS[name](s)(key, shape, jnp.float32)
  rf = math.prod(shape[:-2]) if len(shape) > 2 else 1
  fin, fout = (shape[-2] * rf, shape[-1] * rf) if len(shape) >= 2 else (0, 0)
  var = {'lecun': lambda: 1 / fin, 'he': lambda: 2 / fin,
         'xavier': lambda: 2 / (fin + fout)}
  nrm = lambda: np.asarray(prng_one({'op': 'normal', 'key': key, 'shape': shape}))
  uni = lambda: np.asarray(jax.random.uniform(key, shape, jnp.float32, -1, 1), np.float64)
  if name.split('_')[0] in var:
    v = var[name.split('_')[0]]()
    if name.endswith('uniform'):
      return uni() * math.sqrt(3 * v)
    if name == 'xavier_normal' or True:
      return truncnorm64(key, -2, 2, shape) * math.sqrt(v) / .87962566103423978
  if name == 'zeros':
    return np.zeros(shape)
  if name == 'ones':
    return np.ones(shape)
  if name == 'constant':
    return np.full(shape, s['value'], np.float64)
  if name == 'normal':
    return nrm() * s['stddev']
  if name == 'uniform':
    return np.asarray(jax.random.uniform(key, shape, jnp.float32), np.float64) * s['scale']
  if name == 'truncated_normal':
    # flax/jax: stddev / .8796 correction
    return truncnorm64(key, -2, 2, shape) * (s['stddev'] / .87962566103423978
      if _tn_corrected() else s['stddev'])
  if name == 'orthogonal':
    n_cols = shape[-1]; n_rows = math.prod(shape[:-1])
    ms = (n_rows, n_cols) if n_rows > n_cols else (n_cols, n_rows)
    A = np.asarray(prng_one({'op': 'normal', 'key': key, 'shape': ms}))
    Q, R = np.linalg.qr(A)
    Q = Q * np.sign(np.diag(R))
    if n_rows < n_cols:
      Q = Q.T
    return s.get('scale', 1.0) * Q.reshape(shape)
  raise KeyError(name)


@functools.cache
def _tn_corrected():
  return '8796' in inspect.getsource(jax.nn.initializers.truncated_normal)


def init_compute(inp):
  return {k: init_one(s) for k, s in inp['calls'].items()}


def prng_keys():
  calls = {}
  for s in [0, 1, 42, 123456789, 2**31 - 1, 2**31, 2**32 - 1, -1, -7, 2**32 + 5, 2**40 + 3]:
    calls[f'PRNGKey_{s}'] = {'op': 'PRNGKey', 'seed': s}
  for s in [0, 42]:
    for n in [1, 2, 3, 5, 10, [2, 3]]:
      calls[f'split_{s}_{n}'] = {'op': 'split', 'key': key_of(s), 'n': n}
  for s in [0, 42]:
    for d in [0, 1, 2, 7, 1000, 2**31 - 1, 2**32 - 1]:
      calls[f'fold_in_{s}_{d}'] = {'op': 'fold_in', 'key': key_of(s), 'data': d}
  return {'jax_threefry_partitionable': FLAG, 'jax_default_prng_impl': jax.config.jax_default_prng_impl,
          'jax_enable_x64': False, 'calls': calls}
S.add('prng_keys', 'PRNGKey(seed), split(key, n) and fold_in(key, int) as raw uint32 keys (threefry2x32, partitionable flag as recorded).', prng_keys, prng_compute)

def prng_samples():
  calls = {}
  for s in [0, 42]:
    k = key_of(s)
    for sh in [[], [1], [2], [5], [3, 4], [2, 3, 2]]:
      calls[f'bits_{s}_{sh}'] = {'op': 'bits', 'key': k, 'shape': sh}
    for sh in [[], [7], [3, 4]]:
      calls[f'uniform_{s}_{sh}'] = {'op': 'uniform', 'key': k, 'shape': sh, 'minval': 0.0, 'maxval': 1.0}
      calls[f'normal_{s}_{sh}'] = {'op': 'normal', 'key': k, 'shape': sh}
      calls[f'truncated_normal_{s}_{sh}'] = {'op': 'truncated_normal', 'key': k, 'lower': -2.0, 'upper': 2.0, 'shape': sh}
    calls[f'uniform_range_{s}'] = {'op': 'uniform', 'key': k, 'shape': [9], 'minval': -3.0, 'maxval': 0.5}
    for lo, hi in [(0, 10), (-5, 5), (0, 3), (0, 1000003), (0, 1 << 20), (3, 4)]:
      calls[f'randint_{s}_{lo}_{hi}'] = {'op': 'randint', 'key': k, 'shape': [8], 'minval': lo, 'maxval': hi}
    for n in [1, 2, 5, 17, 64] + ([1800] if s == 0 else []):
      calls[f'permutation_{s}_{n}'] = {'op': 'permutation', 'key': k, 'n': n}
    calls[f'permutation_array_{s}'] = {'op': 'permutation_array', 'key': k, 'x': np.arange(12, dtype=np.float32).reshape(6, 2)}
    for p in [0.1, 0.5, 0.9]:
      calls[f'bernoulli_{s}_{p}'] = {'op': 'bernoulli', 'key': k, 'p': p, 'shape': [20]}
  calls['normal_512'] = {'op': 'normal', 'key': key_of(7), 'shape': [512]}
  calls['uniform_512'] = {'op': 'uniform', 'key': key_of(7), 'shape': [512]}
  calls['truncated_normal_512'] = {'op': 'truncated_normal', 'key': key_of(7), 'lower': -2.0, 'upper': 2.0, 'shape': [512]}
  calls['truncated_normal_0_1'] = {'op': 'truncated_normal', 'key': key_of(7), 'lower': 0.0, 'upper': 1.0, 'shape': [32]}
  calls['permutation_array_axis1'] = {'op': 'permutation_array', 'key': key_of(3), 'x': np.arange(15, dtype=np.float32).reshape(3, 5), 'axis': 1}
  calls['permutation_array_independent'] = {'op': 'permutation_array', 'key': key_of(3), 'x': np.arange(15, dtype=np.float32).reshape(3, 5), 'axis': 1, 'independent': True}
  return {'jax_threefry_partitionable': FLAG, 'calls': calls}
S.add('prng_samples', 'random.bits/uniform/normal/truncated_normal/randint/permutation/bernoulli, float32/int32/uint32.', prng_samples, prng_compute)

def inits():
  calls = {}
  i = 0
  for n in ['lecun_normal', 'xavier_uniform', 'xavier_normal', 'he_normal', 'he_uniform', 'lecun_uniform', 'zeros', 'ones', 'orthogonal']:
    for sh in [[3, 4], [8, 2], [1, 5]]:
      calls[f'{n}_{sh}'] = {'init': n, 'key': key_of(i), 'shape': sh}
      i += 1
  for n in ['lecun_normal', 'xavier_uniform', 'he_normal']:
    calls[f'{n}_conv'] = {'init': n, 'key': key_of(i), 'shape': [3, 3, 2, 4]}
  calls['normal_0.02'] = {'init': 'normal', 'stddev': 0.02, 'key': key_of(5), 'shape': [4, 6]}
  calls['normal_0.01'] = {'init': 'normal', 'stddev': 0.01, 'key': key_of(5), 'shape': [3]}
  calls['uniform_0.01'] = {'init': 'uniform', 'scale': 0.01, 'key': key_of(5), 'shape': [3, 2]}
  calls['truncated_normal_0.02'] = {'init': 'truncated_normal', 'stddev': 0.02, 'key': key_of(6), 'shape': [4, 6]}
  calls['constant_1.5'] = {'init': 'constant', 'value': 1.5, 'key': key_of(6), 'shape': [2, 2]}
  calls['orthogonal_scale'] = {'init': 'orthogonal', 'scale': 1.4142135, 'key': key_of(9), 'shape': [6, 6]}
  return {'calls': calls}
S.add('initializers', 'flax.linen.initializers called as init(key, shape, float32); in axis -2, out axis -1.', inits, init_compute)
