"""Settings of divergences as checked tensors."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive, check_seed

__all__ = ["as_scale", "as_seed", "shape_of"]


def as_scale(value: Tensor | float, name: str, *, dtype: tf.DType) -> Tensor:
    """Return a bandwidth, a regularisation or the like as a scalar tensor above 0.

    Raises:
        TypeError: If it is not a number.
        ValueError: If it is known and not finite and above 0.
    """
    if isinstance(value, (tf.Tensor, tf.Variable)):
        scale = tf.convert_to_tensor(value)
        if scale.shape.rank != 0:
            raise ValueError(f"`{name}` must be a scalar; got shape {shape_of(scale)}.")
        if not tf.is_symbolic_tensor(scale):
            check_positive(float(scale), name)
        return tf.stop_gradient(tf.cast(scale, dtype))
    return tf.constant(check_positive(value, name), dtype)


def as_seed(value: Tensor | int) -> Tensor:
    """Return a stateless seed `[2]` of a whole number >= 0, of any size, or a seed tensor.

    Raises:
        TypeError: If it is neither.
        ValueError: If the number is below 0 or the tensor has another shape.
    """
    if isinstance(value, (tf.Tensor, tf.Variable)):
        seed = tf.convert_to_tensor(value)
        if not seed.shape.is_compatible_with([2]) or not seed.dtype.is_integer:
            raise ValueError(
                f"`seed` must be whole numbers [2]; got {seed.dtype.name} {shape_of(seed)}."
            )
        return seed
    return tf.constant([0, check_seed(value, "seed")])


def shape_of(tensor: Tensor) -> list[Any]:
    """Return a shape as a list for messages, with "?" for what is not known."""
    if tensor.shape.rank is None:
        return ["..."]
    return [size if size is not None else "?" for size in tensor.shape.as_list()]
