"""The Sinkhorn divergence, value and gradient, beside geomloss and OTT, at equal accuracy.

geomloss stops after a number of iterations that its `scaling` fixes, the others at a tolerance:
each problem has one `scaling`, and the others take their loosest tolerance whose value is no
further from the converged one. geomloss takes half the squared distance as cost and `blur**2` as
epsilon; the others are asked for twice that epsilon and their values halved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks._workload import OURS, Ask, Problem, Side, Target, Task, Workload

__all__ = ["WORKLOAD", "geomloss_side", "ott_side", "ours"]

_CONVERGED = 1e-8
_TOLERANCES = (3e-1, 1e-1, 3e-2, 1e-2, 1e-3, 1e-4, 1e-5)


def clouds(rows: int, size: int, dtype: str) -> tuple[Any, Any]:
    """Return two Gaussian clouds `[rows, size]`, the same in all processes."""
    source, target = np.random.default_rng(0).normal(size=(2, rows, size))
    return source.astype(dtype), (1.0 + np.linspace(0.5, 1.5, size) * target).astype(dtype)


def geomloss_side(rows: int, size: int, dtype: str, blur: float, scaling: float) -> Task:
    """Return geomloss's divergence, tensorised."""
    import geomloss
    import torch

    torch.set_num_threads(1)
    source, target = (torch.tensor(x, requires_grad=True) for x in clouds(rows, size, dtype))
    loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=blur, scaling=scaling, backend="tensorized")

    def evaluate(_: Any) -> Any:
        value = loss(source, target)
        torch.autograd.grad(value, [source, target])
        return value

    return Task(evaluate, lambda _: {"value": evaluate(None).item()})


def ours(rows: int, size: int, dtype: str, blur: float, scaling: float) -> Task:
    """Return ours, called eagerly; the setting is the tolerance."""
    import tensorflow as tf

    from lrmf_tfp.divergences.transport.sinkhorn import sinkhorn_divergence

    del scaling
    source, target = (tf.constant(x) for x in clouds(rows, size, dtype))

    def run(tolerance: float) -> None:
        with tf.GradientTape() as tape:
            tape.watch([source, target])
            value = divergence(source, target, tolerance)
        for gradient in tape.gradient(value, [source, target]):
            gradient.numpy()

    def divergence(x: Any, y: Any, tolerance: float) -> Any:
        settings = {"epsilon": 2.0 * blur**2, "tolerance": tolerance, "max_iterations": 5000}
        return 0.5 * sinkhorn_divergence(x, y, **settings)

    def check(tolerance: float) -> dict[str, float]:
        if tolerance == _CONVERGED:
            exact = (tf.constant(x) for x in clouds(rows, size, "float64"))
            return {"converged": float(divergence(*exact, _CONVERGED))}
        return {"value": float(divergence(source, target, tolerance))}

    return Task(run, check)


def ott_side(rows: int, size: int, dtype: str, blur: float, scaling: float) -> Task:
    """Return OTT's divergence, compiled; the setting is the threshold."""
    import jax
    from ott.tools.sinkhorn_divergence import sinkdiv

    del scaling
    jax.config.update("jax_enable_x64", dtype == "float64")
    source, target = (jax.numpy.asarray(x) for x in clouds(rows, size, dtype))
    compiled: dict[float, Any] = {}

    def evaluate(threshold: float) -> Any:
        if threshold not in compiled:
            options = {"threshold": threshold, "max_iterations": 5000}

            def value(x: Any, y: Any) -> Any:
                found = sinkdiv(x, y, epsilon=2.0 * blur**2, solve_kwargs=options)
                return 0.5 * found[0]

            compiled[threshold] = jax.jit(jax.value_and_grad(value, argnums=(0, 1)))
        return jax.block_until_ready(compiled[threshold](source, target))

    return Task(evaluate, lambda threshold: {"value": float(evaluate(threshold)[0])})


def settle(problem: Problem, ask: Ask) -> Mapping[str, Any]:
    """Return the loosest tolerances that are as near the converged value as geomloss."""
    converged = ask(OURS, _CONVERGED)["converged"]

    def error(side: str, setting: Any) -> float:
        return abs(ask(side, setting).get("value", np.nan) / converged - 1.0)

    allowed = error("geomloss", None)
    if np.isnan(allowed):
        allowed = 1e-3  # without geomloss
    chosen = {}
    for side in (OURS, "OTT"):
        fits = (each for each in _TOLERANCES if error(side, each) <= allowed)
        chosen[side] = next(fits, _TOLERANCES[-1])
    return chosen


def _problem(rows: int, size: int, dtype: str, blur: float, scaling: float) -> Problem:
    values = {"rows": rows, "size": size, "dtype": dtype, "blur": blur, "scaling": scaling}
    name = f"D {size}, {dtype}, blur {blur:g}, geomloss's scaling {scaling:g}"
    targets = (Target(0.5, "geomloss"), Target(1.0, "OTT"))
    drawn = dtype == "float32" and blur in (0.2, 1.0) and scaling == 0.9
    return Problem(name, values, targets=targets, drawn=drawn)


WORKLOAD = Workload(
    name="sinkhorn",
    title="Sinkhorn divergence with gradient, 1,000 rows",
    unit="value and gradient",
    sides=(
        Side(OURS, "benchmarks.sinkhorn:ours", ("lrmf-tfp", "tensorflow")),
        Side("geomloss", "benchmarks.sinkhorn:geomloss_side", ("geomloss", "torch"), peer=True),
        Side("OTT", "benchmarks.sinkhorn:ott_side", ("ott-jax", "jax"), peer=True),
    ),
    problems=tuple(
        _problem(1000, size, dtype, blur, scaling)
        for dtype in ("float32", "float64")
        for size, blurs in ((2, (0.05, 0.2, 1.0)), (32, (0.5, 1.0, 2.0)))
        for blur in blurs
        for scaling in (0.5, 0.9)
    ),
    quick=(replace(_problem(100, 2, "float32", 0.5, 0.5), targets=()),),
    settle=settle,
)
