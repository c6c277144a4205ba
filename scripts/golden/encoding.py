"""Trees of arrays to JSON and back."""
import inspect
import math
import os
import sys
import textwrap

X64 = '--x64' in sys.argv
EAGER = '--eager' in sys.argv
REORDER = '--reorder' in sys.argv
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
import jax
if X64:
  jax.config.update('jax_enable_x64', True)
import flax
import jax.numpy as jnp
import numpy as np

F = np.float64 if X64 else np.float32


def enc_num(v):
  v = float(v)
  if math.isnan(v):
    return 'NaN'
  if math.isinf(v):
    return 'Infinity' if v > 0 else '-Infinity'
  return v


def enc(x):
  if x is None or isinstance(x, (bool, str)):
    return x
  if isinstance(x, int):
    return x
  if isinstance(x, float):
    return enc_num(x)
  if isinstance(x, (np.ndarray, np.generic, jax.Array)):
    a = np.asarray(x)
    if a.dtype.kind == 'f':
      assert a.dtype == np.float32, a.dtype
      data = [enc_num(v) for v in a.ravel()]
    elif a.dtype.kind == 'b':
      data = [bool(v) for v in a.ravel()]
    else:
      data = [int(v) for v in a.ravel()]
    return {'shape': list(a.shape), 'dtype': str(a.dtype), 'data': data}
  if isinstance(x, tuple) and hasattr(x, '_fields'):
    return {'__namedtuple__': type(x).__name__,
            'fields': {k: enc(getattr(x, k)) for k in x._fields}}
  if isinstance(x, tuple):
    return {'__tuple__': [enc(v) for v in x]}
  if isinstance(x, list):
    return [enc(v) for v in x]
  if isinstance(x, (dict, flax.core.FrozenDict)):
    return {str(k): enc(v) for k, v in x.items()}
  raise TypeError(f'{type(x)}')


def is_arr(d):
  return isinstance(d, dict) and set(d) == {'shape', 'dtype', 'data'}


def dec(x, f=None):
  """JSON -> numpy tree; float32 becomes F (float64 in the x64 process)."""
  f = f or F
  if is_arr(x):
    dt = np.dtype(x['dtype'])
    if dt.kind == 'f':
      a = np.array([float(v) for v in x['data']], np.float32).astype(f)
    else:
      a = np.array(x['data'], dt)
    return a.reshape(x['shape'])
  if isinstance(x, dict):
    if '__tuple__' in x:
      return tuple(dec(v, f) for v in x['__tuple__'])
    return {k: dec(v, f) for k, v in x.items()}
  if isinstance(x, list):
    return [dec(v, f) for v in x]
  return x


def J(tree):
  """numpy leaves -> jax arrays; keeps dict order (jax's tree_map would sort)."""
  if isinstance(tree, dict):
    return {k: J(v) for k, v in tree.items()}
  if isinstance(tree, list):
    return [J(v) for v in tree]
  if isinstance(tree, tuple):
    return tuple(J(v) for v in tree)
  return jnp.asarray(tree) if isinstance(tree, (np.ndarray, np.generic)) else tree


def shapes(tree):
  if isinstance(tree, dict):
    return {k: shapes(v) for k, v in tree.items()}
  return list(np.shape(tree))


def key_order(tree):
  """nested [key, children] lists: the insertion order of a dict tree."""
  if isinstance(tree, (dict, flax.core.FrozenDict)):
    return [[k, key_order(v)] for k, v in tree.items()]
  return None


def src(obj):
  return textwrap.dedent(inspect.getsource(obj))


def plain(x):
  """like enc, but arrays stay numpy (any float width)."""
  if isinstance(x, (np.ndarray, np.generic, jax.Array)):
    return np.asarray(x)
  if isinstance(x, tuple) and hasattr(x, '_fields'):
    return {'__namedtuple__': type(x).__name__,
            'fields': {k: plain(getattr(x, k)) for k in x._fields}}
  if isinstance(x, tuple):
    return {'__tuple__': [plain(v) for v in x]}
  if isinstance(x, list):
    return [plain(v) for v in x]
  if isinstance(x, (dict, flax.core.FrozenDict)):
    return {str(k): plain(v) for k, v in x.items()}
  return x
