"""Optimizers and schedules."""
import jax
import jax.numpy as jnp
import numpy as np
import optax

from encoding import F, J
from suite import S


def schedule(s):
  kw = dict(s['kwargs'])
  if 'boundaries_and_scales' in kw:
    kw['boundaries_and_scales'] = {int(k): v for k, v in kw['boundaries_and_scales'].items()}
  return getattr(optax, s['schedule'])(**kw)


def make_tx(spec):
  """spec: {'chain': [spec, ...]} or {'name': fn, 'kwargs': {...}}"""
  if 'chain' in spec:
    return optax.chain(*[make_tx(t) for t in spec['chain']])
  kw = dict(spec.get('kwargs', {}))
  for k, v in kw.items():
    if isinstance(v, dict) and 'schedule' in v:
      kw[k] = schedule(v)
  if isinstance(kw.get('mask'), dict):
    pass
  return getattr(optax, spec['name'])(**kw)


def opt_build(specs, shapes_, n, seed, scale_grads=1.0):
  def build():
    rng = np.random.default_rng(seed)
    mk = lambda: {k: ({kk: np.float32(rng.standard_normal(ss)) if ss == () else rng.standard_normal(ss).astype(np.float32)
                       for kk, ss in s.items()} if isinstance(s, dict)
                      else rng.standard_normal(s).astype(np.float32)) for k, s in shapes_.items()}
    params = mk()
    grads = []
    for t in range(n):
      g = mk()
      g = jax.tree_util.tree_map(lambda a: (a * np.float32(scale_grads * (1 + t % 3))).astype(np.float32), g)
      grads.append(g)
    # exact zeros and tiny values: the corners of adam/lion/adagrad
    first = sorted(shapes_)[0]
    def corner(tree):
      leaf = tree[first] if not isinstance(tree[first], dict) else tree[first][sorted(tree[first])[0]]
      leaf.reshape(-1)[0] = 0.0
      if leaf.size > 1:
        leaf.reshape(-1)[1] = np.float32(1e-9) * leaf.reshape(-1)[1]
    for g in grads:
      corner(g)
    return {'params': params, 'grads': grads, 'optimizers': specs}
  return build


def opt_compute(inp):
  out = {}
  grads = [J(g) for g in inp['grads']]
  for oid, spec in inp['optimizers'].items():
    tx = make_tx(spec)
    p = J(inp['params'])
    st = tx.init(p)
    rec = {'state_init': st, 'params': []}
    for i, g in enumerate(grads):
      u, st = tx.update(g, st, p)
      if i == 0:
        rec['first_update'] = u
      p = optax.apply_updates(p, u)
      rec['params'].append(p)
    rec['state_final'] = st
    rec['state_repr'] = jax.tree_util.tree_structure(st).__repr__()
    out[oid] = rec
  return out


def sched_compute(inp):
  out = {}
  for k, s in inp['schedules'].items():
    f = schedule(s)
    out[k] = jnp.stack([jnp.asarray(f(jnp.asarray(c, jnp.int32)), F) for c in inp['counts']])
  return out


SH = {'a': (3, 2), 'b': {'w': (4,), 's': ()}}
cos = {'schedule': 'cosine_decay_schedule', 'kwargs': {'init_value': 0.05, 'decay_steps': 8}}
OPT = {
  'adam': {'name': 'adam', 'kwargs': {'learning_rate': 1e-3}},
  'adam_lr_0.1': {'name': 'adam', 'kwargs': {'learning_rate': 0.1, 'b1': 0.8, 'b2': 0.95, 'eps': 1e-6}},
  'adam_eps_root': {'name': 'adam', 'kwargs': {'learning_rate': 0.01, 'eps_root': 1e-8}},
  'nadam': {'name': 'adam', 'kwargs': {'learning_rate': 0.01, 'nesterov': True}},
  'adam_schedule': {'name': 'adam', 'kwargs': {'learning_rate': cos}},
  'adamw': {'name': 'adamw', 'kwargs': {'learning_rate': 0.01}},
  'adamw_wd': {'name': 'adamw', 'kwargs': {'learning_rate': 0.01, 'weight_decay': 0.1, 'mask': {'a': True, 'b': {'w': False, 's': False}}}},
  'sgd': {'name': 'sgd', 'kwargs': {'learning_rate': 0.1}},
  'sgd_momentum': {'name': 'sgd', 'kwargs': {'learning_rate': 0.1, 'momentum': 0.9}},
  'sgd_nesterov': {'name': 'sgd', 'kwargs': {'learning_rate': 0.1, 'momentum': 0.9, 'nesterov': True}},
  'sgd_schedule': {'name': 'sgd', 'kwargs': {'learning_rate': {'schedule': 'piecewise_constant_schedule', 'kwargs': {'init_value': 0.1, 'boundaries_and_scales': {'3': 0.5, '6': 0.1}}}}},
  'rmsprop': {'name': 'rmsprop', 'kwargs': {'learning_rate': 0.01}},
  'rmsprop_centered_momentum': {'name': 'rmsprop', 'kwargs': {'learning_rate': 0.01, 'centered': True, 'momentum': 0.9, 'decay': 0.95}},
  'adagrad': {'name': 'adagrad', 'kwargs': {'learning_rate': 0.1}},
  'lion': {'name': 'lion', 'kwargs': {'learning_rate': 0.01}},
  'lion_wd': {'name': 'lion', 'kwargs': {'learning_rate': 0.01, 'b1': 0.95, 'weight_decay': 0.1}},
  'lamb': {'name': 'lamb', 'kwargs': {'learning_rate': 0.01}},
  'lamb_wd': {'name': 'lamb', 'kwargs': {'learning_rate': 0.01, 'weight_decay': 0.05}},
  'clip_1_adam': {'chain': [{'name': 'clip_by_global_norm', 'kwargs': {'max_norm': 1.0}}, {'name': 'adam', 'kwargs': {'learning_rate': 0.01}}]},
  'clip_1_sgd': {'chain': [{'name': 'clip_by_global_norm', 'kwargs': {'max_norm': 1.0}}, {'name': 'sgd', 'kwargs': {'learning_rate': 0.1}}]},
  'clip_100_sgd': {'chain': [{'name': 'clip_by_global_norm', 'kwargs': {'max_norm': 100.0}}, {'name': 'sgd', 'kwargs': {'learning_rate': 0.1}}]},
  'clip_value_sgd': {'chain': [{'name': 'clip', 'kwargs': {'max_delta': 0.5}}, {'name': 'sgd', 'kwargs': {'learning_rate': 0.1}}]},
}
S.add('optimizers', '10 updates (eager) of optax transforms on one small tree with fixed grads: params after each step, first update, initial and final state with its NamedTuple structure. Some grads are exactly 0 or about 1e-9.', opt_build(OPT, SH, 10, 51), opt_compute)
SCHED = {
  'constant': {'schedule': 'constant_schedule', 'kwargs': {'value': 0.1}},
  'linear': {'schedule': 'linear_schedule', 'kwargs': {'init_value': 1.0, 'end_value': 0.1, 'transition_steps': 10, 'transition_begin': 3}},
  'cosine': {'schedule': 'cosine_decay_schedule', 'kwargs': {'init_value': 0.1, 'decay_steps': 20}},
  'cosine_alpha_exp': {'schedule': 'cosine_decay_schedule', 'kwargs': {'init_value': 0.1, 'decay_steps': 20, 'alpha': 0.1, 'exponent': 2.0}},
  'warmup_cosine': {'schedule': 'warmup_cosine_decay_schedule', 'kwargs': {'init_value': 0.0, 'peak_value': 0.1, 'warmup_steps': 5, 'decay_steps': 25, 'end_value': 0.01}},
  'exponential': {'schedule': 'exponential_decay', 'kwargs': {'init_value': 0.1, 'transition_steps': 5, 'decay_rate': 0.9}},
  'exponential_staircase': {'schedule': 'exponential_decay', 'kwargs': {'init_value': 0.1, 'transition_steps': 5, 'decay_rate': 0.5, 'staircase': True, 'transition_begin': 4, 'end_value': 0.02}},
  'piecewise': {'schedule': 'piecewise_constant_schedule', 'kwargs': {'init_value': 1.0, 'boundaries_and_scales': {'5': 0.1, '15': 0.5}}},
}
S.add('schedules', 'optax schedules evaluated at int32 counts (float32 results). warmup_cosine decay_steps counts the warmup too.', lambda: {'schedules': SCHED, 'counts': list(range(0, 31)) + [100]}, sched_compute)
