"""The host side of exact transport: POT's network simplex, and the proof that it was right.

A plan and two potentials `u_i + v_j <= cost_ij` bound the least cost from above and below; what
lies between is the duality gap. Potentials that a few far rows have driven up to the size of
their costs prove nothing about the near ones, and neither is the plan between those right then.
It is solved again for costs that are reduced, `cost - u - v`, which changes no plan, and cut off
at a multiple of the mean cost: a plan that moves no mass at a cut cost is optimal for the whole.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from lrmf_tfp._core.typing import Array, IntArray
from lrmf_tfp._validation import as_pair

__all__ = ["POWERS", "solve_on_host"]

# POT's own limit, 1e5, is too low for 2000 points a side in 32 dimensions. This one only guards
# against an endless run: 3000 a side need less than a tenth of it.
_MAX_ITERATIONS = 10_000_000
# Up to here differences, which are exact, take about as long as a matrix product.
_MAX_SUBTRACTED_AXES = 8
_BLOCK_ENTRIES = 2**16  # for the cache
_PROVEN = 1e-9  # a gap of that share of the value is rounding
_TOLERATED = 1e-6  # the largest share of the last attempt; beyond, no answer is given
_REACH = 1e3  # costs are cut off there, in means, and each time so many times further
_EPSILON = float(np.finfo(np.float64).eps)


class _Plan(NamedTuple):
    """The pairs that a plan joins, at most N + M - 1."""

    rows: IntArray
    columns: IntArray
    masses: Array


class _Proof(NamedTuple):
    """A plan with potentials, and the value that they prove."""

    plan: _Plan
    u: Array
    """`[N]`."""
    v: Array
    """`[M]`."""
    value: float
    """Cost of the plan."""
    gap: float
    """By how much the least cost may be lower, rounding included."""


@np.errstate(under="ignore")  # 0 is right, also where the program tells NumPy to raise
def solve_on_host(
    source: Array, target: Array, source_weights: Array, target_weights: Array, *, cost: str
) -> tuple[IntArray, IntArray, Array, Array, Array]:
    """Return rows, columns and masses of the plan, filled up, and the potentials of all rows.

    Raises:
        RuntimeError: If the solver stops before the optimum, or the potentials do not prove it.
        ValueError: If values or weights that come out of a graph break a rule.
    """
    # Samples that come out of a graph are checked here for the first time.
    x, y = as_pair(source, target, dtype=np.float64)
    a, b = _normalized(source_weights, "source"), _normalized(target_weights, "target")
    kept, others = np.flatnonzero(a), np.flatnonzero(b)
    # Samples of about unit size, whatever theirs is: squares neither over- nor underflow.
    scale = _extent(x[kept], y[others])
    proof = _proven(x[kept] / scale, y[others] / scale, a[kept], b[others], cost)
    shift = 0.5 * (a[kept] @ proof.u - b[others] @ proof.v)
    f, g = np.full(len(x), np.nan), np.full(len(y), np.nan)
    f[kept], g[others] = proof.u - shift, proof.v + shift
    # Rows of weight 0 get the highest potentials that keep the rule.
    for row in np.flatnonzero(a == 0.0):
        f[row] = np.min(_COSTS[cost](x[[row]] / scale, y[others] / scale) - g[others])
    for row in np.flatnonzero(b == 0.0):
        g[row] = np.min(_COSTS[cost](y[[row]] / scale, x / scale) - f)
    unit = scale ** POWERS[cost]
    plan = _filled_up(proof.plan, kept, others, num_pairs=len(x) + len(y) - 1)
    return *plan, unit * f, unit * g


def _proven(x: Array, y: Array, a: Array, b: Array, cost: str) -> _Proof:
    """Return a plan that its potentials prove optimal."""
    costs = _COSTS[cost](x, y)
    first = _prove(costs, *_simplex(a, b, costs), a=a, b=b)
    if _is_proven(first, _rounding(x, y, cost, first.value)):
        return first
    costs = cdist(x, y, _METRICS[cost])
    u = costs.min(axis=1)
    v = (costs - u[:, None]).min(axis=0)
    costs -= u[:, None]
    costs -= v
    best, base = first, float(a @ u + b @ v)
    for limit in _limits(_REACH * first.value, float(costs.max())):
        plan, potential = _simplex(a, b, np.minimum(costs, limit) / limit)
        found = _prove(costs, plan, limit * potential, a=a, b=b)
        found = found._replace(u=u + found.u, v=v + found.v, value=base + found.value)
        best = min(best, found, key=lambda each: each.gap)
        if _is_proven(best):
            return best
    if best.gap <= _TOLERATED * best.value:
        return best
    raise RuntimeError(
        f"exact transport of {len(x)} onto {len(y)} rows found no plan that is proven optimal: "
        f"its value may be too high by the share {best.gap / best.value:.0e}"
    )


def _simplex(a: Array, b: Array, costs: Array) -> tuple[_Plan, Array]:
    """Return a plan and the source's potential, for costs of the size that POT is made for."""
    import ot  # here, because it is slow to import and brings every array library it finds

    with warnings.catch_warnings():  # POT warns of a failure; here it is an error
        warnings.simplefilter("ignore")
        plan, log = ot.emd(a, b, costs, numItermax=_MAX_ITERATIONS, log=True)
    if log["warning"] is not None:
        raise RuntimeError(
            f"exact transport of {len(a)} onto {len(b)} rows failed within "
            f"{_MAX_ITERATIONS} iterations: {log['warning']}"
        )
    joined = np.flatnonzero(plan.ravel() > 0.0)
    rows, columns = np.divmod(joined, len(b))
    return _Plan(rows, columns, plan.ravel()[joined]), log["u"]


def _prove(costs: Array, plan: _Plan, u: Array, *, a: Array, b: Array) -> _Proof:
    """Return the plan with the highest `v` for which `u_i + v_j <= cost_ij`."""
    v = np.full(len(b), np.inf)
    height = max(1, _BLOCK_ENTRIES // len(b))
    for start in range(0, len(a), height):
        rows = slice(start, start + height)
        np.minimum(v, (costs[rows] - u[rows, None]).min(axis=0), out=v)
    value = float(plan.masses @ costs[plan.rows, plan.columns])
    rounding = 4.0 * _EPSILON * float(a @ np.abs(u) + b @ np.abs(v))
    return _Proof(plan, u, v, value, abs(value - float(a @ u + b @ v)) + rounding)


def _is_proven(proof: _Proof, rounding: float = 0.0) -> bool:
    return proof.value == 0.0 or proof.gap + rounding <= _PROVEN * proof.value


def _limits(start: float, highest: float) -> Iterator[float]:
    """Yield where reduced costs are cut off: rising, and last nowhere."""
    limit = start
    while 0.0 < limit < highest:
        yield limit
        limit *= _REACH
    if highest > 0.0:
        yield highest


def _filled_up(plan: _Plan, kept: IntArray, others: IntArray, *, num_pairs: int) -> _Plan:
    """Return as many pairs as a plan can join, whatever this one does: one shape, so one trace."""
    rows = np.full(num_pairs, kept[0], np.int32)
    columns = np.full(num_pairs, others[0], np.int32)
    masses = np.zeros(num_pairs)
    size = len(plan.masses)
    rows[:size], columns[:size] = kept[plan.rows], others[plan.columns]
    masses[:size] = plan.masses
    return _Plan(rows, columns, masses)


def _normalized(weights: Array, name: str) -> Array:
    """Return weights whose float64 sum is 1: float32 ones may miss it, which is infeasible."""
    weights = weights.astype(np.float64)
    total = weights.sum()
    if not (np.isfinite(total) and total > 0.0 and weights.min() >= 0.0):
        raise ValueError(f"`{name}_weights` must be finite and at least 0; got {weights.min()}.")
    return weights / total


def _extent(x: Array, y: Array) -> float:
    """Return the largest power of 2 within the longest side of the box around all rows.

    Division by it rounds nothing, so that far rows stay where they are among each other. It is 1
    if all rows are one point.
    """
    highest = np.maximum(x.max(axis=0), y.max(axis=0))
    lowest = np.minimum(x.min(axis=0), y.min(axis=0))
    longest = float(np.max(highest - lowest))
    return 2.0 ** (math.frexp(longest)[1] - 1) if longest else 1.0


def _squared_distances(x: Array, y: Array) -> Array:
    """Return `|x_i - y_j|^2` `[N, M]`, in NumPy."""
    if x.shape[1] <= _MAX_SUBTRACTED_AXES:
        return cdist(x, y, "sqeuclidean")
    # One matrix product. Its rounding, some 1e-16 of the largest, can mislead the plan only; the
    # value is summed over differences.
    centre = y.mean(axis=0)
    x, y = x - centre, y - centre
    left = np.column_stack([-2.0 * x, np.square(x).sum(axis=1), np.ones(len(x))])
    right = np.column_stack([y, np.ones(len(y)), np.square(y).sum(axis=1)])
    squared = left @ right.T
    return np.maximum(squared, 0.0, out=squared)


def _distances(x: Array, y: Array) -> Array:
    squared = _squared_distances(x, y)
    return np.sqrt(squared, out=squared)


def _rounding(x: Array, y: Array, cost: str, value: float) -> float:
    """Return about how wrong a cost near the mean may be, of those that are products."""
    if cost == "cityblock" or x.shape[1] <= _MAX_SUBTRACTED_AXES:
        return 0.0
    largest = max(np.square(points - y.mean(axis=0)).sum(axis=1).max() for points in (x, y))
    squared = 4.0 * _EPSILON * float(largest)
    return squared if cost == "squared_euclidean" else squared / max(2.0 * value, squared**0.5)


_COSTS: dict[str, Callable[[Array, Array], Array]] = {
    "cityblock": functools.partial(cdist, metric="cityblock"),
    "euclidean": _distances,
    "squared_euclidean": _squared_distances,
}
"""`[N, D]`, `[M, D]` -> costs `[N, M]` of all pairs."""

_METRICS = {"cityblock": "cityblock", "euclidean": "euclidean", "squared_euclidean": "sqeuclidean"}
"""SciPy's names of the same, by differences."""

POWERS = {"cityblock": 1, "euclidean": 1, "squared_euclidean": 2}
"""Costs grow with this power of the samples' scale."""
