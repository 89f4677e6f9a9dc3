"""Sample sets to align or to imitate, made up or read from files.

NumPy and scikit-learn only: importing this package imports no TensorFlow and downloads nothing.
The digits import it, and may download, when they are called.
"""

from __future__ import annotations

from lrmf_tfp.datasets.digit_domains import DigitImages, digit_batches, digit_images, digits
from lrmf_tfp.datasets.files import SampleFile, read_samples, write_samples
from lrmf_tfp.datasets.gaussian import gaussians
from lrmf_tfp.datasets.image_folders import images
from lrmf_tfp.datasets.mixtures import (
    MixtureSamples,
    ModeCoverage,
    correlated_gaussian,
    mode_ring,
)
from lrmf_tfp.datasets.pair import DomainPair
from lrmf_tfp.datasets.photos import photographs
from lrmf_tfp.datasets.surface import SURFACES, Surface, surfaces
from lrmf_tfp.datasets.synthetic import blobs, circles, moons, rings

__all__ = [
    "DigitImages",
    "DomainPair",
    "MixtureSamples",
    "ModeCoverage",
    "SURFACES",
    "SampleFile",
    "Surface",
    "blobs",
    "circles",
    "correlated_gaussian",
    "digit_batches",
    "digit_images",
    "digits",
    "gaussians",
    "images",
    "mode_ring",
    "moons",
    "photographs",
    "read_samples",
    "rings",
    "surfaces",
    "write_samples",
]
