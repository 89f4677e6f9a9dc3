"""How every divergence is compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["compiled"]


class compiled:  # noqa: N801, a decorator
    """How every divergence is compiled: once for a signature, then once for any number of rows.

    Inside a graph the plain Python function is called. A compiled one would have shapes of its
    own there, unknown ones once it has met several; where its gradient needs one of them as a
    constant, XLA takes the samples for constants too, and compiles anew for each value of them.

    Attributes:
        traced: The `tf.function`, which is called outside a graph.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.traced = tf.function(function, autograph=False, reduce_retracing=True)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = self.traced if tf.executing_eagerly() else self.traced.python_function
        return call(*args, **kwargs)
