"""Kernel mean matching as an estimator: ratios at the denominator's samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, IntArray, Samples
from lrmf_tfp._validation import check_not_negative, check_positive
from lrmf_tfp.divergences import F_DIVERGENCES
from lrmf_tfp.kernels import EnergyKernel, RadialKernel
from lrmf_tfp.ratios._kernels import as_kernel, kernel_matrix
from lrmf_tfp.ratios._quadratic import Program, solve_program
from lrmf_tfp.ratios._rows import Distinct, as_pair, distinct, mean, quiet
from lrmf_tfp.ratios.base import DensityRatio, log_of_ratios
from lrmf_tfp.samples import Sample

__all__ = ["KernelMeanMatching"]

_JITTER = 1e-14  # of the trace: rounding may leave eigenvalues of a float64 matrix that negative


class KernelMeanMatching(DensityRatio):
    """Ratios for which the denominator's weighted samples have the numerator's kernel mean.

    `r` minimises `|mean_q(r k(y, .)) - mean_p(k(x, .))|^2 + ridge / M mean_q(r^2)`, M the
    effective number of the denominator's rows, over `r >= 0`. Fixed design: the ratio is known at
    the denominator's samples and nowhere else; ask for it there. No training and no function to
    choose, but a system of M equations: M up to some thousands. All divergences are in-sample
    estimates, none is a bound.

    Without `nonnegative` the minimum is linear in the kernel mean, `M (K_qq + ridge I)^-1 K_qp`,
    the function `lrmf_tfp.divergences.kernel_mean_matching`; it is the faster one, and its ratios
    average their errors, but where p and q do not overlap they swing to both sides of 0 without
    any sense: 50 units apart, from -22 to 26. Ratios are not negative, and `log_ratio` and `kl`
    have no use for those that are, so that the constrained solution is the default.

    It depends on the two laws that the samples stand for: a row of weight k is a row given k
    times, and the order of rows does not matter.

    *Nothing here tells that there is no overlap but `mean_ratio`*: a named kernel is as wide as
    the gap, and takes what is across for near. It is 1 for the true ratios; see `mean_tolerance`.

    Attributes:
        denominator_: The different rows of the denominator `[K, D]`, in the dtype of the fit.
        shares_: The probability of each, `[K]`.
        ratios_: The ratios there, `[K]`, float64.

    Examples:
        >>> x = np.linspace(-1.0, 1.0, 50)[:, None]
        >>> estimator = KernelMeanMatching(ridge=1e-3).fit(x, x)
        >>> bool(np.all(np.abs(estimator.ratio(x) - 1.0) < 1e-2))
        True

    References:
        [1] Huang, Smola, Gretton, Borgwardt, Schoelkopf, Correcting Sample Selection Bias by
            Unlabeled Data, NeurIPS 2006, eq. (2) and the program after it.
    """

    _FITTED = "ratios_"

    def __init__(
        self,
        *,
        kernel: str | RadialKernel | Sequence[str | RadialKernel] = "gaussian",
        ridge: float = 0.1,
        nonnegative: bool = True,
        mean_tolerance: float | None = None,
    ) -> None:
        """Store the settings.

        Args:
            kernel: A name of `lrmf_tfp.kernels.KERNELS`, as wide as the samples' median distance;
                a kernel; or several, whose solutions are averaged.
            ridge: Added to the diagonal of the kernel matrix, > 0. A small one makes `pearson`
                mostly its own bias.
            nonnegative: Keep the ratios at 0 and above.
            mean_tolerance: Keep their mean within so much of 1, >= 0, the second constraint of
                [1]; free by default, so that `mean_ratio` still tells how much of p the samples
                of q reach. Where they reach none of it, the constraint piles ratios up on q's
                rows nearest to p.
        """
        self.kernel = kernel
        self.ridge = ridge
        self.nonnegative = nonnegative
        self.mean_tolerance = mean_tolerance

    @quiet
    def fit(
        self, numerator: Samples | Sample, denominator: Samples | Sample
    ) -> KernelMeanMatching:
        """Solve for the ratios at the denominator's samples.

        Args:
            numerator: Samples of p, `[N, D]`, N >= 2; a `Sample` where rows have weights.
            denominator: Samples of q, `[M, D]`, M >= 2, likewise.

        Returns:
            The estimator itself.

        Raises:
            TypeError: If samples are not numbers or the kernel is none.
            ValueError: If shapes differ, rows are too few, values are not finite, `ridge` is not
                above 0, a kernel is not positive definite or the system is singular.
        """
        check_positive(self.ridge, "ridge")
        bounds = _bounds(self.mean_tolerance)
        pair = as_pair(numerator, denominator)
        p, q = distinct(pair.numerator), distinct(pair.denominator)
        kernels = [as_kernel(each, p, q) for each in _as_sequence(self.kernel)]
        if any(isinstance(each, EnergyKernel) for each in kernels):
            raise ValueError(
                "`kernel` must be positive definite; got the energy kernel, -|x - y|."
            )
        solutions = [self._solved(each, p, q, bounds) for each in kernels]
        self._note(pair)
        self.denominator_, self.shares_ = q.rows.astype(pair.dtype), q.shares
        self.ratios_ = np.mean(solutions, axis=0)
        return self

    def ratio(self, x: Samples | Sample) -> Array:
        """Return the ratios `[B]`.

        Args:
            x: Samples of the denominator `[B, D]`, all or some of those that were fitted.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If a row is none of the denominator's, or one without mass.
        """
        places = self._places(x)
        return self.ratios_[places].astype(self.dtype_)

    def log_ratio(self, x: Samples | Sample) -> Array:
        """Return the log-ratios `[B]`, nats; -inf where a ratio is not above 0.

        Args:
            x: Samples of the denominator `[B, D]`, all or some of those that were fitted.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If a row is none of the denominator's, or one without mass.
        """
        return log_of_ratios(self.ratio(x))

    @property
    def mean_ratio(self) -> float:
        """Mean of the ratios over q, 1 for the true ones; look at it beside `pearson`."""
        self._check_fitted()
        return mean(self.ratios_, self.shares_)

    def kl(self) -> float:
        """Return `mean(r log(r) - r + 1)` over q, nats: an in-sample estimate >= 0, no bound.

        Ratios below 0 count as 0.
        """
        ratios = self._positive()
        terms = ratios * log_of_ratios(ratios, zero=0.0) - ratios + 1.0
        return mean(terms, self.shares_)

    def pearson(self) -> float:
        """Return `mean((r - 1)^2)` over q: an in-sample estimate >= 0, no bound, biased upwards.

        The bias is large for a small `ridge`: for equal distributions, M = 100, D = 2 and unit
        bandwidth it is about 2 with 1e-3, 0.3 with 0.1. Where the kernel is too narrow for the
        samples all ratios go to 0 and this to 1; `mean_ratio` tells.
        """
        self._check_fitted()
        return mean(np.square(self.ratios_ - 1.0), self.shares_)

    def jensen_shannon(self) -> float:
        """Return `mean(f(r))` over q for f of JSD, nats: an in-sample estimate, no bound."""
        found = F_DIVERGENCES["jensen_shannon"].f_of_log_ratio(log_of_ratios(self._positive()))
        return mean(found.numpy(), self.shares_)

    def _positive(self) -> Array:
        self._check_fitted()
        return np.maximum(self.ratios_, 0.0)

    @quiet  # a row that overflows float32 is none of them
    def _places(self, x: Samples | Sample) -> IntArray:
        """Return which of the denominator's different rows each point is."""
        points = self._points(x).astype(self.dtype_) + self.dtype_.type(0.0)
        places = {row.tobytes(): place for place, row in enumerate(self.denominator_)}
        found = np.array([places.get(row.tobytes(), -1) for row in points], np.int64)
        others = np.flatnonzero(found < 0)
        if others.size:
            raise ValueError(
                "`x` must be the denominator's samples of the fit, where alone this ratio is "
                f"defined; got {others.size} others, the first in row {others[0]}."
            )
        return found

    def _solved(
        self,
        kernel: RadialKernel,
        p: Distinct,
        q: Distinct,
        bounds: tuple[float, float] | None,
    ) -> Array:
        """Return the ratios `[K]` of one kernel.

        In `s = sqrt(q) r` the matrix is symmetric, and so well conditioned as the shares allow.
        """
        root = np.sqrt(q.shares)
        mean_of_p = kernel_matrix(kernel, q.rows, p.rows) @ p.shares
        matrix = root[:, None] * kernel_matrix(kernel, q.rows, q.rows) * root
        at_zero = float(kernel.at_zero(tf.float64))
        for ridge in (self.ridge, self.ridge + _JITTER * len(root) * at_zero):
            program = Program(
                matrix + ridge / q.num_effective * np.eye(len(root)),
                root * mean_of_p,
                root,
                self.nonnegative,
                bounds,
            )
            try:
                return solve_program(program) / root
            except np.linalg.LinAlgError:
                continue
        raise ValueError(
            f"`ridge` must be large enough for a kernel system of {len(root)} rows to be positive "
            f"definite; got {self.ridge:g}."
        )


def _as_sequence(
    kernel: str | RadialKernel | Sequence[str | RadialKernel],
) -> Sequence[str | RadialKernel]:
    if isinstance(kernel, (str, RadialKernel)):
        return (kernel,)
    if not isinstance(kernel, Sequence) or not kernel:
        raise TypeError(f"`kernel` must be a name, a kernel or several; got {kernel!r}.")
    return tuple(kernel)


def _bounds(tolerance: float | None) -> tuple[float, float] | None:
    """Return the least and the largest mean of the ratios."""
    if tolerance is None:
        return None
    checked = check_not_negative(tolerance, "mean_tolerance")
    return max(1.0 - checked, 0.0), 1.0 + checked
