"""Specs of the objectives that move a flow by a divergence."""

from __future__ import annotations

from dataclasses import dataclass

from lrmf_tfp.kernels import RadialKernel
from lrmf_tfp.objectives.divergence import (
    DivergenceObjective,
    MMDObjective,
    emd_objective,
    energy_objective,
    sinkhorn_objective,
    sliced_wasserstein_objective,
)
from lrmf_tfp.objectives.scored import ScoredSpec
from lrmf_tfp.objectives.spec import Parts

__all__ = ["EMD", "Energy", "MMD", "Sinkhorn", "SlicedWasserstein"]


@dataclass(frozen=True, kw_only=True)
class MMD(ScoredSpec):
    """Unbiased squared maximum mean discrepancy; see `MMDObjective`."""

    kernel: str | RadialKernel = "multi_gaussian"

    def build(self, parts: Parts) -> DivergenceObjective:
        """Return a new objective around a new flow."""
        return MMDObjective(parts.flow(), kernel=self.kernel)


@dataclass(frozen=True, kw_only=True)
class Energy(ScoredSpec):
    """Unbiased energy distance; see `energy_objective`."""

    def build(self, parts: Parts) -> DivergenceObjective:
        """Return a new objective around a new flow."""
        return energy_objective(parts.flow())


@dataclass(frozen=True, kw_only=True)
class EMD(ScoredSpec):
    """Exact earth mover's distance of each pair of batches; see `emd_objective`."""

    cost: str = "euclidean"

    def build(self, parts: Parts) -> DivergenceObjective:
        """Return a new objective around a new flow."""
        return emd_objective(parts.flow(), cost=self.cost)


@dataclass(frozen=True, kw_only=True)
class Sinkhorn(ScoredSpec):
    """Debiased Sinkhorn divergence; see `sinkhorn_objective`."""

    epsilon: float | None = None
    cost: str = "euclidean"

    def build(self, parts: Parts) -> DivergenceObjective:
        """Return a new objective around a new flow."""
        return sinkhorn_objective(parts.flow(), epsilon=self.epsilon, cost=self.cost)


@dataclass(frozen=True, kw_only=True)
class SlicedWasserstein(ScoredSpec):
    """Sliced Wasserstein distance; see `sliced_wasserstein_objective`."""

    num_projections: int = 64
    power: float = 1.0

    def build(self, parts: Parts) -> DivergenceObjective:
        """Return a new objective around a new flow."""
        return sliced_wasserstein_objective(
            parts.flow(), num_projections=self.num_projections, power=self.power
        )
