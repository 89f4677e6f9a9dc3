"""What TensorFlow says where it cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

__all__ = ["os_errors"]


@contextmanager
def os_errors() -> Iterator[None]:
    """Raise `OSError`, its reason on one line, where TensorFlow fails to write in the block."""
    try:
        yield
    except tf.errors.OpError as error:  # the disk is full, or the folder read-only
        told = error.message.rpartition("}} ")[2].partition("[Op:")[0]  # without node and op
        reason = " ".join(told.split())
        raise OSError(None, reason) from error
