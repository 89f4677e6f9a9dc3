"""Densities that are 0 outside of an interval, with gradients that stay finite there."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive

__all__ = ["BoundedBeta", "shifted_beta"]


class BoundedBeta(tfd.Beta):
    """`tfd.Beta` whose log-probability outside of (0, 1) is -inf, with gradient 0 there.

    TFP's own gives NaN there, or by option -inf with a gradient of NaN in the concentrations.
    """

    def _log_prob(self, x: Tensor) -> Tensor:
        inside = (x > 0.0) & (x < 1.0)
        log_prob = super()._log_prob(tf.where(inside, x, 0.5))
        return tf.where(inside, log_prob, tf.cast(-np.inf, log_prob.dtype))


def shifted_beta(
    concentration1: Any,
    concentration0: Any,
    *,
    shift: Any = 0.0,
    dtype: tf.DType = tf.float32,
    name: str = "shifted_beta",
) -> tfd.Independent:
    """Build `Beta(concentration1, concentration0) + shift`, for supports that do not overlap.

    Args:
        concentration1: Scalar > 0, the exponent of `x` plus 1.
        concentration0: Scalar > 0, the exponent of `1 - x` plus 1.
        shift: Scalar, where the support of length 1 begins.
        dtype: `tf.float32` or `tf.float64`.
        name: Name of the distribution.

    Returns:
        Distribution on events `[1]`; its log-probability is -inf outside of the support.

    Raises:
        ValueError: If a concentration is known and not above 0.

    Examples:
        >>> shifted_beta(2.0, 3.0, shift=2.0).log_prob([[1.0], [3.5]]).numpy().tolist()
        [-inf, -inf]
    """
    one, zero, start = (
        tf.reshape(tf.cast(tf.convert_to_tensor(value, dtype_hint=dtype), dtype), [1])
        for value in (concentration1, concentration0, shift)
    )
    for argument, value in (("concentration1", one), ("concentration0", zero)):
        if not tf.is_symbolic_tensor(value):
            check_positive(float(value[0]), argument)
    moved = tfd.TransformedDistribution(BoundedBeta(one, zero), tfb.Shift(start))
    return tfd.Independent(moved, reinterpreted_batch_ndims=1, name=name)
