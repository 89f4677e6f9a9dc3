"""A training step as TFP's examples take it, for every side whose density is TFP's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

__all__ = ["training_step"]


def training_step(
    density: Any,
    variables: Sequence[Any],
    *,
    learning_rate: float = 1e-3,
    jit_compile: bool = False,
) -> Callable[[Any], Any]:
    """Return a `tf.function` that takes a step of Keras's Adam on a batch, and its loss."""
    optimizer = tf_keras.optimizers.Adam(learning_rate)
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile)
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(density.log_prob(x))
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    return step
