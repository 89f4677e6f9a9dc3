"""The one table of names: what the strings that people type stand for.

No TensorFlow: a wrong name is answered before it is imported. Help texts, documentation and tests
read this table; nothing repeats it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from lrmf_tfp._validation import check_choice

__all__ = ["DENSITIES", "FLOWS", "Named", "OBJECTIVES", "check_trainable", "named"]


class Named(NamedTuple):
    """What a name stands for."""

    builder: str
    """`"module:class"` below `lrmf_tfp`; the class makes the spec by its defaults."""
    about: str
    """One line for help texts and tables."""
    closed_form: bool = False
    """A flow that is computed and not trained."""
    images: bool = False
    """It needs images `[N, H, W, C]`."""


FLOWS: Mapping[str, Named] = {
    "affine": Named("flows:Affine", "one affine map"),
    "coral": Named("flows:Coral", "whiten by the source, colour by the target", closed_form=True),
    "ffjord": Named("flows:FFJORD", "a learned velocity field, followed for a unit of time"),
    "gaussian_ot": Named(
        "flows:GaussianOT", "optimal transport between two Gaussians", closed_form=True
    ),
    "glow": Named("flows:Glow", "convolutional couplings at several scales", images=True),
    "identity": Named("flows:Identity", "moves nothing", closed_form=True),
    "mean_variance": Named(
        "flows:MeanVariance", "mean and standard deviation per axis", closed_form=True
    ),
    "real_nvp": Named("flows:RealNVP", "affine couplings"),
    "spline": Named("flows:Spline", "rational-quadratic spline couplings"),
}
"""Flows, from source to target."""

DENSITIES: Mapping[str, Named] = {
    "auto": Named("densities:Auto", "the family that goes with the flow"),
    "gaussian": Named("densities:Gaussian", "a Gaussian with a full covariance"),
    "glow": Named("flows:Glow", "Student t noise pushed through Glow", images=True),
    "mixture": Named("densities:Mixture", "a mixture of Gaussians with diagonal covariances"),
    "real_nvp": Named("flows:RealNVP", "Student t noise pushed through RealNVP"),
    "spline": Named("flows:Spline", "Student t noise pushed through splines"),
}
"""Families of the shared and private densities."""

OBJECTIVES: Mapping[str, Named] = {
    "adversarial": Named("objectives:Adversarial", "a critic learns to tell the two apart"),
    "back_to_back": Named("objectives:BackToBack", "two maximum-likelihood flows, end to end"),
    "emd": Named("objectives:EMD", "exact earth mover's distance of batches"),
    "energy": Named("objectives:Energy", "energy distance"),
    "gram": Named("objectives:GRAM", "MMD of features that keep the density ratio"),
    "lrmf": Named("objectives:LRMF", "flow and shared density together"),
    "mmd": Named("objectives:MMD", "squared maximum mean discrepancy"),
    "sinkhorn": Named("objectives:Sinkhorn", "debiased Sinkhorn divergence"),
    "sliced_wasserstein": Named("objectives:SlicedWasserstein", "Wasserstein distance of slices"),
}
"""Objectives."""


def named(name: str, argument: str, table: Mapping[str, Named]) -> Any:
    """Return what a name stands for, made by its defaults.

    Args:
        name: The name.
        argument: What the name was given for, for messages.
        table: `FLOWS`, `DENSITIES` or `OBJECTIVES`.

    Raises:
        ValueError: If there is no such name; the nearest is proposed.
    """
    module, _, builder = table[check_choice(name, argument, table)].builder.partition(":")
    return getattr(importlib.import_module(f"lrmf_tfp.{module}"), builder)()


def check_trainable(flow: object, objective: object, *, name: str = "objective") -> None:
    """Raise ValueError if the named flow has nothing to train and the objective is not "lrmf"."""
    if isinstance(flow, str) and flow in FLOWS and FLOWS[flow].closed_form and objective != "lrmf":
        raise ValueError(
            f"`{name}` must be 'lrmf' for the flow {flow!r}, which has nothing to train; "
            f"got {objective!r}."
        )
