"""Divergences of two distributions whose log-probabilities are known, from draws.

Directions, once and for all: `KL(p || q) = E_p[log p - log q]` is drawn from its first argument.
With p the data and q the model that is the *forward* KL, which maximum likelihood minimises;
`KL(q || p)` is the *reverse* KL of variational inference.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd
from tensorflow_probability import random as tfp_random

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.divergences._arguments import as_seed
from lrmf_tfp.divergences.f_divergence._distributions import check_distributions
from lrmf_tfp.divergences.f_divergence.table import FDivergence, as_f_divergence
from lrmf_tfp.networks.dense import softplus

__all__ = [
    "MonteCarloEstimate",
    "estimate_kl",
    "f_divergence_monte_carlo",
    "jensen_shannon_monte_carlo",
    "kl_monte_carlo",
]

_LOG_2 = math.log(2.0)


class MonteCarloEstimate(NamedTuple):
    """A mean of independent draws, and how sure it is."""

    value: Tensor
    """Scalar, the mean of the terms: unbiased, and differentiable as `kl_monte_carlo`."""
    standard_error: Tensor
    """Scalar, the standard deviation of the terms over the root of their number."""
    terms: Tensor
    """`[n]`, one draw each, in the order in which they were drawn."""

    @property
    def running_mean(self) -> Tensor:
        """The mean of the first 1, 2, ..., n terms, `[n]`; summed in float64."""
        totals = tf.cumsum(tf.cast(self.terms, tf.float64))
        counts = tf.range(1, tf.shape(totals)[0] + 1)
        return tf.cast(totals / tf.cast(counts, tf.float64), self.terms.dtype)


def estimate_kl(
    p: tfd.Distribution,
    q: tfd.Distribution,
    *,
    num_samples: int = 10_000,
    seed: int | Tensor = 0,
) -> MonteCarloEstimate:
    """Estimate `KL(p || q)` from draws of p, with its standard error.

    Args:
        p: Where the draws come from; its batch shape is `[]`.
        q: The other distribution, on the same events; its batch shape is `[]`.
        num_samples: Number of draws n >= 2.
        seed: Whole number or stateless seed `[2]`.

    Returns:
        Value, standard error and terms `log p(z) - log q(z)`, in nats. +inf, without an error,
        where q gives a draw no probability; the standard error is then +inf too.

    Raises:
        TypeError: If p or q is not a distribution.
        ValueError: If batch or event shapes do not fit, `num_samples` is below 2, or a
            log-probability is NaN.

    Examples:
        >>> p, q = tfd.Normal(1.0, 1.0), tfd.Normal(0.0, 2.0)
        >>> estimate = estimate_kl(p, q, num_samples=1000)
        >>> bool(abs(estimate.value - 0.4431) < 4.0 * estimate.standard_error)
        True
    """
    log_ratio, log_prob = _log_ratio(p, q, num_samples=num_samples, seed=as_seed(seed))
    terms = _scored(log_ratio, p, log_prob)
    value = tf.reduce_mean(terms)
    finite = tf.math.is_finite(value)
    spread = tf.math.reduce_std(tf.where(finite, terms, 0.0))
    # The unbiased variance: n / (n - 1) times the mean of squares.
    error = spread / tf.sqrt(tf.cast(num_samples - 1, terms.dtype))
    return MonteCarloEstimate(value, tf.where(finite, error, math.inf), terms)


def kl_monte_carlo(
    p: tfd.Distribution,
    q: tfd.Distribution,
    *,
    num_samples: int = 10_000,
    seed: int | Tensor = 0,
) -> Tensor:
    """Return an unbiased estimate of `KL(p || q) = E_p[log p - log q]`.

    Arguments, errors and infinities as `estimate_kl`. Differentiable in the parameters of both:
    through p's draws if p is reparameterised, by the score of p otherwise.

    Returns:
        Scalar, nats; may fall below 0 by chance.

    Examples:
        >>> p = tfd.Normal(0.0, 1.0)
        >>> float(kl_monte_carlo(p, p))
        0.0
    """
    return estimate_kl(p, q, num_samples=num_samples, seed=seed).value


def jensen_shannon_monte_carlo(
    p: tfd.Distribution,
    q: tfd.Distribution,
    *,
    num_samples: int = 10_000,
    seed: int | Tensor = 0,
) -> Tensor:
    """Return an unbiased estimate of the Jensen-Shannon divergence, at most log 2.

    `JSD = (KL(p || m) + KL(q || m)) / 2` with `m = (p + q) / 2`. TFP's
    `tfp.vi.jensen_shannon(self_normalized=True)` and the "JS" of f-GAN are twice this.

    Args:
        p: A distribution of batch shape `[]`.
        q: Another, on the same events.
        num_samples: Draws of each, >= 2.
        seed: Whole number or stateless seed `[2]`.

    Returns:
        Scalar, nats, log 2 for disjoint supports. Differentiable as `kl_monte_carlo`.

    Raises:
        ValueError: As `estimate_kl`.

    Examples:
        >>> p, q = tfd.Uniform(0.0, 1.0), tfd.Uniform(2.0, 3.0)
        >>> round(float(jensen_shannon_monte_carlo(p, q)), 4)
        0.6931

    References:
        [1] Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 1991,
            eq. (4.1) with equal weights.
    """
    seeds = tfp_random.split_seed(as_seed(seed), n=2)
    halves = []
    for first, second, each in ((p, q, seeds[0]), (q, p, seeds[1])):
        log_ratio, log_prob = _log_ratio(first, second, num_samples=num_samples, seed=each)
        terms = _LOG_2 - softplus(-log_ratio)
        halves.append(tf.reduce_mean(_scored(terms, first, log_prob)))
    return 0.5 * (halves[0] + halves[1])


def f_divergence_monte_carlo(
    divergence: str | FDivergence,
    p: tfd.Distribution,
    q: tfd.Distribution,
    *,
    num_samples: int = 10_000,
    seed: int | Tensor = 0,
) -> Tensor:
    """Return an unbiased estimate of `D_f(p || q) = E_q[f(p / q)]`.

    The mass of p where q has none, which no draw of q sees, is found by draws of p and counts
    `lim f(u) / u` each: disjoint supports give 1 for the total variation, +inf for KL. Heavy
    tails of the ratio under q make this form noisy; for KL and JSD take `kl_monte_carlo` and
    `jensen_shannon_monte_carlo`.

    Args:
        divergence: A name in `F_DIVERGENCES`, or an `FDivergence`.
        p: Numerator, of batch shape `[]`.
        q: Denominator, on the same events.
        num_samples: Draws of each, >= 2.
        seed: Whole number or stateless seed `[2]`.

    Returns:
        Scalar. Differentiable as `kl_monte_carlo`.

    Raises:
        ValueError: As `estimate_kl`; or if the name is unknown.

    Examples:
        >>> p, q = tfd.Uniform(0.0, 1.0), tfd.Uniform(0.0, 2.0)
        >>> round(float(f_divergence_monte_carlo("total_variation", p, q)), 2)
        0.5

    References:
        [1] Liese and Vajda, On divergences and informations in statistics and information
            theory, IEEE Trans. Inf. Theory 2006, eq. (18).
    """
    found = as_f_divergence(divergence)
    seeds = tfp_random.split_seed(as_seed(seed), n=2)
    log_ratio, log_prob = _log_ratio(q, p, num_samples=num_samples, seed=seeds[0])
    covered = tf.reduce_mean(_scored(found.f_of_log_ratio(-log_ratio), q, log_prob))
    beyond, _ = _log_ratio(p, q, num_samples=num_samples, seed=seeds[1])
    share = tf.reduce_mean(tf.cast(tf.math.is_inf(beyond), covered.dtype))
    slope = tf.constant(found.slope_at_infinity, covered.dtype)
    return covered + tf.where(share > 0.0, share * slope, 0.0)


def _log_ratio(
    p: tfd.Distribution, q: tfd.Distribution, *, num_samples: int, seed: Tensor
) -> tuple[Tensor, Tensor]:
    """Return `log p(z) - log q(z)` and `log p(z)` at draws of p, `[n]` each."""
    if check_positive_int(num_samples, "num_samples") < 2:
        raise ValueError(f"`num_samples` must be at least 2; got {num_samples}.")
    check_distributions(p, q)
    draws = p.sample(num_samples, seed=seed)
    log_prob = p.log_prob(draws)
    log_ratio = log_prob - q.log_prob(draws)
    _check_numbers(log_ratio)
    return log_ratio, log_prob


def _scored(terms: Tensor, p: tfd.Distribution, log_prob: Tensor) -> Tensor:
    """Return terms whose mean has the right gradient also if draws of p carry none."""
    if p.reparameterization_type == tfd.FULLY_REPARAMETERIZED:
        return terms
    known = tf.stop_gradient(tf.where(tf.math.is_finite(terms), terms, 0.0))
    return terms + known * (log_prob - tf.stop_gradient(log_prob))


def _check_numbers(log_ratio: Tensor) -> None:
    if tf.is_symbolic_tensor(log_ratio):
        return
    wrong = int(tf.reduce_sum(tf.cast(tf.math.is_nan(log_ratio), tf.int32)))
    if wrong:
        raise ValueError(
            "`p` and `q` must give a log-probability to every draw, -inf outside of their "
            f"support; got NaN at {wrong} of {len(log_ratio)}."
        )
