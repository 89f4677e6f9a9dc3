"""Convolutions for the compiled loop: products with shifted copies of the image.

A 3x3 convolution is a product with nine shifted copies of the image, taken on the side with fewer
channels. The gradient of `tf.nn.conv2d` is as fast in an ordinary graph of narrow layers, but on a
CPU XLA's, inside a loop, takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice
from lrmf_tfp.networks.dense import ACTIVATIONS, Dense

__all__ = ["Conv", "ConvNet", "pixel_product"]

_SHIFTS = [(row, column) for row in range(3) for column in range(3)]


@tf.custom_gradient
def _patches(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return every pixel with its eight neighbours, `[B, H, W, 9 C]`, zeros outside."""
    height, width = x.shape[1:3]
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    parts = [padded[:, i : i + height, j : j + width] for i, j in _SHIFTS]
    return tf.concat(parts, axis=-1), _overlap


@tf.custom_gradient
def _overlap(y: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return `[B, H, W, C]`, the sum of what patches `[B, H, W, 9 C]` hold of each pixel.

    It is the adjoint of `_patches`, so that each is the other's gradient.
    """
    height, width = y.shape[1:3]
    padding = [[0, 0], [1, 1], [1, 1], [0, 0]]
    parts = [
        tf.pad(part, padding)[:, 2 - i : 2 - i + height, 2 - j : 2 - j + width]
        for (i, j), part in zip(_SHIFTS, tf.split(y, 9, axis=-1), strict=True)
    ]
    return tf.add_n(parts), _patches


def pixel_product(x: Tensor, matrix: Tensor) -> Tensor:
    """Return `x @ matrix` for every pixel of `x` `[B, H, W, C]`."""
    y = tf.matmul(tf.reshape(x, [-1, matrix.shape[0]]), matrix)
    return tf.reshape(y, [-1, *x.shape[1:3], matrix.shape[1]])


class Conv(tf.Module):
    """Convolution 1x1 or 3x3 with stride 1 and zeros around; its start is `Dense`'s.

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
        if size == 1:
            y = pixel_product(x, self.kernel[0, 0])
        elif channels <= out_channels:
            matrix = tf.reshape(self.kernel, [9 * channels, out_channels])
            y = pixel_product(_patches(x), matrix)
        else:
            mirrored = tf.transpose(self.kernel[::-1, ::-1], [2, 0, 1, 3])
            matrix = tf.reshape(mirrored, [channels, 9 * out_channels])
            y = _overlap(pixel_product(x, matrix))
        return y + self.bias


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
