"""Distribution alignment by log-likelihood-ratio minimising flows on TensorFlow Probability.

The names below are imported on first use, so that `import lrmf_tfp` costs no TensorFlow import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lrmf_tfp import (
        critics,
        datasets,
        densities,
        density_ratio,
        divergences,
        embeddings,
        export,
        flows,
        kernels,
        metrics,
        networks,
        objectives,
        plotting,
        training,
    )
    from lrmf_tfp.alignment import Aligner
    from lrmf_tfp.datasets import DomainPair
    from lrmf_tfp.export import Alignment, load
    from lrmf_tfp.metrics import AlignmentScore
    from lrmf_tfp.training import FitConfig, FitResult, fit

__version__ = "0.1.0"

__all__ = [
    "Aligner",
    "Alignment",
    "AlignmentScore",
    "DomainPair",
    "FitConfig",
    "FitResult",
    "critics",
    "datasets",
    "densities",
    "density_ratio",
    "divergences",
    "embeddings",
    "export",
    "fit",
    "flows",
    "kernels",
    "load",
    "metrics",
    "networks",
    "objectives",
    "plotting",
    "training",
]

_HOMES = {
    "Aligner": "alignment",
    "Alignment": "export",
    "AlignmentScore": "metrics",
    "DomainPair": "datasets",
    "FitConfig": "training",
    "FitResult": "training",
    "fit": "training",
    "load": "export",
}


def __getattr__(name: str) -> Any:
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
