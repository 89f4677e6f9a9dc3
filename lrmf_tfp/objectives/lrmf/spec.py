"""`LRMF`: log-likelihood-ratio minimisation as it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp.densities import FlowDensity
from lrmf_tfp.densities.specs import DensityLike
from lrmf_tfp.objectives.lrmf.noise import Prelude
from lrmf_tfp.objectives.lrmf.objective import FixedMapLRMFObjective, LRMFObjective
from lrmf_tfp.objectives.spec import ObjectiveSpec, Parts

__all__ = ["LRMF"]


@dataclass(frozen=True)
class LRMF(ObjectiveSpec):
    """Flow and shared density together, against two private densities; see `LRMFObjective`.

    It is also what scores the maps of other objectives: the same bound with the map held fixed.

    Examples:
        >>> from lrmf_tfp.objectives import Anneal
        >>> LRMF(noise=Anneal(8, 4, 2, 1))
        LRMF(noise=Anneal(8, 4, 2, 1))

    References:
        [1] Usman, Sud, Dufour, Saenko, Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020,
            arXiv:2003.12170.
    """

    density: DensityLike = "auto"
    """Family of the shared and private densities: a name (`"auto"`, `"gaussian"`, `"mixture"`,
    `"real_nvp"`, `"spline"`, `"glow"`), a spec such as `lt.densities.Mixture(4)`, a flow's spec
    for the pushforward of noise by it, or a function of `event_size`, `dtype=` and `seed=`."""
    noise: Prelude | None = None
    """What leads the map to modes that lie far apart, such as `Anneal`; none by default."""

    def build(self, parts: Parts) -> LRMFObjective:
        """Return a new objective, its source's density also seen through a copy of the flow."""
        own, shared, private_source, private_target = self._densities(parts)
        return LRMFObjective(
            parts.flow(),
            shared,
            private_source=private_source,
            private_target=private_target,
            pullback=FlowDensity(own, tfb.Invert(parts.flow()), name="pullback"),
            noise=self.noise,
        )

    def build_bound(self, parts: Parts, flow: tfb.Bijector) -> LRMFObjective | None:
        """Return None: the objective scores its own map."""
        del parts, flow
        return None

    def build_fixed(self, parts: Parts, flow: tfb.Bijector) -> FixedMapLRMFObjective:
        """Return the objective of a map that stays as it is, from which comes its score."""
        own, shared, private_source, private_target = self._densities(parts)
        return FixedMapLRMFObjective(
            flow,
            shared,
            private_source=private_source,
            private_target=private_target,
            pullback=FlowDensity(own, tfb.Invert(flow), name="pullback"),
        )

    def _densities(self, parts: Parts) -> list[tfd.Distribution]:
        return [parts.density(self.density) for _ in range(4)]
