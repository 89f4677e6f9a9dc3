"""Flows that depend on labels or covariates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.layers import FlowLayer, initialize_layers

__all__ = ["ConditionalFlow", "build_flow", "check_condition_size"]


class ConditionalFlow(Flow):
    """Flow `y = T(x; c)`, one bijector of `x` for each condition `c`.

    A condition is a vector of covariates `[condition_size]`, or a label, a whole number from 0
    to `condition_size - 1`; one for all samples, or one a sample, `[..., condition_size]` or
    `[...]`. Every method takes it as `condition=`; `given(condition)` is an ordinary bijector,
    for everything that knows of no conditions.

    Attributes:
        condition_size: Number of covariates or of labels.

    Examples:
        >>> from lrmf_tfp.flows import real_nvp_flow
        >>> flow = real_nvp_flow(2, condition_size=3)
        >>> flow.forward([[1.0, 2.0], [3.0, 4.0]], condition=[0, 2]).shape.as_list()
        [2, 2]
        >>> flow.given(1).forward([[1.0, 2.0], [3.0, 4.0]]).shape.as_list()
        [2, 2]

    References:
        [1] Winkler, Worrall, Hoogeboom, Welling, Learning Likelihoods with Conditional
            Normalizing Flows, 2019, arXiv:1912.00042, section 3.
    """

    def __init__(
        self,
        layers: Sequence[FlowLayer],
        *,
        event_shape: Sequence[int],
        condition_size: int,
        dtype: tf.DType = tf.float32,
        name: str = "conditional_flow",
    ) -> None:
        super().__init__(layers, event_shape=event_shape, dtype=dtype, name=name)
        self._condition_size = condition_size

    @property
    def condition_size(self) -> int:
        """Number of covariates or of labels."""
        return self._condition_size

    def given(self, condition: Any) -> Flow:
        """Return the bijector for a condition; it shares the layers.

        Raises:
            ValueError: If the covariates have another width, or a label is out of range.
        """
        rows = self._as_rows(condition)
        layers = [
            _Given(layer, rows) if getattr(layer, "condition_size", 0) else layer
            for layer in self._layers
        ]
        return Flow(layers, event_shape=self._event_shape, dtype=self.dtype, name=self.name)

    def _rebuilt(self, layers: Sequence[FlowLayer], event_shape: Sequence[int]) -> ConditionalFlow:
        return ConditionalFlow(
            layers,
            event_shape=event_shape,
            condition_size=self._condition_size,
            dtype=self.dtype,
            name=self.name,
        )

    def _as_rows(self, condition: Any) -> Tensor:
        """Return conditions as covariates `[K]` or `[B, K]`."""
        if condition is None:
            raise ValueError(
                f"`condition` must be a label below {self._condition_size} or covariates "
                f"[..., {self._condition_size}]; got None."
            )
        condition = tf.convert_to_tensor(condition)
        if condition.dtype.is_integer:
            _check_labels(condition, self._condition_size)
            condition = tf.one_hot(condition, self._condition_size, dtype=self.dtype)
        if condition.shape.rank == 0 or condition.shape[-1] != self._condition_size:
            raise ValueError(
                f"`condition` must have shape [..., {self._condition_size}]; "
                f"got {condition.shape.as_list()}."
            )
        condition = tf.cast(condition, self.dtype)
        if condition.shape.rank == 1:
            return condition
        return tf.reshape(condition, [-1, self._condition_size])

    # All methods are those of the bijector for the condition.

    def initialize(  # noqa: D102
        self, samples: Tensor, *, inverse: bool = False, condition: Any = None
    ) -> Tensor:
        return self.given(condition).initialize(samples, inverse=inverse)

    def forward_and_log_det(  # noqa: D102
        self, x: Tensor, *, condition: Any = None
    ) -> tuple[Tensor, Tensor]:
        return self.given(condition).forward_and_log_det(x)

    def inverse_and_log_det(  # noqa: D102
        self, y: Tensor, *, condition: Any = None
    ) -> tuple[Tensor, Tensor]:
        return self.given(condition).inverse_and_log_det(y)

    def forward(  # noqa: D102
        self, x: Tensor, name: str = "forward", *, condition: Any = None, **kwargs: Any
    ) -> Tensor:
        return self.given(condition).forward(x, name=name, **kwargs)

    def inverse(  # noqa: D102
        self, y: Tensor, name: str = "inverse", *, condition: Any = None, **kwargs: Any
    ) -> Tensor:
        return self.given(condition).inverse(y, name=name, **kwargs)

    def forward_log_det_jacobian(  # noqa: D102
        self, x: Tensor, event_ndims: int | None = None, *, condition: Any = None
    ) -> Tensor:
        return self.given(condition).forward_log_det_jacobian(x, event_ndims=event_ndims)

    def inverse_log_det_jacobian(  # noqa: D102
        self, y: Tensor, event_ndims: int | None = None, *, condition: Any = None
    ) -> Tensor:
        return self.given(condition).inverse_log_det_jacobian(y, event_ndims=event_ndims)


def check_condition_size(condition_size: int) -> None:
    """Raise ValueError unless there is no condition, 0, or a positive number of covariates."""
    if condition_size != 0:
        check_positive_int(condition_size, "condition_size")


def build_flow(layers: Sequence[FlowLayer], *, condition_size: int, **options: Any) -> Flow:
    """Return a `Flow` of the layers, or a `ConditionalFlow` where there is a condition."""
    if condition_size == 0:
        return Flow(layers, **options)
    return ConditionalFlow(layers, condition_size=condition_size, **options)


class _Given(tf.Module):
    """A layer with its condition, `[K]` or `[B, K]`."""

    def __init__(self, layer: Any, condition: Tensor) -> None:
        super().__init__(name="given")
        self.layer = layer
        self._condition = condition

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer.forward_and_log_det(x, self._rows_for(x))

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer.inverse_and_log_det(y, self._rows_for(y))

    def initialize(self, value: Tensor, *, inverse: bool) -> Tensor:
        rows = self._rows_for(value)
        return initialize_layers([self.layer], value, inverse=inverse, condition=rows)

    def _rows_for(self, value: Tensor) -> Tensor:
        """Return the condition of each sample `[B, K]`."""
        if self._condition.shape.rank == 1:
            return tf.tile(self._condition[None], [tf.shape(value)[0], 1])
        if not self._condition.shape[:1].is_compatible_with(value.shape[:1]):
            raise ValueError(
                f"`condition` must have one row or {value.shape[0]} as `x` has; "
                f"got {self._condition.shape[0]}."
            )
        return self._condition


def _check_labels(labels: Tensor, num_labels: int) -> None:
    """Raise ValueError where labels are known, outside of graphs, and out of range."""
    if not tf.executing_eagerly():
        return
    known = np.ravel(labels)
    wrong = known[(known < 0) | (known >= num_labels)]
    if wrong.size:
        raise ValueError(
            f"`condition` must be labels from 0 to {num_labels - 1}; got {int(wrong[0])}."
        )
