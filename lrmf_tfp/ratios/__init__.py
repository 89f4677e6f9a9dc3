"""The ratio of two densities, and the function that tells two samples apart."""

from __future__ import annotations

from lrmf_tfp.ratios.base import DensityRatio, LogRatios, PointwiseRatio, RatioFunction
from lrmf_tfp.ratios.classifier import ClassifierRatio
from lrmf_tfp.ratios.critic import Critic, DifferentiableCritic
from lrmf_tfp.ratios.learned import LearnedCritic, fit_critic
from lrmf_tfp.ratios.least_squares import LeastSquaresRatio
from lrmf_tfp.ratios.loading import load
from lrmf_tfp.ratios.mean_matching import KernelMeanMatching
from lrmf_tfp.ratios.saved import SavedRatio
from lrmf_tfp.ratios.wasserstein import WassersteinCritic, wasserstein_critic
from lrmf_tfp.ratios.witness import MMDCritic, mmd_critic

__all__ = [
    "ClassifierRatio",
    "Critic",
    "DensityRatio",
    "DifferentiableCritic",
    "KernelMeanMatching",
    "LearnedCritic",
    "LeastSquaresRatio",
    "LogRatios",
    "MMDCritic",
    "PointwiseRatio",
    "RatioFunction",
    "SavedRatio",
    "WassersteinCritic",
    "fit_critic",
    "load",
    "mmd_critic",
    "wasserstein_critic",
]
