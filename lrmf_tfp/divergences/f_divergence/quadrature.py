"""The f-divergences of two densities on the line, by adaptive quadrature, in float64."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import tensorflow as tf
from scipy.integrate import IntegrationWarning, quad
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive
from lrmf_tfp.divergences.f_divergence._distributions import check_distributions
from lrmf_tfp.divergences.f_divergence.table import FDivergence, as_f_divergence

__all__ = ["f_divergence_quadrature"]

_MAX_INTERVALS = 500


def f_divergence_quadrature(
    divergence: str | FDivergence,
    p: tfd.Distribution,
    q: tfd.Distribution,
    *,
    interval: tuple[float, float],
    breaks: Sequence[float] = (),
    tolerance: float = 1e-10,
) -> float:
    """Return `D_f(p || q)` of two densities on the line, exact up to a tolerance.

    `integral of q f(p / q)`, and `lim f(u) / u` times the mass of p where q has none. Give float64
    distributions: the log-probabilities of float32 ones carry an error of some 1e-7.

    Args:
        divergence: A name in `F_DIVERGENCES`, or an `FDivergence`.
        p: Numerator, on events `[]` or `[1]`.
        q: Denominator, likewise.
        interval: Finite ends of the integration. Mass outside is not seen, and a divergence that
            is infinite because of tails shows as a value that grows with the interval.
        breaks: Points where a density jumps, such as the ends of supports.
        tolerance: Largest error, absolute or relative, > 0.

    Returns:
        The value; +inf where one density has mass that the other does not cover and the divergence
        does not forgive it.

    Raises:
        TypeError: If p or q is not a distribution.
        ValueError: If events differ or are not on the line, the interval is not finite or not
            increasing, a log-probability is NaN, or the quadrature does not reach the tolerance,
            as where the integral diverges inside the interval.

    Examples:
        >>> p = tfd.Normal(tf.constant(1.0, tf.float64), 1.0)
        >>> q = tfd.Normal(tf.constant(0.0, tf.float64), 2.0)
        >>> round(f_divergence_quadrature("kl", p, q, interval=(-20.0, 20.0)), 8)
        0.44314718
    """
    low, high = interval
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"`interval` must be finite and increasing; got {tuple(interval)}.")
    check_positive(tolerance, "tolerance")
    density = _integrand(as_f_divergence(divergence), p, q)
    ends = sorted({*interval, *(each for each in breaks if interval[0] < each < interval[1])})
    total = 0.0
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        # Mass that is not covered costs without bound, which no quadrature could say.
        if math.isinf(density(0.5 * (low + high))):
            return math.inf
        total += _integral(density, low, high, tolerance=tolerance)
    return total


def _integrand(
    divergence: FDivergence, p: tfd.Distribution, q: tfd.Distribution
) -> Callable[[float], float]:
    """Return the function `q f(p / q)` of a point on the line."""
    check_distributions(p, q)
    if p.event_shape.as_list() not in ([], [1]):
        raise ValueError(
            f"`p` must have events on the line, [] or [1]; got {p.event_shape.as_list()}."
        )

    @tf.function(autograph=False)
    def compute(x: Tensor) -> Tensor:
        log_p, log_q = (
            tf.cast(law.log_prob(tf.cast(tf.reshape(x, law.event_shape), law.dtype)), tf.float64)
            for law in (p, q)
        )
        return _pointwise(divergence, log_p, log_q)

    def density(x: float) -> float:
        value = float(compute(tf.constant(x, tf.float64)))
        if math.isnan(value):
            raise ValueError(
                f"`p` and `q` must give a log-probability to every point; got NaN at {x:g}."
            )
        return value

    return density


def _pointwise(divergence: FDivergence, log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return `q f(p / q)`; where p is larger as `p h(q / p)`, h the adjoint, without overflow."""
    nowhere = tf.math.is_inf(log_p) & tf.math.is_inf(log_q)
    log_ratio = tf.where(nowhere, tf.zeros_like(log_p), log_p - log_q)
    below = _times(tf.exp(log_q), divergence.f_of_log_ratio(tf.minimum(log_ratio, 0.0)))
    above = _times(tf.exp(log_p), divergence.adjoint_of_log_ratio(tf.maximum(log_ratio, 0.0)))
    value = tf.where(log_ratio <= 0.0, below, above)
    unknown = tf.math.is_nan(log_p) | tf.math.is_nan(log_q)
    return tf.where(unknown, tf.constant(math.nan, value.dtype), value)


def _times(mass: Tensor, value: Tensor) -> Tensor:
    return tf.where(mass > 0.0, mass * value, mass)


def _integral(
    density: Callable[[float], float], low: float, high: float, *, tolerance: float
) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("error", IntegrationWarning)
        try:
            value, _ = quad(
                density, low, high, epsabs=tolerance, epsrel=tolerance, limit=_MAX_INTERVALS
            )
        except IntegrationWarning as warning:
            reason = " ".join(str(warning).split()).split(".")[0]
            raise ValueError(
                f"`interval` must be one on which the integral converges to {tolerance:g}; "
                f"got on [{low:g}, {high:g}]: {reason}."
            ) from None
    return float(value)
