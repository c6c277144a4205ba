"""Numbers from jax.numpy and jax.random (jax 0.10.2, CPU) for test/numpy and test/random: python make_numpy.py > test/golden/numpy.json

A case is a function's name in camelCase, positional arguments, options, and what came out: an array, a list of arrays, or an error.
Cases with "grad" also hold the cotangents of the first argument (or of the tensors in it) for a fixed cotangent of the result.
"""
import json
import math
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np

assert jax.__version__ == '0.10.2', jax.__version__
snake = lambda name: re.sub(r'(?<=[a-z0-9])([A-Z])', lambda m: '_' + m.group(1).lower(), name)
RENAMED = {'equalNan': 'equal_nan', 'm': 'M', 'divide': 'divide', 'mod': 'remainder', 'allclose': 'allclose', 'nanToNum': 'nan_to_num'}


def plain(v):
  if isinstance(v, np.float32):
    v = float(str(v))  # the shortest decimal that names it
  if isinstance(v, float) and not math.isfinite(v):
    return 'NaN' if math.isnan(v) else ('Infinity' if v > 0 else '-Infinity')
  return v


def entry(a):
  a = np.asarray(a)
  return {'shape': list(a.shape), 'dtype': str(a.dtype), 'data': [plain(v) for v in (a.ravel() if a.dtype == np.float32 else a.ravel().tolist())]}


def value_of(arg):
  if isinstance(arg, np.ndarray):
    return jnp.asarray(arg)
  return [value_of(a) for a in arg] if isinstance(arg, list) and any(isinstance(a, np.ndarray) for a in arg) else arg


def json_of(arg):
  if isinstance(arg, np.ndarray):
    return entry(arg)
  return [json_of(a) for a in arg] if isinstance(arg, (list, tuple)) else plain(arg)


def tuples(v):  # numpy wants shapes and axes as tuples
  return tuple(tuples(e) for e in v) if isinstance(v, list) else v


def cotangent(y):
  return ((jnp.arange(y.size, dtype=jnp.float32) % 7 + 1) * 0.25).reshape(y.shape)


cases = []


def case(name, *args, grad=False, module=jnp, **options):
  f = getattr(module, RENAMED.get(name, snake(name)))
  kw = {RENAMED.get(k, snake(k)): (tuples(v) if k == 'axis' else jnp.asarray(v) if isinstance(v, np.ndarray) else v) for k, v in options.items()}
  call = {'name': name, 'module': 'random' if module is jax.random else 'np', 'args': [json_of(a) for a in args], 'options': {k: json_of(v) for k, v in options.items()}}
  values = [value_of(a) for a in args]
  try:
    y = f(*values, **kw)
  except Exception as error:  # what matters is that there is one
    cases.append({**call, 'error': type(error).__name__})
    return
  call['result'] = [entry(v) for v in y] if isinstance(y, (list, tuple)) else entry(y)
  if grad:
    # Summed outside: cotangents of a list go to each of its parts.
    y, back = jax.vjp(lambda first: f(first, *values[1:], **kw), values[0])
    ct = [cotangent(v) for v in y] if isinstance(y, (list, tuple)) else cotangent(y)
    (dx,) = back(type(y)(ct) if isinstance(y, tuple) else ct)
    call['gradient'] = [entry(v) for v in dx] if isinstance(dx, (list, tuple)) else entry(dx)
  cases.append(call)


F = lambda *v: np.array(v, np.float32)
I = lambda *v: np.array(v, np.int32)
U = lambda *v: np.array(v, np.uint32)
B = lambda *v: np.array(v, bool)
rng = np.random.default_rng(0)
normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
INF, NAN = float('inf'), float('nan')

# Promotion: every pair of kinds, every kind of function.
kinds = [F(1.5, -2.0, 3.0), I(3, -2, 0), U(3, 2, 1), B(True, False, True), 2, 2.5, True, -3]
for name in ['add', 'subtract', 'multiply', 'divide', 'floorDivide', 'remainder', 'power', 'maximum', 'equal', 'less', 'logicalAnd']:
  for a in kinds:
    for b in kinds:
      if name == 'power' and not isinstance(b, (int, float)) and b.dtype == np.int32:
        continue  # negative exponents of integers mean nothing
      case(name, a, b)
for a in kinds:
  for b in kinds:
    case('where', B(True, False, True), a, b)

special = F(0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.5, 1e-6, 80.0, -80.0, INF, -INF, NAN)
tame = F(0.3, -0.7, 1.2, -2.4, 3.1, 0.0)
positive = F(0.3, 0.7, 1.2, 2.4, 3.1, 1e-4)
for name in ['negative', 'abs', 'sign', 'square', 'reciprocal', 'exp', 'expm1', 'exp2', 'log', 'log1p', 'log2', 'log10', 'sqrt', 'sin', 'cos', 'tan', 'tanh', 'sinh', 'cosh', 'floor',
             'ceil', 'trunc', 'round', 'isnan', 'isinf', 'isfinite', 'logicalNot', 'nanToNum']:
  x = special[:-3] if name in ('sin', 'cos', 'tan') else special
  case(name, x)
  case(name, I(3, -2, 0))
  if name != 'round':
    case(name, B(True, False))
  if name.startswith('is') or name in ('logicalNot', 'sign', 'floor', 'ceil', 'trunc', 'round'):
    continue
  case(name, positive if name in ('log', 'log2', 'log10', 'sqrt') else tame, grad=True)
case('round', F(1.25, -1.35, 2.5), decimals=1)
pairs = (F(5.5, -5.5, 5.5, -5.5, 0.0, -0.0, INF, 1.0, NAN, 7.0), F(2.0, 2.0, -2.0, -2.0, 3.0, 3.0, 2.0, 0.0, 1.0, INF))
ints = (I(7, -7, 7, -7, 6, -6, 5), I(2, 2, -2, -2, 3, 3, 0))
for name in ['floorDivide', 'remainder', 'power', 'maximum', 'minimum', 'logaddexp', 'isclose']:
  case(name, *pairs)
for name in ['remainder', 'maximum', 'minimum', 'bitwiseAnd', 'bitwiseOr', 'bitwiseXor']:
  case(name, *ints)
case('floorDivide', ints[0][:6], ints[1][:6])
case('remainder', ints[0], 3), case('remainder', pairs[0], -2.5), case('remainder', ints[0], -3)
case('floorDivide', ints[0], -3)
case('leftShift', I(1, -1, 5), I(3, 31, 33)), case('rightShift', I(100, -100, -1), I(3, 3, 33)), case('rightShift', U(4000000000), 4)
for k in [0, 1, 2, 3, 5, -1, -2, 0.5]:
  case('power', F(0.0, 1.5, 2.0, -1.0 if k != 0.5 else 1.0), k, grad=k >= 1 or k == 0)
case('power', tame, I(2, 3, 0, 1, 2, 0), grad=True), case('power', I(2, 3, -2), I(3, 0, 5)), case('power', I(2), -1), case('power', 2.0, tame)
for name in ['add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum', 'logaddexp']:
  case(name, normal(2, 1, 3), normal(4, 1), grad=True)
  case(name, F(1.0, 2.0, 0.0), F(1.0, 0.5, 0.0), grad=True) if name != 'divide' else None
case('logaddexp', F(-INF, INF, -INF, 0.0), F(-INF, INF, INF, -INF), grad=False)
case('clip', F(-2.0, -1.0, 0.0, 1.0, 2.0, NAN), -1, 1, grad=True), case('clip', I(-5, 5), None, 3), case('clip', I(1, 5), 1.5)
case('add', normal(2, 3), normal(4)), case('isclose', F(NAN, 1.0), F(NAN, 1.00001), equalNan=True), case('isclose', I(1000000), I(1000001))
case('allclose', F(1.0, 2.0), F(1.0, 2.1)), case('arrayEqual', I(1, 2), I(1, 2)), case('arrayEqual', I(1, 2), I(1, 2, 3))
case('where', F(0.0, NAN, 2.0), normal(2, 1), F(7.0)), case('where', B(True, False), F(1.0, 2.0), 0.5)

x = normal(3, 4, 2)
ties = F(1.0, 3.0, 3.0, 2.0, 2.0, 2.0, -1.0, 0.0, -1.0).reshape(3, 3)
for name in ['sum', 'mean', 'prod', 'max', 'min', 'var', 'std', 'logsumexp']:
  f = dict(module=jax.nn) if name == 'logsumexp' else {}
  for axis in [None, 0, -1, [0, 2]]:
    case(name, x, axis=axis, grad=True, **f)
  case(name, x, axis=1, keepdims=True, **f)
  case(name, ties, axis=1, grad=name not in ('std', 'var'), **f)
  if name == 'logsumexp':
    case(name, F(-INF, -INF), **f), case(name, F(INF, 1.0), **f), case(name, F(NAN, 1.0), **f)
    continue
  case(name, F(1.0, NAN, 2.0)), case(name, I(3, -1, 2)), case(name, B(True, False)), case(name, U(3, 4)), case(name, np.zeros((0, 2), np.float32), axis=0)
  case(name, x, axis=1, where=x > 0, **({'initial': 0.5} if name in ('max', 'min') else {}))
  case(name, ties, axis=1, where=ties > 5, **({'initial': 0.5} if name in ('max', 'min') else {}))
case('max', x, where=x > 0), case('max', ties, axis=0, initial=2.5), case('prod', F(0.0, 2.0, 3.0, 0.0, 5.0).reshape(1, 5), axis=1, grad=True)
case('prod', F(0.0, 2.0, 3.0), grad=True), case('sum', B(True, True), dtype='float32'), case('var', x, axis=0, ddof=1, grad=True), case('var', F(1.0), ddof=1), case('var', F(1.0), ddof=2)
case('var', np.zeros((0,), np.float32))
for name in ['any', 'all', 'countNonzero']:
  case(name, F(0.0, NAN, 2.0)), case(name, B(True, False)), case(name, ties, axis=1), case(name, np.zeros((2, 0), bool), axis=1)
for name in ['argmax', 'argmin']:
  case(name, ties, axis=1), case(name, ties), case(name, F(1.0, NAN, NAN)), case(name, x, axis=1, keepdims=True), case(name, I(3, 3)), case(name, np.zeros(0, np.float32)), case(name, x, keepdims=True)
for name in ['cumsum', 'cumprod']:
  case(name, x, axis=1, grad=True), case(name, ties, axis=0, grad=True), case(name, x), case(name, I(1, 2, 3, 4, 5)), case(name, B(True, True))
for name in ['sort', 'argsort']:
  case(name, F(3.0, NAN, -1.0, INF, 2.0)), case(name, ties, axis=0), case(name, ties, descending=True), case(name, I(3, 1, 3, 2)), case(name, B(True, False)), case(name, x, axis=None)
case('sort', x, axis=1, grad=True)
for axis in [None, 1, [0, 2]]:
  case('median', x, axis=axis, grad=axis is not None), case('median', ties, axis=axis if axis != [0, 2] else 0, keepdims=True)
case('median', F(1.0, NAN)), case('median', I(1, 2))

case('reshape', x, [4, -1]), case('reshape', x, [5, -1]), case('ravel', x), case('transpose', x), case('transpose', x, [1, -1, 0], grad=True), case('swapaxes', x, 0, -1), case('moveaxis', x, 0, -1)
case('moveaxis', normal(2, 3, 4, 5), [0, -1], [2, 0], grad=True), case('expandDims', x, 1), case('expandDims', x, [0, -1]), case('squeeze', normal(1, 3, 1)), case('squeeze', normal(1, 3, 1), axis=0)
case('squeeze', x, axis=0), case('broadcastTo', normal(4, 1), [3, 4, 2], grad=True), case('flip', x), case('flip', x, axis=1, grad=True), case('roll', x, 1), case('roll', x, -3, axis=1, grad=True)
case('roll', x, [1, 2], axis=[0, 1]), case('tile', x, 2), case('tile', x, [2, 1, 3], grad=True), case('tile', F(1.0, 2.0), [3, 2]), case('repeat', x, 2), case('repeat', x, 3, axis=1, grad=True)
case('matrixTranspose', x), case('tile', normal(2, 3, 2), [2, 2, 2, 2])
for parts in [[x, x], [F(1.0), I(2)], [F(1.0), F(2.0).reshape(1, 1)]]:
  case('concatenate', parts), case('stack', parts)
case('concatenate', [ties, ties[:, :1]], axis=1, grad=True), case('concatenate', [x, ties], axis=None), case('stack', [ties, ties], axis=-1, grad=True)
case('vstack', [F(1.0, 2.0), F(3.0, 4.0).reshape(1, 2)]), case('hstack', [F(1.0, 2.0), F(3.0)]), case('hstack', [ties, ties])
case('split', x, 2, axis=1, grad=True), case('split', x, 3, axis=1), case('split', x, [1, 3], axis=1), case('arraySplit', F(*range(7)), 3), case('split', F(*range(7)), [-2, 9])
for mode in ['constant', 'edge', 'reflect', 'symmetric']:
  case('pad', ties, [[1, 2], [0, 1]], mode=mode, grad=True), case('pad', ties, 1, mode=mode)
case('pad', F(1.0), [2, 1], constantValues=7)
case('pad', F(1.0, 2.0, 3.0), [4, 8], mode='wrap', grad=True)
case('diag', F(1.0, 2.0), grad=True), case('diag', F(1.0, 2.0), k=-1), case('diag', F(1.0, 2.0), k=2), case('diag', ties, grad=True), case('diag', normal(3, 4), k=2), case('diag', normal(3, 4), k=-1)
case('diag', normal(2, 3), k=5), case('diagonal', x, offset=1), case('trace', x, grad=True), case('trace', ties, offset=-1), case('tril', x, k=1, grad=True), case('triu', normal(3, 3)), case('triu', ties, k=-1)

for a, b in [((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((1, 2, 3), (5, 3, 1)),
             ((3,), (5, 3, 2)), ((5, 2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 2)), ((2, 3), (4, 3)), ((), (3,)), ((2, 2, 3), (3, 3, 2))]:
  for name in ['matmul', 'dot']:
    case(name, normal(*a), normal(*b), grad=0 not in a and a != () and a[-1] == b[max(0, len(b) - 2)] and (name == 'dot' or (a, b) != ((2, 2, 3), (3, 3, 2))))
case('matmul', I(1, 2, 3), I(4, 5, 6)), case('matmul', B(True, False), B(True, True)), case('matmul', I(1, 2), F(0.5, 0.5)), case('dot', 2.0, ties)
case('vdot', ties, ties, grad=True), case('inner', normal(2, 3), normal(4, 3), grad=True), case('outer', F(1.0, 2.0), I(3, 4)), case('tensordot', normal(2, 3, 4), normal(3, 4, 5), grad=True)
case('tensordot', x, x, axes=1), case('tensordot', normal(2, 3, 4), normal(4, 5, 2), axes=[[0, 2], [2, 0]], grad=True), case('tensordot', F(1.0, 2.0), F(3.0), axes=0)

labels = {'i': 3, 'j': 4, 'k': 2, 'l': 5}
for spec in ['ij,jk->ik', 'ij,jk', 'ij->ji', 'ij->', 'ij', 'ji', 'ii', 'ii->i', 'iij->j', 'i,j->ij', 'i,i->i', 'i,i', 'ij,ij->', 'ijk,ijl->ikl', 'ijk,kl->ijl', 'ij,kj,lk->il', 'ij,jk,kl,li->',
             'ijk->kj', 'ij,k->ikj', 'ij,jk->ki', ' i j , j -> i ', 'iij,jj->i', 'ijij->ij', 'ij,l->']:
  terms = spec.replace(' ', '').split('->')[0].split(',')
  operands = [normal(*[labels[c] for c in t]) for t in terms]
  f = lambda first, *rest, spec=spec: jnp.einsum(spec, first, *rest)
  values = [jnp.asarray(o) for o in operands]
  y, back = jax.vjp(lambda first: jnp.einsum(spec, first, *values[1:], precision='highest'), values[0])
  cases.append({'name': 'einsum', 'module': 'np', 'spec': spec, 'args': [entry(o) for o in operands], 'options': {}, 'result': entry(y), 'gradient': entry(back(cotangent(y))[0])})
for spec, shapes in [('...ij,...jk->...ik', [(5, 2, 3), (1, 3, 4)]), ('...ij,jk', [(5, 2, 3), (3, 4)]), ('i...->...', [(3, 2, 4)]), ('...i,...i->...', [(2, 3), (4, 2, 3)]), ('...,...', [(2, 1), (3,)]),
                     ('b...d,b...e->...de', [(2, 3, 4), (2, 3, 5)]), ('ij,jk', [(2, 3), (4, 5)]), ('ij', [(2,)]), ('ij->k', [(2, 3)]), ('ij->ii', [(2, 3)]), ('i,i', [(2,)]), ('i->i->i', [(2,)])]:
  operands = [normal(*s) for s in shapes]
  item = {'name': 'einsum', 'module': 'np', 'spec': spec, 'args': [entry(o) for o in operands], 'options': {}}
  try:
    item['result'] = entry(jnp.einsum(spec, *[jnp.asarray(o) for o in operands]))
  except Exception as error:
    item['error'] = type(error).__name__
  cases.append(item)

grid = normal(4, 3)
for mode in ['fill', 'clip', 'wrap']:
  case('take', grid, I(0, -1, 3, 4, -5), axis=0, mode=mode), case('take', I(5, 6, 7), I(1, -4, 9), mode=mode), case('take', grid, I(2, 0).reshape(1, 2), axis=1, mode=mode, grad=True)
  if mode != 'wrap':
    case('takeAlongAxis', grid, I(0, -1, 3, 5, -7, 1).reshape(2, 3), axis=0, mode=mode)
case('take', grid, 2, axis=0), case('take', grid, F(1.0), axis=0), case('takeAlongAxis', grid, I(1).reshape(1, 1), axis=1), case('take', B(True, False), I(0, 5))
case('takeAlongAxis', grid, I(1, 1, 2, 0).reshape(4, 1), axis=1, grad=True)
case('oneHot', I(0, 2, -1, 3, 1), 3, module=jax.nn), case('oneHot', I(0, 2).reshape(1, 2), 3, axis=0, dtype='int32', module=jax.nn)
for args, options in [((5,), {}), ((2, 7), {}), ((1, 2, 0.25), {}), ((5, 0, -2), {}), ((3,), {'dtype': 'float32'}), ((0.5,), {}), ((3, 1), {})]:
  case('arange', *args, **options)
case('linspace', 0, 1, num=5), case('linspace', -1, 3, num=4, endpoint=False), case('linspace', 2, 5, num=1), case('linspace', 0, 10, num=4, dtype='int32'), case('linspace', 0, 1, num=0)
case('eye', 3), case('eye', 2, m=4, k=1, dtype='int32'), case('eye', 3, k=-1), case('tri', 3, m=4, k=-1), case('zeros', [2, 0]), case('ones', [2], dtype='int32')
case('zerosLike', I(1, 2)), case('onesLike', F(1.0)), case('fullLike', I(1, 2), 7)

key = U(0, 42)
R = dict(module=jax.random)
for bounds in [(-2.0, 2.0), (-1.0, 0.5), (0.0, 3.0), (-6.0, 6.0), (1.0, 1.5)]:
  case('truncatedNormal', key, *bounds, [9], **R)
case('randint', key, [7], np.array(0, np.uint32), np.array(4294967295, np.uint32), dtype='uint32', **R), case('randint', key, [7], -2147483648, 2147483647, **R), case('randint', key, [7], 5, 3, **R), case('randint', key, [3], I(0, 10, -5), I(5, 20, 5), **R)
case('randint', key, [7], 2, 7, dtype='uint32', **R), case('gumbel', key, [33], **R), case('exponential', key, [33], **R)
case('uniform', key, [2, 3], minval=F(0.0, 1.0, -2.0), maxval=3.0, **R), case('bernoulli', key, F(0.1, 0.5, 0.9), **R), case('bernoulli', key, F(0.1, 0.5, 0.9), [4, 3], **R)
logits = normal(4, 5)
case('categorical', key, logits, **R), case('categorical', key, logits, axis=0, **R), case('categorical', key, logits, shape=[3, 4], **R), case('categorical', key, logits, axis=0, shape=[2, 5], **R)
case('categorical', key, logits, shape=[3], **R), case('choice', key, 10, [6], **R), case('choice', key, 10, [2, 3], replace=False, **R), case('choice', key, logits, [3], axis=1, **R)
case('choice', key, logits, [2], replace=False, **R), case('choice', key, 3, [4], replace=False, **R), case('permutation', key, logits, axis=1, **R), case('permutation', key, 0, **R)
case('split', key, [2, 1, 2], **R), case('foldIn', key, np.array(7, np.int32), **R), case('bits', key, [0], **R), case('normal', key, [1000], **R)

json.dump({'name': 'numpy', 'what': __doc__.splitlines()[0], 'versions': {'jax': jax.__version__}, 'cases': cases}, sys.stdout, separators=(',', ':'))
