"""Value and log-det-Jacobian of any bijector in one call."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.typing import Tensor

__all__ = ["INVERTED", "forward_and_log_det", "inverse_and_log_det"]

# `tfb.Invert` of a bijector that is no composite tensor, as ours are, makes one of its base class.
INVERTED = tfb.Invert.__mro__[1]
"""What an inverted bijector is an instance of."""


def forward_and_log_det(
    bijector: Any, x: Tensor, *, event_ndims: int = 1
) -> tuple[Tensor, Tensor]:
    """Return `y = bijector.forward(x)` `[B, *event]` and `log|det dy/dx|` `[B]`.

    Uses the bijector's own one-pass method if it has one. A plain `tfb.Bijector` is given a
    fresh tensor, since its cache would answer with values of before a weight update. Events have
    as many axes as the bijector needs, and `event_ndims` at least.
    """
    if hasattr(bijector, "forward_and_log_det"):
        return bijector.forward_and_log_det(x)
    if isinstance(bijector, INVERTED):
        return inverse_and_log_det(bijector.bijector, x, event_ndims=event_ndims)
    x = tf.identity(x)
    ndims = max(event_ndims, bijector.forward_min_event_ndims)
    return bijector.forward(x), bijector.forward_log_det_jacobian(x, event_ndims=ndims)


def inverse_and_log_det(
    bijector: Any, y: Tensor, *, event_ndims: int = 1
) -> tuple[Tensor, Tensor]:
    """Return `x = bijector.inverse(y)` `[B, *event]` and `log|det dx/dy|` `[B]`."""
    if hasattr(bijector, "inverse_and_log_det"):
        return bijector.inverse_and_log_det(y)
    if isinstance(bijector, INVERTED):
        return forward_and_log_det(bijector.bijector, y, event_ndims=event_ndims)
    y = tf.identity(y)
    ndims = max(event_ndims, bijector.inverse_min_event_ndims)
    return bijector.inverse(y), bijector.inverse_log_det_jacobian(y, event_ndims=ndims)
