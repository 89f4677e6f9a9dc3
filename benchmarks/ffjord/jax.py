"""FFJORD steps of plain JAX: Runge-Kutta steps of order 4, the trace by `jax.jacfwd`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks._data import batches
from benchmarks._workload import Task
from benchmarks.ffjord._field import error_of, kernels

__all__ = ["by_hand"]


def by_hand(
    *, size: int, batch_size: int, hidden_units: list[int], scale: float, steps: int
) -> Task:
    """Return `steps` steps in one compiled `lax.scan`; the setting is the number of ODE steps."""
    params = [
        (jnp.asarray(kernel, jnp.float32), jnp.zeros(kernel.shape[1]))
        for kernel in kernels(size, hidden_units, scale)
    ]
    optimizer = optax.adam(1e-9)
    kept = [(params, optimizer.init(params))]
    walks: dict[int, Any] = {}
    data = batches(size, batch_size=batch_size, steps=steps)

    def run(num_steps: int) -> None:
        if num_steps not in walks:
            walks[num_steps] = _walk(optimizer, num_steps)
        kept[0], losses = walks[num_steps](kept[0], next(data))
        losses.block_until_ready()

    def check(num_steps: int) -> dict[str, float]:
        log_det = jax.jit(lambda x: _solve(kept[0][0], x, num_steps)[1])
        sizes = {"size": size, "hidden_units": hidden_units, "batch_size": batch_size}
        return {"error": error_of(log_det, **sizes, scale=scale)}

    return Task(run, check, steps)


def _walk(optimizer: Any, num_steps: int) -> Any:
    def loss_fn(params: Any, x: Any) -> Any:
        z, log_det = _solve(params, x, num_steps)
        return -(jax.scipy.stats.norm.logpdf(z).sum(-1) + log_det).mean()

    def step(state: Any, batch: Any) -> Any:
        params, slots = state
        loss, gradients = jax.value_and_grad(loss_fn)(params, batch)
        updates, slots = optimizer.update(gradients, slots, params)
        return (optax.apply_updates(params, updates), slots), loss

    return jax.jit(lambda state, rows: jax.lax.scan(step, state, rows), donate_argnums=0)


def _velocity(params: Any, time: Any, x: Any) -> Any:
    y = jnp.append(x, time)
    for kernel, bias in params[:-1]:
        y = jnp.tanh(y @ kernel + bias)
    return y @ params[-1][0] + params[-1][1]


def _rate(params: Any, time: Any, x: Any) -> tuple[Any, Any]:
    def one(point: Any) -> tuple[Any, Any]:
        jacobian = jax.jacfwd(lambda place: _velocity(params, time, place))(point)
        return _velocity(params, time, point), jnp.trace(jacobian)

    return jax.vmap(one)(x)


def _solve(params: Any, x: Any, num_steps: int) -> tuple[Any, Any]:
    """Return the way from time 1 to 0 and `log|det dz/dx|`."""
    length = -1.0 / num_steps

    def step(state: Any, index: Any) -> Any:
        x, log_det = state
        time = 1.0 + index * length
        v1, d1 = _rate(params, time, x)
        v2, d2 = _rate(params, time + length / 2, x + length / 2 * v1)
        v3, d3 = _rate(params, time + length / 2, x + length / 2 * v2)
        v4, d4 = _rate(params, time + length, x + length * v3)
        x = x + length / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        return (x, log_det + length / 6 * (d1 + 2 * d2 + 2 * d3 + d4)), None

    start = (x, jnp.zeros(x.shape[0]))
    return jax.lax.scan(step, start, jnp.arange(num_steps))[0]
