"""Sinkhorn's fixed points: epsilon scaling, stable kernels, Anderson acceleration."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences.transport._sinkhorn_cost import (
    Geometry,
    HalfStep,
    mean_cost,
    scaling_bound,
)

__all__ = ["Potentials", "self_potential", "transport_potentials"]

_EPSILON_FACTOR = 8.0
_LEVEL_ITERATIONS = 5
_LEVEL_TOLERANCE = 0.1
_MEMORY = 5
# The weight of the softmin step when source and target are one. Near the solution a step `w` has
# the eigenvalues `1 - w (1 + p)` with `p` in [0, 1], for the kernels of both costs are positive
# definite: 2 / 3 contracts by 3 whatever epsilon is, the usual 1 / 2 by 2.
_SELF_STEP = 2.0 / 3.0


class Potentials(NamedTuple):
    """Where the iteration stopped."""

    source: Tensor
    """`f`, `[N]`."""
    target: Tensor
    """`g`, `[M]`."""
    value: Tensor
    """Dual value at `f, g`, which is below the entropic cost by a square of the error."""
    error: Tensor
    """L1 distance of the plan's marginals to the weights."""
    iterations: Tensor
    """Sinkhorn iterations, those at larger epsilons included."""


class _Iterate(NamedTuple):
    """One log-scaling `t` of the target and what Sinkhorn makes of it."""

    t: Tensor
    t_next: Tensor
    dual: Tensor
    error: Tensor
    in_range: Tensor
    count: Tensor
    images: Tensor
    """Last changes of `t_next`, `[memory, M]`; newest first, 0 where there is none."""
    residuals: Tensor
    """Last changes of `t_next - t`, `[memory, M]`."""


class _Level(NamedTuple):
    """The state between two kernels."""

    g: Tensor
    epsilon: Tensor
    error: Tensor
    iterations: Tensor
    remaining: Tensor
    done: Tensor


def transport_potentials(
    geometry: Geometry, epsilon: Tensor, *, power: int, tolerance: Tensor, max_iterations: Tensor
) -> Potentials:
    """Return the potentials of `min <P, C> + epsilon KL(P | a b')`.

    Epsilon falls by a factor of 8 from an eighth of the mean cost. At each level a soft minimum
    in log-space gives a kernel with the right row sums; products with it, extrapolated, follow
    until the columns fit too. Scalings that leave the range of the floats are absorbed into the
    potentials, and a new kernel is made.

    Args:
        geometry: The two samples.
        epsilon: Regularisation, in units of the cost.
        power: 2 or 1, of the distance.
        tolerance: Largest L1 error of the marginals.
        max_iterations: Most iterations at `epsilon` itself.

    Returns:
        The potentials. The source's marginal is exact.
    """

    def lower(level: _Level) -> tuple[_Level]:
        return (_next_level(geometry, level, epsilon, tolerance),)

    start = tf.maximum(mean_cost(geometry.pair, power=power) / _EPSILON_FACTOR, epsilon)
    g = tf.zeros_like(geometry.pair.target_weights)
    first = _Level(
        g=g,
        epsilon=start,
        error=_infinity(g.dtype),
        iterations=tf.constant(0),
        remaining=max_iterations,
        done=tf.zeros([], tf.bool),
    )
    (last,) = tf.while_loop(lambda level: ~level.done, lower, (first,))
    f = geometry.softmin_over_target(last.g, epsilon)
    value = _dot(geometry.pair.source_weights, f) + _dot(geometry.pair.target_weights, last.g)
    # An epsilon below the potentials' rounding makes noise of the plan, whatever a kernel says.
    rounding = _rounding(f.dtype) * (tf.reduce_max(tf.abs(f)) + tf.reduce_max(tf.abs(last.g)))
    error = tf.where(epsilon > rounding, last.error, _infinity(f.dtype))
    return Potentials(f, last.g, value, error, last.iterations)


def _next_level(geometry: Geometry, level: _Level, epsilon: Tensor, tolerance: Tensor) -> _Level:
    """Iterate with one kernel, absorb its scalings and lower epsilon."""
    is_last = level.epsilon <= epsilon
    f = geometry.softmin_over_target(level.g, level.epsilon)
    steps = geometry.half_steps(f, level.g, level.epsilon)
    end = _iterate(
        steps,
        weights=geometry.pair.target_weights,
        source_weights=geometry.pair.source_weights,
        tolerance=tf.where(is_last, tolerance, tf.maximum(tolerance, _LEVEL_TOLERANCE)),
        limit=tf.where(is_last, level.remaining - 1, _LEVEL_ITERATIONS),
    )
    used = end.count + 1
    remaining = tf.where(is_last, level.remaining - used, level.remaining)
    lowered = tf.maximum(level.epsilon / _EPSILON_FACTOR, epsilon)
    return _Level(
        g=level.g + level.epsilon * end.t,
        epsilon=lowered,
        error=end.error,
        iterations=level.iterations + used,
        remaining=remaining,
        done=is_last & ((end.error <= tolerance) | (remaining <= 0)),
    )


def _iterate(
    steps: tuple[HalfStep, HalfStep],
    *,
    weights: Tensor,
    source_weights: Tensor,
    tolerance: Tensor,
    limit: Tensor,
) -> _Iterate:
    """Iterate from scalings of 1 until the error, the count or the range says stop."""
    to_source, to_target = steps

    def evaluate(t: Tensor) -> dict[str, Tensor]:
        s = to_source(t)
        t_next = to_target(s)
        bounded = tf.reduce_max(tf.abs(t)) <= scaling_bound(t.dtype)
        return {
            "t": t,
            "t_next": t_next,
            "dual": _dot(source_weights, s) + _dot(weights, t),
            "error": _marginal_error(t - t_next, weights),
            "in_range": bounded & tf.math.is_finite(tf.reduce_sum(t_next)),
        }

    def advance(now: _Iterate) -> tuple[_Iterate]:
        new = evaluate(_extrapolate(now, weights))
        # A plain step raises the dual. An extrapolation that lowers it, and the error does not
        # excuse it, is taken back, and the memory cleared, so that a plain step comes next.
        good = (new["dual"] >= now.dual) | (new["error"] < now.error)
        new = {name: tf.where(good, value, getattr(now, name)) for name, value in new.items()}
        image = new["t_next"] - now.t_next
        residual = image - (new["t"] - now.t)
        keep = tf.cast(good, weights.dtype)
        return (
            _Iterate(
                **new,
                count=now.count + 1,
                images=keep * tf.concat([image[None], now.images[:-1]], axis=0),
                residuals=keep * tf.concat([residual[None], now.residuals[:-1]], axis=0),
            ),
        )

    def goes_on(now: _Iterate) -> Tensor:
        return (now.error > tolerance) & (now.count < limit) & now.in_range

    empty = tf.zeros([_MEMORY, 1], weights.dtype) * weights
    start = evaluate(tf.zeros_like(weights))
    first = _Iterate(**start, count=tf.constant(0), images=empty, residuals=empty)
    (end,) = tf.while_loop(goes_on, advance, (first,))
    return end


def _extrapolate(now: _Iterate, weights: Tensor) -> Tensor:
    """Return Anderson's combination of the last images, that of the smallest residual.

    The residuals are scaled to one length, so that one ridge fits all of them; rows of zeros,
    which stand for a shorter memory, get the coefficient 0.
    """
    residual = now.t_next - now.t
    length = tf.sqrt(tf.linalg.matvec(now.residuals**2, weights))
    unit = tf.math.divide_no_nan(now.residuals, length[:, None])
    ridge = tf.eye(_MEMORY, dtype=weights.dtype) * _rounding(weights.dtype) ** 0.75
    gram = tf.matmul(unit * weights, unit, transpose_b=True) + ridge
    coefficients = tf.linalg.solve(gram, tf.linalg.matvec(unit, weights * residual)[:, None])
    coefficients = tf.math.divide_no_nan(coefficients[:, 0], length)
    return now.t_next - tf.linalg.matvec(now.images, coefficients, transpose_a=True)


def self_potential(
    geometry: Geometry, epsilon: Tensor, *, tolerance: Tensor, max_iterations: Tensor
) -> Potentials:
    """Return the one potential, `f = g`, of a sample with itself.

    The kernel `exp(-C / epsilon)` has ones on its diagonal, so that no sum of it underflows, and
    neither a start at a larger epsilon nor a second kernel is needed.
    """
    weights = geometry.pair.source_weights
    reference = tf.zeros_like(weights)
    to_source, _ = geometry.half_steps(reference, reference, epsilon)

    def evaluate(s: Tensor, count: Tensor) -> tuple[Tensor, ...]:
        s_next = to_source(s)
        return s, s_next, _marginal_error(s - s_next, weights), count

    def advance(s: Tensor, s_next: Tensor, _: Tensor, count: Tensor) -> tuple[Tensor, ...]:
        return evaluate(s + _SELF_STEP * (s_next - s), count + 1)

    def goes_on(_: Tensor, __: Tensor, error: Tensor, count: Tensor) -> Tensor:
        return (error > tolerance) & (count < max_iterations)

    s, s_next, error, count = tf.while_loop(goes_on, advance, evaluate(reference, tf.constant(1)))
    excess = tf.reduce_sum(weights * tf.math.expm1(s - s_next))
    value = epsilon * (2.0 * _dot(weights, s) - excess)
    return Potentials(epsilon * s, epsilon * s, value, error, count)


def _marginal_error(log_ratio: Tensor, weights: Tensor) -> Tensor:
    """Return the L1 error of marginals `weights * exp(log_ratio)`; inf if it is not a number."""
    terms = tf.math.multiply_no_nan(tf.abs(tf.math.expm1(log_ratio)), weights)
    error = tf.reduce_sum(terms)
    return tf.where(
        tf.math.is_finite(error), error, tf.fill([], tf.constant(float("inf"), error.dtype))
    )


def _dot(weights: Tensor, values: Tensor) -> Tensor:
    return tf.reduce_sum(weights * values)


def _infinity(dtype: tf.DType) -> Tensor:
    return tf.constant(float("inf"), dtype)


def _rounding(dtype: tf.DType) -> Tensor:
    return tf.constant(2.0**-52 if dtype == tf.float64 else 2.0**-23, dtype)
