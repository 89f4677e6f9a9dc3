"""What is minimised: modules of trainables that are called on a batch of each domain (level 3)."""

from __future__ import annotations

from lrmf_tfp.objectives.base import Objective, Stage, VariableGroup, copy_variables
from lrmf_tfp.objectives.gaussian import (
    GaussianMap,
    gaussian_lrmf_distance,
    gaussian_lrmf_distance_from_moments,
    gaussian_lrmf_map,
)
from lrmf_tfp.objectives.lrmf import LRMFObjective, LRMFTerms
from lrmf_tfp.objectives.maximum_likelihood import (
    MaximumLikelihoodObjective,
    MaximumLikelihoodTerms,
)

__all__ = [
    "GaussianMap",
    "LRMFObjective",
    "LRMFTerms",
    "MaximumLikelihoodObjective",
    "MaximumLikelihoodTerms",
    "Objective",
    "Stage",
    "VariableGroup",
    "copy_variables",
    "gaussian_lrmf_distance",
    "gaussian_lrmf_distance_from_moments",
    "gaussian_lrmf_map",
]
