"""Invertible maps `y = T(x)`: one family a file, builders of `tfb.Bijector`s (level 2)."""

from __future__ import annotations

from lrmf_tfp.flows.affine import AffineLayer, affine_flow, identity_flow
from lrmf_tfp.flows.base import Flow, FlowLayer, InverseLayer
from lrmf_tfp.flows.real_nvp import AffineCoupling, real_nvp_flow

__all__ = [
    "AffineCoupling",
    "AffineLayer",
    "Flow",
    "FlowLayer",
    "InverseLayer",
    "affine_flow",
    "identity_flow",
    "real_nvp_flow",
]
