"""How far apart two sample sets are: samples in, a differentiable scalar out (level 2)."""

from __future__ import annotations

from lrmf_tfp.divergences.mmd import (
    energy_distance,
    mmd_squared,
    mmd_squared_linear_time,
    mmd_squared_random_features,
    mmd_witness,
)
from lrmf_tfp.divergences.sinkhorn import SinkhornResult, sinkhorn, sinkhorn_divergence
from lrmf_tfp.divergences.transport import TransportResult, emd, optimal_transport
from lrmf_tfp.divergences.wasserstein import (
    max_sliced_wasserstein,
    sliced_wasserstein,
    wasserstein_1d,
)

__all__ = [
    "SinkhornResult",
    "TransportResult",
    "emd",
    "energy_distance",
    "max_sliced_wasserstein",
    "mmd_squared",
    "mmd_squared_linear_time",
    "mmd_squared_random_features",
    "mmd_witness",
    "optimal_transport",
    "sinkhorn",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "wasserstein_1d",
]
