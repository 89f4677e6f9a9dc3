"""How far apart two sample sets are: samples in, a differentiable scalar out."""

from __future__ import annotations

from lrmf_tfp.divergences.f_divergence.kl import kl_closed_form
from lrmf_tfp.divergences.f_divergence.kl_samples import kl_gaussian, kl_nearest_neighbours
from lrmf_tfp.divergences.f_divergence.monte_carlo import (
    MonteCarloEstimate,
    estimate_kl,
    f_divergence_monte_carlo,
    jensen_shannon_monte_carlo,
    kl_monte_carlo,
)
from lrmf_tfp.divergences.f_divergence.quadrature import f_divergence_quadrature
from lrmf_tfp.divergences.f_divergence.table import F_DIVERGENCES, FDivergence
from lrmf_tfp.divergences.f_divergence.variational import (
    VARIATIONAL_BOUNDS,
    DonskerVaradhan,
    VariationalBound,
    donsker_varadhan_bound,
    variational_bound,
)
from lrmf_tfp.divergences.kernel.mmd import (
    energy_distance,
    mmd_squared,
    mmd_squared_linear_time,
    mmd_squared_random_features,
    mmd_witness,
)
from lrmf_tfp.divergences.kernel.ratio import kernel_mean_matching, ratios_from_kernels
from lrmf_tfp.divergences.transport.exact import TransportResult, emd, optimal_transport
from lrmf_tfp.divergences.transport.sinkhorn import SinkhornResult, sinkhorn, sinkhorn_divergence
from lrmf_tfp.divergences.transport.wasserstein import (
    max_sliced_wasserstein,
    sliced_wasserstein,
    wasserstein_1d,
)

__all__ = [
    "DonskerVaradhan",
    "FDivergence",
    "F_DIVERGENCES",
    "MonteCarloEstimate",
    "SinkhornResult",
    "TransportResult",
    "VARIATIONAL_BOUNDS",
    "VariationalBound",
    "donsker_varadhan_bound",
    "emd",
    "energy_distance",
    "estimate_kl",
    "f_divergence_monte_carlo",
    "f_divergence_quadrature",
    "jensen_shannon_monte_carlo",
    "kernel_mean_matching",
    "kl_closed_form",
    "kl_gaussian",
    "kl_monte_carlo",
    "kl_nearest_neighbours",
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
    "variational_bound",
    "wasserstein_1d",
]
