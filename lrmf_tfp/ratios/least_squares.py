"""Least-squares fit of a sum of Gaussian bumps to the ratio, uLSIF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lrmf_tfp._core.spec import described
from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import check_positive, check_positive_int, check_seed
from lrmf_tfp.ratios._bumps import (
    BumpModule,
    Features,
    gaussian_features,
    leave_one_out_scores,
    solve_coefficients,
)
from lrmf_tfp.ratios._kernels import typical_distance
from lrmf_tfp.ratios._rows import Distinct, Pair, as_pair, distinct, quiet
from lrmf_tfp.ratios.base import LogRatios, RatioFunction, log_of_ratios
from lrmf_tfp.ratios.saved import SavedRatio, described_pair
from lrmf_tfp.samples import Sample

__all__ = ["LeastSquaresRatio"]

_MULTIPLES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
_STRIP_ENTRIES = 2_000_000


class _Candidate(NamedTuple):
    """One setting and its leave-one-out score."""

    score: float
    bandwidth: float
    ridge: float


class LeastSquaresRatio(RatioFunction):
    """Ratio `r(x) = sum_k a_k exp(-|x - c_k|^2 / (2 s^2))` that is nearest in `E_q[(r - p/q)^2]`.

    `a = max(0, (H + ridge I)^-1 h)` with `H = mean(f(x_q) f(x_q)')`, `h = mean(f(x_p))` and the
    bumps `f` centred at samples of p. Closed form; width and ridge are those of the best
    leave-one-out score, which has a closed form too. Smooth, never below 0, defined everywhere;
    far from p it falls to 0 and its logarithm to -inf. Scale the columns alike before.

    All of it, centres, widths and scores too, depends on the two laws that the samples stand
    for and on the seed: not on the order of rows, and a row of weight k is a row given k times.

    The divergences are means over the samples of the fit: in-sample estimates, none is a bound.

    Attributes:
        centres_: Centres of the bumps `[K, D]`.
        coefficients_: `a` `[K]`, >= 0.
        bandwidth_: s that was chosen, in the units of the samples.
        ridge_: Ridge that was chosen.
        score_: Leave-one-out score of the choice; `-(pearson + 1) / 2`, for new samples, is its
            mean.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> x_p, x_q = rng.normal(1.0, 1.0, (500, 1)), rng.normal(0.0, 2.0, (500, 1))
        >>> estimator = LeastSquaresRatio().fit(x_p, x_q)
        >>> 0.5 < estimator.pearson() < 1.0
        True

    References:
        [1] Kanamori, Hido, Sugiyama, A Least-squares Approach to Direct Importance Estimation,
            JMLR 2009, eq. (15)-(17), section 4.3.
    """

    _FITTED = "in_sample_"

    def __init__(
        self,
        *,
        num_centres: int = 100,
        bandwidths: Sequence[float] | None = None,
        ridges: Sequence[float] = (1e-3, 1e-2, 1e-1, 1.0),
        seed: int = 0,
    ) -> None:
        """Store the settings.

        Args:
            num_centres: Largest number of bumps; their centres are drawn from the different rows
                of the numerator, by weight.
            bandwidths: Widths to choose from, > 0, in the units of the samples; multiples of the
                median distance from 0.1 to 2 by default.
            ridges: Ridges to choose from, > 0.
            seed: Seed of the choice of centres.
        """
        self.num_centres = num_centres
        self.bandwidths = bandwidths
        self.ridges = ridges
        self.seed = seed

    @quiet
    def fit(self, numerator: Samples | Sample, denominator: Samples | Sample) -> LeastSquaresRatio:
        """Choose width and ridge, and solve for the coefficients.

        Args:
            numerator: Samples of p, `[N, D]`, N >= 2; a `Sample` where rows have weights.
            denominator: Samples of q, `[M, D]`, M >= 2, likewise.

        Returns:
            The estimator itself.

        Raises:
            TypeError: If samples are not numbers.
            ValueError: If shapes differ, rows are too few, values are not finite, or a width or
                ridge is not above 0.
        """
        pair = as_pair(numerator, denominator)
        most = check_positive_int(self.num_centres, "num_centres")
        ridges, seed = _grid(self.ridges, "ridges"), check_seed(self.seed, "seed")
        laws = distinct(pair.numerator), distinct(pair.denominator)
        centres = _centres(laws[0], most, np.random.default_rng(seed))
        best = min(_candidates(laws, centres, self._bandwidths(laws), ridges))
        features = _features(laws, centres, bandwidth=best.bandwidth)
        self.coefficients_ = solve_coefficients(*features, ridge=best.ridge)
        self.score_, self.bandwidth_, self.ridge_ = best
        self.centres_ = centres
        self._note(pair)
        self._metadata = self._described(pair)
        log_ratios = (log_of_ratios(each.values @ self.coefficients_) for each in features)
        self.in_sample_ = LogRatios(*log_ratios, *(law.shares for law in laws))
        return self

    @quiet
    def ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `p(x) / q(x)` `[B]`, >= 0, at samples `[B, D]`.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If values are not finite, the width or the columns are others.
        """
        points = self._points(x)
        rows = max(1, _STRIP_ENTRIES // max(self.centres_.shape))
        parts = np.split(points, range(rows, len(points), rows))
        ratios = [
            gaussian_features(part, self.centres_, bandwidth=self.bandwidth_) @ self.coefficients_
            for part in parts
        ]
        return np.concatenate(ratios).astype(self.dtype_)

    def log_ratio(self, x: Samples | Sample) -> Array:
        """Return its logarithm `[B]`, nats; -inf where the ratio is 0.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If values are not finite, the width or the columns are others.
        """
        return log_of_ratios(self.ratio(x))

    def kl(self) -> float:
        """Return `mean(log r(x_p))`, nats: an in-sample estimate of `KL(p || q)`, no bound.

        It is -inf if the ratio is 0 at a sample of p, which takes one far from all centres.
        """
        return super().kl()

    def _log_ratios(self) -> LogRatios:
        return self.in_sample_

    def _saved(self) -> SavedRatio:
        module = BumpModule(self.centres_, self.coefficients_, bandwidth=self.bandwidth_)
        return SavedRatio(module, {**self._metadata, "estimates": self._estimates()})

    def _described(self, pair: Pair) -> dict[str, Any]:
        settings = described(self.get_params(deep=False))
        chosen = {"bandwidth": self.bandwidth_, "ridge": self.ridge_, "score": self.score_}
        return {**described_pair(pair, "LeastSquaresRatio"), "settings": settings, **chosen}

    def _bandwidths(self, laws: tuple[Distinct, Distinct]) -> tuple[float, ...]:
        if self.bandwidths is not None:
            return _grid(self.bandwidths, "bandwidths")
        median = typical_distance(*laws)
        return tuple(multiple * median for multiple in _MULTIPLES)


def _centres(law: Distinct, most: int, rng: np.random.Generator) -> Array:
    """Return rows of a law `[K, D]`, drawn by share, all if they are few."""
    if len(law.rows) <= most:
        return law.rows
    return law.rows[rng.choice(len(law.rows), most, replace=False, p=law.shares)]


def _features(
    laws: tuple[Distinct, Distinct], centres: Array, *, bandwidth: float
) -> tuple[Features, Features]:
    first, second = (
        Features(gaussian_features(law.rows, centres, bandwidth=bandwidth), law.shares)
        for law in laws
    )
    return first, second


def _candidates(
    laws: tuple[Distinct, Distinct],
    centres: Array,
    bandwidths: tuple[float, ...],
    ridges: tuple[float, ...],
) -> Iterator[_Candidate]:
    for bandwidth in bandwidths:
        features = _features(laws, centres, bandwidth=bandwidth)
        scores = leave_one_out_scores(*features, ridges=ridges)
        for score, ridge in zip(scores, ridges, strict=True):
            yield _Candidate(score, bandwidth, ridge)


def _grid(values: Sequence[float], name: str) -> tuple[float, ...]:
    checked = tuple(check_positive(value, name) for value in values)
    if not checked:
        raise ValueError(f"`{name}` must have at least 1 entry; got none.")
    return checked
