"""The list of cases: writes their files, or measures how far another run of the same numbers is from them."""
import inspect
import json
import os

import flax
import jax
import numpy as np
import optax

from encoding import EAGER, REORDER, X64, dec, enc, is_arr, plain

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {'jax': jax.__version__, 'flax': flax.__version__, 'optax': optax.__version__}


class Suite:
  def __init__(self, out, tol_path):
    self.out, self.tol_path = out, tol_path
    self.cases = []

  def add(self, name, what, build, compute, x64=True, note=None):
    self.cases.append((name, what, build, compute, x64, note))

  def write(self):
    os.makedirs(self.out, exist_ok=True)
    only = os.environ.get('ONLY', '').split(',') if os.environ.get('ONLY') else None
    for name, what, build, compute, x64, note in self.cases:
      if only is not None and name not in only:
        continue
      inputs = enc(build())
      inputs = json.loads(json.dumps(inputs))
      outputs = enc(compute(dec(inputs)))
      rec = {'name': name, 'what': what, 'versions': VERSIONS}
      if note:
        rec['note'] = note
      rec['inputs'] = inputs
      rec['outputs'] = outputs
      path = os.path.join(self.out, name + '.json')
      with open(path, 'w') as f:
        json.dump(rec, f, allow_nan=False, separators=(',', ':'))
      print(f'{name:36s} {os.path.getsize(path):9d}')

  def compare(self):
    """--x64 / --eager / --reorder: distance of the stored results to this run."""
    res = {}
    for name, what, build, compute, x64, note in self.cases:
      if not x64:
        continue
      if (EAGER or REORDER) and not name.startswith('train_'):
        continue
      rec = json.load(open(os.path.join(self.out, name + '.json')))
      inp = dec(rec['inputs'])
      if 'stored' in inspect.signature(compute).parameters:
        out = compute(inp, stored=dec(rec['outputs']))
      else:
        out = compute(inp)
      rows = {}
      diff_tree(rec['outputs'], plain(out), '', rows, name)
      res[name] = rows
    mode = 'x64' if X64 else 'eager' if EAGER else 'reorder'
    os.makedirs(os.path.dirname(self.tol_path), exist_ok=True)
    with open(self.tol_path.replace('.json', f'_{mode}.json'), 'w') as f:
      json.dump(res, f, indent=1)
    print('compared', mode, len(res), 'files')


def diff_tree(a, b, path, rows, name):
  if is_arr(a):
    b = np.asarray(b)
    assert list(b.shape) == a['shape'], (name, path, b.shape, a['shape'])
    av = np.array([float(v) for v in a['data']], np.float64).reshape(b.shape)
    bv = b.astype(np.float64)
    if np.dtype(a['dtype']).kind != 'f':
      rows[path] = {'n': int(av.size), 'int_mismatch': int((av != bv).sum())}
      return
    if not av.size:
      return
    fin = np.isfinite(av) & np.isfinite(bv)
    same = (np.isnan(av) & np.isnan(bv)) | (av == bv)
    bad = int((~fin & ~same).sum())
    d = np.abs(np.where(fin, av, 0) - np.where(fin, bv, 0))
    ref = np.abs(np.where(fin, bv, 0))
    scale = ref.max()
    big = ref > 1e-3 * scale
    erel = float((d[big] / ref[big]).max()) if big.any() else 0.0
    rows[path] = {'n': int(av.size), 'scale': float(scale), 'abs': float(d.max()),
                  'nrel': float(d.max() / scale) if scale else 0.0, 'erel': erel}
    if bad:
      rows[path]['nonfinite_mismatch'] = bad
    return
  if isinstance(a, dict):
    if not isinstance(b, dict) or set(a) != set(b):
      raise AssertionError((name, path, list(a), b if not isinstance(b, dict) else list(b)))
    for k in a:
      diff_tree(a[k], b[k], f'{path}/{k}', rows, name)
    return
  if isinstance(a, list):
    assert isinstance(b, (list, tuple)) and len(a) == len(b), (name, path)
    for i, (x, y) in enumerate(zip(a, b)):
      diff_tree(x, y, f'{path}/{i}', rows, name)
    return
  if isinstance(a, float) and isinstance(b, float):
    rows[path] = {'n': 1, 'scale': abs(b), 'abs': abs(a - b),
                  'nrel': abs(a - b) / abs(b) if b else 0.0,
                  'erel': abs(a - b) / abs(b) if b else 0.0}
    return
  if a != b and not (isinstance(a, float) or isinstance(b, float)):
    rows[path] = {'n': 1, 'value_mismatch': [repr(a)[:200], repr(b)[:200]]}


S = Suite(os.environ.get('OUT', os.path.join(HERE, '../../test/golden')), os.environ.get('TOL', os.path.join(HERE, 'out/tolerances.json')))
