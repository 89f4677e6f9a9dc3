"""Draws that depend on their seed alone."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

__all__ = ["seeded_normal", "seeded_uniform"]


def seeded_normal(shape: Sequence[int], seed: tf.Tensor, *, dtype: tf.DType) -> tf.Tensor:
    """Return standard normal numbers, the same for one seed in every dtype and under XLA.

    They are drawn in float64 whatever `dtype` is, and by a named algorithm, because XLA would
    choose another one.
    """
    draw = tf.random.stateless_normal(shape, seed, dtype=tf.float64, alg="philox")
    return tf.cast(draw, dtype)


def seeded_uniform(shape: Sequence[int], seed: tf.Tensor, *, dtype: tf.DType) -> tf.Tensor:
    """Return numbers uniform in [-1, 1), the same for one seed as those of `seeded_normal` are."""
    draw = tf.random.stateless_uniform(shape, seed, -1.0, 1.0, dtype=tf.float64, alg="philox")
    return tf.cast(draw, dtype)
