"""Entropic optimal transport and its debiased Sinkhorn divergence.

The solver is in `_sinkhorn_loop`, its costs in `_sinkhorn_cost`. Gradients are those of the
envelope theorem: at the optimal potentials only the cost moves with the samples. They are
computed with the value, since they cost little beside it.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Samples, Tensor, Weights
from lrmf_tfp._validation import check_choice
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.divergences._envelope import with_gradients
from lrmf_tfp.divergences._pair import WeightedPair, as_weighted_pair
from lrmf_tfp.divergences._units import check_size, times_power
from lrmf_tfp.divergences.transport._sinkhorn_cost import cost_matrix, in_units, plan_matrix
from lrmf_tfp.divergences.transport._sinkhorn_solve import (
    Options,
    as_options,
    solve,
    solve_self,
    with_epsilon,
)
from lrmf_tfp.samples.sample import Sample

__all__ = ["SinkhornResult", "sinkhorn", "sinkhorn_divergence"]

_LOGGER = logging.getLogger(__name__)
_POWERS = {"euclidean": 1, "squared_euclidean": 2}


class SinkhornResult(NamedTuple):
    """Entropic optimal transport between two samples, solved or not: see `converged`.

    Gradients flow through `value`; potentials and plan are constants.
    """

    value: Tensor
    """`<P, C> + epsilon KL(P | a b')`, scalar, in units of the cost."""
    source_potential: Tensor
    """`f`, `[N]`; `P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon)`; 0 in rows of weight 0."""
    target_potential: Tensor
    """`g`, `[M]`, likewise."""
    error: Tensor
    """L1 distance between the plan's marginals and the weights, scalar, in [0, inf]."""
    iterations: Tensor
    """Iterations taken, those at larger epsilons included; int32 scalar."""
    converged: Tensor
    """True if `error` is at most the tolerance; bool scalar."""
    epsilon: Tensor
    """Regularisation used, scalar, in units of the cost."""
    cost_power: Tensor
    """`C_ij = |x_i - y_j|^cost_power`, scalar."""
    pair: WeightedPair
    """The samples and their weights."""

    @property
    def plan(self) -> Tensor:
        """The transport plan `[N, M]`, computed when asked for: it may not fit into memory."""
        (x, y, a, b), unit = in_units(self.pair)
        cost = cost_matrix(x, y, power=2) ** (self.cost_power / 2.0)
        # Not by the square of the unit, which may be no number.
        once_more = tf.where(self.cost_power > 1.0, unit, tf.ones_like(unit))
        epsilon = self.epsilon / unit / once_more
        f = self.source_potential / unit / once_more + epsilon * tf.math.log(a)
        g = self.target_potential / unit / once_more + epsilon * tf.math.log(b)
        return tf.stop_gradient(plan_matrix(cost, f, g, epsilon))


def sinkhorn_divergence(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    epsilon: Tensor | float | None = None,
    cost: str = "squared_euclidean",
    tolerance: float = 1e-5,
    max_iterations: int = 1000,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the debiased Sinkhorn divergence of two weighted samples.

    `S = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2` with the entropic
    `OT(a, b) = min_P sum(P * C) + epsilon * sum(P * log(P / (a b')))` over plans `P` with the
    marginals `a` and `b`. It is at least 0, and 0 iff the two weighted samples are equal; it tends
    to the transport cost as `epsilon` falls and to a kernel distance as it rises. Up to 4 million
    pairs of samples are held in memory, more are streamed. A solve that stops short of
    `tolerance` is logged as a warning outside a `tf.function`; `sinkhorn` tells in its result.

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        epsilon: Regularisation > 0, in units of the cost. By default 0.05 times the mean cost
            between the two samples (its root mean square for "euclidean"), held constant.
        cost: "squared_euclidean" for `|x - y|^2`, not halved, or "euclidean" for `|x - y|`.
        tolerance: Largest L1 error of the marginals. The value's error goes with its square, the
            gradient's with itself.
        max_iterations: Most iterations at `epsilon`; those at larger ones are few and not counted.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        The divergence, a scalar in units of the cost. It can be differentiated once, in both
        samples, with the potentials held fixed (the envelope theorem).

    Raises:
        TypeError: If an argument is not a number where one is due.
        ValueError: If shapes or columns do not fit, a value is not finite, weights are negative,
            all 0 or given twice, a `Sample` has conditions, `cost` is unknown, or another
            argument is not above 0.

    Examples:
        >>> value = sinkhorn_divergence([[0.0], [1.0]], [[2.0], [3.0]], epsilon=0.1)
        >>> print(f"{value:.4f}")
        4.0000

    References:
        [1] Feydy et al., Interpolating between Optimal Transport and MMD using Sinkhorn
            Divergences, AISTATS 2019, arXiv:1810.08278, eq. (1) to (4).
        [2] Cuturi, Sinkhorn Distances: Lightspeed Computation of Optimal Transport, NeurIPS 2013,
            arXiv:1306.0895.
    """
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    check_size(pair, power=_power(cost))
    options = as_options(epsilon, tolerance, max_iterations, dtype=pair.source.dtype)
    value, gradients, error = _divergence(
        _constant(pair), options, power=_power(cost), width=pair.source.shape[1]
    )
    _warn_if_short(error, options)
    return with_gradients(value, gradients, pair.source, pair.target)


def sinkhorn(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    epsilon: Tensor | float | None = None,
    cost: str = "squared_euclidean",
    tolerance: float = 1e-5,
    max_iterations: int = 1000,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> SinkhornResult:
    """Solve `min_P sum(P * C) + epsilon * sum(P * log(P / (a b')))` over plans from `a` to `b`.

    The answer for who needs the plan, the potentials or the proof of convergence. As a distance
    take `sinkhorn_divergence`, which is 0 on equal samples; this value is not.

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        epsilon: As in `sinkhorn_divergence`, and likewise the other arguments.
        cost: "squared_euclidean" for `|x - y|^2`, not halved, or "euclidean" for `|x - y|`.
        tolerance: Largest L1 error of the marginals.
        max_iterations: Most iterations at `epsilon`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        The result; finite whether it converged or not. Gradients flow through its `value`, once.

    Raises:
        TypeError: See `sinkhorn_divergence`.
        ValueError: See `sinkhorn_divergence`.

    Examples:
        >>> result = sinkhorn([[0.0], [1.0]], [[2.0], [3.0]], epsilon=0.1)
        >>> print(result.plan.numpy().round(2).tolist(), bool(result.converged))
        [[0.5, 0.0], [0.0, 0.5]] True

    References:
        [1] Schmitzer, Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport
            Problems, SISC 2019, arXiv:1610.06519, algorithm 2.
        [2] Walker and Ni, Anderson Acceleration for Fixed-Point Iterations, SIAM Journal on
            Numerical Analysis 2011.
    """
    pair = as_weighted_pair(source, target, source_weights, target_weights, all_rows=True)
    check_size(pair, power=_power(cost))
    options = as_options(epsilon, tolerance, max_iterations, dtype=pair.source.dtype)
    result, gradients = _transport(
        _constant(pair), options, power=_power(cost), width=pair.source.shape[1]
    )
    value = with_gradients(result.value, gradients, pair.source, pair.target)
    return result._replace(value=value, pair=pair)


def _power(cost: str) -> int:
    return _POWERS[check_choice(cost, "cost", _POWERS)]


def _constant(pair: WeightedPair) -> WeightedPair:
    # Else a tape would have TensorFlow build, and keep what it needs for, a gradient of the loops.
    return WeightedPair(*map(tf.stop_gradient, pair))


# `width`, the number of columns, gives each width its own trace: relaxed to "any number", which
# way distances are computed would hang on the history of calls.
@compiled
def _divergence(
    pair: WeightedPair, options: Options, *, power: int, width: int
) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
    """Return the divergence, its gradients and the largest of the three marginal errors."""
    units = in_units(pair)
    pair, options = units.pair, with_epsilon(options, units, power=power)
    x, y, a, b = pair
    cross, (to_x, to_y) = solve(pair, options, power=power)
    from_x, self_x = solve_self(WeightedPair(x, x, a, a), options, power=power)
    from_y, self_y = solve_self(WeightedPair(y, y, b, b), options, power=power)
    value = cross.value - 0.5 * (from_x.value + from_y.value)
    error = tf.reduce_max([cross.error, from_x.error, from_y.error])
    # Both arguments of OT(a, a) move: twice one partial derivative, halved.
    slopes = to_x - self_x, to_y - self_y
    return *_in_samples_units(value, slopes, units.unit, power=power), error


@compiled
def _transport(
    pair: WeightedPair, options: Options, *, power: int, width: int
) -> tuple[SinkhornResult, tuple[Tensor, Tensor]]:
    units = in_units(pair)
    used = with_epsilon(options, units, power=power)
    end, slopes = solve(units.pair, used, power=power)
    value, slopes = _in_samples_units(end.value, slopes, units.unit, power=power)
    f, g = (
        tf.where(weights > 0.0, times_power(each, units.unit, power), tf.zeros_like(each))
        for each, weights in ((end.source, pair.source_weights), (end.target, pair.target_weights))
    )
    if options.epsilon is None:
        epsilon = times_power(used.epsilon, units.unit, power)
    else:
        epsilon = tf.cast(options.epsilon, units.unit.dtype)
    result = SinkhornResult(
        value=value,
        source_potential=f,
        target_potential=g,
        error=end.error,
        iterations=end.iterations,
        converged=end.error <= options.tolerance,
        epsilon=epsilon,
        cost_power=tf.constant(power, pair.source.dtype),
        pair=pair,
    )
    return result, slopes


def _in_samples_units(
    value: Tensor, slopes: tuple[Tensor, Tensor], unit: Tensor, *, power: int
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return a value in units of the cost, and its gradients in the samples."""
    to_x, to_y = (times_power(each, unit, power - 1) for each in slopes)
    return times_power(value, unit, power), (to_x, to_y)


def _warn_if_short(error: Tensor, options: Options) -> None:
    if tf.is_symbolic_tensor(error) or error <= options.tolerance:
        return
    _LOGGER.warning(
        "`sinkhorn_divergence` stopped after %d iterations at a marginal error of %.1e, above "
        "its tolerance: the gradient is as inexact; raise `epsilon` or `max_iterations`.",
        int(options.max_iterations),
        float(error),
    )
