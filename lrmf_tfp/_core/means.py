"""Means over rows that may have weights."""

from __future__ import annotations

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor

__all__ = ["weighted_mean"]


def weighted_mean(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return `sum(w v) / sum(w)` of values `[N]`; the plain mean without weights."""
    if weights is None:
        return tf.reduce_mean(values)
    weights = tf.cast(weights / tf.reduce_max(weights), values.dtype)  # of any scale, in its dtype
    # A row of weight 0 may hold anything, infinities too.
    terms = tf.where(weights > 0.0, values, tf.zeros_like(values)) * weights
    return tf.reduce_sum(terms) / tf.reduce_sum(weights)
