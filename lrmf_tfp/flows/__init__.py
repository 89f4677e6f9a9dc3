"""Invertible maps `y = T(x)`: one family a file, builders of `tfb.Bijector`s."""

from __future__ import annotations

from lrmf_tfp.flows.affine import Affine, AffineLayer, Identity, affine_flow, identity_flow
from lrmf_tfp.flows.base import Flow, back_to_back_flow
from lrmf_tfp.flows.closed_forms import Coral, GaussianOT, MeanVariance
from lrmf_tfp.flows.conditional import ConditionalFlow
from lrmf_tfp.flows.coupling import Coupling
from lrmf_tfp.flows.ffjord import FFJORD, ffjord_flow
from lrmf_tfp.flows.glow import Glow, glow_flow
from lrmf_tfp.flows.images import PixelAffineLayer
from lrmf_tfp.flows.layers import FlowLayer, InverseLayer
from lrmf_tfp.flows.linear import (
    FixedAffineLayer,
    coral_flow,
    gaussian_ot_flow,
    mean_variance_flow,
)
from lrmf_tfp.flows.real_nvp import RealNVP, real_nvp_flow
from lrmf_tfp.flows.spec import Built, ClosedForm, FlowSpec
from lrmf_tfp.flows.spline import Spline, SplineCoupling, spline_flow

__all__ = [
    "Affine",
    "AffineLayer",
    "Built",
    "ClosedForm",
    "ConditionalFlow",
    "Coral",
    "Coupling",
    "FFJORD",
    "FixedAffineLayer",
    "Flow",
    "FlowLayer",
    "FlowSpec",
    "GaussianOT",
    "Glow",
    "Identity",
    "InverseLayer",
    "MeanVariance",
    "PixelAffineLayer",
    "RealNVP",
    "Spline",
    "SplineCoupling",
    "affine_flow",
    "back_to_back_flow",
    "coral_flow",
    "ffjord_flow",
    "gaussian_ot_flow",
    "glow_flow",
    "identity_flow",
    "mean_variance_flow",
    "real_nvp_flow",
    "spline_flow",
]
