"""Modules with mistakes in them, what the error cases share, and how a case is run."""
import textwrap
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.training import train_state

from encoding import src
from models import MLP, MLP_BN


def run_errors(table):
  out = {}
  for eid, (what, fn) in table.items():
    code = src(fn)
    body = textwrap.dedent(code.split('\n', 1)[1]) if code.startswith('def ') else code
    try:
      r = fn()
      out[eid] = {'what': what, 'code': body, 'raises': None, 'result': r}
    except Exception as e:  # noqa
      msg = str(e)
      base = msg.split(' (https://')[0]
      out[eid] = {'what': what, 'code': body, 'raises': type(e).__name__,
                  'module': type(e).__module__,
                  'mro': [c.__name__ for c in type(e).__mro__ if c is not object],
                  'message': msg, 'message_without_url': base}
  return out


X = jnp.ones((2, 3))
VBN = MLP_BN().init(jax.random.PRNGKey(0), X, train=False)
PV = MLP().init(jax.random.PRNGKey(0), X)
Vb, P = VBN, VBN['params']
BS = VBN['batch_stats']
MLP_BN_, MLP_ = MLP_BN(), MLP()

class TwoSame(nn.Module):
  @nn.compact
  def __call__(self, x):
    x = nn.Dense(2, name='bar')(x)
    return nn.Dense(2, name='bar')(x)

class AutoClash(nn.Module):
  @nn.compact
  def __call__(self, x):
    x = nn.Dense(2, name='Dense_0')(x)
    return nn.Dense(2)(x)

class ParamClash(nn.Module):
  @nn.compact
  def __call__(self, x):
    self.param('bar', nn.initializers.zeros, (1,))
    return nn.Dense(2, name='bar')(x)

class ParamTwice(nn.Module):
  @nn.compact
  def __call__(self, x):
    a = self.param('w', nn.initializers.zeros, (1,))
    return x + a + self.param('w', nn.initializers.zeros, (1,))

class SameNameTwoCollections(nn.Module):
  @nn.compact
  def __call__(self, x):
    a = self.param('w', nn.initializers.zeros, (1,))
    b = self.variable('state', 'w', jnp.zeros, (1,))
    return x + a + b.value

class Drop(nn.Module):
  @nn.compact
  def __call__(self, x, train: bool):
    return nn.Dropout(0.5, deterministic=not train)(nn.Dense(2)(x))

class NotCompact(nn.Module):
  def __call__(self, x):
    return nn.Dense(2)(x)

class ParamNotCompact(nn.Module):
  def __call__(self, x):
    return x + self.param('w', nn.initializers.zeros, (1,))

class SetsAttr(nn.Module):
  n: int = 3
  @nn.compact
  def __call__(self, x):
    self.n = 4
    return x

class NoFlag(nn.Module):
  @nn.compact
  def __call__(self, x):
    return nn.BatchNorm()(x)

class BothFlags(nn.Module):
  @nn.compact
  def __call__(self, x):
    return nn.BatchNorm(use_running_average=True)(x, use_running_average=False)

class TSBS(train_state.TrainState):
  batch_stats: Any
