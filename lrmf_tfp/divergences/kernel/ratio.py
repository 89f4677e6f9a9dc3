"""Density ratios in closed form: kernels match the mean of weighted samples."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from lrmf_tfp._core.typing import Samples, Tensor
from lrmf_tfp._validation import check_positive
from lrmf_tfp.divergences._arguments import as_weighted_pair, compiled
from lrmf_tfp.divergences.kernel._arguments import as_radial
from lrmf_tfp.kernels import EnergyKernel, RadialKernel, squared_distances

__all__ = ["kernel_mean_matching", "ratios_from_kernels"]

Kernels = str | RadialKernel | Sequence[RadialKernel]

_NAMES = ("denominator", "numerator")
_JITTER = 1e-14  # of the trace: rounding may leave eigenvalues of a float64 matrix that negative


def kernel_mean_matching(
    numerator: Samples,
    denominator: Samples,
    *,
    kernel: Kernels = "gaussian",
    ridge: float = 1e-3,
) -> Tensor:
    """Return density ratios `p / q` at the samples of q by kernel mean matching.

    `r = N / M (K_qq + ridge I)^-1 K_qp 1`: the weights of q's N samples for which their mean
    embedding comes closest to that of p's M samples. Fixed design: the ratio is defined at the
    given samples of q and nowhere else. It is not kept above 0; some percent of the estimates
    fall below where p has no mass. Differentiable in both sample sets.

    With several kernels the result is the average of their solutions. `mean((r - 1)^2)` estimates
    the Pearson divergence, but for a small ridge mostly its own bias: for equal distributions,
    N = 100, D = 2 and unit bandwidth it is about 4 with `ridge=1e-3`, 0.15 with `ridge=1`. Look at
    it together with `mean(r)`, which should be 1.

    Args:
        numerator: Samples of p, `[M, D]`.
        denominator: Samples of q, `[N, D]`.
        kernel: A name of `lrmf_tfp.kernels.KERNELS`, as wide as the samples' median distance; a
            kernel; or several, whose solutions are averaged.
        ridge: Added to the diagonal of the kernel matrix, > 0.

    Returns:
        Ratios `[N]`, solved in float64 and returned in the dtype of the samples.

    Raises:
        TypeError: If samples are not numbers or a kernel is not a `RadialKernel`.
        ValueError: If shapes differ, values are not finite, `ridge` is not above 0, a kernel is
            not positive definite or the system is singular.

    Examples:
        >>> from lrmf_tfp.kernels import GaussianKernel
        >>> x = tf.constant([[0.0], [1.0], [2.0]])
        >>> ratios = kernel_mean_matching(x, x, kernel=GaussianKernel(0.5), ridge=1e-6)
        >>> bool(tf.reduce_all(abs(ratios - 1.0) < 1e-4))
        True

    References:
        [1] Huang, Smola, Gretton, Borgwardt, Schoelkopf, Correcting Sample Selection Bias by
            Unlabeled Data, NeurIPS 2006, eq. (2).
        [2] Sugiyama, Suzuki, Kanamori, Density Ratio Estimation in Machine Learning, 2012,
            section 3.3, fixed design.
    """
    check_positive(ridge, "ridge")
    pair = as_weighted_pair(denominator, numerator, names=_NAMES)
    found = [as_radial(each, pair, names=_NAMES) for each in _as_sequence(kernel)]
    if any(isinstance(each, EnergyKernel) for each in found):
        raise ValueError("`kernel` must be positive definite; got the energy kernel, -|x - y|.")
    y, x = (tf.cast(points, tf.float64) for points in (pair.source, pair.target))
    ratios = [_solve(each, x, y, tf.constant(ridge, tf.float64)) for each in found]
    return tf.cast(tf.add_n(ratios) / len(ratios), pair.source.dtype)


def ratios_from_kernels(within: Tensor, across: Tensor, *, ridge: Tensor | float) -> Tensor:
    """Return the ratios `[N]` of kernel matrices that are there already.

    Args:
        within: Kernel matrix of the denominator's samples, `[N, N]`.
        across: Kernel matrix of the denominator's and the numerator's samples, `[N, M]`.
        ridge: Added to the diagonal of `within`, > 0.

    Returns:
        Ratios `[N]` at the denominator's samples, in the dtype of the matrices; NaN or an error
        of TensorFlow if `within + ridge I` is not positive definite.
    """
    within, across = tf.convert_to_tensor(within), tf.convert_to_tensor(across)
    size = tf.shape(within)[0]
    ridge = tf.convert_to_tensor(ridge, dtype_hint=within.dtype)  # a cast of 0.01 is float32's
    diagonal = tf.cast(ridge, within.dtype) * tf.ones([size], within.dtype)
    factor = tf.linalg.cholesky(tf.linalg.set_diag(within, tf.linalg.diag_part(within) + diagonal))
    means = tf.reduce_mean(across, axis=1, keepdims=True)
    share = tf.cast(size, within.dtype)
    return share * tf.linalg.cholesky_solve(factor, means)[:, 0]


@compiled
def _ratios(kernel: RadialKernel, x: Tensor, y: Tensor, ridge: Tensor) -> Tensor:
    root = tf.sqrt(kernel.scale(x.dtype))
    centre = tf.stop_gradient(tf.reduce_mean(y, axis=0))
    x, y = (x - centre) / root, (y - centre) / root

    def matrix(points: Tensor) -> Tensor:
        return kernel.value_and_decay(tf.nn.relu(squared_distances(y, points)))[0]

    return ratios_from_kernels(matrix(y), matrix(x), ridge=ridge)


def _solve(kernel: RadialKernel, x: Tensor, y: Tensor, ridge: Tensor) -> Tensor:
    """Return the ratios; where rounding made the system indefinite, with a little more ridge."""
    if not tf.executing_eagerly():
        return _ratios(kernel, x, y, ridge)
    trace = kernel.at_zero(tf.float64) * float(y.shape[0])
    for jitter in (0.0, _JITTER):
        try:
            ratios = _ratios(kernel, x, y, ridge + jitter * trace)
        except tf.errors.InvalidArgumentError:
            continue
        if bool(tf.reduce_all(tf.math.is_finite(ratios))):
            return ratios
    raise ValueError(
        f"`ridge` must be large enough for a kernel system of {y.shape[0]} rows to be positive "
        f"definite; got {float(ridge):g}."
    )


def _as_sequence(kernel: Kernels) -> Sequence[str | RadialKernel]:
    if isinstance(kernel, (str, RadialKernel)):
        return (kernel,)
    if not isinstance(kernel, Sequence) or not kernel:
        raise TypeError(f"`kernel` must be a name, a kernel or several; got {kernel!r}.")
    return tuple(kernel)
