"""Kernel mean matching as an estimator: ratios at the denominator's samples (level 5)."""

from __future__ import annotations

import numpy as np

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import as_samples
from lrmf_tfp.divergences import F_DIVERGENCES, kernel_mean_matching
from lrmf_tfp.divergences.kernel.ratio import Kernels
from lrmf_tfp.ratios.base import (
    DensityRatio,
    as_numerator_and_denominator,
    log_of_ratios,
)

__all__ = ["KernelMeanMatching"]


class KernelMeanMatching(DensityRatio):
    """Ratios for which the denominator's weighted samples have the numerator's kernel mean.

    Fixed design: the ratio is known at the denominator's samples and nowhere else; ask for it
    there. No training and no function to choose, but a system of M equations: M up to some
    thousands. Ratios are not kept above 0; where p has no mass some come out slightly below.
    All divergences are in-sample estimates, none is a bound.

    Attributes:
        denominator_: The denominator's samples `[M, D]`.
        ratios_: The ratios `[M]` there.

    Examples:
        >>> x = np.linspace(-1.0, 1.0, 50)[:, None]
        >>> estimator = KernelMeanMatching(ridge=1e-3).fit(x, x)
        >>> bool(np.all(np.abs(estimator.ratio(x) - 1.0) < 1e-2))
        True

    References:
        [1] Huang, Smola, Gretton, Borgwardt, Schoelkopf, Correcting Sample Selection Bias by
            Unlabeled Data, NeurIPS 2006, eq. (2).
    """

    _FITTED = "ratios_"

    def __init__(self, *, kernel: Kernels = "gaussian", ridge: float = 0.1) -> None:
        """Store the settings.

        Args:
            kernel: A name, a kernel, or several whose solutions are averaged; see
                `lrmf_tfp.divergences.kernel_mean_matching`.
            ridge: Added to the diagonal of the kernel matrix, > 0. A small one makes `pearson`
                mostly its own bias.
        """
        self.kernel = kernel
        self.ridge = ridge

    def fit(self, numerator: Samples, denominator: Samples) -> KernelMeanMatching:
        """Solve for the ratios at the denominator's samples.

        Args:
            numerator: Samples of p, `[N, D]`, N >= 2.
            denominator: Samples of q, `[M, D]`, M >= 2.

        Returns:
            The estimator itself.

        Raises:
            TypeError: If samples are not numbers or the kernel is none.
            ValueError: If shapes differ, rows are too few, values are not finite, `ridge` is not
                above 0 or the system is singular.
        """
        x_p, x_q = as_numerator_and_denominator(numerator, denominator)
        ratios = kernel_mean_matching(x_p, x_q, kernel=self.kernel, ridge=self.ridge)
        self.denominator_, self.ratios_ = np.array(x_q), ratios.numpy()
        return self

    def ratio(self, x: Samples) -> Array:
        """Return the ratios `[M]`, some of them below 0.

        Args:
            x: The denominator's samples `[M, D]`, as they were fitted.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If `x` is anything else.
        """
        self._check_fitted()
        points = as_samples(x, "x", dtype=self.denominator_.dtype)
        if not np.array_equal(points, self.denominator_):
            raise ValueError(
                "`x` must be the denominator's samples of the fit, where alone this ratio is "
                f"defined; got others, of shape {list(points.shape)}."
            )
        return self.ratios_.copy()

    def log_ratio(self, x: Samples) -> Array:
        """Return the log-ratios `[M]`, nats; -inf where a ratio is not above 0.

        Args:
            x: The denominator's samples `[M, D]`, as they were fitted.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If `x` is anything else.
        """
        return log_of_ratios(self.ratio(x))

    @property
    def mean_ratio(self) -> float:
        """Mean of the ratios, 1 for the true ones; look at it beside `pearson`."""
        self._check_fitted()
        return float(np.mean(self.ratios_, dtype=np.float64))

    def kl(self) -> float:
        """Return `mean(r log(r) - r + 1)` over q, nats: an in-sample estimate >= 0, no bound.

        Ratios below 0 count as 0.
        """
        ratios = self._positive()
        return float(np.mean(ratios * log_of_ratios(ratios, zero=0.0) - ratios + 1.0))

    def pearson(self) -> float:
        """Return `mean((r - 1)^2)` over q: an in-sample estimate >= 0, no bound, biased upwards.

        The bias is large for a small `ridge`: for equal distributions, M = 100, D = 2 and unit
        bandwidth it is about 4 with 1e-3, 0.4 with 0.1. Where the kernel is too narrow for the
        samples all ratios go to 0 and this to 1; `mean_ratio` tells.
        """
        self._check_fitted()
        return float(np.mean(np.square(self.ratios_.astype(np.float64) - 1.0)))

    def jensen_shannon(self) -> float:
        """Return `mean(f(r))` over q for f of JSD, nats: an in-sample estimate, no bound."""
        found = F_DIVERGENCES["jensen_shannon"].f_of_log_ratio(log_of_ratios(self._positive()))
        return float(np.mean(found))

    def _positive(self) -> Array:
        self._check_fitted()
        return np.maximum(self.ratios_.astype(np.float64), 0.0)
