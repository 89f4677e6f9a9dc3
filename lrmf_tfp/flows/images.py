"""Layers on images `[B, H, W, C]`: affine maps of pixels, convolutional couplings."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.flows.affine import AffineLayer
from lrmf_tfp.flows.real_nvp import AffineCoupling
from lrmf_tfp.networks import pixel_product

__all__ = ["ConvCoupling", "PixelAffineLayer"]

_DEAD = 0.01  # a channel this much narrower than the widest one is not blown up to unit scale


class PixelAffineLayer(AffineLayer):
    """Layer `y = W x + shift` at every pixel: actnorm and invertible 1x1 convolution in one.

    `W = L (U + diag(exp(log_diag)))`, the identity at the start. Actnorm's scale in front of a
    1x1 convolution is a factor of W, so that one product does both. `initialize` is actnorm's
    start. W and its inverse are worked out once a call, so that either direction is one product
    of all pixels, and the log-det is `H W sum(log_diag)`.

    References:
        [1] Kingma and Dhariwal, Glow, NeurIPS 2018, arXiv:1807.03039, sections 3.1 and 3.2,
            eq. (9)-(11).
    """

    lower: Any  # never None: there are at least four channels
    upper: Any

    def __init__(
        self, num_channels: int, *, dtype: tf.DType = tf.float32, name: str = "pixel_affine"
    ) -> None:
        super().__init__(num_channels, kind="full", dtype=dtype, name=name)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` `[B, H, W, C]` and `log|det dy/dx|` `[B]`."""
        return pixel_product(x, tf.transpose(self._matrix())) + self.shift, self._log_dets(x)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` `[B, H, W, C]` and `log|det dx/dy|` `[B]`."""
        x = pixel_product(y - self.shift, tf.transpose(self._inverse_matrix()))
        return x, -self._log_dets(y)

    def initialize(self, value: Tensor, *, inverse: bool) -> Tensor:
        """Give every channel that comes out mean 0 and scale 1, whatever W was.

        A channel that hardly varies, less than a hundredth of the widest one, is given the
        widest one's scale.

        Args:
            value: Samples `[B, H, W, C]` that enter the layer.
            inverse: Whether it is what the inverse gives that is brought to unit scale.

        Returns:
            The samples mapped by the layer so started.
        """
        step = self.inverse_and_log_det if inverse else self.forward_and_log_det
        mean, variance = tf.nn.moments(step(value)[0], axes=[0, 1, 2])
        scale = tf.sqrt(variance)
        widest = tf.reduce_max(scale)
        scale = tf.where(scale > _DEAD * widest, scale, widest)
        scale = tf.where(scale > 0.0, scale, tf.ones_like(scale))
        if inverse:  # W diag(scale) is L (U diag(scale) + ...)
            self.shift.assign_add(tf.linalg.matvec(self._matrix(), mean))
            self.upper.assign(self.upper * scale)
            self.log_diag.assign_add(tf.math.log(scale))
        else:  # diag(1 / scale) L (U + ...), the scale between the two factors
            self.shift.assign((self.shift - mean) / scale)
            self.lower.assign(self.lower * scale / scale[:, None])
            self.upper.assign(self.upper / scale[:, None])
            self.log_diag.assign_sub(tf.math.log(scale))
        return step(value)[0]

    def _matrix(self) -> Tensor:
        return tf.matmul(self._lower_factor(), self._upper_factor())

    def _inverse_matrix(self) -> Tensor:
        unit = tf.eye(self.log_diag.shape[0], dtype=self.log_diag.dtype)
        half = tf.linalg.triangular_solve(self._lower_factor(), unit, lower=True)
        return tf.linalg.triangular_solve(self._upper_factor(), half, lower=False)

    def _log_dets(self, x: Tensor) -> Tensor:
        return x.shape[1] * x.shape[2] * self._log_det(x)


class ConvCoupling(AffineCoupling):
    """Affine coupling of two halves of the channels; a `ConvNet` is the conditioner.

    References:
        [1] Kingma and Dhariwal, Glow, NeurIPS 2018, arXiv:1807.03039, section 3.3.
    """

    def move(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return `b exp(s) + t` `[B, H, W, c]` and `sum(s)` `[B]`."""
        y, log_det = super().move(b, parameters)
        return y, tf.reduce_sum(log_det, axis=[1, 2])

    def move_back(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return `(b - t) exp(-s)` `[B, H, W, c]` and `-sum(s)` `[B]`."""
        x, log_det = super().move_back(b, parameters)
        return x, tf.reduce_sum(log_det, axis=[1, 2])
