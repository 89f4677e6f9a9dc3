"""Densities as `tfd.Distribution`s: trainable ones, and ones with bounded support."""

from __future__ import annotations

from lrmf_tfp.densities.bounded import BoundedBeta, shifted_beta
from lrmf_tfp.densities.gaussian import GaussianDensity, gaussian_density
from lrmf_tfp.densities.mixture import MixtureDensity, mixture_density
from lrmf_tfp.densities.specs import Auto, DensitySpec, Gaussian, Made, Mixture, Pushforward
from lrmf_tfp.densities.trainable import (
    FlowDensity,
    flow_density,
    moment_start,
    student_t_base,
)

__all__ = [
    "Auto",
    "BoundedBeta",
    "DensitySpec",
    "FlowDensity",
    "Gaussian",
    "GaussianDensity",
    "Made",
    "Mixture",
    "MixtureDensity",
    "Pushforward",
    "flow_density",
    "gaussian_density",
    "mixture_density",
    "moment_start",
    "shifted_beta",
    "student_t_base",
]
