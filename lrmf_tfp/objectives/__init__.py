"""What is minimised: modules of trainables that are called on a batch of each domain (level 3)."""

from __future__ import annotations

from lrmf_tfp.objectives.adversarial import (
    Adversarial,
    AdversarialObjective,
    AdversarialTerms,
    Critic,
)
from lrmf_tfp.objectives.autoencoders.vae import VAEObjective, VAETerms
from lrmf_tfp.objectives.autoencoders.vae_gan import GAN_LOSSES, VAEGANObjective, VAEGANTerms
from lrmf_tfp.objectives.back_to_back import BackToBack, BackToBackObjective, BackToBackTerms
from lrmf_tfp.objectives.base import (
    Objective,
    Plan,
    Scorable,
    Stage,
    VariableGroup,
    copy_variables,
)
from lrmf_tfp.objectives.classification import ClassificationObjective, ClassificationTerms
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
from lrmf_tfp.objectives.generative.f_gan import FGANObjective, FGANTerms
from lrmf_tfp.objectives.generative.gan import GANObjective, GANTerms
from lrmf_tfp.objectives.generative.generators import (
    GeneratorObjective,
    ImplicitGenerator,
    implicit_generator,
)
from lrmf_tfp.objectives.generative.gram import GRAM, GRAMObjective, GRAMTerms, projection_network
from lrmf_tfp.objectives.generative.mmd_gan import (
    ClippedMLP,
    MMDGANObjective,
    MMDGANTerms,
    MMDNetObjective,
    MMDNetTerms,
)
from lrmf_tfp.objectives.lrmf.gaussian import (
    GaussianMap,
    gaussian_lrmf_distance,
    gaussian_lrmf_distance_from_moments,
    gaussian_lrmf_map,
)
from lrmf_tfp.objectives.lrmf.noise import Anneal, NoisyObjective
from lrmf_tfp.objectives.lrmf.objective import FixedMapLRMFObjective, LRMFObjective, LRMFTerms
from lrmf_tfp.objectives.lrmf.plan import LRMFPlan
from lrmf_tfp.objectives.lrmf.private import PrivateFit, PrivateFits
from lrmf_tfp.objectives.lrmf.spec import LRMF
from lrmf_tfp.objectives.maximum_likelihood import (
    MaximumLikelihoodObjective,
    MaximumLikelihoodTerms,
)
from lrmf_tfp.objectives.scored import GivenObjective, MadeObjective
from lrmf_tfp.objectives.spec import ObjectiveSpec, Parts
from lrmf_tfp.objectives.variational import VariationalObjective, VariationalTerms

__all__ = [
    "Adversarial",
    "AdversarialObjective",
    "AdversarialTerms",
    "Anneal",
    "BackToBack",
    "BackToBackObjective",
    "BackToBackTerms",
    "ClassificationObjective",
    "ClassificationTerms",
    "ClippedMLP",
    "Critic",
    "DivergenceObjective",
    "DivergenceTerms",
    "EMD",
    "Energy",
    "FGANObjective",
    "FGANTerms",
    "FixedMapLRMFObjective",
    "GANObjective",
    "GANTerms",
    "GAN_LOSSES",
    "GRAM",
    "GRAMObjective",
    "GRAMTerms",
    "GaussianMap",
    "GeneratorObjective",
    "GivenObjective",
    "ImplicitGenerator",
    "LRMF",
    "LRMFObjective",
    "LRMFPlan",
    "LRMFTerms",
    "MMD",
    "MMDGANObjective",
    "MMDGANTerms",
    "MMDNetObjective",
    "MMDNetTerms",
    "MMDObjective",
    "MadeObjective",
    "MaximumLikelihoodObjective",
    "MaximumLikelihoodTerms",
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
    "VAEGANTerms",
    "VAEObjective",
    "VAETerms",
    "VariableGroup",
    "VariationalObjective",
    "VariationalTerms",
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
