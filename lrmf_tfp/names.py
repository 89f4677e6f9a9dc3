"""Names of the flows and objectives that `Aligner` and the command line accept (level 0).

Kept apart from the builders so that a wrong name is answered before TensorFlow is imported.
"""

from __future__ import annotations

__all__ = [
    "DENSITY_OF_FLOW",
    "FIXED_FLOW_NAMES",
    "FLOW_NAMES",
    "IMAGE_FLOW_NAMES",
    "OBJECTIVE_NAMES",
    "check_trainable",
]

FLOW_NAMES: tuple[str, ...] = (
    "affine",
    "coral",
    "ffjord",
    "gaussian_ot",
    "glow",
    "identity",
    "mean_variance",
    "real_nvp",
    "spline",
)

FIXED_FLOW_NAMES: tuple[str, ...] = ("coral", "gaussian_ot", "identity", "mean_variance")
"""Flows with nothing to train: the objective is "lrmf", which scores them."""

IMAGE_FLOW_NAMES: tuple[str, ...] = ("glow",)
"""Flows, and densities of the same name, on images `[N, H, W, C]`, not on matrices."""

OBJECTIVE_NAMES: tuple[str, ...] = (
    "adversarial",
    "back_to_back",
    "emd",
    "energy",
    "gram",
    "lrmf",
    "mmd",
    "sinkhorn",
    "sliced_wasserstein",
)

DENSITY_OF_FLOW = {"affine": "gaussian", "glow": "glow"}
"""Density family that goes with a flow by default, where that is not RealNVP."""


def check_trainable(flow: object, objective: object, *, name: str = "objective") -> None:
    """Raise ValueError if the flow has nothing to train and the objective is not "lrmf"."""
    if isinstance(flow, str) and flow in FIXED_FLOW_NAMES and objective != "lrmf":
        raise ValueError(
            f"`{name}` must be 'lrmf' for the flow {flow!r}, which has nothing to train; "
            f"got {objective!r}."
        )
