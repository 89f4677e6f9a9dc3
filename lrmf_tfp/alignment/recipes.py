"""What the names that `Aligner` accepts stand for, and how they become an objective (level 4)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp import flows
from lrmf_tfp.densities import FlowDensity, flow_density, gaussian_density, student_t_base
from lrmf_tfp.names import DENSITY_OF_FLOW, IMAGE_FLOW_NAMES
from lrmf_tfp.objectives import (
    AdversarialObjective,
    BackToBackObjective,
    Critic,
    FixedMapLRMFObjective,
    GRAMObjective,
    LRMFObjective,
    MMDObjective,
    Objective,
    emd_objective,
    energy_objective,
    projection_network,
    sinkhorn_objective,
    sliced_wasserstein_objective,
)

__all__ = ["DENSITIES", "FLOWS", "LINEAR_FLOWS", "Model", "OBJECTIVES"]

_RATIO_RIDGE = 0.1  # of ratio matching: at 1e-3 the ratios of such batches are mostly bias


def _real_nvp_density(event_size: int, *, dtype: tf.DType, seed: int) -> Any:
    flow = _noise_flow("real_nvp", (event_size,), dtype=dtype, seed=seed)
    flow = flow.followed_by(flows.AffineLayer(event_size, kind="diagonal", dtype=dtype))
    return flow_density(flow, base=student_t_base(event_size, dtype=dtype))


def _glow_density(event_shape: tuple[int, ...], *, dtype: tf.DType, seed: int) -> Any:
    flow = _glow_flow(event_shape, dtype=dtype, seed=seed)
    return flow_density(flow, base=student_t_base(flow.event_size, dtype=dtype))


def _glow_flow(event_shape: tuple[int, ...], *, dtype: tf.DType, seed: int) -> flows.Flow:
    """Build Glow on rows `[H W C]`, with two levels where H and W divide by 4."""
    num_levels = 1 if event_shape[0] % 4 or event_shape[1] % 4 else 2
    flow = flows.glow_flow(event_shape, num_levels=num_levels, dtype=dtype, seed=seed)
    return flow.flattened()


def _noise_flow(flow: Any, event_shape: tuple[int, ...], *, dtype: tf.DType, seed: int) -> Any:
    """Build a flow from noise to data, which is mostly run backwards."""
    event_size = math.prod(event_shape)
    if flow == "real_nvp":
        mixing = "inverse_lu" if event_size > 2 else "alternate"
        return flows.real_nvp_flow(event_size, mixing=mixing, dtype=dtype, seed=seed)
    if flow == "spline":
        return flows.spline_flow(event_size, mixing="inverse_lu", dtype=dtype, seed=seed)
    return _build(flow, FLOWS, event_shape, dtype=dtype, seed=seed)


def _build(
    family: Any,
    named: dict[str, Callable[..., Any]],
    event_shape: tuple[int, ...],
    *,
    dtype: tf.DType,
    seed: int,
) -> Any:
    """Call a builder, or the one of a name, with the size of events or the shape of images."""
    builder = named[family] if isinstance(family, str) else family
    images = isinstance(family, str) and family in IMAGE_FLOW_NAMES
    first = event_shape if images else math.prod(event_shape)
    return builder(first, dtype=dtype, seed=seed)


FLOWS: dict[str, Callable[..., Any]] = {
    "affine": lambda event_size, *, dtype, seed: flows.affine_flow(event_size, dtype=dtype),
    "ffjord": flows.ffjord_flow,
    "glow": _glow_flow,
    "identity": lambda event_size, *, dtype, seed: flows.identity_flow(event_size, dtype=dtype),
    "real_nvp": flows.real_nvp_flow,
    "spline": flows.spline_flow,
}
"""Builders of flows on rows by name, called with `event_size`, `dtype=` and `seed=`.

Those in `IMAGE_FLOW_NAMES` are called with the event shape `(H, W, C)`.
"""

LINEAR_FLOWS: dict[str, Callable[..., Any]] = {
    "coral": flows.coral_flow,
    "gaussian_ot": flows.gaussian_ot_flow,
    "mean_variance": flows.mean_variance_flow,
}
"""Builders of flows in closed form, called with source `[N, D]`, target `[M, D]` and `dtype=`."""

DENSITIES: dict[str, Callable[..., Any]] = {
    "gaussian": lambda event_size, *, dtype, seed: gaussian_density(event_size, dtype=dtype),
    "glow": _glow_density,
    "real_nvp": _real_nvp_density,
}
"""Builders of densities on rows by name, called like those of flows."""


@dataclass(frozen=True)
class Model:
    """What is asked for, by name, as a builder or as an object, and what it is built with."""

    flow: Any
    objective: Any
    density: Any
    event_shape: tuple[int, ...]
    dtype: tf.DType
    seed: int
    noise_scales: tuple[float, ...] = ()

    @property
    def event_size(self) -> int:
        """Number of dimensions of one event."""
        return math.prod(self.event_shape)

    def make_objective(self) -> Objective:
        """Return the objective with everything that it trains."""
        if isinstance(self.objective, Objective):
            return self.objective
        if isinstance(self.objective, str):
            return OBJECTIVES[self.objective](self)
        return self.objective(self.make_flow())

    def make_bound(self, flow: Any) -> LRMFObjective:
        """Return the LRMF objective of a map that stays as it is, from which comes the score."""
        return self.join(FixedMapLRMFObjective, flow, seen_through=flow)

    def join(
        self, kind: Callable[..., Any], flow: Any, *, seen_through: Any, **settings: Any
    ) -> Any:
        """Return an LRMF objective of a kind, its source's density also seen through a flow."""
        shared, private_source, private_target, pulled = (self.make_density() for _ in range(4))
        return kind(
            flow,
            shared,
            private_source=private_source,
            private_target=private_target,
            pullback=FlowDensity(pulled, tfb.Invert(seen_through), name="pullback"),
            **settings,
        )

    def make_flow(self) -> Any:
        """Return the flow from source to target, on rows."""
        if isinstance(self.flow, tfb.Bijector):
            return self.flow.flattened() if isinstance(self.flow, flows.Flow) else self.flow
        return _build(self.flow, FLOWS, self.event_shape, dtype=self.dtype, seed=self.seed)

    def make_noise_density(self) -> FlowDensity:
        """Return the density of standard normal noise pushed through a flow like `flow`."""
        if isinstance(self.flow, tfb.Bijector):
            return flow_density(copy.deepcopy(self.make_flow()))
        return flow_density(
            _noise_flow(self.flow, self.event_shape, dtype=self.dtype, seed=self.seed)
        )

    def make_density(self) -> Any:
        """Return a density of the family that `density` names, or that goes with the flow."""
        name = self.flow if isinstance(self.flow, str) else ""
        density = self.density or DENSITY_OF_FLOW.get(name, "real_nvp")
        return _build(density, DENSITIES, self.event_shape, dtype=self.dtype, seed=self.seed)


def _lrmf(model: Model) -> LRMFObjective:
    flow = model.make_flow()
    copied = copy.deepcopy(flow) if isinstance(model.flow, tfb.Bijector) else model.make_flow()
    return model.join(LRMFObjective, flow, seen_through=copied, noise_scales=model.noise_scales)


def _back_to_back(model: Model) -> BackToBackObjective:
    source, target = (model.make_noise_density() for _ in range(2))
    flow = flows.back_to_back_flow(source.bijector, target.bijector)
    return BackToBackObjective(flow, source_density=source, target_density=target)


def _adversarial(model: Model) -> AdversarialObjective:
    critic = Critic(model.event_size, dtype=model.dtype, seed=model.seed)
    return AdversarialObjective(model.make_flow(), critic)


def _gram(model: Model) -> GRAMObjective:
    projection = projection_network(model.event_size, dtype=model.dtype, seed=model.seed)
    return GRAMObjective(model.make_flow(), projection, ridge=_RATIO_RIDGE)


OBJECTIVES: dict[str, Callable[[Model], Objective]] = {
    "adversarial": _adversarial,
    "back_to_back": _back_to_back,
    "emd": lambda model: emd_objective(model.make_flow()),
    "energy": lambda model: energy_objective(model.make_flow()),
    "gram": _gram,
    "lrmf": _lrmf,
    "mmd": lambda model: MMDObjective(model.make_flow()),
    "sinkhorn": lambda model: sinkhorn_objective(model.make_flow()),
    "sliced_wasserstein": lambda model: sliced_wasserstein_objective(model.make_flow()),
}
"""Builders of objectives by name."""
