"""`Batch`: the rows that an objective is called on.

A pytree of arrays or tensors, so that samplers, shards and compiled loops need no special case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lrmf_tfp._core.typing import Tensor

__all__ = ["Batch", "as_batch", "map_parts"]


class Batch(NamedTuple):
    """Rows of one domain, or a batch of them, `[N, D]` each or with more axes in front."""

    values: Tensor
    """`[N, D]`."""
    weights: Tensor | None = None
    """`[N]`, >= 0, of any scale; None where all rows weigh the same."""
    conditions: Tensor | None = None
    """`[N, C]`; None where there are none."""

    def bare(self) -> Tensor | Batch:
        """Return the values alone where there is nothing else: what most objectives take."""
        return self.values if self.weights is None and self.conditions is None else self


def as_batch(value: Tensor | Batch) -> Batch:
    """Return a batch of values `[N, D]`, of values and their conditions, or a batch as it is."""
    if isinstance(value, Batch):
        return value
    if isinstance(value, tuple):
        values, conditions = value
        return Batch(values, None, conditions)
    return Batch(value)


def map_parts(function: Callable[[Tensor], Tensor], batch: Batch) -> Batch:
    """Return the batch with a function applied to each of its parts."""
    return Batch(*(None if part is None else function(part) for part in batch))
