"""RealNVP steps of flowjax, in its own form and as one scan, and of JAX written by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow
from flowjax.train.losses import MaximumLikelihoodLoss
from flowjax.train.train_utils import step as flowjax_step

from benchmarks._data import batches
from benchmarks._workload import Task

__all__ = ["by_hand", "flowjax_scan", "flowjax_steps"]

_OPTIMIZER = optax.adam(1e-3)


def flowjax_steps(*, size: int, batch_size: int, steps: int, **architecture: Any) -> Task:
    """Return `steps` calls of the compiled step that flowjax's `fit_to_data` takes."""
    params, static = _flowjax_parts(size, **architecture)
    data = batches(size, batch_size=batch_size, steps=steps)
    state, loss_fn = [params, _OPTIMIZER.init(params)], MaximumLikelihoodLoss()

    def run(_: Any) -> None:
        for index, batch in enumerate(next(data)):
            key = jax.random.key(index)
            *state[:], loss = flowjax_step(
                state[0],
                static,
                jnp.asarray(batch),
                optimizer=_OPTIMIZER,
                opt_state=state[1],
                loss_fn=loss_fn,
                key=key,
            )
        loss.block_until_ready()

    return Task(run, steps=steps)


def flowjax_scan(*, size: int, batch_size: int, steps: int, **architecture: Any) -> Task:
    """Return `steps` steps of a flowjax density in one compiled `lax.scan`."""
    params, static = _flowjax_parts(size, **architecture)
    loss_fn = MaximumLikelihoodLoss()
    gradient = eqx.filter_value_and_grad(lambda p, x: loss_fn(p, static, x))
    return _scanned(gradient, params, batches(size, batch_size=batch_size, steps=steps), steps)


def by_hand(
    *, size: int, batch_size: int, num_layers: int, hidden_units: list[int], steps: int
) -> Task:
    """Return `steps` steps of couplings written in plain JAX, in one compiled `lax.scan`."""
    widths = [size // 2, *hidden_units, 2 * (size - size // 2)]
    keys = jax.random.split(jax.random.key(0), num_layers)
    params = [_dense_layers(key, widths) for key in keys]
    gradient = jax.value_and_grad(partial(_negative_log_likelihood, kept=size // 2))
    return _scanned(gradient, params, batches(size, batch_size=batch_size, steps=steps), steps)


def _scanned(gradient: Any, params: Any, data: Any, steps: int) -> Task:
    def step(state: Any, batch: Any) -> Any:
        params, slots = state
        loss, gradients = gradient(params, batch)
        updates, slots = _OPTIMIZER.update(gradients, slots, params)
        return (eqx.apply_updates(params, updates), slots), loss

    walk = jax.jit(lambda state, rows: jax.lax.scan(step, state, rows), donate_argnums=0)
    kept = [(params, _OPTIMIZER.init(params))]

    def run(_: Any) -> None:
        kept[0], losses = walk(kept[0], next(data))
        losses.block_until_ready()

    return Task(run, steps=steps)


def _flowjax_parts(size: int, *, num_layers: int, hidden_units: list[int]) -> tuple[Any, Any]:
    (width,) = set(hidden_units)
    flow = coupling_flow(
        jax.random.key(0),
        base_dist=Normal(jnp.zeros(size)),
        flow_layers=num_layers,
        nn_width=width,
        nn_depth=len(hidden_units),
    )
    return eqx.partition(flow, eqx.is_inexact_array)


def _dense_layers(key: Any, widths: list[int]) -> list[tuple[Any, Any]]:
    keys = jax.random.split(key, len(widths) - 1)
    return [
        (jax.random.normal(each, (n, m)) * jnp.sqrt(2.0 / n), jnp.zeros(m))
        for each, n, m in zip(keys, widths[:-1], widths[1:], strict=True)
    ]


def _negative_log_likelihood(params: Any, x: Any, *, kept: int) -> Any:
    log_det = jnp.zeros(x.shape[0])
    for layers in params:
        y = x[:, :kept]
        for kernel, bias in layers[:-1]:
            y = jax.nn.relu(y @ kernel + bias)
        kernel, bias = layers[-1]
        shift, log_scale = jnp.split(y @ kernel + bias, 2, axis=-1)
        log_scale = jnp.tanh(log_scale)
        moved = (x[:, kept:] - shift) * jnp.exp(-log_scale)
        log_det = log_det - log_scale.sum(-1)
        x = jnp.concatenate([moved, x[:, :kept]], axis=-1)
    log_noise = -0.5 * (x**2).sum(-1) - 0.5 * x.shape[1] * jnp.log(2.0 * jnp.pi)
    return -(log_noise + log_det).mean()
