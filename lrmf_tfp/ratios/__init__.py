"""The ratio of two densities, and the function that tells two sets of samples apart (level 5)."""

from __future__ import annotations

from lrmf_tfp.ratios.base import DensityRatio, LogRatios, RatioFunction
from lrmf_tfp.ratios.classifier import ClassifierRatio
from lrmf_tfp.ratios.learned import LearnedCritic, fit_critic
from lrmf_tfp.ratios.least_squares import LeastSquaresRatio
from lrmf_tfp.ratios.mean_matching import KernelMeanMatching
from lrmf_tfp.ratios.wasserstein import WassersteinCritic, wasserstein_critic
from lrmf_tfp.ratios.witness import MMDCritic, mmd_critic

__all__ = [
    "ClassifierRatio",
    "DensityRatio",
    "KernelMeanMatching",
    "LearnedCritic",
    "LeastSquaresRatio",
    "LogRatios",
    "MMDCritic",
    "RatioFunction",
    "WassersteinCritic",
    "fit_critic",
    "mmd_critic",
    "wasserstein_critic",
]
