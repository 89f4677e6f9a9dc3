"""What a network of one output says of each row."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor

__all__ = ["Network", "one_output"]

Network = Callable[[Tensor], Tensor]
"""A function, most often a `tf.Module`, `[B, D] -> [B]` or `[B, 1]`."""


def one_output(network: Network, x: Tensor) -> Tensor:
    """Return the outputs `[B]` of a network at samples `[B, D]`.

    Raises:
        ValueError: If the network answers in another shape than `[B]` or `[B, 1]`.
    """
    outputs = tf.convert_to_tensor(network(x))
    shape = outputs.shape
    if shape.rank == 2 and shape[1] == 1:
        return outputs[:, 0]
    if shape.rank != 1:
        found = None if shape.rank is None else shape.as_list()
        raise ValueError(f"`network` must return shape [B] or [B, 1]; got {found}.")
    return outputs
