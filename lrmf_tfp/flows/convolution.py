"""Convolutional conditioner of image flows, beside the dense ones of `networks` (level 2)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from lrmf_tfp._typing import Tensor
from lrmf_tfp._validation import check_choice
from lrmf_tfp.networks import ACTIVATIONS, Dense

__all__ = ["Conv", "ConvNet"]


class Conv(tf.Module):
    """Convolution with stride 1 and zeros around the image; its start is `Dense`'s.

    Attributes:
        kernel: Variable `[size, size, in_channels, out_channels]`.
        bias: Variable `[out_channels]`, zero at the start.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        size: int,
        seed: Sequence[int],
        gain: float = 2.0,
        dtype: tf.DType = tf.float32,
        name: str = "conv",
    ) -> None:
        super().__init__(name=name)
        start = Dense(size * size * in_channels, out_channels, seed=seed, gain=gain, dtype=dtype)
        shape = [size, size, in_channels, out_channels]
        self.kernel = tf.Variable(tf.reshape(start.kernel, shape), name="kernel")
        self.bias = start.bias

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer to images `[B, H, W, in_channels]`."""
        size, _, channels, out_channels = self.kernel.shape
        if size > 1:
            return tf.nn.bias_add(tf.nn.conv2d(x, self.kernel, 1, "SAME"), self.bias)
        # One product of all pixels, whose gradient is faster than that of a 1x1 convolution.
        y = tf.matmul(tf.reshape(x, [-1, channels]), self.kernel[0, 0]) + self.bias
        return tf.reshape(y, [-1, *x.shape[1:3], out_channels])


class ConvNet(tf.Module):
    """Convolutional network, `[B, H, W, in_channels] -> [B, H, W, out_channels]`.

    The first and the last layer are 3x3, those between 1x1. The last one starts at zero, so that
    a flow conditioned by it starts at the identity.

    Attributes:
        layers: The `Conv` layers, input first.

    References:
        [1] Kingma and Dhariwal, Glow, NeurIPS 2018, arXiv:1807.03039, section B.

    Examples:
        >>> ConvNet(2, 4, hidden_units=(8, 8), seed=0)(tf.ones([5, 6, 6, 2])).shape.as_list()
        [5, 6, 6, 4]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        hidden_units: Sequence[int],
        activation: str = "relu",
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = "conv_net",
    ) -> None:
        check_choice(activation, "activation", ACTIVATIONS)
        super().__init__(name=name)
        self._activation = activation
        widths = [in_channels, *hidden_units, out_channels]
        last = len(hidden_units)
        self.layers = [
            Conv(
                n,
                m,
                size=3 if i in (0, last) else 1,
                seed=(seed, i),
                gain=0.0 if i == last else 2.0,
                dtype=dtype,
                name=f"conv_{i}",
            )
            for i, (n, m) in enumerate(zip(widths[:-1], widths[1:], strict=True))
        ]

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate the network on images `[B, H, W, in_channels]`."""
        for layer in self.layers[:-1]:
            x = ACTIVATIONS[self._activation](layer(x))
        return self.layers[-1](x)
