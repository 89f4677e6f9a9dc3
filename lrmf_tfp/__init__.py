"""Distribution alignment by log-likelihood-ratio minimising flows on TensorFlow Probability.

The names below are imported on first use, so that `import lrmf_tfp` costs no TensorFlow import.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lrmf_tfp import (
        alignment,
        datasets,
        densities,
        divergences,
        embeddings,
        evaluation,
        flows,
        kernels,
        networks,
        objectives,
        ode,
        optimizers,
        plotting,
        ratios,
        samples,
        training,
    )
    from lrmf_tfp.alignment import Aligner, Alignment, load
    from lrmf_tfp.datasets import DomainPair
    from lrmf_tfp.evaluation import AlignmentScore
    from lrmf_tfp.flows import FFJORD, Affine, Glow, RealNVP, Spline
    from lrmf_tfp.objectives import LRMF, Anneal
    from lrmf_tfp.samples import Sample
    from lrmf_tfp.training import FitConfig, FitResult, fit

__version__ = "0.1.0"

__all__ = [
    "Affine",
    "Aligner",
    "Alignment",
    "AlignmentScore",
    "Anneal",
    "DomainPair",
    "FFJORD",
    "FitConfig",
    "FitResult",
    "Glow",
    "LRMF",
    "RealNVP",
    "Sample",
    "Spline",
    "alignment",
    "datasets",
    "densities",
    "divergences",
    "embeddings",
    "evaluation",
    "fit",
    "flows",
    "kernels",
    "load",
    "networks",
    "objectives",
    "ode",
    "optimizers",
    "plotting",
    "ratios",
    "samples",
    "training",
]

_HOMES = {
    "Affine": "flows",
    "Aligner": "alignment",
    "Alignment": "alignment",
    "AlignmentScore": "evaluation",
    "Anneal": "objectives",
    "DomainPair": "datasets",
    "FFJORD": "flows",
    "FitConfig": "training",
    "FitResult": "training",
    "Glow": "flows",
    "LRMF": "objectives",
    "RealNVP": "flows",
    "Sample": "samples",
    "Spline": "flows",
    "fit": "training",
    "load": "alignment",
}
_MOVED = {
    "critics": "ratios",
    "density_ratio": "ratios",
    "export": "alignment",
    "metrics": "evaluation",
}
"""Packages of 0.1 that moved; the old names go with the next release."""


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        new = _MOVED[name]
        warnings.warn(
            f"`lrmf_tfp.{name}` is `lrmf_tfp.{new}` since 0.2 and goes with 0.3.",
            DeprecationWarning,
            stacklevel=2,
        )
        return importlib.import_module(f"lrmf_tfp.{new}")
    if name not in __all__:
        raise AttributeError(f"module 'lrmf_tfp' has no attribute '{name}'")
    if name in _HOMES:
        value = getattr(importlib.import_module(f"lrmf_tfp.{_HOMES[name]}"), name)
    else:
        value = importlib.import_module(f"lrmf_tfp.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
