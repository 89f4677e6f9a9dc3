"""Conditioner networks as plain `tf.Module`s whose variables exist from construction (level 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from lrmf_tfp._typing import Tensor
from lrmf_tfp._validation import check_choice

__all__ = ["ACTIVATIONS", "Constants", "Dense", "MLP", "softplus"]

_LINEAR_ABOVE = 40.0  # log(1 + exp(x)) = x to the last bit of float64, far from overflow


def softplus(x: Tensor) -> Tensor:
    """Return `log(1 + exp(x))`, written so that XLA vectorises it on CPUs.

    `tf.nn.softplus` goes through `log1p`; a RealNVP training step takes 1.4 times as long with
    it. The absolute error stays below the rounding of 1.
    """
    bend = tf.math.log(1.0 + tf.exp(tf.minimum(x, _LINEAR_ABOVE)))
    return bend + tf.nn.relu(x - _LINEAR_ABOVE)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": tf.nn.elu,
    "relu": tf.nn.relu,
    "softplus": softplus,
    "swish": tf.nn.silu,
    "tanh": tf.tanh,
}
"""Activations by name."""


class Dense(tf.Module):
    """Affine layer `y = x @ kernel + bias`.

    The kernel is drawn from a normal distribution of variance `gain / in_features` (He et al.
    2015, eq. 10, with `gain = 2`), or is zero.

    Attributes:
        kernel: Variable `[in_features, out_features]`.
        bias: Variable `[out_features]`, zero at the start.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        seed: Sequence[int],
        gain: float = 2.0,
        dtype: tf.DType = tf.float32,
        name: str = "dense",
    ) -> None:
        super().__init__(name=name)
        shape = [in_features, out_features]
        scale = tf.cast((gain / max(in_features, 1)) ** 0.5, dtype)
        draw = tf.random.stateless_normal(shape, seed, dtype=dtype, alg="philox")
        self.kernel = tf.Variable(scale * draw, name="kernel")
        self.bias = tf.Variable(tf.zeros([out_features], dtype), name="bias")

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer to `x` `[B, in_features]`."""
        return tf.linalg.matmul(x, self.kernel) + self.bias


class MLP(tf.Module):
    """Multilayer perceptron, `[B, in_features] -> [B, out_features]`.

    The last layer starts at zero, so that a flow conditioned by it starts at the identity.

    Attributes:
        layers: The `Dense` layers, input first.
        fan_in: Number of terms in each output's sum.

    Examples:
        >>> MLP(2, 6, hidden_units=(8, 8), seed=0)(tf.ones([5, 2])).shape.as_list()
        [5, 6]
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        hidden_units: Sequence[int],
        activation: str = "softplus",
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = "mlp",
    ) -> None:
        check_choice(activation, "activation", ACTIVATIONS)
        super().__init__(name=name)
        self._activation = activation
        widths = [in_features, *hidden_units, out_features]
        gains = [2.0] * len(hidden_units) + [0.0]
        self.fan_in = widths[-2]
        self.layers = [
            Dense(n, m, seed=(seed, i), gain=gain, dtype=dtype, name=f"dense_{i}")
            for i, (n, m, gain) in enumerate(zip(widths[:-1], widths[1:], gains, strict=True))
        ]

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate the network on `x` `[B, in_features]`."""
        activate = ACTIVATIONS[self._activation]
        for layer in self.layers[:-1]:
            x = activate(layer(x))
        return self.layers[-1](x)


class Constants(tf.Module):
    """Network without inputs: the same outputs `[out_features]` in every row, 0 at the start.

    Attributes:
        values: The outputs, a variable.
        fan_in: 1.
    """

    def __init__(
        self, out_features: int, *, dtype: tf.DType = tf.float32, name: str = "constants"
    ) -> None:
        super().__init__(name=name)
        self.fan_in = 1
        self.values = tf.Variable(tf.zeros([out_features], dtype), name="values")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs `[B, out_features]` for `x` `[B, 0]`."""
        return tf.tile(self.values[None], [tf.shape(x)[0], 1])
