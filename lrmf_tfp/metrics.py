"""How good an alignment is: held-out bound, labels and neighbourhoods kept (level 4)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lrmf_tfp._typing import Array, IntArray, Samples
from lrmf_tfp._validation import (
    as_labels,
    as_pair,
    as_samples,
    check_fraction,
    check_positive_int,
)

__all__ = [
    "AlignmentScore",
    "CLEARLY_NEGATIVE_BELOW",
    "CONVERGED_BELOW",
    "alignment_score",
    "bootstrap_interval",
    "label_accuracy",
    "neighbourhood_preservation",
]

CONVERGED_BELOW = 0.1
"""A score converged if `normalized` is at most this, and not clearly negative."""

CLEARLY_NEGATIVE_BELOW = -0.05
"""A score is clearly negative if `normalized` is below this and the interval below 0."""


class AlignmentScore(NamedTuple):
    """The held-out LRMF bound, nats per sample; 0 where source and target match.

    For a universal family of densities the value is twice the Jensen-Shannon divergence of the
    moved source and the target, so it lies in [0, 2 log 2]. The interval holds the sampling
    noise of the held-out rows, not the error of the fits.
    """

    value: float
    """Held-out L, nats; as it came out, negative values included."""
    lower: float
    """Lower end of the 95 % bootstrap interval, nats."""
    upper: float
    """Upper end of the 95 % bootstrap interval, nats."""
    normalized: float
    """`value / (2 log 2)`: 0 matched, 1 disjoint."""
    private_nll_source: float
    """Held-out negative log-likelihood of the source's private fit, nats."""
    private_nll_target: float
    """Held-out negative log-likelihood of the target's private fit, nats."""
    converged: bool
    """True if `normalized <= CONVERGED_BELOW` and the score is not clearly negative."""
    verdict: str
    """The same in words."""
    num_source: int
    """Source rows the score rests on."""
    num_target: int
    """Target rows the score rests on."""


def alignment_score(
    source_log_ratio: Array,
    target_log_ratio: Array,
    *,
    private_nll_source: float,
    private_nll_target: float,
    seed: int = 0,
) -> AlignmentScore:
    """Turn the per-sample shares of L into a score with an interval and a verdict.

    Args:
        source_log_ratio: `[N]`, `log P(a) - log P(T(a); s) - log|det dT|` on held-out rows.
        target_log_ratio: `[M]`, `log P(b) - log P(b; s)` on held-out rows.
        private_nll_source: Held-out NLL of the source's private fit, nats.
        private_nll_target: Held-out NLL of the target's private fit, nats.
        seed: Seed of the bootstrap.

    Returns:
        The score; `value` is the sum of the two means.

    Examples:
        >>> score = alignment_score(
        ...     np.zeros(9), np.ones(9), private_nll_source=1.0, private_nll_target=2.0
        ... )
        >>> score.value, score.converged
        (1.0, False)
    """
    value = float(np.mean(source_log_ratio) + np.mean(target_log_ratio))
    lower, upper = bootstrap_interval((source_log_ratio, target_log_ratio), seed=seed)
    normalized = value / (2.0 * math.log(2.0))
    return AlignmentScore(
        value=value,
        lower=lower,
        upper=upper,
        normalized=normalized,
        private_nll_source=float(private_nll_source),
        private_nll_target=float(private_nll_target),
        converged=bool(normalized <= CONVERGED_BELOW and not _clearly_negative(normalized, upper)),
        verdict=_verdict(normalized, upper),
        num_source=len(source_log_ratio),
        num_target=len(target_log_ratio),
    )


def _clearly_negative(normalized: float, upper: float) -> bool:
    return upper < 0.0 and normalized < CLEARLY_NEGATIVE_BELOW


def _verdict(normalized: float, upper: float) -> str:
    if _clearly_negative(normalized, upper):
        return "constant not converged: the bound is below 0, fit the private densities longer"
    if normalized < 0.0:
        return "aligned; slightly below 0, so the constant is not fully converged"
    if normalized <= CONVERGED_BELOW:
        return "aligned"
    return "not aligned: the bound stays above 0"


def bootstrap_interval(
    samples: tuple[Array, ...],
    *,
    level: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a sum of means.

    Args:
        samples: Arrays `[N_i]`, resampled independently.
        level: Coverage, in (0, 1).
        num_resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        Lower and upper end of the interval of `sum_i mean(samples[i])`.

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
    for values in (np.asarray(sample, np.float64) for sample in samples):
        for index in range(num_resamples):
            sums[index] += values[rng.integers(0, len(values), len(values))].mean()
    tail = 0.5 * (1.0 - level)
    lower, upper = np.quantile(sums, [tail, 1.0 - tail])
    return float(lower), float(upper)


def label_accuracy(
    moved: Samples, moved_labels: IntArray, target: Samples, target_labels: IntArray
) -> float:
    """Return the accuracy of a 1-nearest-neighbour classifier of the target on the moved source.

    Args:
        moved: Moved source `[N, D]`.
        moved_labels: Labels `[N]`, used here only, never in training.
        target: Target `[M, D]`.
        target_labels: Labels `[M]`.

    Returns:
        Fraction of the moved rows that get their own label, in [0, 1].

    Raises:
        ValueError: If widths or lengths differ, or labels are missing.

    Examples:
        >>> label_accuracy([[0.1], [0.9]], [0, 1], [[0.0], [1.0]], [0, 1])
        1.0

    References:
        [1] Usman et al., Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020, arXiv:2003.12170,
            figure 4 (accuracy under the panels).
    """
    from sklearn.neighbors import KNeighborsClassifier

    moved, target = as_pair(moved, target)
    wanted = as_labels(moved_labels, "moved_labels", num_rows=len(moved))
    known = as_labels(target_labels, "target_labels", num_rows=len(target))
    if wanted is None or known is None:
        raise ValueError("`moved_labels` and `target_labels` must both be given; got None.")
    classifier = KNeighborsClassifier(n_neighbors=1).fit(target, known)
    return float(np.mean(classifier.predict(moved) == wanted))


def neighbourhood_preservation(x: Samples, y: Samples, *, num_neighbors: int = 10) -> float:
    """Return the share of nearest neighbours that points keep when they are moved.

    `mean_i |N_k(x_i) & N_k(y_i)| / k`, where `N_k` are the k other rows that lie nearest. It is 1
    for isometries and changes of scale, and `k / (N - 1)` on average if rows are shuffled.

    Args:
        x: Points before the move, `[N, D]`.
        y: The same points after it, row by row, `[N, E]`.
        num_neighbors: k, from 1 to N - 1.

    Returns:
        Share in [0, 1].

    Raises:
        TypeError: If points are not numbers, or `num_neighbors` is no whole number.
        ValueError: If the numbers of rows differ, or `num_neighbors` is not below N.

    Examples:
        >>> x = np.array([[0.0], [1.0], [3.0]])
        >>> neighbourhood_preservation(x, 2.0 * x, num_neighbors=1)
        1.0

    References:
        [1] Lee and Verleysen, Quality Assessment of Dimensionality Reduction: Rank-Based Criteria,
            Neurocomputing 2009 (there `Q_NX(k)`).
    """
    from sklearn.neighbors import NearestNeighbors

    before, after = as_samples(x, "x", min_rows=2), as_samples(y, "y", min_rows=2)
    if len(after) != len(before):
        raise ValueError(
            f"`y` must have {len(before)} rows to match `x`; got {list(after.shape)}."
        )
    if check_positive_int(num_neighbors, "num_neighbors") >= len(before):
        raise ValueError(
            f"`num_neighbors` must be below {len(before)}, the number of rows; "
            f"got {num_neighbors}."
        )
    first, second = (
        NearestNeighbors(n_neighbors=num_neighbors)
        .fit(points)
        .kneighbors_graph()  # of the rows themselves, none its own neighbour
        for points in (before, after)
    )
    return float(first.multiply(second).sum() / first.sum())
