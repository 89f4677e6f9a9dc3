"""What is minimised: modules of trainables that are called on a batch of each domain."""

from __future__ import annotations

from lrmf_tfp.objectives.adversarial import (
    Adversarial,
    AdversarialObjective,
    Critic,
)
from lrmf_tfp.objectives.autoencoders.vae import VAEObjective
from lrmf_tfp.objectives.autoencoders.vae_gan import VAEGANObjective
from lrmf_tfp.objectives.back_to_back import BackToBack, BackToBackObjective
from lrmf_tfp.objectives.base import (
    Objective,
    Plan,
    Scorable,
    Stage,
    VariableGroup,
    copy_variables,
)
from lrmf_tfp.objectives.classification import ClassificationObjective
from lrmf_tfp.objectives.divergence import (
    DivergenceObjective,
    DivergenceTerms,
    MMDObjective,
    PositionsObjective,
    emd_objective,
    energy_objective,
    sinkhorn_objective,
    sliced_wasserstein_objective,
)
from lrmf_tfp.objectives.divergence_specs import EMD, MMD, Energy, Sinkhorn, SlicedWasserstein
from lrmf_tfp.objectives.generative.f_gan import FGANObjective
from lrmf_tfp.objectives.generative.gan import GANObjective
from lrmf_tfp.objectives.generative.generators import (
    ImplicitGenerator,
    implicit_generator,
)
from lrmf_tfp.objectives.generative.gram import GRAM, GRAMObjective, projection_network
from lrmf_tfp.objectives.generative.mmd_gan import (
    ClippedMLP,
    MMDGANObjective,
    MMDNetObjective,
)
from lrmf_tfp.objectives.lrmf.gaussian import (
    gaussian_lrmf_distance,
    gaussian_lrmf_distance_from_moments,
    gaussian_lrmf_map,
)
from lrmf_tfp.objectives.lrmf.noise import Anneal, NoisyObjective
from lrmf_tfp.objectives.lrmf.objective import FixedMapLRMFObjective, LRMFObjective
from lrmf_tfp.objectives.lrmf.plan import LRMFPlan
from lrmf_tfp.objectives.lrmf.private import PrivateFit, PrivateFits
from lrmf_tfp.objectives.lrmf.spec import LRMF
from lrmf_tfp.objectives.maximum_likelihood import (
    MaximumLikelihoodObjective,
)
from lrmf_tfp.objectives.scored import GivenObjective, MadeObjective
from lrmf_tfp.objectives.spec import ObjectiveSpec, Parts
from lrmf_tfp.objectives.variational import VariationalObjective

__all__ = [
    "Adversarial",
    "AdversarialObjective",
    "Anneal",
    "BackToBack",
    "BackToBackObjective",
    "ClassificationObjective",
    "ClippedMLP",
    "Critic",
    "DivergenceObjective",
    "DivergenceTerms",
    "EMD",
    "Energy",
    "FGANObjective",
    "FixedMapLRMFObjective",
    "GANObjective",
    "GRAM",
    "GRAMObjective",
    "GivenObjective",
    "ImplicitGenerator",
    "LRMF",
    "LRMFObjective",
    "LRMFPlan",
    "MMD",
    "MMDGANObjective",
    "MMDNetObjective",
    "MMDObjective",
    "MadeObjective",
    "MaximumLikelihoodObjective",
    "NoisyObjective",
    "Objective",
    "ObjectiveSpec",
    "Parts",
    "Plan",
    "PositionsObjective",
    "PrivateFit",
    "PrivateFits",
    "Scorable",
    "Sinkhorn",
    "SlicedWasserstein",
    "Stage",
    "VAEGANObjective",
    "VAEObjective",
    "VariableGroup",
    "VariationalObjective",
    "copy_variables",
    "emd_objective",
    "energy_objective",
    "gaussian_lrmf_distance",
    "gaussian_lrmf_distance_from_moments",
    "gaussian_lrmf_map",
    "implicit_generator",
    "projection_network",
    "sinkhorn_objective",
    "sliced_wasserstein_objective",
]
