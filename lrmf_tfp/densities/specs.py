"""Specs of densities: what is asked for, before there are samples to build it for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.spec import Spec
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.densities.gaussian import gaussian_density
from lrmf_tfp.densities.mixture import mixture_density
from lrmf_tfp.densities.trainable import flow_density, student_t_base
from lrmf_tfp.flows import AffineLayer, FlowSpec

__all__ = ["Auto", "DensitySpec", "Gaussian", "Made", "Mixture", "Pushforward"]


@dataclass(frozen=True)
class DensitySpec(Spec):
    """Base class: a family of densities with its settings; `build` makes one."""

    takes_conditions: ClassVar[bool] = False
    """Whether it can depend on conditions."""

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfd.Distribution:
        """Return a new density on rows `[D]` of events.

        Args:
            event_shape: `(D,)`, or `(H, W, C)` of images.
            dtype: `tf.float32` or `tf.float64`.
            seed: Seed of its variables.
            condition_size: Number of covariates that it depends on.

        Raises:
            ValueError: If it cannot be built for such events or conditions.
        """
        raise NotImplementedError

    def check(self, *, condition_size: int) -> None:
        """Raise ValueError if it depends on no conditions and there are some."""
        if condition_size and not self.takes_conditions:
            raise ValueError(
                "`density` must be one that takes conditions, such as 'real_nvp' or 'spline'; "
                f"got {self!r}."
            )


@dataclass(frozen=True)
class Auto(DensitySpec):
    """The family that goes with the flow: Gaussian for the affine one, else one of flows."""


@dataclass(frozen=True)
class Gaussian(DensitySpec):
    """A Gaussian with a full covariance; see `gaussian_density`."""

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfd.Distribution:
        """Return a new density; see `DensitySpec.build`."""
        self.check(condition_size=condition_size)
        return gaussian_density(math.prod(event_shape), dtype=dtype)


@dataclass(frozen=True)
class Mixture(DensitySpec):
    """A mixture of Gaussians with diagonal covariances; see `mixture_density`."""

    num_components: int = 8

    def __post_init__(self) -> None:
        """Check the number."""
        super().__post_init__()
        check_positive_int(self.num_components, "num_components")

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfd.Distribution:
        """Return a new density; see `DensitySpec.build`."""
        self.check(condition_size=condition_size)
        size = math.prod(event_shape)
        return mixture_density(size, num_components=self.num_components, dtype=dtype, seed=seed)


@dataclass(frozen=True)
class Pushforward(DensitySpec):
    """Student t noise pushed through a flow: how a flow becomes a density.

    Wherever a density is asked for, a flow's spec stands for the pushforward of it.
    """

    flow: FlowSpec

    takes_conditions: ClassVar[bool] = True

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfd.Distribution:
        """Return a new density; see `DensitySpec.build`.

        On rows the flow ends in an affine layer of its own, which starts at the data's moments;
        a flow of images brings such layers.
        """
        flow = self.flow.build_noise(
            event_shape, dtype=dtype, seed=seed, condition_size=condition_size
        )
        size = math.prod(event_shape)
        if not self.flow.takes_images:
            flow = flow.followed_by(AffineLayer(size, kind="diagonal", dtype=dtype))
        return flow_density(flow, base=student_t_base(size, dtype=dtype))


@dataclass(frozen=True)
class Made(DensitySpec):
    """A density by a function that makes it."""

    maker: Callable[..., tfd.Distribution]
    """Called with `event_size`, `dtype=` and `seed=`, and `condition_size=` if there are some."""

    takes_conditions: ClassVar[bool] = True

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> tfd.Distribution:
        """Return what the function makes."""
        conditions: dict[str, Any] = {"condition_size": condition_size} if condition_size else {}
        return self.maker(math.prod(event_shape), dtype=dtype, seed=seed, **conditions)
