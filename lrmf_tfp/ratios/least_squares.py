"""Least-squares fit of a sum of Gaussian bumps to the ratio, uLSIF (level 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import check_positive, check_positive_int, check_seed
from lrmf_tfp.kernels import median_distance
from lrmf_tfp.ratios.base import (
    LogRatios,
    RatioFunction,
    as_numerator_and_denominator,
    log_of_ratios,
)

__all__ = [
    "LeastSquaresRatio",
    "gaussian_features",
    "leave_one_out_score",
    "solve_coefficients",
]

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
            num_centres: Largest number of bumps; their centres are drawn from the numerator.
            bandwidths: Widths to choose from, > 0, in the units of the samples; multiples of the
                median distance from 0.1 to 2 by default.
            ridges: Ridges to choose from, > 0.
            seed: Seed of the choice of centres.
        """
        self.num_centres = num_centres
        self.bandwidths = bandwidths
        self.ridges = ridges
        self.seed = seed

    def fit(self, numerator: Samples, denominator: Samples) -> LeastSquaresRatio:
        """Choose width and ridge, and solve for the coefficients.

        Args:
            numerator: Samples of p, `[N, D]`, N >= 2.
            denominator: Samples of q, `[M, D]`, M >= 2.

        Returns:
            The estimator itself.

        Raises:
            TypeError: If samples are not numbers.
            ValueError: If shapes differ, rows are too few, values are not finite, or a width or
                ridge is not above 0.
        """
        x_p, x_q = as_numerator_and_denominator(numerator, denominator)
        count = min(check_positive_int(self.num_centres, "num_centres"), len(x_p))
        ridges = _grid(self.ridges, "ridges")
        bandwidths = self._bandwidths(x_p, x_q)
        rng = np.random.default_rng(check_seed(self.seed, "seed"))
        centres = x_p[rng.choice(len(x_p), count, replace=False)].astype(np.float64)
        # The score leaves rows out in pairs, and the longer set's last ones not at all.
        x_p, x_q = (x[rng.permutation(len(x))] for x in (x_p, x_q))
        best = min(_candidates((x_p, x_q), centres, bandwidths, ridges))
        features = [gaussian_features(x, centres, bandwidth=best.bandwidth) for x in (x_p, x_q)]
        self.coefficients_ = solve_coefficients(*features, ridge=best.ridge)
        self.score_, self.bandwidth_, self.ridge_ = best
        self.centres_, self.dtype_ = centres, x_p.dtype
        self.in_sample_ = LogRatios(
            *(log_of_ratios(each @ self.coefficients_) for each in features)
        )
        return self

    def ratio(self, x: Samples) -> Array:
        """Return the estimate of `p(x) / q(x)` `[B]`, >= 0, at samples `[B, D]`.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If values are not finite or the width is another.
        """
        self._check_fitted()
        points = self._points(x, width=self.centres_.shape[1], dtype=self.dtype_)
        rows = max(1, _STRIP_ENTRIES // max(self.centres_.shape))
        parts = np.split(points, range(rows, len(points), rows))
        ratios = [
            gaussian_features(part, self.centres_, bandwidth=self.bandwidth_) @ self.coefficients_
            for part in parts
        ]
        return np.concatenate(ratios).astype(self.dtype_)

    def log_ratio(self, x: Samples) -> Array:
        """Return its logarithm `[B]`, nats; -inf where the ratio is 0.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If values are not finite or the width is another.
        """
        return log_of_ratios(self.ratio(x))

    def kl(self) -> float:
        """Return `mean(log r(x_p))`, nats: an in-sample estimate of `KL(p || q)`, no bound.

        It is -inf if the ratio is 0 at a sample of p, which takes one far from all centres.
        """
        return super().kl()

    def _log_ratios(self) -> LogRatios:
        return self.in_sample_

    def _bandwidths(self, x_p: Array, x_q: Array) -> tuple[float, ...]:
        if self.bandwidths is not None:
            return _grid(self.bandwidths, "bandwidths")
        median = median_distance(x_p, x_q)
        return tuple(multiple * median for multiple in _MULTIPLES)


def gaussian_features(x: Array, centres: Array, *, bandwidth: float) -> Array:
    """Return bumps `[N, K]` of height 1 around centres `[K, D]` at samples `[N, D]`."""
    squares = np.zeros((len(x), len(centres)))
    for column, centre in zip(x.astype(np.float64).T, centres.T, strict=True):
        squares += np.square(np.subtract.outer(column, centre))
    return np.exp(-squares / (2.0 * bandwidth**2))


def _candidates(
    pair: tuple[Array, Array],
    centres: Array,
    bandwidths: tuple[float, ...],
    ridges: tuple[float, ...],
) -> Iterator[_Candidate]:
    for bandwidth in bandwidths:
        features = [gaussian_features(x, centres, bandwidth=bandwidth) for x in pair]
        for ridge in ridges:
            yield _Candidate(leave_one_out_score(*features, ridge=ridge), bandwidth, ridge)


def solve_coefficients(of_numerator: Array, of_denominator: Array, *, ridge: float) -> Array:
    """Return `max(0, (H + ridge I)^-1 h)` `[K]` of features `[N, K]` and `[M, K]`.

    Raises:
        ValueError: If the ridge is too small for the system to be positive definite.
    """
    second = of_denominator.T @ of_denominator / len(of_denominator)
    solve = _solver(second, ridge=ridge)
    return np.maximum(solve(of_numerator.mean(axis=0)), 0.0)


def leave_one_out_score(of_numerator: Array, of_denominator: Array, *, ridge: float) -> float:
    """Return the mean loss `r(x_q)^2 / 2 - r(x_p)` of pairs of rows left out one by one.

    In each of the `min(N, M)` terms the i-th rows of both features `[N, K]` and `[M, K]` are left
    out of `H` and `h`; all solutions come from one factorisation by the formula of Sherman and
    Morrison.

    References:
        [1] Kanamori, Hido, Sugiyama, JMLR 2009, section 4.3 and figure 2.
    """
    n_p, n_q = len(of_numerator), len(of_denominator)
    pairs = min(n_p, n_q)
    out_p, out_q = of_numerator[:pairs].T, of_denominator[:pairs].T  # [K, B]
    total = of_numerator.sum(axis=0)[:, None]
    # H_i + ridge I = (n_q H - f f') / (n_q - 1) + ridge I = (A - f f' / n_q) n_q / (n_q - 1)
    second = of_denominator.T @ of_denominator / n_q
    solve = _solver(second, ridge=ridge * (n_q - 1) / n_q)
    solved_q = solve(out_q)
    solved = (solve(total) - solve(out_p)) / (n_p - 1)  # A^-1 h_i
    along = np.sum(out_q * solved, axis=0)
    left = n_q - np.sum(out_q * solved_q, axis=0)  # above 0 because A > f f' / n_q
    coefficients = np.maximum((n_q - 1) / n_q * (solved + solved_q * (along / left)), 0.0)
    ratios_q = np.sum(out_q * coefficients, axis=0)
    ratios_p = np.sum(out_p * coefficients, axis=0)
    return float(np.mean(0.5 * np.square(ratios_q) - ratios_p))


def _solver(second: Array, *, ridge: float) -> Callable[[Array], Array]:
    matrix = second + ridge * np.eye(len(second))
    try:
        factor = cho_factor(matrix, lower=True)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"`ridges` must be large enough for a system of {len(second)} centres to be positive "
            f"definite; got {ridge:g}."
        ) from None
    return lambda right: cho_solve(factor, right)


def _grid(values: Sequence[float], name: str) -> tuple[float, ...]:
    checked = tuple(check_positive(value, name) for value in values)
    if not checked:
        raise ValueError(f"`{name}` must have at least 1 entry; got none.")
    return checked
