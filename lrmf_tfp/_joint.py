"""Value and log-det-Jacobian of any bijector in one call (level 1)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._typing import Tensor

__all__ = ["forward_and_log_det", "inverse_and_log_det"]


def forward_and_log_det(bijector: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return `y = bijector.forward(x)` `[B, D]` and `log|det dy/dx|` `[B]`.

    Uses the bijector's own one-pass method if it has one. A plain `tfb.Bijector` is given a
    fresh tensor, since its cache would answer with values of before a weight update.
    """
    if hasattr(bijector, "forward_and_log_det"):
        return bijector.forward_and_log_det(x)
    if isinstance(bijector, tfb.Invert):
        return inverse_and_log_det(bijector.bijector, x)
    x = tf.identity(x)
    return bijector.forward(x), bijector.forward_log_det_jacobian(x, event_ndims=1)


def inverse_and_log_det(bijector: Any, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return `x = bijector.inverse(y)` `[B, D]` and `log|det dx/dy|` `[B]`."""
    if hasattr(bijector, "inverse_and_log_det"):
        return bijector.inverse_and_log_det(y)
    if isinstance(bijector, tfb.Invert):
        return forward_and_log_det(bijector.bijector, y)
    y = tf.identity(y)
    return bijector.inverse(y), bijector.inverse_log_det_jacobian(y, event_ndims=1)
