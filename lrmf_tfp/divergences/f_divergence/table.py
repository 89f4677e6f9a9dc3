"""The f-divergences: eight of them, what a critic learns of each, and their values.

`D_f(p || q) = E_q[f(p / q)]` with `f` convex; p is the numerator, q the denominator. Everything is
written in the log-ratio `l = log(p / q)` and in a critic's raw output `v`, which do not overflow
where the ratio itself would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice
from lrmf_tfp.networks.dense import softplus

__all__ = ["FDivergence", "F_DIVERGENCES", "as_f_divergence"]

_LOG_2 = math.log(2.0)
# exp(x) goes on as its tangent above: squared gradients would overflow in float32.
_MAX_EXPONENT = 40.0

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FDivergence:
    """One f-divergence `D_f(p || q) = E_q[f(p / q)]`, and the critic that bounds it from below.

    For every function v of a sample, `E_p[g(v)] - E_q[f*(g(v))] <= D_f(p || q)`, where `f*` is the
    convex conjugate of `f` and `g` maps all real numbers into its domain. Equality holds where
    the critic `T = g(v)` is `f'(p / q)`, so that a trained `v` tells the density ratio.

    References:
        [1] Nguyen, Wainwright, Jordan, Estimating divergence functionals and the likelihood
            ratio by convex risk minimization, IEEE Trans. Inf. Theory 2010, arXiv:0809.0853,
            lemma 1.
        [2] Nowozin, Cseke, Tomioka, f-GAN, NeurIPS 2016, arXiv:1606.00709, eq. (4)-(6), tables
            1, 2 and 6.
    """

    name: str
    """Key in `F_DIVERGENCES`."""
    formula: str
    """`f(u)`, as text."""
    finite_f: Function
    """`f(exp(l))` of finite log-ratios `l`; see `f_of_log_ratio`."""
    f_at_zero: float
    """`f(0)`: what mass of q costs where p has none."""
    slope_at_infinity: float
    """Limit of `f(u) / u`: what mass of p costs where q has none."""
    conjugate: Function
    """`f*(t)`; infinite outside of its domain."""
    activation: Function
    """`g(v)`: a critic's raw output to a value in the domain of `f*`."""
    conjugate_of_output: Function
    """`f*(g(v))`, without the overflow of composing the two."""
    optimal_critic: Function
    """`T* = f'(exp(l))` of a log-ratio `l`, where the bound is tight."""
    log_ratio_of_output: Function | None
    """`log(p / q)` of a raw output `v`, as if `g(v)` were optimal; None if `v` does not tell."""
    adjoint: str | None = None
    """Name of the divergence in which p and q have changed places."""

    def f_of_log_ratio(self, log_ratio: Tensor) -> Tensor:
        """Return `f(exp(log_ratio))`; infinite log-ratios give limits, with gradient 0."""
        finite = tf.math.is_finite(log_ratio)
        inside = self.finite_f(tf.where(finite, log_ratio, 0.0))
        at_infinity = math.copysign(math.inf, self.slope_at_infinity or -1.0)
        limits = tf.where(
            log_ratio > 0.0,
            tf.constant(at_infinity, inside.dtype),
            tf.constant(self.f_at_zero, inside.dtype),
        )
        limits = tf.where(tf.math.is_nan(log_ratio), log_ratio, limits)
        return tf.where(finite, inside, limits)

    def adjoint_of_log_ratio(self, log_ratio: Tensor) -> Tensor:
        """Return `f(u) / u` at `u = exp(log_ratio)`, without overflow where u is large."""
        if self.adjoint is None:
            return self.f_of_log_ratio(log_ratio) * tf.exp(-log_ratio)
        return F_DIVERGENCES[self.adjoint].f_of_log_ratio(-log_ratio)

    def bound(
        self,
        numerator_outputs: Tensor,
        denominator_outputs: Tensor,
        numerator_weights: Tensor | None = None,
        denominator_weights: Tensor | None = None,
    ) -> Tensor:
        """Return `mean(g(v(x))) - mean(f*(g(v(y))))`, x from p and y from q.

        For a fixed critic it is unbiased for a lower bound of the divergence. On the samples that
        the critic was trained on it is not.

        Args:
            numerator_outputs: Raw outputs `[N]` at samples of p.
            denominator_outputs: Raw outputs `[M]` at samples of q.
            numerator_weights: `[N]` >= 0 of any scale, for a weighted mean; equal by default.
            denominator_weights: `[M]`, likewise.

        Returns:
            Scalar, nats for the divergences made of logarithms.
        """
        gain = weighted_mean(self.activation(numerator_outputs), numerator_weights)
        loss = weighted_mean(self.conjugate_of_output(denominator_outputs), denominator_weights)
        return gain - loss


def as_f_divergence(divergence: str | FDivergence) -> FDivergence:
    """Return the f-divergence of a name, or the one that is given.

    Raises:
        ValueError: If the name is not in `F_DIVERGENCES`.
    """
    if isinstance(divergence, FDivergence):
        return divergence
    return F_DIVERGENCES[check_choice(divergence, "divergence", F_DIVERGENCES)]


def guarded_exp(x: Tensor) -> Tensor:
    """Return `exp(x)`, and above 40 its tangent there, so that gradients stay finite."""
    low = tf.minimum(x, _MAX_EXPONENT)
    return tf.exp(low) * (1.0 + tf.nn.relu(x - _MAX_EXPONENT))


def _outside(inside: Tensor, value: Tensor) -> Tensor:
    """Return `value` where `inside` holds and +inf elsewhere."""
    return tf.where(inside, value, tf.cast(math.inf, value.dtype))


def _below(t: Tensor, bound: float, function: Function) -> Tensor:
    """Return `function(t)` for `t < bound` and +inf elsewhere, without a NaN in between."""
    inside = t < bound
    return _outside(inside, function(tf.where(inside, t, bound - 1.0)))


def _jensen_shannon_f(log_ratio: Tensor) -> Tensor:
    ratio = tf.exp(log_ratio)
    both = ratio * softplus(-log_ratio) + softplus(log_ratio)
    return 0.5 * ((ratio + 1.0) * _LOG_2 - both)


def _pearson_conjugate(t: Tensor) -> Tensor:
    return tf.where(t >= -2.0, t * (0.25 * t + 1.0), -tf.ones_like(t))


def _log_of_ratio(ratio: Tensor) -> Tensor:
    """Return the logarithm, -inf for ratios of 0 and below."""
    positive = ratio > 0.0
    logarithm = tf.math.log(tf.where(positive, ratio, 1.0))
    return tf.where(positive, logarithm, tf.cast(-math.inf, ratio.dtype))


_TABLE = (
    FDivergence(
        name="kl",
        formula="u log(u)",
        finite_f=lambda log_u: log_u * tf.exp(log_u),
        f_at_zero=0.0,
        slope_at_infinity=math.inf,
        conjugate=lambda t: tf.exp(t - 1.0),
        activation=tf.identity,
        conjugate_of_output=lambda v: guarded_exp(v - 1.0),
        optimal_critic=lambda log_u: 1.0 + log_u,
        log_ratio_of_output=lambda v: v - 1.0,
        adjoint="reverse_kl",
    ),
    FDivergence(
        name="reverse_kl",
        formula="-log(u)",
        finite_f=tf.negative,
        f_at_zero=math.inf,
        slope_at_infinity=0.0,
        conjugate=lambda t: _below(t, 0.0, lambda inside: -1.0 - tf.math.log(-inside)),
        activation=lambda v: -guarded_exp(-v),
        conjugate_of_output=lambda v: v - 1.0,
        optimal_critic=lambda log_u: -tf.exp(-log_u),
        log_ratio_of_output=tf.identity,
        adjoint="kl",
    ),
    FDivergence(
        name="pearson",
        formula="(u - 1)^2",
        finite_f=lambda log_u: tf.square(tf.math.expm1(log_u)),
        f_at_zero=1.0,
        slope_at_infinity=math.inf,
        conjugate=_pearson_conjugate,
        activation=tf.identity,
        conjugate_of_output=_pearson_conjugate,
        optimal_critic=lambda log_u: 2.0 * tf.math.expm1(log_u),
        log_ratio_of_output=lambda v: _log_of_ratio(1.0 + 0.5 * v),
        adjoint="neyman",
    ),
    FDivergence(
        name="neyman",
        formula="(1 - u)^2 / u",
        finite_f=lambda log_u: tf.square(2.0 * tf.sinh(0.5 * log_u)),
        f_at_zero=math.inf,
        slope_at_infinity=1.0,
        conjugate=lambda t: _outside(t <= 1.0, 2.0 - 2.0 * tf.sqrt(1.0 - tf.minimum(t, 1.0))),
        activation=lambda v: 1.0 - guarded_exp(-v),
        conjugate_of_output=lambda v: 2.0 - 2.0 * guarded_exp(-0.5 * v),
        optimal_critic=lambda log_u: -tf.math.expm1(-2.0 * log_u),
        log_ratio_of_output=lambda v: 0.5 * v,
        adjoint="pearson",
    ),
    FDivergence(
        name="squared_hellinger",
        formula="(sqrt(u) - 1)^2",
        finite_f=lambda log_u: tf.square(tf.math.expm1(0.5 * log_u)),
        f_at_zero=1.0,
        slope_at_infinity=1.0,
        conjugate=lambda t: _below(t, 1.0, lambda inside: inside / (1.0 - inside)),
        activation=lambda v: 1.0 - guarded_exp(-v),
        conjugate_of_output=lambda v: guarded_exp(v) - 1.0,
        optimal_critic=lambda log_u: -tf.math.expm1(-0.5 * log_u),
        log_ratio_of_output=lambda v: 2.0 * v,
        adjoint="squared_hellinger",
    ),
    FDivergence(
        name="jensen_shannon",
        formula="(u log(u) - (u + 1) log((u + 1) / 2)) / 2",
        finite_f=_jensen_shannon_f,
        f_at_zero=0.5 * _LOG_2,
        slope_at_infinity=0.5 * _LOG_2,
        conjugate=lambda t: _below(
            t, 0.5 * _LOG_2, lambda inside: -0.5 * tf.math.log(2.0 - tf.exp(2.0 * inside))
        ),
        activation=lambda v: 0.5 * (_LOG_2 - softplus(-v)),
        conjugate_of_output=lambda v: 0.5 * (softplus(v) - _LOG_2),
        optimal_critic=lambda log_u: 0.5 * (_LOG_2 - softplus(-log_u)),
        log_ratio_of_output=tf.identity,
        adjoint="jensen_shannon",
    ),
    FDivergence(
        name="gan",
        formula="u log(u) - (u + 1) log(u + 1)",
        finite_f=lambda log_u: -tf.exp(log_u) * softplus(-log_u) - softplus(log_u),
        f_at_zero=0.0,
        slope_at_infinity=0.0,
        conjugate=lambda t: _below(t, 0.0, lambda inside: -tf.math.log(-tf.math.expm1(inside))),
        activation=lambda v: -softplus(-v),
        conjugate_of_output=softplus,
        optimal_critic=lambda log_u: -softplus(-log_u),
        log_ratio_of_output=tf.identity,
        adjoint="gan",
    ),
    FDivergence(
        name="total_variation",
        formula="|u - 1| / 2",
        finite_f=lambda log_u: 0.5 * tf.abs(tf.math.expm1(log_u)),
        f_at_zero=0.5,
        slope_at_infinity=0.5,
        conjugate=lambda t: _outside(tf.abs(t) <= 0.5, t),
        activation=lambda v: 0.5 * tf.tanh(v),
        conjugate_of_output=lambda v: 0.5 * tf.tanh(v),
        optimal_critic=lambda log_u: 0.5 * tf.sign(log_u),
        log_ratio_of_output=None,
        adjoint="total_variation",
    ),
)

F_DIVERGENCES: dict[str, FDivergence] = {each.name: each for each in _TABLE}
"""The eight by name. `"jensen_shannon"` is JSD, at most log 2; f-GAN's "JS" is twice that. `"gan"`
is `2 JSD - log 4`, the value of the original game."""
