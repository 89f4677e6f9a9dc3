"""Specs of flows: what is asked for, before there are samples to build it for."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.conditions import condition_size_of
from lrmf_tfp._core.spec import Spec
from lrmf_tfp._validation import check_choice
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.samples.sample import Sample

__all__ = ["Built", "ClosedForm", "FlowSpec", "STARTS"]

STARTS = ("auto", "identity", "moments")
"""Where a map starts: see `FlowSpec.start`."""


@dataclass(frozen=True, kw_only=True)
class FlowSpec(Spec):
    """Base class: a family of flows with its settings; `build` makes one.

    A subclass has the settings of its builder as fields and implements `build`.
    """

    start: str = "auto"
    """Where the map starts: `"identity"` leaves the source where it is, `"moments"` gives it the
    target's mean and scale per axis, `"auto"` takes the first if on every axis the means lie
    within one target scale and the scales within a factor 2, else the second."""

    density: ClassVar[str] = "real_nvp"
    """Name of the density family that goes with it by default."""
    takes_conditions: ClassVar[bool] = False
    """Whether it can depend on conditions."""
    takes_images: ClassVar[bool] = False
    """Whether it needs events of shape `(H, W, C)`."""

    def __post_init__(self) -> None:
        """Check where it starts."""
        super().__post_init__()
        check_choice(self.start, "start", STARTS)

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfb.Bijector:
        """Return a new flow on rows `[D]` of events, from source to target.

        Args:
            event_shape: `(D,)`, or `(H, W, C)` of images.
            dtype: `tf.float32` or `tf.float64`.
            seed: Seed of its variables.
            condition_size: Number of covariates that it depends on.

        Raises:
            ValueError: If it cannot be built for such events or conditions.
        """
        raise NotImplementedError

    def build_noise(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfb.Bijector:
        """Return a new flow from noise to data, which is mostly run backwards."""
        return self.build(event_shape, dtype=dtype, seed=seed, condition_size=condition_size)

    def check(self, event_shape: Sequence[int], *, condition_size: int = 0) -> None:
        """Raise ValueError if it cannot be built for such events or conditions."""
        if self.takes_images and len(event_shape) == 1:
            raise ValueError(
                f"`source` must have shape [N, H, W] or [N, H, W, C] for {type(self).__name__}; "
                f"got events {list(event_shape)}."
            )
        if condition_size and not self.takes_conditions:
            raise ValueError(
                "`flow` must be one that takes conditions, such as 'real_nvp' or 'spline'; "
                f"got {self!r}."
            )

    def settings(self) -> dict[str, Any]:
        """Return the settings that its builder takes."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name != "start"
        }


@dataclass(frozen=True, kw_only=True)
class ClosedForm(FlowSpec):
    """Base class: a map that is computed from the samples; nothing is trained."""

    def solve(self, source: Sample, target: Sample, *, dtype: tf.DType) -> Flow:
        """Return the map of weighted samples, in their own coordinates."""
        raise NotImplementedError


@dataclass(frozen=True)
class Built(FlowSpec):
    """A bijector that is there already, or the function that makes one.

    A bijector is copied for each fit, so that fitting leaves it as it was.
    """

    maker: tfb.Bijector | Callable[..., tfb.Bijector]
    """A `tfb.Bijector` on events `[D]`, or a function of `event_size`, `dtype=` and `seed=`, and
    of `condition_size=` where there are conditions."""

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfb.Bijector:
        """Return a copy of the bijector, or what the function makes."""
        if not isinstance(self.maker, tfb.Bijector):
            conditions = {"condition_size": condition_size} if condition_size else {}
            return self.maker(math.prod(event_shape), dtype=dtype, seed=seed, **conditions)
        flow = copy.deepcopy(self.maker)
        if condition_size_of(flow) != condition_size:
            raise ValueError(
                f"`flow` must depend on {condition_size} conditions, as the samples have; "
                f"got a {type(flow).__name__} of {condition_size_of(flow)}."
            )
        return flow.flattened() if isinstance(flow, Flow) else flow

    def check(self, event_shape: Sequence[int], *, condition_size: int = 0) -> None:
        """Leave the check to `build`, which knows what was made."""
