"""Exact optimal transport between two sample sets, by POT's network simplex.

The plan is found by compiled code outside TensorFlow, in float64. The value is then summed in
TensorFlow over the pairs that the plan joins, at most N + M - 1 of them; as the plan is optimal,
its own change does not count to first order, and ordinary differentiation of that sum is the
gradient (the envelope theorem).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Samples, Tensor, Weights
from lrmf_tfp._validation import check_choice
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.divergences._pair import WeightedPair, as_weighted_pair
from lrmf_tfp.divergences._units import check_size
from lrmf_tfp.divergences.transport._network_simplex import POWERS, solve_on_host
from lrmf_tfp.samples.sample import Sample

__all__ = ["TRANSPORT_COSTS", "TransportResult", "emd", "optimal_transport"]


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
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    cost: str = "euclidean",
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the earth mover's distance: the least mean cost of moving source onto target.

    `min(sum(plan * cost(x, y)))` over plans `[N, M] >= 0` whose rows sum to the source weights
    and whose columns sum to the target weights. With the Euclidean cost it is the Wasserstein-1
    distance of the two sample sets, with its square the squared Wasserstein-2 distance. Exact,
    for up to some thousands of rows; `sliced_wasserstein` for more. The dual potentials of each
    plan have to prove it optimal; where rounding kept it from that, because some rows lie very
    far from most, it is solved again with costs that are cut off and reduced.

    Differentiable in both sample sets; where several plans are optimal the gradient is that of
    one of them. The plan is found on the host by a Python callback: it runs inside a
    `tf.function`, but not under `jit_compile=True`, where TensorFlow raises "No registered
    'PyFuncStateless' OpKernel", and a SavedModel with it fails to load in another process
    ("Could not find callback").

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        cost: `"euclidean"`, `"squared_euclidean"` or `"cityblock"`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar >= 0, in the units of the cost.

    Raises:
        RuntimeError: If no plan is found that its potentials prove optimal.
        TypeError: If samples are not numbers.
        ValueError: If shapes or columns differ, values are not finite, weights are negative, all
            0 or given twice, a `Sample` has conditions, or `cost` is unknown. Inside a
            `tf.function` values are checked when it runs, and TensorFlow reports all of these as
            its own errors.

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
    check_size(pair, power=POWERS[cost])
    return _planned_cost(pair, _solve(pair, cost), cost=cost)


def optimal_transport(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    cost: str = "euclidean",
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> TransportResult:
    """Return the earth mover's distance with its plan and its dual potentials.

    The same problem, solver and limits as `emd`, for when it matters what goes where: the plan
    is `[N, M]`, dense.

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        cost: `"euclidean"`, `"squared_euclidean"` or `"cityblock"`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Value, plan and potentials, in the dtype of the samples.

    Raises:
        RuntimeError: If no plan is found that its potentials prove optimal.
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
    pair = as_weighted_pair(source, target, source_weights, target_weights, all_rows=True)
    check_size(pair, power=POWERS[cost])
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
        functools.partial(solve_on_host, cost=cost),
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


@compiled
def _planned_cost(pair: WeightedPair, solution: _Solution, *, cost: str) -> Tensor:
    """Return `sum(plan * cost)` over the pairs that the plan joins."""
    # The gradient of a gather alone is an IndexedSlices, which callers cannot compute with; that
    # of a reshape is a tensor.
    x = tf.reshape(pair.source, tf.shape(pair.source))
    y = tf.reshape(pair.target, tf.shape(pair.target))
    moves = tf.gather(y, solution.columns) - tf.gather(x, solution.rows)
    return tf.reduce_sum(solution.masses * _COSTS[cost](moves))


def _norm(moves: Tensor) -> Tensor:
    """Return `|move|` `[K]`, with gradient 0 where nothing moves instead of the root's NaN.

    Each move is divided by its largest entry, so that no square over- or underflows.
    """
    sizes = tf.stop_gradient(tf.reduce_max(tf.abs(moves), axis=1))
    moved = sizes > 0.0
    units = tf.where(moved, sizes, 1.0)
    squared = tf.reduce_sum(tf.square(moves / units[:, None]), axis=1)
    return tf.where(moved, units * tf.sqrt(tf.where(moved, squared, 1.0)), 0.0)


_COSTS: dict[str, Callable[[Tensor], Tensor]] = {
    "cityblock": lambda moves: tf.reduce_sum(tf.abs(moves), axis=1),
    "euclidean": _norm,
    "squared_euclidean": lambda moves: tf.reduce_sum(tf.square(moves), axis=1),
}
"""Moves `[K, D]` -> costs `[K]`, differentiable."""

TRANSPORT_COSTS = tuple(_COSTS)
"""Names of the costs that transport can minimise."""
