"""Intervals of means by resampling rows."""

from __future__ import annotations

import numpy as np

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_fraction, check_positive_int

__all__ = ["bootstrap_interval"]


def bootstrap_interval(
    samples: tuple[Array, ...],
    *,
    weights: tuple[Array | None, ...] | None = None,
    level: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a sum of (weighted) means.

    Args:
        samples: Arrays `[N_i]`, resampled independently.
        weights: Weights `[N_i]` of each, or None where all rows of one weigh the same; rows are
            resampled with their weights, so that the interval holds the noise of those too.
        level: Coverage, in (0, 1).
        num_resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        Lower and upper end of the interval of `sum_i mean(samples[i])`, the means weighted.

    Raises:
        ValueError: If `level` is not in (0, 1) or `num_resamples` is below 1.

    Examples:
        >>> bootstrap_interval((np.ones(5), np.ones(7)))
        (2.0, 2.0)
    """
    check_fraction(level, "level")
    check_positive_int(num_resamples, "num_resamples")
    rng = np.random.default_rng(seed)
    sums = np.zeros(num_resamples)
    for values, own in zip(samples, weights or [None] * len(samples), strict=True):
        values = np.asarray(values, np.float64)
        for index in range(num_resamples):
            rows = rng.integers(0, len(values), len(values))
            drawn = values[rows]
            sums[index] += drawn.mean() if own is None else (own[rows] @ drawn) / own[rows].sum()
    tail = 0.5 * (1.0 - level)
    lower, upper = np.quantile(sums, [tail, 1.0 - tail])
    return float(lower), float(upper)
