"""What is saved of a ratio or a critic: functions that need TensorFlow only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from lrmf_tfp._core.graph import as_graph
from lrmf_tfp._core.typing import Tensor

__all__ = ["PointwiseModule", "gradient_of"]

Function = Callable[[Tensor], Tensor]


class PointwiseModule(tf.Module):
    """Functions of any number of samples `[B, D]`, float32 or float64, in the dtype they came in.

    A subclass passes them by name to `_provide`; each is an attribute afterwards.
    """

    def __init__(self, num_dims: int, *, name: str) -> None:
        super().__init__(name=name)
        self._num_dims = num_dims

    def _provide(self, functions: Mapping[str, Function]) -> None:
        """Make functions callable and savable by their names; the first one is what is served."""
        self._names = tuple(functions)
        for name, function in functions.items():
            compiled = as_graph(_in_dtype_of_input(function))
            setattr(self, name, compiled)

    def serving_signatures(self) -> dict[str, Any]:
        """Return the functions for float32, and for float64 by `NAME_float64`; trace both."""
        signatures = {}
        for name in self._names:
            for dtype, suffix in ((tf.float32, ""), (tf.float64, "_float64")):
                spec = tf.TensorSpec([None, self._num_dims], dtype, "x")
                concrete = getattr(self, name).get_concrete_function(spec)
                signatures[f"{name}{suffix}"] = concrete
        return {"serving_default": signatures[self._names[0]], **signatures}


def gradient_of(function: Function) -> Function:
    """Return the gradient `[B, D]` of a function `[B, D] -> [B]` that looks at single rows."""

    def gradient(x: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(function(x))  # each value depends on its own row alone
        return tape.gradient(total, x)

    return gradient


def _in_dtype_of_input(function: Function) -> Function:
    def compute(x: Tensor) -> Tensor:
        return tf.cast(function(x), x.dtype)

    return compute
