"""What the names of flows and densities that `Aligner` accepts stand for (level 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lrmf_tfp.densities import flow_density, gaussian_density, student_t_base
from lrmf_tfp.flows import AffineLayer, affine_flow, identity_flow, real_nvp_flow

__all__ = ["DENSITIES", "FLOWS"]


def _real_nvp_density(event_size: int, *, dtype: tf.DType, seed: int) -> Any:
    mixing = "inverse_lu" if event_size > 2 else "alternate"  # a density is trained backwards
    flow = real_nvp_flow(event_size, mixing=mixing, dtype=dtype, seed=seed)
    flow = flow.followed_by(AffineLayer(event_size, kind="diagonal", dtype=dtype))
    return flow_density(flow, base=student_t_base(event_size, dtype=dtype))


FLOWS: dict[str, Callable[..., Any]] = {
    "affine": lambda event_size, *, dtype, seed: affine_flow(event_size, dtype=dtype),
    "identity": lambda event_size, *, dtype, seed: identity_flow(event_size, dtype=dtype),
    "real_nvp": real_nvp_flow,
}
"""Builders of flows by name, called with `event_size`, `dtype=` and `seed=`."""

DENSITIES: dict[str, Callable[..., Any]] = {
    "gaussian": lambda event_size, *, dtype, seed: gaussian_density(event_size, dtype=dtype),
    "real_nvp": _real_nvp_density,
}
"""Builders of densities by name, called with `event_size`, `dtype=` and `seed=`."""
