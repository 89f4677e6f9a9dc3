"""Exact optimal transport between two sample sets, by POT's network simplex.

The plan is found by compiled code outside TensorFlow, in float64. The value is then summed in
TensorFlow over the pairs that the plan joins, at most N + M - 1 of them; as the plan is optimal,
its own change does not count to first order, and ordinary differentiation of that sum is the
gradient (the envelope theorem).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist

from lrmf_tfp._core.typing import Array, IntArray, Samples, Tensor
from lrmf_tfp._validation import as_pair, check_choice
from lrmf_tfp.divergences._arguments import WeightedPair, as_weighted_pair, check_squares, compiled

__all__ = ["TRANSPORT_COSTS", "TransportResult", "emd", "optimal_transport"]

# POT's own limit, 1e5, is too low for 2000 points a side in 32 dimensions. This one only guards
# against an endless run: 3000 a side need less than a tenth of it.
_MAX_ITERATIONS = 10_000_000
# Up to here differences, which are exact, take about as long as a matrix product.
_MAX_SUBTRACTED_AXES = 8


class TransportResult(NamedTuple):
    """An optimal transport, with the certificate that it is one.

    `source_potential[i] + target_potential[j] <= cost(x_i, y_j)`, with equality where the plan
    moves mass, and `sum(a * source_potential) + sum(b * target_potential) == value`. Only
    `value` has a gradient.
    """

    value: Tensor
    """Scalar `sum(plan * cost)`, as `emd` returns it."""
    plan: Tensor
    """`[N, M]`, mass moved from each source row to each target row; sums to 1."""
    source_potential: Tensor
    """`[N]`, in the units of the cost; weighted, both potentials have one mean."""
    target_potential: Tensor
    """`[M]`, likewise."""


class _Solution(NamedTuple):
    rows: Tensor
    """`[N + M - 1]` source rows of the joined pairs, filled up with row 0."""
    columns: Tensor
    """`[N + M - 1]` target rows."""
    masses: Tensor
    """`[N + M - 1]`, filled up with 0."""
    source_potential: Tensor
    target_potential: Tensor


def emd(
    source: Samples,
    target: Samples,
    *,
    cost: str = "euclidean",
    source_weights: Any = None,
    target_weights: Any = None,
) -> Tensor:
    """Return the earth mover's distance: the least mean cost of moving source onto target.

    `min(sum(plan * cost(x, y)))` over plans `[N, M] >= 0` whose rows sum to the source weights
    and whose columns sum to the target weights. With the Euclidean cost it is the Wasserstein-1
    distance of the two sample sets, with its square the squared Wasserstein-2 distance. Exact,
    for up to some thousands of rows; `sliced_wasserstein` for more.

    Differentiable in both sample sets; where several plans are optimal the gradient is that of
    one of them. The plan is found on the host by a Python callback: it runs inside a
    `tf.function`, but not under `jit_compile=True`, where TensorFlow raises "No registered
    'PyFuncStateless' OpKernel", and a SavedModel with it fails to load in another process
    ("Could not find callback").

    Args:
        source: Samples `[N, D]`.
        target: Samples `[M, D]`.
        cost: `"euclidean"`, `"squared_euclidean"` or `"cityblock"`.
        source_weights: Weights `[N]` that sum to 1, zeros allowed; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar >= 0, in the units of the cost.

    Raises:
        RuntimeError: If the solver stops before the optimum.
        TypeError: If samples are not numbers.
        ValueError: If shapes differ, values are not finite, weights do not sum to 1 or `cost` is
            unknown. Inside a `tf.function` values are checked when it runs, and TensorFlow
            reports all of these as its own errors.

    Examples:
        >>> float(emd([[0.0], [1.0]], [[1.0], [3.0]]))
        1.5

    References:
        [1] Peyre and Cuturi, Computational Optimal Transport, 2019, arXiv:1803.00567,
            eq. (2.11) and section 3.5.
        [2] Bonneel, van de Panne, Paris, Heidrich, Displacement Interpolation Using Lagrangian
            Mass Transport, ACM Transactions on Graphics 2011, whose network simplex POT uses.
    """
    check_choice(cost, "cost", TRANSPORT_COSTS)
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    check_squares(pair)
    return _planned_cost(pair, _solve(pair, cost), cost=cost)


def optimal_transport(
    source: Samples,
    target: Samples,
    *,
    cost: str = "euclidean",
    source_weights: Any = None,
    target_weights: Any = None,
) -> TransportResult:
    """Return the earth mover's distance with its plan and its dual potentials.

    The same problem, solver and limits as `emd`, for when it matters what goes where: the plan
    is `[N, M]`, dense.

    Args:
        source: Samples `[N, D]`.
        target: Samples `[M, D]`.
        cost: `"euclidean"`, `"squared_euclidean"` or `"cityblock"`.
        source_weights: Weights `[N]` that sum to 1, zeros allowed; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Value, plan and potentials, in the dtype of the samples.

    Raises:
        RuntimeError: If the solver stops before the optimum.
        TypeError: If samples are not numbers.
        ValueError: As `emd`.

    Examples:
        >>> optimal_transport([[0.0], [1.0]], [[3.0], [1.0]]).plan.numpy().tolist()
        [[0.0, 0.5], [0.5, 0.0]]

    References:
        [1] Peyre and Cuturi, Computational Optimal Transport, 2019, arXiv:1803.00567,
            eq. (2.11), (2.20) and section 3.3.
    """
    check_choice(cost, "cost", TRANSPORT_COSTS)
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    check_squares(pair)
    solution = _solve(pair, cost)
    value = _planned_cost(pair, solution, cost=cost)
    shape = [tf.shape(pair.source)[0], tf.shape(pair.target)[0]]
    entries = tf.stack([solution.rows, solution.columns], axis=1)
    plan = tf.scatter_nd(entries, solution.masses, shape)
    return TransportResult(value, plan, solution.source_potential, solution.target_potential)


def _solve(pair: WeightedPair, cost: str) -> _Solution:
    """Return the optimal plan as constants of the samples' dtype."""
    dtype = pair.source.dtype
    outputs = tf.numpy_function(
        functools.partial(_network_simplex, cost=cost),
        [tf.stop_gradient(part) for part in pair],
        [tf.int32, tf.int32, tf.float64, tf.float64, tf.float64],
        stateful=False,
    )
    num_rows, num_columns = pair.source.shape[0], pair.target.shape[0]
    known = num_rows is not None and num_columns is not None
    num_pairs = num_rows + num_columns - 1 if known else None
    sizes = (num_pairs, num_pairs, num_pairs, num_rows, num_columns)
    shaped = [tf.ensure_shape(part, [size]) for part, size in zip(outputs, sizes, strict=True)]
    return _Solution(*shaped[:2], *(tf.cast(part, dtype) for part in shaped[2:]))


def _network_simplex(
    source: Array, target: Array, source_weights: Array, target_weights: Array, *, cost: str
) -> tuple[IntArray, IntArray, Array, Array, Array]:
    """Return the fields of `_Solution`; the host side of `_solve`."""
    import ot  # here, because it is slow to import and brings every array library it finds

    # Samples that come out of a graph are checked here for the first time.
    x, y = as_pair(source, target, dtype=np.float64)
    a, b = _normalized(source_weights, "source"), _normalized(target_weights, "target")
    # POT's tolerances are absolute, so it gets samples of about unit size.
    scale = max(np.ptp(x), np.ptp(y), abs(x.mean() - y.mean())) or 1.0
    with warnings.catch_warnings():  # POT warns of a failure; here it is an error, below
        warnings.simplefilter("ignore")
        costs = _COSTS[cost].of_pairs(x / scale, y / scale)
        plan, log = ot.emd(a, b, costs, numItermax=_MAX_ITERATIONS, log=True)
    if log["warning"] is not None:
        raise RuntimeError(
            f"exact transport of {len(x)} onto {len(y)} rows failed within "
            f"{_MAX_ITERATIONS} iterations: {log['warning']}"
        )
    # As many pairs as a plan can join, whatever this one does: one shape, so one trace.
    rows, columns = np.zeros([2, len(x) + len(y) - 1], np.int32)
    masses = np.zeros(rows.shape, np.float64)
    found = np.flatnonzero(plan.ravel() > 0.0)
    rows[: found.size], columns[: found.size] = np.divmod(found, len(y))
    masses[: found.size] = plan.ravel()[found]
    unit = scale ** _COSTS[cost].power
    return rows, columns, masses, unit * log["u"], unit * log["v"]


def _normalized(weights: Array, name: str) -> Array:
    """Return weights whose float64 sum is 1: float32 ones may miss it, which is infeasible."""
    weights = weights.astype(np.float64)
    total = weights.sum()
    if not (np.isfinite(total) and total > 0.0 and weights.min() >= 0.0):
        raise ValueError(f"`{name}_weights` must be finite and at least 0; got {weights.min()}.")
    return weights / total


@compiled
def _planned_cost(pair: WeightedPair, solution: _Solution, *, cost: str) -> Tensor:
    """Return `sum(plan * cost)` over the pairs that the plan joins."""
    # The gradient of a gather alone is an IndexedSlices, which callers cannot compute with; that
    # of a reshape is a tensor.
    x = tf.reshape(pair.source, tf.shape(pair.source))
    y = tf.reshape(pair.target, tf.shape(pair.target))
    moves = tf.gather(y, solution.columns) - tf.gather(x, solution.rows)
    return tf.reduce_sum(solution.masses * _COSTS[cost].of_moves(moves))


def _norm(moves: Tensor) -> Tensor:
    """Return `|move|` `[K]`, with gradient 0 where nothing moves instead of the root's NaN."""
    squared = tf.reduce_sum(tf.square(moves), axis=1)
    moved = squared > 0.0
    return tf.where(moved, tf.sqrt(tf.where(moved, squared, 1.0)), 0.0)


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


class _Cost(NamedTuple):
    of_pairs: Callable[[Array, Array], Array]
    """`[N, D]`, `[M, D]` -> costs `[N, M]` of all pairs, on the host."""
    of_moves: Callable[[Tensor], Tensor]
    """Moves `[K, D]` -> costs `[K]`, differentiable."""
    power: int = 1
    """Costs grow with this power of the samples' scale."""


_COSTS = {
    "cityblock": _Cost(
        functools.partial(cdist, metric="cityblock"),
        lambda moves: tf.reduce_sum(tf.abs(moves), axis=1),
    ),
    "euclidean": _Cost(_distances, _norm),
    "squared_euclidean": _Cost(
        _squared_distances, lambda moves: tf.reduce_sum(tf.square(moves), axis=1), power=2
    ),
}

TRANSPORT_COSTS = tuple(_COSTS)
"""Names of the costs that transport can minimise."""
