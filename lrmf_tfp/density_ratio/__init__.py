"""The ratio of two densities, estimated from samples of each (level 5)."""

from __future__ import annotations

from lrmf_tfp.density_ratio.base import DensityRatio, LogRatios, RatioFunction
from lrmf_tfp.density_ratio.classifier import ClassifierRatio
from lrmf_tfp.density_ratio.least_squares import LeastSquaresRatio
from lrmf_tfp.density_ratio.mean_matching import KernelMeanMatching

__all__ = [
    "ClassifierRatio",
    "DensityRatio",
    "KernelMeanMatching",
    "LeastSquaresRatio",
    "LogRatios",
    "RatioFunction",
]
