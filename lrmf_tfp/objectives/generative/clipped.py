"""A network whose weights are kept in a box, for critics that must not be steep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive
from lrmf_tfp.networks import MLP, Dense

__all__ = ["ClippedMLP", "clipped"]


class ClippedMLP(MLP):
    """Multilayer perceptron whose weights are kept in [-bound, bound].

    What is used is `clipped(weights)`. Its gradient is 0 where a step would lead farther out, so
    that a weight at the wall stays there until the loss wants it back: clamping before each step,
    without touching variables in a forward pass.

    Attributes:
        layers: The layers, input first.
        bound: Half the width of the box.

    Examples:
        >>> network = ClippedMLP(1, 1, hidden_units=(), bound=0.1)
        >>> round(abs(float(network([[1.0]])[0, 0])), 3) <= 0.1
        True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        hidden_units: Sequence[int],
        activation: str = "relu",
        bound: float = 0.1,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = "clipped_mlp",
    ) -> None:
        super().__init__(
            in_features,
            out_features,
            hidden_units=hidden_units,
            activation=activation,
            last_gain=1.0,
            seed=seed,
            dtype=dtype,
            name=name,
        )
        self.bound = check_positive(bound, "bound")
        self.layers: list[tf.Module] = [_ClippedDense(layer, self.bound) for layer in self.layers]


class _ClippedDense(tf.Module):
    """A `Dense` layer seen through `clipped`."""

    def __init__(self, dense: Dense, bound: float) -> None:
        super().__init__(name=dense.name)
        self.dense = dense
        self._bound = bound
        for variable in dense.trainable_variables:
            variable.assign(tf.clip_by_value(variable, -bound, bound))

    def __call__(self, x: Tensor) -> Tensor:
        kernel, bias = (clipped(w, self._bound) for w in (self.dense.kernel, self.dense.bias))
        return tf.linalg.matmul(x, kernel) + bias


def clipped(weights: Tensor, bound: float) -> Tensor:
    """Return weights clipped to [-bound, bound], with the slope that leads inwards only."""

    @tf.custom_gradient
    def clip(values: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        def gradient(slope: Tensor) -> Tensor:
            outwards = tf.logical_or(
                tf.logical_and(values >= bound, slope < 0.0),
                tf.logical_and(values <= -bound, slope > 0.0),
            )
            return tf.where(outwards, tf.zeros_like(slope), slope)

        return tf.clip_by_value(values, -bound, bound), gradient

    return clip(tf.convert_to_tensor(weights))
