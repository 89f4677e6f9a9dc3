"""What an estimator of a density ratio promises, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lrmf_tfp._core.spec import Spec, with_params
from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp.divergences import F_DIVERGENCES
from lrmf_tfp.objectives.variational import weighted_bound
from lrmf_tfp.ratios._rows import Pair, as_points, mean, quiet
from lrmf_tfp.ratios.saved import SavedRatio
from lrmf_tfp.samples import Sample

__all__ = ["DensityRatio", "LogRatios", "PointwiseRatio", "RatioFunction", "log_of_ratios"]

Self = TypeVar("Self", bound="DensityRatio")


@runtime_checkable
class PointwiseRatio(Protocol):
    """What tells the ratio of two densities at any point, and so can be saved.

    `RatioFunction`s do, what `load` reads of them, and learned critics; `KernelMeanMatching` does
    not.
    """

    def log_ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `log(p(x) / q(x))` `[B]`, nats, at samples `[B, D]`."""

    def ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `p(x) / q(x)` `[B]` at samples `[B, D]`."""

    def save(self, path: str | Path) -> None:
        """Write a folder that `load` reads."""


class LogRatios(NamedTuple):
    """Log-ratios at the rows that divergences are estimated from, in nats."""

    numerator: Array
    """`[N]`, at samples of p."""
    denominator: Array
    """`[M]`, at samples of q."""
    numerator_weights: Array | None = None
    """`[N]`, of any scale; None where all rows weigh the same."""
    denominator_weights: Array | None = None
    """`[M]`, likewise."""


class DensityRatio(BaseEstimator):
    """Base class of estimators of `r(x) = p(x) / q(x)`, p the numerator and q the denominator.

    Both are samples, `Sample.of(x, weights=w)` where rows have weights; p and q are then the laws
    of the weighted samples. A subclass stores its settings in the constructor, checks them in
    `fit`, and implements `fit`, `log_ratio`, `kl` and `pearson`. `clone`, `get_params` and
    `set_params` of scikit-learn work, and so do `pickle`, `copy.deepcopy` and joblib.

    Attributes:
        n_features_in_: D of the fit.
        feature_names_in_: Names of the columns `[D]`, if the samples were frames. Later frames
            must have them, and are brought into their order.
    """

    _FITTED: ClassVar[str]
    """The attribute that `fit` sets last."""
    _DEFAULTS: ClassVar[Mapping[str, Spec]] = {}
    """What parameters that are None and have settings stand for."""

    def fit(self: Self, numerator: Samples | Sample, denominator: Samples | Sample) -> Self:
        """Estimate the ratio from samples of p `[N, D]` and of q `[M, D]`; return itself."""
        raise NotImplementedError

    def log_ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `log(p(x) / q(x))` `[B]`, nats, at samples `[B, D]`."""
        raise NotImplementedError

    @quiet
    def ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `p(x) / q(x)` `[B]` at samples `[B, D]`."""
        return np.exp(self.log_ratio(x))

    def kl(self) -> float:
        """Return an estimate of `KL(p || q)`, nats."""
        raise NotImplementedError

    def pearson(self) -> float:
        """Return an estimate of the Pearson divergence `E_q[(r - 1)^2]`."""
        raise NotImplementedError

    def set_params(self: Self, **params: Any) -> Self:
        """Set parameters; `config__num_steps` reaches into settings.

        Settings are frozen: a changed copy takes the place of the old ones.

        Raises:
            ValueError: If there is no such parameter or setting.
        """
        inner = {name: value for name, value in params.items() if "__" in name}
        super().set_params(**{name: params[name] for name in params if name not in inner})
        for name, value in inner.items():
            head, _, rest = name.partition("__")
            settings = getattr(self, head, None)
            settings = self._DEFAULTS.get(head) if settings is None else settings
            if isinstance(settings, Spec):
                setattr(self, head, with_params(settings, {rest: value}))
            else:
                super().set_params(**{name: value})  # which says what is wrong
        return self

    def _check_fitted(self) -> None:
        """Raise `NotFittedError` unless there was a fit that came to its end."""
        check_is_fitted(self, self._FITTED)

    def _note(self, pair: Pair) -> None:
        """Take down what later samples must look like."""
        self.n_features_in_, self.dtype_ = pair.num_dims, pair.dtype
        self._names = pair.feature_names
        if self._names is not None:
            self.feature_names_in_ = np.array(self._names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _points(self, x: Samples | Sample) -> Array:
        """Return samples `[B, D]`; errors as `as_points`, and `NotFittedError`."""
        self._check_fitted()
        return as_points(x, num_dims=self.n_features_in_, names=self._names)


class RatioFunction(DensityRatio):
    """Base class of estimators that are defined everywhere, not only at samples.

    A subclass says in `_log_ratios` at which rows the divergences below are evaluated; all of
    them are means over those rows, weighted where the rows have weights. With a ratio that does
    not depend on the rows `jensen_shannon`, `kl_lower_bound` and `pearson` are lower bounds in
    expectation, by the convex conjugate of the divergence; `kl` is no bound.

    References:
        [1] Nguyen, Wainwright, Jordan, Estimating divergence functionals and the likelihood
            ratio by convex risk minimization, IEEE Trans. Inf. Theory 2010, arXiv:0809.0853,
            lemma 1.
    """

    def kl(self) -> float:
        """Return `mean(log r(x_p))`, nats: an estimate of `KL(p || q)`, no bound."""
        found = self._found()
        return mean(found.numerator, found.numerator_weights)

    @quiet
    def kl_lower_bound(self) -> float:
        """Return `mean(log r(x_p)) - mean(r(x_q)) + 1`, nats: a bound of `KL(p || q)` [1].

        Where the rows are held out it is a lower bound in expectation; in-sample it is not.
        """
        found = self._found()
        return self.kl() - mean(np.exp(found.denominator), found.denominator_weights) + 1.0

    @quiet
    def pearson(self) -> float:
        """Return `2 mean(r(x_p)) - mean(r(x_q)^2) - 1`, a bound where the rows are held out."""
        found = self._found()
        gain = 2.0 * mean(np.exp(found.numerator), found.numerator_weights)
        return gain - mean(np.exp(2.0 * found.denominator), found.denominator_weights) - 1.0

    def jensen_shannon(self) -> float:
        """Return a bound of `JSD(p, q)`, nats; JSD itself, at most log 2, not 2 JSD.

        It is log 2 minus half the balanced cross-entropy of the log-ratio as a classifier: a
        lower bound in expectation where the rows are held out.
        """
        found = self._found()
        outputs = tf.constant(found.numerator), tf.constant(found.denominator)
        weights = found.numerator_weights, found.denominator_weights
        return float(weighted_bound(F_DIVERGENCES["jensen_shannon"], outputs, weights))

    def save(self, path: str | Path) -> None:
        """Write a SavedModel folder with `log_ratio` that plain TensorFlow and `load` read.

        Args:
            path: A new or empty folder, or an earlier ratio, which is replaced at the end.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If `path` holds something else or cannot be written.
        """
        self._check_fitted()
        self._saved().save(path)

    def _saved(self) -> SavedRatio:
        """Return the ratio as something that computes without the estimator."""
        raise NotImplementedError

    def _estimates(self) -> dict[str, float | None]:
        """Return the divergences as metadata have them, None for those that are infinite."""
        names = ("kl", "kl_lower_bound", "pearson", "jensen_shannon")
        found = {name: getattr(self, name)() for name in names}
        return {name: value if np.isfinite(value) else None for name, value in found.items()}

    def _found(self) -> LogRatios:
        """Return the log-ratios at the rows that count, in float64."""
        self._check_fitted()
        found = self._log_ratios()
        return found._replace(
            numerator=found.numerator.astype(np.float64),
            denominator=found.denominator.astype(np.float64),
        )

    def _log_ratios(self) -> LogRatios:
        raise NotImplementedError


def log_of_ratios(ratios: Array, *, zero: float = -np.inf) -> Array:
    """Return the logarithm, `zero` for ratios of 0 and below."""
    positive = ratios > 0.0
    return np.where(positive, np.log(np.where(positive, ratios, 1.0)), ratios.dtype.type(zero))
