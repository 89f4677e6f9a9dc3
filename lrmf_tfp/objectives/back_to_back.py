"""Back-to-back flows: source to noise to target, two fits by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.flows import back_to_back_flow
from lrmf_tfp.objectives.base import Objective, VariableGroup
from lrmf_tfp.objectives.scored import ScoredSpec
from lrmf_tfp.objectives.spec import Parts
from lrmf_tfp.samples.batch import as_batch

__all__ = [
    "BackToBack",
    "BackToBackObjective",
    "BackToBackTerms",
]


class BackToBackTerms(NamedTuple):
    """Terms of the two density fits, in nats per sample."""

    loss: Tensor
    """`nll_source + nll_target`."""
    nll_source: Tensor
    """`-mean(log P(a; F))`."""
    nll_target: Tensor
    """`-mean(log P(b; G))`."""


class BackToBackObjective(Objective):
    """Negative log-likelihoods of source and target, each under a flow from the same noise.

    The map is `T(x) = G(F^-1(x))`: each domain is turned into noise, and the noise into the
    other. Both densities can be perfect and T still tear neighbours apart, because nothing in
    the two fits says which noise belongs to which part of the data.

    Attributes:
        flow: The bijector T.
        source_density: Density of `F(z)`.
        target_density: Density of `G(z)`.

    References:
        [1] Grover, Chute, Shu, Cao, Ermon, AlignFlow, AAAI 2020, arXiv:1905.12892,
            with maximum likelihood alone.
        [2] Usman et al., Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020, arXiv:2003.12170,
            figure 4.
    """

    main_stage = "densities"
    takes_weights = True

    def __init__(
        self, flow: Any, *, source_density: Any, target_density: Any, name: str = "back_to_back"
    ) -> None:
        """Join the two densities and the map that they make.

        Args:
            flow: `G(F^-1(x))`, such as `lrmf_tfp.flows.back_to_back_flow(F, G)`; it shares the
                variables of the densities.
            source_density: Density of `F(z)` on events `[D]`.
            target_density: Density of `G(z)`, from the same noise `z`.
            name: Name of the module.
        """
        super().__init__(name=name)
        self.flow = flow
        self.source_density = source_density
        self.target_density = target_density

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return one group a domain: the two fits do not know of each other."""
        return (
            VariableGroup("source", tuple(self.source_density.trainable_variables), "nll_source"),
            VariableGroup("target", tuple(self.target_density.trainable_variables), "nll_target"),
        )

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> BackToBackTerms:
        """Return the terms on `source` `[B, D]` and `target` `[B, D]`."""
        del seed
        source, target = map(as_batch, batches)
        nll_source = -weighted_mean(self.source_density.log_prob(source.values), source.weights)
        nll_target = -weighted_mean(self.target_density.log_prob(target.values), target.weights)
        return BackToBackTerms(nll_source + nll_target, nll_source, nll_target)


@dataclass(frozen=True, kw_only=True)
class BackToBack(ScoredSpec):
    """Two maximum-likelihood flows, end to end; see `BackToBackObjective`."""

    def build(self, parts: Parts) -> BackToBackObjective:
        """Return a new objective of two new densities of the flow's kind."""
        source, target = (parts.noise_density() for _ in range(2))
        flow = back_to_back_flow(source.bijector, target.bijector)
        return BackToBackObjective(flow, source_density=source, target_density=target)
