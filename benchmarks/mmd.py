"""The squared MMD, value and gradient in both samples, beside geomloss.

Gaussian kernel of bandwidth 1, biased, equal weights; geomloss returns half of it. Called outside
and inside a `tf.function`. One more problem measures the memory of 100,000 rows.
"""

from __future__ import annotations

import resource
import sys
from functools import partial
from typing import Any

import numpy as np

from benchmarks._workload import OURS, Problem, Side, Target, Task, Workload

__all__ = ["WORKLOAD", "geomloss_side", "ours", "ours_in_a_graph"]

_BANDWIDTH = 1.0


def clouds(rows: int, size: int) -> tuple[Any, Any]:
    """Return two Gaussian clouds `[rows, size]`, the same in all processes."""
    source, target = np.random.default_rng(0).normal(size=(2, rows, size))
    return source.astype(np.float32), (target + 0.5).astype(np.float32)


def geomloss_side(rows: int, size: int) -> Task:
    """Return geomloss's value, tensorised."""
    import geomloss
    import torch

    torch.set_num_threads(1)
    source, target = (torch.tensor(x, requires_grad=True) for x in clouds(rows, size))
    loss = geomloss.SamplesLoss("gaussian", blur=_BANDWIDTH, backend="tensorized")

    def evaluate(_: Any) -> Any:
        value = loss(source, target)
        torch.autograd.grad(value, [source, target])
        return value

    return Task(evaluate, lambda _: {"value": 2.0 * evaluate(None).item()})


def ours(rows: int, size: int, *, graph: bool = False) -> Task:
    """Return ours, called eagerly or in a graph; it tells the memory of its first call."""
    import tensorflow as tf

    from lrmf_tfp.divergences import mmd_squared
    from lrmf_tfp.kernels import GaussianKernel

    source, target = (tf.constant(x) for x in clouds(rows, size))

    def value_and_gradients(source: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([source, target])
            value = mmd_squared(source, target, kernel=GaussianKernel(_BANDWIDTH))
        return value, tape.gradient(value, [source, target])

    call = tf.function(value_and_gradients, autograph=False) if graph else value_and_gradients

    def run(_: Any) -> None:
        for gradient in call(source, target)[1]:
            gradient.numpy()

    def check(_: Any) -> dict[str, float]:
        before = _peak_mib()
        value = float(call(source, target)[0])
        return {"value": value, "peak_mib": _peak_mib(), "peak_mib_before": before}

    return Task(run, check)


ours_in_a_graph = partial(ours, graph=True)
"""The same inside a `tf.function`, as in a training step."""


def _peak_mib() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _problem(rows: int, size: int, **others: Any) -> Problem:
    return Problem(f"{rows:,} rows, D {size}", {"rows": rows, "size": size}, **others)


WORKLOAD = Workload(
    name="mmd",
    title="Squared MMD with gradient",
    unit="value and gradient",
    sides=(
        Side(OURS, "benchmarks.mmd:ours_in_a_graph", ("lrmf-tfp", "tensorflow")),
        Side("ours, eager", "benchmarks.mmd:ours", ("lrmf-tfp", "tensorflow")),
        Side("geomloss", "benchmarks.mmd:geomloss_side", ("geomloss", "torch"), peer=True),
    ),
    problems=(
        _problem(
            100_000,
            2,
            sides=(OURS,),
            timed=False,  # first, so that the peak is its own
            targets=(Target(1024.0, OURS, "peak_mib"),),
        ),
        *(
            _problem(
                rows,
                size,
                targets=(Target(0.25 if rows == 1000 else 0.1, "geomloss"),),
                drawn=size == 2,
            )
            for rows in (1000, 5000)
            for size in (2, 32)
        ),
    ),
    quick=(_problem(200, 2),),
)
