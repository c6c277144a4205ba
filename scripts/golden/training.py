"""The data set, the train step and the runs of the training cases."""
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training import train_state

from case_optimizers import make_tx
from encoding import EAGER, J, REORDER


class TrainState(train_state.TrainState):
  batch_stats: Any


def dataset(seed, n, d, classes, n_eval):
  rng = np.random.default_rng(seed)
  def mk(m):
    x = rng.standard_normal((m, d)) * np.linspace(.5, 2.0, d) + np.linspace(-1, 1, d)
    return x.astype(np.float32)
  W = rng.standard_normal((d, classes))
  x, xe = mk(n), mk(n_eval)
  lab = lambda x: np.argmax(x @ W + .8 * np.sin(2 * x) @ W[::-1]
                            + .3 * rng.standard_normal((len(x), classes)), -1).astype(np.int32)
  return x, lab(x), xe, lab(xe)


def train_build(model_src, model, bn, seed_data, seed_init, n, d, classes, n_eval, steps, batch,
                tx, model_kwargs, record, batch_seed):
  def build():
    x, y, xe, ye = dataset(seed_data, n, d, classes, n_eval)
    m = model
    v = m.init(jax.random.PRNGKey(seed_init), jnp.ones((1, d)), **({'train': False} if bn else {}))
    rng = np.random.default_rng(batch_seed)
    idx = []
    while len(idx) < steps:
      perm = rng.permutation(n)
      for i in range(n // batch):
        idx.append(perm[i * batch:(i + 1) * batch])
    idx = np.stack(idx[:steps]).astype(np.int32)
    return {
      'model': {'source': model_src, 'kwargs': model_kwargs, 'batch_norm': bn},
      'init': {'seed': seed_init, 'x_shape': [1, d],
               'how': 'model.init(PRNGKey(seed), ones(x_shape)' + (', train=False)' if bn else ')')},
      'init_variables': v,
      'tx': tx,
      'loss': 'mean over the batch of softmax_cross_entropy_with_integer_labels '
              '(the guide leaves out .mean(), which makes value_and_grad raise TypeError)',
      'steps': steps, 'batch_size': batch,
      'x': x, 'labels': y, 'batch_indices': idx, 'x_eval': xe, 'labels_eval': ye,
      'record_params_after_steps': record,
    }
  return build


def train_compute(model, bn, epsilon_note=None):
  def compute(inp):
    v = J(inp['init_variables'])
    kw = dict(apply_fn=model.apply, params=v['params'], tx=make_tx(inp['tx']))
    state = TrainState.create(batch_stats=v['batch_stats'], **kw) if bn else \
        train_state.TrainState.create(**kw)

    def train_step(state, batch):
      if bn:
        def loss_fn(params):
          logits, updates = state.apply_fn(
            {'params': params, 'batch_stats': state.batch_stats},
            x=batch['image'], train=True, mutable=['batch_stats'])
          loss = optax.softmax_cross_entropy_with_integer_labels(
            logits=logits, labels=batch['label']).mean()
          return loss, (logits, updates)
        (loss, (logits, updates)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        state = state.apply_gradients(grads=grads)
        state = state.replace(batch_stats=updates['batch_stats'])
      else:
        def loss_fn(params):
          logits = state.apply_fn({'params': params}, x=batch['image'])
          loss = optax.softmax_cross_entropy_with_integer_labels(
            logits=logits, labels=batch['label']).mean()
          return loss, logits
        (loss, logits), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        state = state.apply_gradients(grads=grads)
      metrics = {'loss': loss,
                 'accuracy': jnp.mean(jnp.argmax(logits, -1) == batch['label'],
                                      dtype=logits.dtype)}
      s = jnp.sort(logits, -1)
      return state, metrics, grads, jnp.min(s[:, -1] - s[:, -2])

    def eval_step(state, batch):
      V = {'params': state.params}
      k = {}
      if bn:
        V['batch_stats'] = state.batch_stats
        k['train'] = False
      logits = state.apply_fn(V, x=batch['image'], **k)
      loss = optax.softmax_cross_entropy_with_integer_labels(
        logits=logits, labels=batch['label'])
      return {'loss_per_example': loss, 'loss': loss.mean(),
              'accuracy': jnp.mean(jnp.argmax(logits, -1) == batch['label'], dtype=logits.dtype)}, logits

    step_fn = train_step if EAGER else jax.jit(train_step)
    eval_fn = eval_step if EAGER else jax.jit(eval_step)
    X, Y = inp['x'], inp['labels']
    out = {'loss': [], 'accuracy': [], 'snapshots': {}}
    margins = []
    rec = set(inp['record_params_after_steps'])
    for t, idx in enumerate(inp['batch_indices']):
      if REORDER:
        idx = idx[::-1]
      state, m, grads, mg = step_fn(state, {'image': jnp.asarray(X[idx]), 'label': jnp.asarray(Y[idx])})
      out['loss'].append(m['loss']); out['accuracy'].append(m['accuracy'])
      margins.append(float(mg))
      if t == 0:
        out['grads_step_1'] = grads
      if t + 1 in rec:
        out['snapshots'][str(t + 1)] = {'params': state.params} | (
            {'batch_stats': state.batch_stats} if bn else {})
    out['loss'] = jnp.stack(out['loss']); out['accuracy'] = jnp.stack(out['accuracy'])
    out['final_step'] = int(state.step)
    out['final_params'] = state.params
    if bn:
      out['final_batch_stats'] = state.batch_stats
    out['final_opt_state'] = state.opt_state
    m, logits = eval_fn(state, {'image': jnp.asarray(inp['x_eval']), 'label': jnp.asarray(inp['labels_eval'])})
    out['eval'] = m
    out['eval_logits'] = logits
    m, out['logits_on_train_set'] = eval_fn(state, {'image': jnp.asarray(X), 'label': jnp.asarray(Y)})
    out['eval_on_train_set'] = {'loss': m['loss'], 'accuracy': m['accuracy']}
    init_state = state.replace(params=v['params'], **({'batch_stats': v['batch_stats']} if bn else {}))
    m, _ = eval_fn(init_state, {'image': jnp.asarray(inp['x_eval']), 'label': jnp.asarray(inp['labels_eval'])})
    out['eval_of_initial_params'] = {'loss': m['loss'], 'accuracy': m['accuracy']}
    s = np.sort(np.asarray(logits, np.float64), -1)
    out['smallest_top2_logit_gap'] = {
      'train_steps': float(np.float32(min(margins))),
      'eval': float(np.float32((s[:, -1] - s[:, -2]).min()))}
    return out
  return compute


def seeds_train_compute(model, bn):
  """data, batches and init all come from jax.random: nothing but a seed is given."""
  base = train_compute(model, bn)
  def compute(inp, stored=None):
    n, d, c, steps, batch = (inp[k] for k in ('n', 'd', 'classes', 'steps', 'batch_size'))
    if stored is None:
      kx, kw, ks, ki = jax.random.split(jax.random.PRNGKey(inp['seed']), 4)
      x = jax.random.normal(kx, (n, d))
      W = jax.random.normal(kw, (d, c))
      labels = jnp.argmax(x @ W, -1).astype(jnp.int32)
      per = n // batch
      idx = []
      e = 0
      while len(idx) < steps:
        perm = jax.random.permutation(jax.random.fold_in(ks, e), n)
        idx += [perm[i * batch:(i + 1) * batch] for i in range(per)]
        e += 1
      idx = jnp.stack(idx[:steps]).astype(jnp.int32)
      v = model.init(ki, x[:1], **({'train': False} if bn else {}))
      s = jnp.sort(x @ W, -1)
      data = {'x': x, 'labels': labels, 'batch_indices': idx, 'init_variables': v,
              'smallest_label_margin': float(np.float32(jnp.min(s[:, -1] - s[:, -2])))}
    else:
      data = {k: stored[k] for k in ('x', 'labels', 'batch_indices', 'init_variables', 'smallest_label_margin')}
    npd = jax.tree_util.tree_map(lambda a: np.asarray(a) if isinstance(a, jax.Array) else a, data)
    tr = base({'init_variables': npd['init_variables'], 'tx': inp['tx'], 'x': npd['x'], 'labels': npd['labels'],
               'batch_indices': npd['batch_indices'], 'x_eval': npd['x'], 'labels_eval': npd['labels'],
               'record_params_after_steps': []})
    for name in ('snapshots', 'logits_on_train_set', 'eval_on_train_set', 'eval_of_initial_params'):
      tr.pop(name)
    return {**data, 'trajectory': tr}
  return compute
