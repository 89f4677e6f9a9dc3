"""How far apart two sample sets are: samples in, a differentiable scalar out (level 2)."""

from __future__ import annotations

from lrmf_tfp.divergences.f_divergence import F_DIVERGENCES, FDivergence, as_f_divergence
from lrmf_tfp.divergences.kernel_ratio import kernel_mean_matching, ratios_from_kernels
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
    "FDivergence",
    "F_DIVERGENCES",
    "SinkhornResult",
    "TransportResult",
    "as_f_divergence",
    "emd",
    "energy_distance",
    "kernel_mean_matching",
    "max_sliced_wasserstein",
    "mmd_squared",
    "mmd_squared_linear_time",
    "mmd_squared_random_features",
    "mmd_witness",
    "optimal_transport",
    "ratios_from_kernels",
    "sinkhorn",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "wasserstein_1d",
]
