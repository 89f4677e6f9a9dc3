"""From what a user names to flows, densities and objectives.

Whatever is typed, a name, a spec, an object or a function, becomes a spec by `as_flow_spec` and
its like; a `Recipe` builds from specs for samples of one shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp.densities import Auto, DensitySpec, Made, Pushforward, flow_density
from lrmf_tfp.densities.specs import DensityLike
from lrmf_tfp.flows import Built, ClosedForm, FlowSpec
from lrmf_tfp.flows.spec import FlowLike
from lrmf_tfp.names import DENSITIES, FLOWS, OBJECTIVES, named
from lrmf_tfp.objectives import (
    LRMF,
    GivenObjective,
    LRMFObjective,
    MadeObjective,
    Objective,
    ObjectiveSpec,
)
from lrmf_tfp.objectives.spec import ObjectiveLike

__all__ = ["Recipe", "as_density_spec", "as_flow_spec", "as_objective_spec", "check_pairing"]


def as_flow_spec(flow: FlowLike) -> FlowSpec:
    """Return the spec of a name, a spec, a bijector or a function that makes one.

    Raises:
        ValueError: If there is no such name, or it is nothing of the kind.
    """
    if isinstance(flow, FlowSpec):
        return flow
    if isinstance(flow, type) and issubclass(flow, FlowSpec):
        return flow()
    if isinstance(flow, tfb.Bijector) or callable(flow):
        return Built(flow)
    return named(flow, "flow", FLOWS)


def as_density_spec(density: DensityLike) -> DensitySpec:
    """Return the spec of a name, a spec of a density or of a flow, or a function that makes one.

    Raises:
        ValueError: If there is no such name, or it is nothing of the kind.
    """
    spec = named(density, "density", DENSITIES) if isinstance(density, str) else density
    if isinstance(spec, FlowSpec):
        return Pushforward(spec)
    if isinstance(spec, DensitySpec):
        return spec
    if callable(spec):
        return Made(spec)
    return named(spec, "density", DENSITIES)


def as_objective_spec(objective: ObjectiveLike | None) -> ObjectiveSpec | None:
    """Return the spec of a name, a spec, an objective or a function from a flow to one.

    None stands for none: a map in closed form that is not scored.

    Raises:
        ValueError: If there is no such name, or an objective has no `flow`.
    """
    if objective is None or isinstance(objective, ObjectiveSpec):
        return objective
    if isinstance(objective, type) and issubclass(objective, ObjectiveSpec):
        return objective()
    if isinstance(objective, Objective):
        flow = getattr(objective, "flow", None)
        if flow is None:
            found = type(objective).__name__
            raise ValueError(f"`objective` must have a `flow`; got a {found}.")
        return GivenObjective(objective)
    if callable(objective):
        return MadeObjective(objective)
    return named(objective, "objective", OBJECTIVES)


def check_pairing(flow: FlowSpec, objective: ObjectiveSpec | None) -> None:
    """Raise ValueError if a flow has nothing to train and the objective is to train it.

    Or the other way round.
    """
    closed = isinstance(flow, ClosedForm)
    if closed and not isinstance(objective, (LRMF, GivenObjective, type(None))):
        raise ValueError(
            f"`objective` must be 'lrmf' (for a score) or None for the flow {flow!r}, which has "
            f"nothing to train; got {objective!r}."
        )
    if objective is None and not closed:
        raise ValueError(
            f"`objective` must be given for the flow {flow!r}, which is trained; got None."
        )
    if closed and isinstance(objective, LRMF) and objective.noise is not None:
        raise ValueError(
            f"`noise` must be None for the flow {flow!r}, which has nothing to train; "
            f"got {objective.noise!r}."
        )


@dataclass(frozen=True)
class Recipe:
    """The `Parts` of an objective: what is asked for, and what it is built with."""

    flow_spec: FlowSpec
    event_shape: tuple[int, ...]
    condition_size: int
    dtype: tf.DType
    seed: int
    closed_form: tfb.Bijector | None = None
    """The map, if it was computed and is not to be built."""

    @property
    def event_size(self) -> int:
        """Number of dimensions of one event."""
        return math.prod(self.event_shape)

    def flow(self) -> tfb.Bijector:
        """Return a new flow from source to target, on rows."""
        if self.closed_form is not None:
            return self.closed_form
        return self.flow_spec.build(self.event_shape, **self._options())

    def noise_density(self) -> tfd.Distribution:
        """Return the density of standard normal noise pushed through a flow of the kind."""
        return flow_density(self.flow_spec.build_noise(self.event_shape, **self._options()))

    def density(self, family: DensityLike) -> tfd.Distribution:
        """Return a density of a family; `Auto` is the one that goes with the flow."""
        spec = as_density_spec(family)
        if isinstance(spec, Auto):
            spec = as_density_spec(spec.family(self.flow_spec, self.event_size))
        if isinstance(spec, Pushforward):
            spec.flow.check(self.event_shape, condition_size=self.condition_size)
        return spec.build(self.event_shape, **self._options())

    def objective(self, spec: ObjectiveSpec) -> Objective:
        """Return the objective with everything that it trains."""
        if isinstance(spec, LRMF) and self.closed_form is not None:
            return spec.build_fixed(self, self.closed_form)
        return spec.build(self)

    def bound(self, spec: ObjectiveSpec, flow: tfb.Bijector) -> LRMFObjective | None:
        """Return what scores the map that an objective trained, if anything is to."""
        return spec.build_bound(self, flow)

    def _options(self) -> dict[str, Any]:
        return {"dtype": self.dtype, "seed": self.seed, "condition_size": self.condition_size}
