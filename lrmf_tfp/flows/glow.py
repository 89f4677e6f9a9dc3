"""Glow: invertible 1x1 convolutions and convolutional couplings at several scales.

Why not `tfb.Glow` (TFP 0.25), against the laws that every flow keeps:

- its actnorm starts itself from whatever it is first called on, noise if that is a sample; two
  replicas that see different shards drift apart, and the branch does not compile by XLA once
  loaded from a SavedModel. Here `initialize` is a call of its own;
- any batch size of an exported model fails in `glow.Expand`, and so does a split other than half;
- it does not start at the identity: the scale is `sigmoid(2)` and the 1x1 convolution a rotation;
- value and log-det run every network twice;
- noise is one long vector, so that it is not a map from images to images.

Its arithmetic is right: inverse and log-det agree with automatic differentiation. `tfb.RealNVP`
(both passes), `tfb.ScaleMatvecLU` (triangular solves of all pixels) and the actnorm were written
anew for speed and for the explicit start; what is taken from TFP is `tfb.Bijector` itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import (
    check_choice,
    check_positive,
    check_positive_int,
    check_positive_ints,
)
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.conditional import build_flow, check_condition_size
from lrmf_tfp.flows.images import ConvCoupling, PixelAffineLayer
from lrmf_tfp.flows.layers import FlowLayer, conditions_of, initialize_layers
from lrmf_tfp.flows.spec import FlowSpec
from lrmf_tfp.networks import ACTIVATIONS, ConvNet

__all__ = ["Glow", "GlowLevel", "glow_flow"]


class GlowLevel(tf.Module):
    """One scale of Glow and those below it, `[B, H, W, C] -> [B, H, W, C]`.

    ::

        image  <-  unsqueeze  <-  steps  <-  [ half            ]  <-  squeeze  <-  noise
                                             [ half  <-  inner ]

    Squeezing makes 2x2 pixels one with four times the channels. Half of the channels have been
    through `inner`, which is a level too, at half the width; all of them go through the steps.
    Read backwards, from the image, half of the channels leave after the steps, as in the paper;
    here they are put back in their places, so that images become images.

    Attributes:
        steps: Layers on `[B, H/2, W/2, 4 C]`, in the order `forward` applies them.
        inner: The level below, or None.
        condition_size: Number K of covariates that the couplings depend on.

    References:
        [1] Kingma and Dhariwal, Glow, NeurIPS 2018, arXiv:1807.03039, figure 2.
        [2] Dinh et al., Real NVP, ICLR 2017, arXiv:1605.08803, sections 3.4 and 3.6.
    """

    def __init__(
        self, steps: Sequence[FlowLayer], inner: GlowLevel | None, *, name: str = "glow_level"
    ) -> None:
        super().__init__(name=name)
        self.steps = tuple(steps)
        self.inner = inner
        self.condition_size = max(getattr(step, "condition_size", 0) for step in steps)

    def forward_and_log_det(
        self, x: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return `y` `[B, H, W, C]` and `log|det dy/dx|` `[B]`; `condition` is `[B, K]`."""
        x = tf.nn.space_to_depth(x, 2)
        log_det = tf.zeros([tf.shape(x)[0]], x.dtype)
        if self.inner is not None:
            half, rest = tf.split(x, 2, axis=-1)
            rest, log_det = self.inner.forward_and_log_det(rest, condition)
            x = tf.concat([half, rest], axis=-1)
        for step in self.steps:
            x, change = step.forward_and_log_det(x, **conditions_of(step, condition))
            log_det += change
        return tf.nn.depth_to_space(x, 2), log_det

    def inverse_and_log_det(
        self, y: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return `x` `[B, H, W, C]` and `log|det dx/dy|` `[B]`; `condition` is `[B, K]`."""
        y = tf.nn.space_to_depth(y, 2)
        log_det = tf.zeros([tf.shape(y)[0]], y.dtype)
        for step in reversed(self.steps):
            y, change = step.inverse_and_log_det(y, **conditions_of(step, condition))
            log_det += change
        if self.inner is not None:
            half, rest = tf.split(y, 2, axis=-1)
            rest, change = self.inner.inverse_and_log_det(rest, condition)
            y, log_det = tf.concat([half, rest], axis=-1), log_det + change
        return tf.nn.depth_to_space(y, 2), log_det

    def initialize(
        self, value: Tensor, *, inverse: bool, condition: Tensor | None = None
    ) -> Tensor:
        """Start every step from the samples `[B, H, W, C]` that reach it; return them mapped."""
        options: dict[str, Any] = {"inverse": inverse, "condition": condition}
        value = tf.nn.space_to_depth(value, 2)
        if inverse:
            value = initialize_layers(reversed(self.steps), value, **options)
        if self.inner is not None:
            half, rest = tf.split(value, 2, axis=-1)
            value = tf.concat([half, self.inner.initialize(rest, **options)], axis=-1)
        if not inverse:
            value = initialize_layers(self.steps, value, **options)
        return tf.nn.depth_to_space(value, 2)


@dataclass(frozen=True)
class _Architecture:
    """What all levels have in common; see `glow_flow`."""

    steps_per_level: int
    hidden_units: Sequence[int]
    activation: str
    max_log_scale: float
    max_input: float
    condition_size: int
    dtype: tf.DType
    seed: int

    def __post_init__(self) -> None:
        """Raise ValueError if a size is below 1, a bound not positive or a name unknown."""
        check_positive_int(self.steps_per_level, "steps_per_level")
        check_positive_ints(self.hidden_units, "hidden_units")
        check_choice(self.activation, "activation", ACTIVATIONS)
        check_positive(self.max_log_scale, "max_log_scale")
        check_positive(self.max_input, "max_input")
        check_condition_size(self.condition_size)

    def level(self, num_channels: int, num_levels: int) -> GlowLevel:
        """Return the level for images of `num_channels`, with `num_levels - 1` below it."""
        squeezed = 4 * num_channels
        inner = self.level(squeezed // 2, num_levels - 1) if num_levels > 1 else None
        steps: list[FlowLayer] = []
        for index in range(self.steps_per_level):
            steps.append(self._coupling(squeezed, num_levels, index))
            steps.append(PixelAffineLayer(squeezed, dtype=self.dtype))
        return GlowLevel(steps, inner, name=f"level_{num_levels}")

    def _coupling(self, num_channels: int, num_levels: int, index: int) -> ConvCoupling:
        half = num_channels // 2
        network = ConvNet(
            half + self.condition_size,
            2 * half,
            hidden_units=self.hidden_units,
            activation=self.activation,
            seed=self.seed * 100_000 + num_levels * 1000 + index,
            dtype=self.dtype,
        )
        return ConvCoupling(
            num_channels,
            swap=index % 2 == 1,
            network=network,
            max_log_scale=self.max_log_scale,
            max_input=self.max_input,
            condition_size=self.condition_size,
        )


def glow_flow(  # noqa: PLR0913 (the settings of the architecture, all with defaults)
    event_shape: Sequence[int],
    *,
    num_levels: int = 2,
    steps_per_level: int = 4,
    hidden_units: Sequence[int] = (32, 32),
    activation: str = "relu",
    max_log_scale: float = 2.0,
    max_input: float = 3.0,
    condition_size: int = 0,
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> Flow:
    """Build a Glow flow on images, the identity at the start.

    A step is a convolutional coupling and a 1x1 convolution with actnorm; a level squeezes
    pixels into channels and leaves half of these to the level below. For a density of images
    call `flow.initialize(images, inverse=True)` once before training: every 1x1 convolution then
    starts where its channels have mean 0 and scale 1. `flow.flattened()` works on rows `[N, D]`.

    Args:
        event_shape: `[H, W, C]`, H and W divisible by `2 ** num_levels`; gray images have C = 1.
        num_levels: Number of scales.
        steps_per_level: Couplings of each scale; two move every channel once.
        hidden_units: Widths of each conditioner, whose first and last layers are 3x3
            convolutions and the others 1x1.
        activation: Name in `lrmf_tfp.networks.ACTIVATIONS`.
        max_log_scale: Bound of each coupling's log-scale, in nats.
        max_input: Bound to which the conditioners' inputs are squashed: pixels of unit scale are
            expected.
        condition_size: As in `real_nvp_flow`; every pixel sees the condition.
        dtype: `tf.float32` or `tf.float64`.
        seed: Seed of the conditioners' start.

    Returns:
        Flow on events `[H, W, C]`; a `tfb.Bijector` whose variables all exist already.

    Raises:
        ValueError: If the shape is not `[H, W, C]` or does not divide, a size is below 1, a
            bound is not positive, or a name is unknown.

    Examples:
        >>> flow = glow_flow([8, 8, 1], steps_per_level=2)
        >>> flow.forward(tf.ones([5, 8, 8, 1])).shape.as_list()
        [5, 8, 8, 1]

    References:
        [1] Kingma and Dhariwal, Glow, NeurIPS 2018, arXiv:1807.03039.
    """
    check_positive_int(num_levels, "num_levels")
    height, width, num_channels = _image_shape(event_shape, 2**num_levels)
    architecture = _Architecture(
        steps_per_level,
        hidden_units,
        activation,
        max_log_scale,
        max_input,
        condition_size,
        dtype,
        seed,
    )
    return build_flow(
        [architecture.level(num_channels, num_levels)],
        condition_size=condition_size,
        event_shape=[height, width, num_channels],
        dtype=dtype,
        name="glow_flow",
    )


def _image_shape(event_shape: Sequence[int], factor: int) -> list[int]:
    """Return `[H, W, C]`; raise ValueError unless it is that and divides by `factor`."""
    if not isinstance(event_shape, Iterable) or len(event_shape) != 3:
        found = list(event_shape) if isinstance(event_shape, Iterable) else event_shape
        raise ValueError(f"`event_shape` must be [H, W, C]; got {found}.")
    shape = list(check_positive_ints(event_shape, "event_shape"))
    if shape[0] % factor or shape[1] % factor:
        raise ValueError(
            f"`event_shape` must have H and W divisible by {factor}, which is 2 ** `num_levels`; "
            f"got {shape}."
        )
    return shape


@dataclass(frozen=True, kw_only=True)
class Glow(FlowSpec):
    """Convolutional couplings at several scales, on images; see `glow_flow` for the settings.

    `num_levels=None` is 2 where height and width divide by 4, and 1 otherwise.
    """

    num_levels: int | None = None
    steps_per_level: int = 4
    hidden_units: Sequence[int] = (32, 32)
    activation: str = "relu"
    max_log_scale: float = 2.0
    max_input: float = 3.0

    density: ClassVar[str] = "glow"
    takes_conditions: ClassVar[bool] = True
    takes_images: ClassVar[bool] = True

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> Flow:
        """Return a new flow; see `FlowSpec.build`."""
        self.check(event_shape, condition_size=condition_size)
        levels = self.num_levels or (1 if event_shape[0] % 4 or event_shape[1] % 4 else 2)
        settings = {**self.settings(), "num_levels": levels, "condition_size": condition_size}
        return glow_flow(event_shape, dtype=dtype, seed=seed, **settings).flattened()
