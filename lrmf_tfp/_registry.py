"""Names of the flows and objectives that `Aligner` and the command line accept (level 0).

Kept apart from the builders so that a wrong name is answered before TensorFlow is imported.
"""

from __future__ import annotations

__all__ = ["DENSITY_OF_FLOW", "FLOW_NAMES", "OBJECTIVE_NAMES"]

FLOW_NAMES: tuple[str, ...] = ("affine", "identity", "real_nvp")
OBJECTIVE_NAMES: tuple[str, ...] = ("lrmf",)

DENSITY_OF_FLOW = {"affine": "gaussian"}
"""Density family that goes with a flow by default, where that is not RealNVP."""
