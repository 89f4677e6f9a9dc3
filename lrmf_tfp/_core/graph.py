"""Compiled methods of objects."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["as_graph"]


def as_graph(method: Callable[..., Any], **options: Any) -> Any:
    """Return a `tf.function` of a method, without AutoGraph; options are those of `tf.function`.

    TensorFlow counts traces by the method's code, whoever's method it is, and warns of retracing
    once a few objects have traced theirs once each. A partial function has no code of its own.
    """
    return tf.function(functools.partial(method), autograph=False, **options)
