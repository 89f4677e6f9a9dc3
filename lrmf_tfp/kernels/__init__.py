"""Kernels of the distance between two samples, and how wide to make them."""

from __future__ import annotations

from lrmf_tfp.kernels.radial import (
    EnergyKernel,
    GaussianKernel,
    InverseMultiquadricKernel,
    LaplaceKernel,
    RadialKernel,
)
from lrmf_tfp.kernels.width import KERNELS, build_kernel, median_distance

__all__ = [
    "EnergyKernel",
    "GaussianKernel",
    "InverseMultiquadricKernel",
    "KERNELS",
    "LaplaceKernel",
    "RadialKernel",
    "build_kernel",
    "median_distance",
]
