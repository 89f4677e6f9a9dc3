"""The contract every flow keeps: a `tfb.Bijector` with value and log-det in one pass.

A flow is a stack of layers. A layer is a `tf.Module` with two methods on a batch of events,
`forward_and_log_det(x) -> (y, log_det)` and `inverse_and_log_det(y) -> (x, log_det)`, where
`x`, `y` are `[B, D]`, or `[B, H, W, C]` for images, and `log_det` is `[B]`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability.python.internal import cache_util

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive_ints
from lrmf_tfp.flows.layers import FlowLayer, InverseLayer, ReshapeLayer, initialize_layers

__all__ = ["Flow", "back_to_back_flow"]


class Flow(tfb.Bijector):
    """Composition of layers, `y = layers[-1](... layers[0](x))`, as a `tfb.Bijector`.

    `forward_and_log_det` and `inverse_and_log_det` walk the layers once and return value and
    log-det-Jacobian together; the TFP methods (`forward`, `inverse_log_det_jacobian`, ...)
    share that walk through TFP's cache inside a `tf.function`. In eager mode the cache is
    bypassed, because it would return values of before a weight update.

    Events have shape `[D]` or `[H, W, C]`; any batch shape `[..., *event]` is accepted.

    Attributes:
        layers: The layers, in the order `forward` applies them.
        event_shape: `(D,)` or `(H, W, C)`.
        event_size: Numbers in one event, D or H W C.

    References:
        [1] Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference,
            JMLR 2021, arXiv:1912.02762, eq. (6)-(7).
    """

    _cache = cache_util.BijectorCacheWithGreedyAttrs("_augmented_forward", "_augmented_inverse")

    def __init__(
        self,
        layers: Sequence[FlowLayer],
        *,
        event_shape: Sequence[int],
        dtype: tf.DType = tf.float32,
        validate_args: bool = False,
        name: str = "flow",
    ) -> None:
        event_shape = check_positive_ints(event_shape, "event_shape")
        parameters = {
            "layers": layers,
            "event_shape": event_shape,
            "dtype": dtype,
            "validate_args": validate_args,
            "name": name,
        }
        super().__init__(
            forward_min_event_ndims=len(event_shape),
            dtype=dtype,
            validate_args=validate_args,
            parameters=parameters,
            name=name,
        )
        self._layers = tuple(layers)
        self._event_shape = event_shape

    @property
    def layers(self) -> tuple[FlowLayer, ...]:
        """The layers, in the order `forward` applies them."""
        return tuple(self._layers)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one event, `(D,)` or `(H, W, C)`."""
        return tuple(self._event_shape)

    @property
    def event_size(self) -> int:
        """Number of dimensions of one event, D or H W C."""
        return math.prod(self._event_shape)

    def followed_by(self, layer: FlowLayer) -> Flow:
        """Return a flow that shares these layers and applies `layer` last."""
        return self._rebuilt((*self._layers, layer), self._event_shape)

    def flattened(self) -> Flow:
        """Return a flow on events `[event_size]` that shares these layers.

        Densities and objectives work on matrices of samples; so do images, row by row.
        """
        if len(self._event_shape) == 1:
            return self
        flat = (self.event_size,)
        first = ReshapeLayer(flat, self._event_shape)
        last = ReshapeLayer(self._event_shape, flat)
        return self._rebuilt((first, *self._layers, last), flat)

    def _rebuilt(self, layers: Sequence[FlowLayer], event_shape: Sequence[int]) -> Flow:
        """Return a flow of this kind from other layers."""
        return Flow(layers, event_shape=event_shape, dtype=self.dtype, name=self.name)

    def initialize(self, samples: Tensor, *, inverse: bool = False) -> Tensor:
        """Start the layers that can from the statistics of samples, each from what reaches it.

        Layers without such a start stay as they are. It happens in this call and at no other
        time: nothing in the graph knows of it, so that compiling and exporting do not either.

        Args:
            samples: Samples `[B, *event]`.
            inverse: Run backwards, as for a density, whose flow goes from noise to the data.

        Returns:
            The samples `[B, *event]`, mapped by the flow so started.

        Raises:
            ValueError: If the samples have another shape or are not finite.
        """
        value = self._flat(tf.convert_to_tensor(samples, dtype=self.dtype))
        if not bool(tf.reduce_all(tf.math.is_finite(value))):
            raise ValueError("`samples` must be finite to start from; got other values.")
        layers = tuple(reversed(self._layers)) if inverse else self._layers
        return initialize_layers(layers, value, inverse=inverse)

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map `x` `[..., *event]` and return `y` in that shape with `log|det dy/dx|` `[...]`."""
        return self._walk(x, inverse=False)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map `y` `[..., *event]` back; return `x` in that shape with `log|det dx/dy|` `[...]`."""
        return self._walk(y, inverse=True)

    def _walk(self, value: Tensor, *, inverse: bool) -> tuple[Tensor, Tensor]:
        value = tf.convert_to_tensor(value, dtype=self.dtype)
        flat = self._flat(value)
        log_det = tf.zeros([tf.shape(flat)[0]], self.dtype)
        for layer in reversed(self._layers) if inverse else self._layers:
            step = layer.inverse_and_log_det if inverse else layer.forward_and_log_det
            flat, change = step(flat)
            log_det += change
        rank = len(self._event_shape)
        if value.shape.rank == rank + 1:
            return flat, log_det
        shape = tf.shape(value)
        return tf.reshape(flat, shape), tf.reshape(log_det, shape[:-rank])

    def _flat(self, value: Tensor) -> Tensor:
        """Return a value with one batch dimension; raise ValueError if its events do not fit."""
        shape, rank = value.shape, len(self._event_shape)
        known = shape.rank is not None and shape.rank >= rank
        if not known or not shape[-rank:].is_compatible_with(self._event_shape):
            found = shape if shape.rank is None else [_or_unknown(size) for size in shape]
            wanted = ", ".join(map(str, self._event_shape))
            raise ValueError(f"`x` must have shape [..., {wanted}]; got {found}.")
        return value if shape.rank == rank + 1 else tf.reshape(value, [-1, *self._event_shape])

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


def _or_unknown(size: int | None) -> int | str:
    return "?" if size is None else size


def back_to_back_flow(source_flow: Flow, target_flow: Flow) -> Flow:
    """Build `T(x) = target_flow(source_flow^-1(x))`, which shares the variables of both.

    With two flows from the same noise it takes the source to noise and on to the target.

    Args:
        source_flow: Flow from noise to the source, events `[D]` or `[H, W, C]`.
        target_flow: Flow from noise to the target, events of the same shape.

    Returns:
        Flow from source to target.

    Raises:
        ValueError: If the two have different event shapes.

    References:
        [1] Grover, Chute, Shu, Cao, Ermon, AlignFlow, AAAI 2020, arXiv:1905.12892.
    """
    if source_flow.event_shape != target_flow.event_shape:
        raise ValueError(
            f"`target_flow` must have event shape {list(source_flow.event_shape)} to match "
            f"`source_flow`; got {list(target_flow.event_shape)}."
        )
    return Flow(
        [InverseLayer(source_flow), target_flow],
        event_shape=source_flow.event_shape,
        dtype=source_flow.dtype,
        name="back_to_back_flow",
    )
