"""Linear maps in closed form, as flows: mean-variance, CORAL, Gaussian transport.

All three send the source's mean to the target's, `y = matrix @ (x - source_loc) + target_loc`,
and differ in what the matrix does to the covariance. Nothing is trained. NumPy, float64, up to
the layer that holds the result.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from lrmf_tfp._core.typing import Array, Samples, Tensor
from lrmf_tfp._validation import check_not_negative
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.samples.domains import as_domains, check_domains_vary
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.standardize import weighted_covariance, weighted_moments

__all__ = [
    "FixedAffineLayer",
    "coral_flow",
    "gaussian_ot_flow",
    "mean_variance_flow",
]


class FixedAffineLayer(tf.Module):
    """Layer `y = matrix @ (x - source_loc) + target_loc` without anything to train.

    Subtracting first keeps float32 accurate for samples that lie far from the origin. The
    constants are variables, so that they are saved and exported, and float64, so that `between`
    loses no digits; they are cast where they meet samples.

    Attributes:
        matrix: `[D, D]`.
        inverse_matrix: `[D, D]`.
        source_loc: `[D]`.
        target_loc: `[D]`.
        log_det: Scalar, `log|det matrix|`.
        dtype: Of the samples.
    """

    def __init__(
        self,
        matrix: ArrayLike,
        source_loc: ArrayLike,
        target_loc: ArrayLike,
        *,
        dtype: tf.DType = tf.float32,
        name: str = "fixed_affine",
    ) -> None:
        super().__init__(name=name)
        matrix = np.asarray(matrix, np.float64)
        self.dtype = tf.as_dtype(dtype)
        self.matrix = _constant(matrix, "matrix")
        self.inverse_matrix = _constant(np.linalg.inv(matrix), "inverse_matrix")
        self.source_loc = _constant(source_loc, "source_loc")
        self.target_loc = _constant(target_loc, "target_loc")
        self.log_det = _constant(np.linalg.slogdet(matrix)[1], "log_det")

    @property
    def shift(self) -> Tensor:
        """`target_loc - matrix @ source_loc` `[D]`, as in `y = matrix @ x + shift`; float64."""
        return self.target_loc - tf.linalg.matvec(self.matrix, self.source_loc)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` and `log|det matrix|` `[B]`."""
        centred = x - self._cast(self.source_loc)
        y = tf.matmul(centred, self._cast(self.matrix), transpose_b=True)
        return y + self._cast(self.target_loc), self._log_dets(x)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` and `-log|det matrix|` `[B]`."""
        centred = y - self._cast(self.target_loc)
        x = tf.matmul(centred, self._cast(self.inverse_matrix), transpose_b=True)
        return x + self._cast(self.source_loc), -self._log_dets(y)

    def between(
        self,
        *,
        source_loc: ArrayLike,
        source_scale: ArrayLike,
        target_loc: ArrayLike,
        target_scale: ArrayLike,
    ) -> FixedAffineLayer:
        """Return the same map between standardised coordinates.

        With `x = source_scale * u + source_loc` and `y = target_scale * v + target_loc`, the new
        layer maps `u` to `v` where this one maps `x` to `y`.

        Args:
            source_loc: Centre per axis, `[D]`, of the coordinates that go in.
            source_scale: Scale per axis, `[D]`, > 0, of the coordinates that go in.
            target_loc: Centre per axis, `[D]`, of the coordinates that come out.
            target_scale: Scale per axis, `[D]`, > 0, of the coordinates that come out.

        Returns:
            New layer of the same dtype.

        Examples:
            >>> layer = FixedAffineLayer([[6.0]], [1.0], [2.0])
            >>> new = layer.between(
            ...     source_loc=[0.0], source_scale=[0.5], target_loc=[2.0], target_scale=[3.0]
            ... )
            >>> new.matrix.numpy().tolist(), new.shift.numpy().tolist()
            ([[1.0]], [-2.0])
        """
        matrix = self.matrix.numpy() * source_scale / np.reshape(target_scale, [-1, 1])
        return FixedAffineLayer(
            matrix,
            (self.source_loc.numpy() - source_loc) / source_scale,
            (self.target_loc.numpy() - target_loc) / target_scale,
            dtype=self.dtype,
            name=self.name,
        )

    def as_flow(self, *, name: str = "linear_flow") -> Flow:
        """Return the flow whose one layer this is."""
        return Flow([self], event_shape=self.source_loc.shape, dtype=self.dtype, name=name)

    def _cast(self, constant: tf.Variable) -> Tensor:
        return tf.cast(constant, self.dtype)

    def _log_dets(self, x: Tensor) -> Tensor:
        return tf.fill([tf.shape(x)[0]], self._cast(self.log_det))


def mean_variance_flow(source: Samples, target: Samples, *, dtype: tf.DType = tf.float32) -> Flow:
    """Build the flow that gives the source the target's mean and standard deviation per axis.

    `y = (x - mean_s) * std_t / std_s + mean_t`. Correlations stay as they are: choose
    `coral_flow` or `gaussian_ot_flow` to match them too.

    Args:
        source: Samples `[N, D]`, N >= 2.
        target: Samples `[M, D]`, M >= 2.
        dtype: `tf.float32` or `tf.float64`.

    Returns:
        Flow on events `[D]` without trainable variables; a `tfb.Bijector`.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: If widths differ, values are not finite, or a column is constant.

    Examples:
        >>> flow = mean_variance_flow([[0.0], [2.0]], [[0.0], [6.0]])
        >>> flow.forward([[2.0]]).numpy().tolist()
        [[6.0]]
    """
    domains = as_domains({"source": source, "target": target}, min_rows=2)
    check_domains_vary(domains)
    (mean_s, std_s), (mean_t, std_t) = (
        weighted_moments(each.rows, each.training_weights) for each in domains.values()
    )
    layer = FixedAffineLayer(np.diag(std_t / std_s), mean_s, mean_t, dtype=dtype)
    return layer.as_flow(name="mean_variance_flow")


def coral_flow(
    source: Samples, target: Samples, *, ridge: float = 1e-6, dtype: tf.DType = tf.float32
) -> Flow:
    """Build the correlation alignment (CORAL) flow: whiten by the source, colour by the target.

    `y = cov_t^(1/2) @ cov_s^(-1/2) @ (x - mean_s) + mean_t` with symmetric roots. Of all maps
    that match mean and covariance it is a common baseline; `gaussian_ot_flow` is the one that
    moves the samples least. The paper adds the identity to both covariances and leaves the
    means, as its features are standardised; here the means are matched too, and a ridge
    relative to the variance does the same in any unit.

    Args:
        source: Samples `[N, D]`, N >= 2.
        target: Samples `[M, D]`, M >= 2.
        ridge: What to add to both covariances' diagonals, as a fraction of their own mean
            variance; >= 0. The moments then match up to about that fraction. It acts on all
            axes alike, so standardise axes of very unequal scale.
        dtype: `tf.float32` or `tf.float64`.

    Returns:
        Flow on events `[D]` without trainable variables; a `tfb.Bijector`.

    Raises:
        TypeError: If samples or `ridge` are not numbers.
        ValueError: If widths differ, values are not finite, `ridge` is below 0, or a covariance
            is singular in spite of it.

    Examples:
        >>> flow = coral_flow([[0.0], [2.0]], [[0.0], [6.0]], dtype=tf.float64)
        >>> flow.forward([[2.0]]).numpy().round(6).tolist()
        [[6.0]]

    References:
        [1] Sun, Feng, Saenko, Return of Frustratingly Easy Domain Adaptation, AAAI 2016,
            arXiv:1511.05547, algorithm 1.
    """
    moments = _Moments(source, target, ridge=ridge)
    matrix = _power(moments.target_cov, 0.5) @ _power(moments.source_cov, -0.5)
    return moments.flow(matrix, dtype=dtype, name="coral_flow")


def gaussian_ot_flow(
    source: Samples, target: Samples, *, ridge: float = 1e-6, dtype: tf.DType = tf.float32
) -> Flow:
    """Build the optimal transport map between the Gaussians of the source and the target.

    `y = A @ (x - mean_s) + mean_t` with the symmetric positive definite
    `A = S^(-1/2) @ (S^(1/2) @ T @ S^(1/2))^(1/2) @ S^(-1/2)`, `S` and `T` being the covariances.
    Of all maps that match mean and covariance it moves the samples least in mean square, and no
    axis is turned or mirrored.

    Args:
        source: Samples `[N, D]`, N >= 2.
        target: Samples `[M, D]`, M >= 2.
        ridge: What to add to both covariances' diagonals, as a fraction of their own mean
            variance; >= 0. See `coral_flow`.
        dtype: `tf.float32` or `tf.float64`.

    Returns:
        Flow on events `[D]` without trainable variables; a `tfb.Bijector`.

    Raises:
        TypeError: If samples or `ridge` are not numbers.
        ValueError: As `coral_flow`.

    Examples:
        >>> flow = gaussian_ot_flow([[0.0], [2.0]], [[0.0], [6.0]], dtype=tf.float64)
        >>> flow.forward([[2.0]]).numpy().round(6).tolist()
        [[6.0]]

    References:
        [1] Peyre and Cuturi, Computational Optimal Transport, 2019, arXiv:1803.00567,
            remark 2.31.
    """
    moments = _Moments(source, target, ridge=ridge)
    root, whitener = _power(moments.source_cov, 0.5), _power(moments.source_cov, -0.5)
    matrix = whitener @ _power(root @ moments.target_cov @ root, 0.5) @ whitener
    return moments.flow(0.5 * (matrix + matrix.T), dtype=dtype, name="gaussian_ot_flow")


class _Moments:
    """Means and regular covariances of two sample sets, maximum likelihood, float64."""

    def __init__(self, source: Samples, target: Samples, *, ridge: float) -> None:
        check_not_negative(ridge, "ridge")
        domains = as_domains({"source": source, "target": target}, min_rows=2)
        self.source_mean, self.source_cov = _moments(domains["source"], "source", ridge=ridge)
        self.target_mean, self.target_cov = _moments(domains["target"], "target", ridge=ridge)

    def flow(self, matrix: Array, *, dtype: tf.DType, name: str) -> Flow:
        layer = FixedAffineLayer(matrix, self.source_mean, self.target_mean, dtype=dtype)
        return layer.as_flow(name=name)


def _moments(sample: Sample, name: str, *, ridge: float) -> tuple[Array, Array]:
    loc, covariance = weighted_covariance(sample.rows, sample.training_weights)
    size = len(covariance)
    covariance += ridge * np.trace(covariance) / size * np.eye(size)
    eigenvalues = np.linalg.eigvalsh(covariance)
    if eigenvalues[0] <= size * np.finfo(np.float64).eps * eigenvalues[-1]:
        raise ValueError(
            f"`{name}` must have a positive definite covariance, or `ridge` be larger; "
            f"got smallest eigenvalue {eigenvalues[0]:.3g}."
        )
    return loc, covariance


def _power(covariance: Array, exponent: float) -> Array:
    """Return the symmetric power of a symmetric positive definite matrix `[D, D]`."""
    eigenvalues, axes = np.linalg.eigh(covariance)
    return (axes * eigenvalues**exponent) @ axes.T


def _constant(value: ArrayLike, name: str) -> tf.Variable:
    return tf.Variable(value, trainable=False, dtype=tf.float64, name=name)
