"""Functions that tell two sample sets apart, and what they are good for (level 5)."""

from __future__ import annotations

from lrmf_tfp.critics.learned import LearnedCritic, fit_critic
from lrmf_tfp.critics.wasserstein import WassersteinCritic, wasserstein_critic
from lrmf_tfp.critics.witness import MMDCritic, mmd_critic

__all__ = [
    "LearnedCritic",
    "MMDCritic",
    "WassersteinCritic",
    "fit_critic",
    "mmd_critic",
    "wasserstein_critic",
]
