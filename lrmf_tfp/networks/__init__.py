"""Networks as plain `tf.Module`s whose variables exist from construction."""

from __future__ import annotations

from lrmf_tfp.networks.convolution import Conv, ConvNet, pixel_product
from lrmf_tfp.networks.dense import ACTIVATIONS, MLP, Constants, Dense, VelocityField, softplus
from lrmf_tfp.networks.images import ImageDecoder, ImageEncoder

__all__ = [
    "ACTIVATIONS",
    "Constants",
    "Conv",
    "ConvNet",
    "Dense",
    "ImageDecoder",
    "ImageEncoder",
    "MLP",
    "VelocityField",
    "pixel_product",
    "softplus",
]
