"""A Gaussian whose moments are variables."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.samples.standardize import weighted_covariance

__all__ = ["GaussianDensity", "gaussian_density", "live_scale"]

_DEAD = 1e-12  # of the widest axis: a scale below that is rounding


class GaussianDensity(tfd.MultivariateNormalTriL):
    """A Gaussian with a full covariance whose `loc` and `scale_tril` are variables."""

    def initialize(self, rows: Array, weights: Array | None = None) -> None:
        """Take the maximum-likelihood moments of samples `[N, D]` with weights `[N]`.

        Without the correlations where there are too few samples for them (N <= 2 D).
        """
        loc, covariance = weighted_covariance(rows, weights)
        scale, dead = live_scale(np.sqrt(np.diag(covariance)))
        variances = np.diag(np.square(scale))
        if len(rows) <= 2 * rows.shape[1]:
            covariance = variances
        ridge = np.where(dead, 1.0, 1e-10) * variances
        self.loc.assign(loc)
        self.scale_tril.assign(tf.cast(np.linalg.cholesky(covariance + ridge), self.dtype))


def gaussian_density(
    event_size: int,
    *,
    loc: Array | None = None,
    scale_tril: Array | None = None,
    dtype: tf.DType = tf.float32,
    name: str = "gaussian_density",
) -> GaussianDensity:
    """Build a trainable Gaussian with a full covariance.

    Args:
        event_size: D >= 1.
        loc: Mean `[D]` at the start; zero by default.
        scale_tril: Cholesky factor `[D, D]` of the covariance at the start; the identity by
            default.
        dtype: `tf.float32` or `tf.float64`.
        name: Name of the distribution.

    Returns:
        A `tfd.MultivariateNormalTriL` with trainable `loc` and `scale_tril`.

    Raises:
        ValueError: If `event_size` is below 1 or a shape does not fit it.

    Examples:
        >>> gaussian_density(3).event_shape.as_list()
        [3]
    """
    check_positive_int(event_size, "event_size")
    loc = np.zeros(event_size) if loc is None else np.asarray(loc)
    scale_tril = np.eye(event_size) if scale_tril is None else np.asarray(scale_tril)
    if loc.shape != (event_size,):
        raise ValueError(f"`loc` must have shape [{event_size}]; got {list(loc.shape)}.")
    if scale_tril.shape != (event_size, event_size):
        raise ValueError(
            f"`scale_tril` must have shape [{event_size}, {event_size}]; "
            f"got {list(scale_tril.shape)}."
        )
    factor = tfp.util.TransformedVariable(
        tf.cast(scale_tril, dtype),
        tfb.FillScaleTriL(diag_bijector=tfb.Exp(), diag_shift=None),
        name="scale_tril",
    )
    return GaussianDensity(
        loc=tf.Variable(tf.cast(loc, dtype), name="loc"), scale_tril=factor, name=name
    )


def live_scale(scale: Array) -> tuple[Array, Array]:
    """Return scales with that of axes that never vary replaced by the widest, and which did."""
    dead = scale <= _DEAD * scale.max()
    return np.where(dead, scale.max() or 1.0, scale), dead
