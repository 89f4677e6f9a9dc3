"""Where the steps of a fit are computed: on one device, or spread over replicas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.samples.batch import Batch, map_parts

__all__ = ["Distribution", "OneDevice", "Replicas", "as_distribution"]


class Distribution(Protocol):
    """How a fit makes variables, computes gradients and assigns values."""

    num_replicas: int
    """Parts that each batch is split into; more than one rules XLA out."""

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which objectives and variables are built."""

    def mean(self, compute: Callable[..., Any], batches: Sequence[Batch]) -> Any:
        """Return the mean over replicas of `compute(*parts)`, each on its part of the batches."""

    def assign(self, variable: tf.Variable, value: Tensor) -> None:
        """Assign one value to a variable on every replica."""


class OneDevice:
    """Everything in one place: batches are used as they are."""

    num_replicas = 1

    def scope(self) -> AbstractContextManager[Any]:
        """Return a context that changes nothing."""
        return nullcontext()

    def mean(self, compute: Callable[..., Any], batches: Sequence[Batch]) -> Any:
        """Return `compute(*batches)`."""
        return compute(*batches)

    def assign(self, variable: tf.Variable, value: Tensor) -> None:
        """Assign a value."""
        variable.assign(value)


class Replicas:
    """The replicas of a `tf.distribute.Strategy`, each with an equal part of every batch.

    Attributes:
        strategy: The strategy.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy
        self.num_replicas = strategy.num_replicas_in_sync

    def scope(self) -> AbstractContextManager[Any]:
        """Return the strategy's scope."""
        return self.strategy.scope()

    def mean(self, compute: Callable[..., Any], batches: Sequence[Batch]) -> Any:
        """Return the mean over replicas of `compute` on their parts.

        Raises:
            ValueError: If the replicas do not divide a batch.
        """
        for batch in batches:
            self._check_divides(batch)

        def replica() -> Any:
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return compute(*(self._part(batch, number) for batch in batches))

        return self.strategy.reduce("MEAN", self.strategy.run(replica), axis=None)

    def assign(self, variable: tf.Variable, value: Tensor) -> None:
        """Assign one value on every replica."""
        self.strategy.extended.update(variable, lambda v, new: v.assign(new), args=(value,))

    def _part(self, batch: Batch, number: Tensor) -> Batch:
        def part_of(rows: Tensor) -> Tensor:
            parts = tf.reshape(rows, [self.num_replicas, -1, *rows.shape[1:]])
            return tf.gather(parts, number)

        return map_parts(part_of, batch)

    def _check_divides(self, batch: Batch) -> None:
        if batch.values.shape[0] % self.num_replicas:
            raise ValueError(
                f"`batch_size` must be divisible by the {self.num_replicas} replicas; "
                f"got batches of {batch.values.shape[0]} rows."
            )


def as_distribution(strategy: tf.distribute.Strategy | Distribution | None) -> Distribution:
    """Return a `tf.distribute.Strategy`, a `Distribution` or None as a `Distribution`."""
    if strategy is None:
        return OneDevice()
    if isinstance(strategy, tf.distribute.Strategy):
        return Replicas(strategy) if strategy.num_replicas_in_sync > 1 else OneDevice()
    return strategy
