"""Nested, repeated, shared and named submodules."""
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from encoding import J, key_order, shapes, src
from suite import S


def nested_compute(models):
  """models: id -> (factory, needs_train)"""
  def compute(inp, stored=None):
    out = {}
    for k, s in inp.items():
      if k not in models:
        continue
      factory, bn = models[k]
      m = factory()
      x = jnp.asarray(s['x'])
      kw = {'train': False} if bn else {}
      if stored is None:
        v = m.init(jax.random.PRNGKey(s['seed']), x, **kw)
      else:
        v = J(stored[k]['variables'])
      rec = {'variables': v, 'key_order': key_order(v), 'shapes': shapes(v)}
      rec['leaf_paths'] = ['/'.join(str(q.key) for q in p) for p, _ in
                           jax.tree_util.tree_flatten_with_path(v)[0]]
      rec['param_count'] = int(sum(np.prod(np.shape(l)) for l in jax.tree_util.tree_leaves(v['params'])))
      cols = [c for c in v if c != 'params']
      rec['y_eval'] = m.apply(v, x, **kw) if (bn or not cols) else m.apply(v, x, mutable=cols)[0]
      if cols:
        kt = {'train': True} if bn else {}
        y, u = m.apply(v, x, mutable=cols, **kt)
        rec['y_train'] = y
        rec['updates'] = u
        y, u = m.apply({**v, **u}, x, mutable=cols, **kt)
        rec['y_train_2'] = y
        rec['updates_2'] = u
        def loss(p):
          y, _ = m.apply({**v, 'params': p}, x, mutable=cols, **kt)
          return jnp.mean(jnp.sin(y))
      else:
        def loss(p):
          return jnp.mean(jnp.sin(m.apply({'params': p}, x)))
      rec['grad_mean_sin'] = jax.grad(loss)(v['params'])
      out[k] = rec
    return out
  return compute


class ResBlock(nn.Module):
  features: int

  @nn.compact
  def __call__(self, x, train: bool):
    residual = x
    y = nn.Dense(self.features, use_bias=False)(x)
    y = nn.BatchNorm(use_running_average=not train, momentum=0.9)(y)
    y = nn.relu(y)
    y = nn.Dense(self.features, use_bias=False)(y)
    y = nn.BatchNorm(use_running_average=not train, momentum=0.9)(y)
    if residual.shape != y.shape:
      residual = nn.Dense(self.features, name='proj')(residual)
    return nn.relu(y + residual)


class ResMLP(nn.Module):
  @nn.compact
  def __call__(self, x, train: bool):
    x = nn.Dense(6, name='stem')(x)
    x = ResBlock(6)(x, train)
    x = ResBlock(8)(x, train=train)
    x = ResBlock(8, name='last_block')(x, train=train)
    return nn.Dense(2, name='head')(x)


class MixedNames(nn.Module):
  @nn.compact
  def __call__(self, x):
    x = nn.Dense(4)(x)                 # Dense_0
    x = nn.Dense(4, name='mid')(x)     # mid: does not advance the counter
    x = nn.tanh(nn.Dense(4)(x))        # Dense_1
    shared = nn.Dense(4)               # Dense_2, called twice: one set of params
    x = shared(nn.tanh(shared(x)))
    for i in range(2):
      x = nn.Dense(3, name=f'loop_{i}')(x)
    return nn.Dense(2)(x)              # Dense_3


class SetupModel(nn.Module):
  def setup(self):
    self.enc = nn.Dense(5)
    self.layers = [nn.Dense(4), nn.Dense(3)]
    self.heads = {'a': nn.Dense(1), 'b': nn.Dense(2)}
    self.scale = self.param('scale', nn.initializers.ones, (3,))

  def __call__(self, x):
    x = nn.relu(self.enc(x))
    for l in self.layers:
      x = l(x)
    x = x * self.scale
    return jnp.concatenate([self.heads['a'](x), self.heads['b'](x)], -1)


class Inner(nn.Module):
  features: int

  @nn.compact
  def __call__(self, x):
    k = self.param('kernel', nn.initializers.normal(0.5), (x.shape[-1], self.features))
    g = self.param('gain', nn.initializers.lecun_normal(), (self.features, 2))
    return (x @ k) @ g


class Outer(nn.Module):
  inner: nn.Module

  @nn.compact
  def __call__(self, x):
    x = self.inner(x)
    x = Inner(3)(x)
    return nn.Sequential([nn.Dense(4), nn.relu, nn.Dense(2)])(x)


class Counter(nn.Module):
  """a custom collection: counts the calls, remembers the largest input"""
  @nn.compact
  def __call__(self, x):
    is_initialized = self.has_variable('stats', 'count')
    count = self.variable('stats', 'count', lambda: jnp.zeros((), jnp.float32))
    big = self.variable('stats', 'largest', lambda s: jnp.full(s, -1.0, jnp.float32), (x.shape[-1],))
    if is_initialized:
      count.value = count.value + 1
      big.value = jnp.maximum(big.value, x.max(0))
    return nn.Dense(2)(x - big.value)

NESTED = {'res_mlp': (ResMLP, True), 'mixed_names': (MixedNames, False), 'setup_model': (SetupModel, False),
          'outer': (lambda: Outer(inner=Inner(4)), False), 'counter': (Counter, False)}
SRC = {'res_mlp': src(ResBlock) + '\n' + src(ResMLP), 'mixed_names': src(MixedNames), 'setup_model': src(SetupModel),
       'outer': src(Inner) + '\n' + src(Outer) + '\n# model = Outer(inner=Inner(4))', 'counter': src(Counter)}

def nested_build():
  rng = np.random.default_rng(71)
  return {k: {'source': SRC[k], 'seed': i, 'init': 'model.init(PRNGKey(seed), x' + (', train=False)' if NESTED[k][1] else ')'),
              'x': (rng.standard_normal((5, 4)) + .3).astype(np.float32)} for i, k in enumerate(NESTED)}
S.add('nested_modules', 'Nested, repeated, shared and explicitly named submodules: variables with auto names, leaf paths, apply in eval and (mutable) train mode twice in a row, and the gradient of mean(sin(y)).', nested_build, nested_compute(NESTED))
