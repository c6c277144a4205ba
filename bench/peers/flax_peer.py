"""Flax linen as its batch-normalization guide writes it, jitted by JAX: python flax_peer.py [guide|donated]."""
import sys
from typing import Any, Sequence

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.training import train_state

from lines import serve

DONATE = sys.argv[1:] == ['donated']


class MLP(nn.Module):
    widths: Sequence[int]

    @nn.compact
    def __call__(self, x, train: bool):
        for width in self.widths[:-1]:
            x = nn.Dense(features=width)(x)
            x = nn.BatchNorm(use_running_average=not train)(x)
            x = nn.relu(x)
        return nn.Dense(features=self.widths[-1])(x)


class TrainState(train_state.TrainState):
    batch_stats: Any


def metrics_of(loss, logits, batch):
    return {'loss': loss, 'accuracy': jnp.mean(jnp.argmax(logits, -1) == batch['label'])}


def train_step(state, batch):
    def loss_fn(params):
        logits, updates = state.apply_fn(
            {'params': params, 'batch_stats': state.batch_stats}, x=batch['image'], train=True, mutable=['batch_stats']
        )
        loss = optax.softmax_cross_entropy_with_integer_labels(logits=logits, labels=batch['label']).mean()
        return loss, (logits, updates)

    (loss, (logits, updates)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
    state = state.apply_gradients(grads=grads)
    state = state.replace(batch_stats=updates['batch_stats'])
    return state, metrics_of(loss, logits, batch)


@jax.jit
def eval_step(state, batch):
    logits = state.apply_fn({'params': state.params, 'batch_stats': state.batch_stats}, x=batch['image'], train=False)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits=logits, labels=batch['label']).mean()
    return logits, metrics_of(loss, logits, batch)


def open_job(request):
    case = request['case']
    image_key, label_key = jax.random.split(jax.random.key(1))
    batch = {
        'image': jax.random.normal(image_key, (case['batch'], case['input'])),
        'label': jax.random.randint(label_key, (case['batch'],), 0, case['widths'][-1]),
    }
    mlp = MLP(widths=tuple(case['widths']))
    variables = mlp.init(jax.random.key(0), batch['image'], train=False)
    state = TrainState.create(
        apply_fn=mlp.apply, params=variables['params'], batch_stats=variables.get('batch_stats', {}), tx=optax.adam(1e-3)
    )
    jax.block_until_ready((state.params, state.opt_state, batch))

    if request['kind'] == 'train':
        step = jax.jit(train_step, donate_argnums=(0,) if DONATE else ())

        def run(steps):
            nonlocal state
            for _ in range(steps):
                state, metrics = step(state, batch)
            jax.block_until_ready(state)
            return float(metrics['loss'])

    elif request['kind'] == 'eval':

        def run(steps):
            for _ in range(steps):
                logits, metrics = jax.block_until_ready(eval_step(state, batch))
            return float(metrics['loss'])

    else:
        raise ValueError(f'no such kind here: {request["kind"]}')
    return run


serve({'name': 'flax', 'version': f'flax {flax.__version__}, jax {jax.__version__}, optax {optax.__version__}'}, open_job)
