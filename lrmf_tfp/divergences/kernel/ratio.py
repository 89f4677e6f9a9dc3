"""Density ratios in closed form: kernels match the mean of weighted samples."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from lrmf_tfp._core.typing import Samples, Tensor, Weights
from lrmf_tfp._validation import check_positive
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.divergences._pair import WeightedPair, as_weighted_pair, covered
from lrmf_tfp.divergences._units import centre_of
from lrmf_tfp.divergences.kernel._arguments import as_radial
from lrmf_tfp.kernels import EnergyKernel, RadialKernel
from lrmf_tfp.kernels.radial import squared_distances
from lrmf_tfp.samples.sample import Sample

__all__ = ["kernel_mean_matching", "ratios_from_kernels"]

Kernels = str | RadialKernel | Sequence[RadialKernel]

_NAMES = ("denominator", "numerator")
_JITTER = 1e-14  # of the trace: rounding may leave eigenvalues of a float64 matrix that negative


def kernel_mean_matching(
    numerator: Samples | Sample,
    denominator: Samples | Sample,
    *,
    kernel: Kernels = "gaussian",
    ridge: float = 1e-3,
    numerator_weights: Weights | None = None,
    denominator_weights: Weights | None = None,
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

    With weights a of q's samples and b of p's, which sum to 1, `r` minimises the squared norm of
    `sum(a_j r_j k(y_j, .)) - sum(b_i k(x_i, .))` plus `ridge / N sum(a_j r_j^2)`, N the number of
    rows of q that have weight; equal ones give the formula above. A row of q of weight 2 is the
    row twice, but for the N that the ridge is divided by; one of p is exactly that.

    Args:
        numerator: Samples of p, `[M, D]`, or a `Sample` with its weights.
        denominator: Samples of q, `[N, D]`, or a `Sample`.
        kernel: A name of `lrmf_tfp.kernels.KERNELS`, as wide as the samples' median distance; a
            kernel; or several, whose solutions are averaged.
        ridge: Added to the diagonal of the kernel matrix, > 0.
        numerator_weights: Weights `[M]` >= 0 of any scale; equal ones by default.
        denominator_weights: Weights `[N]`, likewise.

    Returns:
        Ratios `[N]`, 0 in rows of weight 0; solved in float64 and returned in the dtype of the
        samples.

    Raises:
        TypeError: If samples are not numbers or a kernel is not a `RadialKernel`.
        ValueError: If shapes or columns differ, values are not finite, weights are negative, all
            0 or given twice, a `Sample` has conditions, `ridge` is not above 0, a kernel is not
            positive definite or the system is singular.

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
    weights = denominator_weights, numerator_weights
    pair = covered(as_weighted_pair(denominator, numerator, *weights, names=_NAMES, all_rows=True))
    found = [as_radial(each, pair, names=_NAMES) for each in _as_sequence(kernel)]
    if any(isinstance(each, EnergyKernel) for each in found):
        raise ValueError("`kernel` must be positive definite; got the energy kernel, -|x - y|.")
    exact = WeightedPair(*(tf.cast(part, tf.float64) for part in pair))
    ratios = [_solve(each, exact, tf.constant(ridge, tf.float64)) for each in found]
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
    ridge = tf.convert_to_tensor(ridge, dtype_hint=within.dtype)  # a cast of 0.01 is float32's
    count = tf.cast(tf.shape(within)[0], within.dtype)
    return _solved(within, tf.reduce_mean(across, axis=1), count, tf.cast(ridge, within.dtype))


@compiled
def _ratios(kernel: RadialKernel, pair: WeightedPair, ridge: Tensor) -> Tensor:
    """Return the ratios, 0 in rows of weight 0, of a denominator and a numerator in float64."""
    centre = centre_of(pair)
    y, x = ((points - centre) / kernel.length(tf.float64) for points in pair[:2])
    a, b = pair.source_weights, pair.target_weights

    def matrix(points: Tensor) -> Tensor:
        return kernel.value_and_decay(tf.nn.relu(squared_distances(y, points)))[0]

    # As if each row stood there N a times: the system stays symmetric for s r, s = sqrt(N a).
    count = tf.reduce_sum(tf.cast(a > 0.0, tf.float64))
    roots = tf.sqrt(count * a)
    system = roots[:, None] * matrix(y) * roots
    means = roots * tf.linalg.matvec(matrix(x), b)
    scaled = _solved(system, means, count, ridge)
    return tf.math.divide_no_nan(scaled, roots)


def _solved(within: Tensor, means: Tensor, count: Tensor, ridge: Tensor) -> Tensor:
    """Return `count (within + ridge I)^-1 means`."""
    diagonal = tf.linalg.diag_part(within) + ridge
    factor = tf.linalg.cholesky(tf.linalg.set_diag(within, diagonal))
    return count * tf.linalg.cholesky_solve(factor, means[:, None])[:, 0]


def _solve(kernel: RadialKernel, pair: WeightedPair, ridge: Tensor) -> Tensor:
    """Return the ratios; where rounding made the system indefinite, with a little more ridge."""
    if not tf.executing_eagerly():
        return _ratios(kernel, pair, ridge)
    trace = kernel.at_zero(tf.float64) * float(pair.source.shape[0])
    for jitter in (0.0, _JITTER):
        try:
            ratios = _ratios(kernel, pair, ridge + jitter * trace)
        except tf.errors.InvalidArgumentError:
            continue
        if bool(tf.reduce_all(tf.math.is_finite(ratios))):
            return ratios
    raise ValueError(
        f"`ridge` must be large enough for a kernel system of {pair.source.shape[0]} rows to be "
        f"positive definite; got {float(ridge):g}."
    )


def _as_sequence(kernel: Kernels) -> Sequence[str | RadialKernel]:
    if isinstance(kernel, (str, RadialKernel)):
        return (kernel,)
    if not isinstance(kernel, Sequence) or not kernel:
        raise TypeError(f"`kernel` must be a name, a kernel or several; got {kernel!r}.")
    return tuple(kernel)
