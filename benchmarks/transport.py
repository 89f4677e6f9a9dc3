"""Exact optimal transport: `emd` with its gradient beside POT and SciPy without.

POT's side is `ot.dist` and `ot.emd2`, which give the value alone; SciPy's is `cdist` and
`linear_sum_assignment`. All solve the same problem, equal weights and the Euclidean cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._workload import OURS, Problem, Side, Target, Task, Workload

__all__ = ["WORKLOAD", "ours", "pot_side", "scipy_side"]

_MAX_ITERATIONS = 10_000_000  # POT's default is too low for 2000 rows in 32 dimensions


def clouds(rows: int, size: int) -> tuple[Any, Any]:
    """Return two Gaussian clouds `[rows, size]`, the same in all processes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, size)), rng.normal(size=(rows, size)) + 0.5


def ours(rows: int, size: int) -> Task:
    """Return `emd` and its gradient in the source."""
    import tensorflow as tf

    from lrmf_tfp.divergences.transport.exact import emd

    x, y = (tf.constant(each) for each in clouds(rows, size))

    def evaluate(_: Any = None) -> float:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = emd(x, y)
        tape.gradient(value, x).numpy()
        return float(value)

    return _task(evaluate)


def pot_side(rows: int, size: int) -> Task:
    """Return POT's value."""
    import ot

    source, target = clouds(rows, size)

    def evaluate(_: Any = None) -> float:
        costs = ot.dist(source, target, metric="euclidean")
        return float(ot.emd2([], [], costs, numItermax=_MAX_ITERATIONS))

    return _task(evaluate)


def scipy_side(rows: int, size: int) -> Task:
    """Return the value of SciPy's assignment."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    source, target = clouds(rows, size)

    def evaluate(_: Any = None) -> float:
        costs = cdist(source, target)
        return float(costs[linear_sum_assignment(costs)].mean())

    return _task(evaluate)


def _task(evaluate: Callable[..., float]) -> Task:
    return Task(evaluate, lambda _: {"value": evaluate()})


def _problem(rows: int, size: int, **others: Any) -> Problem:
    return Problem(f"{rows:,} rows, D {size}", {"rows": rows, "size": size}, **others)


WORKLOAD = Workload(
    name="transport",
    title="Exact transport, ours with its gradient",
    unit="value",
    sides=(
        Side(OURS, "benchmarks.transport:ours", ("lrmf-tfp", "tensorflow")),
        Side("POT", "benchmarks.transport:pot_side", ("POT",)),
        Side("SciPy", "benchmarks.transport:scipy_side", ("scipy",)),
    ),
    problems=tuple(
        _problem(rows, size, targets=(Target(1.05, "POT"),), drawn=rows == 2000)
        for rows in (1000, 2000)
        for size in (2, 32)
    ),
    quick=(_problem(100, 2),),
)
