"""What an estimator of a density ratio promises, and what follows from it (level 5)."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import as_pair, as_samples
from lrmf_tfp.divergences import F_DIVERGENCES

__all__ = [
    "DensityRatio",
    "LogRatios",
    "RatioFunction",
    "as_numerator_and_denominator",
    "log_of_ratios",
]

Self = TypeVar("Self", bound="DensityRatio")

_LARGEST = 1e150


class LogRatios(NamedTuple):
    """Log-ratios at the rows that divergences are estimated from, in nats."""

    numerator: Array
    """`[N]`, at samples of p."""
    denominator: Array
    """`[M]`, at samples of q."""


class DensityRatio(BaseEstimator):
    """Base class of estimators of `r(x) = p(x) / q(x)`, p the numerator and q the denominator.

    A subclass stores its settings in the constructor, checks them in `fit`, and implements `fit`,
    `log_ratio`, `kl` and `pearson`. `clone`, `get_params` and `set_params` of scikit-learn work.
    """

    _FITTED: ClassVar[str]
    """The attribute that `fit` sets last."""

    def fit(self: Self, numerator: Samples, denominator: Samples) -> Self:
        """Estimate the ratio from samples of p `[N, D]` and of q `[M, D]`; return itself."""
        raise NotImplementedError

    def log_ratio(self, x: Samples) -> Array:
        """Return the estimate of `log(p(x) / q(x))` `[B]`, nats, at samples `[B, D]`."""
        raise NotImplementedError

    def ratio(self, x: Samples) -> Array:
        """Return the estimate of `p(x) / q(x)` `[B]` at samples `[B, D]`."""
        return np.exp(self.log_ratio(x))

    def kl(self) -> float:
        """Return an estimate of `KL(p || q)`, nats."""
        raise NotImplementedError

    def pearson(self) -> float:
        """Return an estimate of the Pearson divergence `E_q[(r - 1)^2]`."""
        raise NotImplementedError

    def _check_fitted(self) -> None:
        """Raise `NotFittedError` unless there was a fit that came to its end."""
        check_is_fitted(self, self._FITTED)

    def _points(self, x: Samples, *, width: int, dtype: Any) -> Array:
        """Return samples `[B, D]` in the dtype of the fit.

        Raises:
            ValueError: If values are not finite or the width is another.
        """
        points = as_samples(x, "x", dtype=dtype)
        if points.shape[1] != width:
            raise ValueError(
                f"`x` must have shape [B, {width}] to match the fit; got {list(points.shape)}."
            )
        return points


class RatioFunction(DensityRatio):
    """Base class of estimators that are defined everywhere, not only at samples.

    A subclass says in `_log_ratios` at which rows the divergences below are evaluated; all of
    them are means over those rows. With a ratio that does not depend on the rows
    `jensen_shannon`, `kl_lower_bound` and `pearson` are lower bounds in expectation, by the
    convex conjugate of the divergence; `kl` is no bound.

    References:
        [1] Nguyen, Wainwright, Jordan, Estimating divergence functionals and the likelihood
            ratio by convex risk minimization, IEEE Trans. Inf. Theory 2010, arXiv:0809.0853,
            lemma 1.
    """

    def kl(self) -> float:
        """Return `mean(log r(x_p))`, nats: an estimate of `KL(p || q)`, no bound."""
        return float(np.mean(self._found().numerator))

    def kl_lower_bound(self) -> float:
        """Return `mean(log r(x_p)) - mean(r(x_q)) + 1`, nats: a bound of `KL(p || q)` [1].

        Where the rows are held out it is a lower bound in expectation; in-sample it is not.
        """
        found = self._found()
        return float(np.mean(found.numerator) - np.mean(np.exp(found.denominator)) + 1.0)

    def pearson(self) -> float:
        """Return `2 mean(r(x_p)) - mean(r(x_q)^2) - 1`, a bound where the rows are held out."""
        found = self._found()
        gain = 2.0 * np.mean(np.exp(found.numerator))
        return float(gain - np.mean(np.exp(2.0 * found.denominator)) - 1.0)

    def jensen_shannon(self) -> float:
        """Return a bound of `JSD(p, q)`, nats; JSD itself, at most log 2, not 2 JSD.

        It is log 2 minus half the balanced cross-entropy of the log-ratio as a classifier: a
        lower bound in expectation where the rows are held out.
        """
        found = self._found()
        return float(F_DIVERGENCES["jensen_shannon"].bound(found.numerator, found.denominator))

    def _found(self) -> LogRatios:
        """Return the log-ratios at the rows that count, in float64."""
        self._check_fitted()
        return LogRatios(*(values.astype(np.float64) for values in self._log_ratios()))

    def _log_ratios(self) -> LogRatios:
        raise NotImplementedError


def as_numerator_and_denominator(
    numerator: Samples, denominator: Samples, *, min_rows: int = 2
) -> tuple[Array, Array]:
    """Return both sample sets as arrays of one dtype, the wider of the two.

    Raises:
        TypeError: If values are not real numbers.
        ValueError: If shapes do not fit, rows are too few, or a value is not finite or too large
            to be squared.
    """
    first, second = as_pair(
        numerator, denominator, min_rows=min_rows, names=("numerator", "denominator")
    )
    largest = max(float(np.max(np.abs(x))) for x in (first, second))
    if largest > _LARGEST:
        raise ValueError(
            f"`numerator` and `denominator` must be at most {_LARGEST:.0e} in size, for squared "
            f"distances to be float64 numbers; got {largest:.0e}."
        )
    dtype = np.result_type(first, second)
    return first.astype(dtype, copy=False), second.astype(dtype, copy=False)


def log_of_ratios(ratios: Array, *, zero: float = -np.inf) -> Array:
    """Return the logarithm, `zero` for ratios of 0 and below."""
    positive = ratios > 0.0
    return np.where(positive, np.log(np.where(positive, ratios, 1.0)), ratios.dtype.type(zero))
