"""The derivative of LRMF between two far mixtures, in logarithms, where it is as small as 1e-60.

The shared density is `1/2 N(0, v) + 1/2 N(mu, v)`, `v = 1.25`; with the responsibility
`r(x) = P(mu | x)` the derivative of the loss along the path on which the map moves the source to
`mu` and the density's component goes with it is

`dL/dmu = E_target[r(x) (mu - x) / v] + E_source[r(-a) (mu + a) / v]`.

Where the density is at its optimum for every `mu`, this is the derivative by the map alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import norm

__all__ = [
    "DATA_STD",
    "Points",
    "draw_mixture",
    "exact_mixture",
    "fit_line",
    "spread_mixture",
    "total_derivative",
]

Array = NDArray[np.floating[Any]]

_MODES, _MODE_STD = (-1.0, 1.0), 0.5
DATA_STD = float(np.sqrt(1.0 + _MODE_STD**2))
"""Standard deviation of the mixture, that of the components of the shared density too."""


class Points(NamedTuple):
    """Samples of the mixture, or nodes of an integral over it."""

    x: Array
    """`[N]`."""
    log_weights: Array
    """Logarithms of weights with sum 1, `[N]`."""
    variance: float = DATA_STD**2
    """Of the shared density's components."""


def draw_mixture(num_samples: int, *, seed: Sequence[int]) -> tuple[Points, Points]:
    """Return two independent draws."""
    rng = np.random.default_rng(seed)
    draws = (
        rng.choice(_MODES, num_samples) + _MODE_STD * rng.normal(size=num_samples)
        for _ in range(2)
    )
    first, second = (Points(x, np.full(num_samples, -np.log(num_samples))) for x in draws)
    return first, second


def spread_mixture(num_samples: int) -> Points:
    """Return as many points, at the middle quantiles of either mode: a sample without chance."""
    half = (num_samples + 1) // 2
    steps = _MODE_STD * norm.ppf((np.arange(half) + 0.5) / half)
    x = np.concatenate([mode + steps for mode in _MODES])
    return Points(x, np.full(len(x), -np.log(len(x))))


def exact_mixture(*, noise: float = 0.0) -> Points:
    """Return the nodes of an integral over the mixture convolved with noise."""
    std = np.hypot(_MODE_STD, noise)
    x = np.linspace(-1.0 - 16.0 * std, 1.0 + 16.0 * std, 40_001)
    density = logsumexp([norm.logpdf(x, mode, std) for mode in _MODES], axis=0) - np.log(2.0)
    return Points(x, density + np.log(x[1] - x[0]), DATA_STD**2 + noise**2)


def total_derivative(shifts: Array, target: Points, source: Points) -> Array:
    """Return `log|dL/dmu|` `[K]` at the shifts `[K]`."""
    mirrored = source._replace(x=-source.x)
    return np.array(
        [np.logaddexp(_share(shift, target), _share(shift, mirrored)) for shift in shifts]
    )


def _share(shift: float, points: Points) -> Any:
    x, variance = points.x, points.variance
    odds = (np.square(x) - np.square(x - shift)) / (2.0 * variance)  # of mu against 0, log
    terms = points.log_weights - np.logaddexp(0.0, -odds)
    return logsumexp(terms, b=(shift - x) / variance)


def fit_line(shifts: Array, log_derivative: Array) -> dict[str, float]:
    """Return the line `slope mu + intercept` through `sqrt(-log|dL/dmu|)`, and its fit `r`."""
    roots = np.sqrt(-log_derivative)
    slope, intercept = np.polyfit(shifts, roots, 1)
    correlation = np.corrcoef(shifts, roots)[0, 1]
    return {"slope": float(slope), "intercept": float(intercept), "r": float(correlation)}
