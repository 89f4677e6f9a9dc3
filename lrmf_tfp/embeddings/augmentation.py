"""Random changes of images that keep what they show."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_uniform
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_not_negative

__all__ = ["RandomAffine"]


@dataclass(frozen=True)
class RandomAffine:
    """Move, turn, stretch and slant every image at random, about its centre.

    Each number is drawn uniformly between minus and plus its largest value. The matrix is
    `shear @ rotation @ stretch`, the interpolation bilinear; what comes in from outside is black.
    Called on images `[B, H, W, C]` and a stateless seed `[2]`, also in a compiled graph.

    Raises:
        TypeError: If a value is no number.
        ValueError: If a value is negative.

    Examples:
        >>> still = RandomAffine(shift=0.0, rotation=0.0, log_scale=0.0, shear=0.0)
        >>> images = tf.reshape(tf.range(16.0), [1, 4, 4, 1])
        >>> bool(tf.reduce_all(still(images, tf.constant([0, 1])) == images))
        True
    """

    shift: float = 0.06
    """Shift along each axis, as a share of the side."""
    rotation: float = 10.0
    """Angle in degrees."""
    log_scale: float = 0.12
    """Logarithm of the factor along each axis."""
    shear: float = 0.15
    """Columns moved sideways a row."""

    def __post_init__(self) -> None:
        for field in fields(self):
            check_not_negative(getattr(self, field.name), field.name)

    def __call__(self, images: Tensor, seed: Tensor) -> Tensor:
        """Return the changed images `[B, H, W, C]`, each changed in its own way."""
        height, width = images.shape[1:3]
        draws = seeded_uniform([tf.shape(images)[0], 6], seed, dtype=images.dtype)
        most = [math.radians(self.rotation), self.shear, self.log_scale, self.log_scale]
        most += [self.shift * height, self.shift * width]
        angle, shear, tall, wide, down, right = tf.unstack(draws * most, axis=1)
        cos, sin, tall, wide = tf.cos(angle), tf.sin(angle), tf.exp(tall), tf.exp(wide)
        y, x = tf.meshgrid(_centred(height), _centred(width), indexing="ij")
        y, x = tf.reshape(y, [1, -1]), tf.reshape(x, [1, -1])

        def along(by_y: Tensor, by_x: Tensor, shift: Tensor, side: int) -> Tensor:
            place = by_y[:, None] * y + by_x[:, None] * x + shift[:, None]
            return place + 0.5 * (side - 1)

        rows = along(cos * tall, -sin * wide, down, height)
        columns = along((sin + shear * cos) * tall, (cos - shear * sin) * wide, right, width)
        return tf.reshape(_bilinear(images, rows, columns), tf.shape(images))


def _centred(side: int) -> Tensor:
    return tf.range(side, dtype=tf.float32) - 0.5 * (side - 1)


def _bilinear(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the images `[B, H, W, C]` at places `[B, P]`, as `[B, P, C]`; 0 outside."""
    _, height, width, channels = images.shape
    pixels = tf.reshape(images, [-1, channels])
    first = tf.range(tf.shape(images)[0])[:, None] * (height * width)
    total = tf.zeros([], images.dtype)
    for i in (0.0, 1.0):
        for j in (0.0, 1.0):
            row, column = tf.floor(rows) + i, tf.floor(columns) + j
            inside = (row >= 0.0) & (row < height) & (column >= 0.0) & (column < width)
            weight = (1.0 - tf.abs(rows - row)) * (1.0 - tf.abs(columns - column))
            place = tf.where(inside, row * width + column, tf.zeros_like(row))
            found = tf.gather(pixels, first + tf.cast(place, first.dtype))
            total += tf.where(inside, weight, tf.zeros_like(weight))[..., None] * found
    return total
