"""The score: the held-out bound, its interval and its verdict."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lrmf_tfp._core.typing import Array
from lrmf_tfp.evaluation.bootstrap import bootstrap_interval
from lrmf_tfp.samples.sample import effective_number

__all__ = ["AlignmentScore", "CLEARLY_NEGATIVE_BELOW", "CONVERGED_BELOW", "alignment_score"]

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
    effective_source: float = math.nan
    """Kish's effective number of those source rows, `sum(w)^2 / sum(w^2)`."""
    effective_target: float = math.nan
    """The same of the target."""

    def item(self) -> float:
        """Return `-value`: what scikit-learn's searches, which maximise, take for the score."""
        return -self.value


def alignment_score(
    source_log_ratio: Array,
    target_log_ratio: Array,
    *,
    private_nll_source: float,
    private_nll_target: float,
    source_weights: Array | None = None,
    target_weights: Array | None = None,
    seed: int = 0,
) -> AlignmentScore:
    """Turn the per-sample shares of L into a score with an interval and a verdict.

    Args:
        source_log_ratio: `[N]`, `log P(a) - log P(T(a); s) - log|det dT|` on held-out rows.
        target_log_ratio: `[M]`, `log P(b) - log P(b; s)` on held-out rows.
        private_nll_source: Held-out NLL of the source's private fit, nats.
        private_nll_target: Held-out NLL of the target's private fit, nats.
        source_weights: `[N]`, of any scale, signs included; all alike by default.
        target_weights: `[M]`, likewise.
        seed: Seed of the bootstrap.

    Returns:
        The score; `value` is the sum of the two weighted means.

    Examples:
        >>> score = alignment_score(
        ...     np.zeros(9), np.ones(9), private_nll_source=1.0, private_nll_target=2.0
        ... )
        >>> score.value, score.converged
        (1.0, False)
    """
    ratios, weights = (source_log_ratio, target_log_ratio), (source_weights, target_weights)
    pairs = zip(ratios, weights, strict=True)
    value = float(sum(np.average(ratio, weights=each) for ratio, each in pairs))
    lower, upper = bootstrap_interval(ratios, weights=weights, seed=seed)
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
        effective_source=_effective(source_weights, len(source_log_ratio)),
        effective_target=_effective(target_weights, len(target_log_ratio)),
    )


def _effective(weights: Array | None, num_rows: int) -> float:
    return float(num_rows) if weights is None else effective_number(weights)


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
