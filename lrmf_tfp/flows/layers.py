"""Layers: what a flow is a stack of, and the two that fit any event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor

__all__ = ["FlowLayer", "InverseLayer", "ReshapeLayer", "conditions_of", "initialize_layers"]


class FlowLayer(Protocol):
    """One invertible layer on events `[D]` or `[H, W, C]`; `log_det` is the called direction's.

    A layer that can start from statistics of samples also has `initialize(value, *, inverse)`,
    which sets its variables and returns the value mapped in that direction. A layer with a
    `condition_size` K > 0 takes a `condition` `[B, K]` in all methods.
    """

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` `[B, *event]` and `log|det dy/dx|` `[B]`."""

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` `[B, *event]` and `log|det dx/dy|` `[B]`."""


def conditions_of(layer: FlowLayer, condition: Tensor | None) -> dict[str, Tensor | None]:
    """Return the condition as what a layer's methods are called with, if it has any."""
    return {"condition": condition} if getattr(layer, "condition_size", 0) else {}


def initialize_layers(
    layers: Iterable[FlowLayer],
    value: Tensor,
    *,
    inverse: bool,
    condition: Tensor | None = None,
) -> Tensor:
    """Start layers one after the other from the samples that reach them.

    Args:
        layers: Layers, in the order in which the samples meet them.
        value: Samples `[B, *event]` that enter the first one.
        inverse: Whether the layers are run backwards.
        condition: Condition `[B, K]`, for layers that have one.

    Returns:
        The samples `[B, *event]` as they leave the last layer.
    """
    for layer in layers:
        options = conditions_of(layer, condition)
        if hasattr(layer, "initialize"):
            value = layer.initialize(value, inverse=inverse, **options)
        else:
            step = layer.inverse_and_log_det if inverse else layer.forward_and_log_det
            value = step(value, **options)[0]
    return value


class InverseLayer(tf.Module):
    """A layer run backwards, for one whose backward pass should be the cheap one.

    Attributes:
        layer: The layer that is run backwards.
    """

    def __init__(self, layer: FlowLayer, *, name: str = "inverse") -> None:
        super().__init__(name=name)
        self.layer = layer

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's inverse of `x` `[B, *event]` and its log-det `[B]`."""
        return self.layer.inverse_and_log_det(x)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's value at `y` `[B, *event]` and its log-det `[B]`."""
        return self.layer.forward_and_log_det(y)

    def initialize(self, value: Tensor, *, inverse: bool) -> Tensor:
        """Start the layer that is run backwards; return the mapped samples `[B, *event]`."""
        return initialize_layers([self.layer], value, inverse=not inverse)


class ReshapeLayer(tf.Module):
    """Layer that reads the numbers of an event in another shape.

    Attributes:
        shape_in: Event shape of `x`.
        shape_out: Event shape of `y`, of as many numbers.
    """

    def __init__(
        self, shape_in: Sequence[int], shape_out: Sequence[int], *, name: str = "reshape"
    ) -> None:
        super().__init__(name=name)
        self.shape_in, self.shape_out = tuple(shape_in), tuple(shape_out)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` `[B, *shape_out]` and zeros `[B]`."""
        return tf.reshape(x, [-1, *self.shape_out]), tf.zeros([tf.shape(x)[0]], x.dtype)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` `[B, *shape_in]` and zeros `[B]`."""
        return tf.reshape(y, [-1, *self.shape_in]), tf.zeros([tf.shape(y)[0]], y.dtype)
