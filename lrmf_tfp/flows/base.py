"""The contract every flow keeps: a `tfb.Bijector` with value and log-det in one pass (level 2).

A flow is a stack of layers. A layer is a `tf.Module` with two methods on a matrix of events,
`forward_and_log_det(x) -> (y, log_det)` and `inverse_and_log_det(y) -> (x, log_det)`, where
`x`, `y` are `[B, D]` and `log_det` is `[B]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability.python.internal import cache_util

from lrmf_tfp._typing import Tensor

__all__ = ["Flow", "FlowLayer", "InverseLayer", "back_to_back_flow"]


class FlowLayer(Protocol):
    """One invertible layer on `[B, D]`; `log_det` is that of the direction called."""

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` `[B, D]` and `log|det dy/dx|` `[B]`."""

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` `[B, D]` and `log|det dx/dy|` `[B]`."""


class InverseLayer(tf.Module):
    """A layer run backwards, for one whose backward pass should be the cheap one.

    Attributes:
        layer: The layer that is run backwards.
    """

    def __init__(self, layer: FlowLayer, *, name: str = "inverse") -> None:
        super().__init__(name=name)
        self.layer = layer

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's inverse of `x` `[B, D]` and its log-det `[B]`."""
        return self.layer.inverse_and_log_det(x)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's value at `y` `[B, D]` and its log-det `[B]`."""
        return self.layer.forward_and_log_det(y)


class Flow(tfb.Bijector):
    """Composition of layers, `y = layers[-1](... layers[0](x))`, as a `tfb.Bijector`.

    `forward_and_log_det` and `inverse_and_log_det` walk the layers once and return value and
    log-det-Jacobian together; the TFP methods (`forward`, `inverse_log_det_jacobian`, ...)
    share that walk through TFP's cache inside a `tf.function`. In eager mode the cache is
    bypassed, because it would return values of before a weight update.

    Events have shape `[D]`; any batch shape `[..., D]` is accepted.

    Attributes:
        layers: The layers, in the order `forward` applies them.
        event_size: D.

    References:
        [1] Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference,
            JMLR 2021, arXiv:1912.02762, eq. (6)-(7).
    """

    _cache = cache_util.BijectorCacheWithGreedyAttrs("_augmented_forward", "_augmented_inverse")

    def __init__(
        self,
        layers: Sequence[FlowLayer],
        *,
        event_size: int,
        dtype: tf.DType = tf.float32,
        validate_args: bool = False,
        name: str = "flow",
    ) -> None:
        parameters = {
            "layers": layers,
            "event_size": event_size,
            "dtype": dtype,
            "validate_args": validate_args,
            "name": name,
        }
        super().__init__(
            forward_min_event_ndims=1,
            dtype=dtype,
            validate_args=validate_args,
            parameters=parameters,
            name=name,
        )
        self._layers = tuple(layers)
        self._event_size = event_size

    @property
    def layers(self) -> tuple[FlowLayer, ...]:
        """The layers, in the order `forward` applies them."""
        return tuple(self._layers)

    @property
    def event_size(self) -> int:
        """Number of dimensions D of one event."""
        return self._event_size

    def followed_by(self, layer: FlowLayer) -> Flow:
        """Return a flow that shares these layers and applies `layer` last."""
        layers = (*self._layers, layer)
        return Flow(layers, event_size=self._event_size, dtype=self.dtype, name=self.name)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map `x` `[..., D]` and return `y` `[..., D]` with `log|det dy/dx|` `[...]`."""
        return self._walk(x, inverse=False)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map `y` `[..., D]` back and return `x` `[..., D]` with `log|det dx/dy|` `[...]`."""
        return self._walk(y, inverse=True)

    def _walk(self, value: Tensor, *, inverse: bool) -> tuple[Tensor, Tensor]:
        value = tf.convert_to_tensor(value, dtype=self.dtype)
        self._check_event_size(value)
        flat = value if value.shape.rank == 2 else tf.reshape(value, [-1, self._event_size])
        log_det = tf.zeros([tf.shape(flat)[0]], self.dtype)
        for layer in reversed(self._layers) if inverse else self._layers:
            step = layer.inverse_and_log_det if inverse else layer.forward_and_log_det
            flat, change = step(flat)
            log_det += change
        if value.shape.rank == 2:
            return flat, log_det
        shape = tf.shape(value)
        return tf.reshape(flat, shape), tf.reshape(log_det, shape[:-1])

    def _check_event_size(self, value: Tensor) -> None:
        if value.shape.rank is None or value.shape.rank < 1:
            raise ValueError(f"`x` must have shape [..., {self._event_size}]; got {value.shape}.")
        if value.shape[-1] not in (None, self._event_size):
            found = [size if size is not None else "?" for size in value.shape.as_list()]
            raise ValueError(f"`x` must have shape [..., {self._event_size}]; got {found}.")

    # The TFP surface: values and log-dets both come from the joint methods above.

    def forward(self, x: Tensor, name: str = "forward", **kwargs: Any) -> Tensor:  # noqa: D102
        return super().forward(self._uncached(x), name=name, **kwargs)

    def inverse(self, y: Tensor, name: str = "inverse", **kwargs: Any) -> Tensor:  # noqa: D102
        return super().inverse(self._uncached(y), name=name, **kwargs)

    def _uncached(self, value: Tensor) -> Tensor:
        value = tf.convert_to_tensor(value, dtype_hint=self.dtype)
        return tf.identity(value) if tf.executing_eagerly() else value

    def _augmented_forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        y, log_det = self.forward_and_log_det(x)
        return y, {"fldj": log_det, "ildj": -log_det}

    def _augmented_inverse(self, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        x, log_det = self.inverse_and_log_det(y)
        return x, {"fldj": -log_det, "ildj": log_det}

    def _forward(self, x: Tensor) -> Tensor:
        return self._augmented_forward(x)[0]

    def _inverse(self, y: Tensor) -> Tensor:
        return self._augmented_inverse(y)[0]

    def _forward_log_det_jacobian(self, x: Tensor) -> Tensor:
        attributes = self._cache.forward_attributes(x)
        if "fldj" not in attributes:
            attributes.update(self._augmented_forward(x)[1])
        return attributes["fldj"]

    def _inverse_log_det_jacobian(self, y: Tensor) -> Tensor:
        attributes = self._cache.inverse_attributes(y)
        if "ildj" not in attributes:
            attributes.update(self._augmented_inverse(y)[1])
        return attributes["ildj"]


def back_to_back_flow(source_flow: Flow, target_flow: Flow) -> Flow:
    """Build `T(x) = target_flow(source_flow^-1(x))`, which shares the variables of both.

    With two flows from the same noise it takes the source to noise and on to the target.

    Args:
        source_flow: Flow from noise to the source, events `[D]`.
        target_flow: Flow from noise to the target, events `[D]`.

    Returns:
        Flow from source to target.

    Raises:
        ValueError: If the two have different event sizes.

    References:
        [1] Grover, Chute, Shu, Cao, Ermon, AlignFlow, AAAI 2020, arXiv:1905.12892.
    """
    if source_flow.event_size != target_flow.event_size:
        raise ValueError(
            f"`target_flow` must have event size {source_flow.event_size} to match "
            f"`source_flow`; got {target_flow.event_size}."
        )
    return Flow(
        [InverseLayer(source_flow), target_flow],
        event_size=source_flow.event_size,
        dtype=source_flow.dtype,
        name="back_to_back_flow",
    )
