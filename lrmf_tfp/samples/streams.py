"""Batches of a `tf.data.Dataset`, and the door through which all data reach a fit.

This module needs no TensorFlow; a dataset brings its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import check_finite
from lrmf_tfp.samples.batch import Batch, as_batch, map_parts
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.sources import WHOLE, ArraySource, Shard, Source
from lrmf_tfp.samples.standardize import Standardizer

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["Data", "DatasetSource", "as_source"]


Data: TypeAlias = "Source | tf.data.Dataset | tuple[Samples | Sample | Batch, ...]"
"""What training takes: a source, a dataset of batches, or one entry for each domain."""


class DatasetSource:
    """Batches of a `tf.data.Dataset` whose elements hold one batch `[B, ...]` for each domain.

    The dataset is started again when it ends. All batches must have the same shape
    (`drop_remainder=True`). A resumed fit starts the stream anew. Rows that are held out are
    whole batches, every fifth of the first ones; they must come in the same order each time.
    """

    def __init__(
        self,
        dataset: tf.data.Dataset,
        *,
        domains: tuple[int, ...] | None = None,
        num_aside: int = 0,
    ) -> None:
        self._dataset = dataset
        self._domains = domains
        self._aside = num_aside
        self._stream = self._forever()

    @property
    def has_conditions(self) -> bool:
        """Whether some domain has conditions."""
        return any(batch.conditions is not None for batch in next(self._once(), ()))

    def moments(self) -> tuple[Standardizer, ...]:
        """Return the moments of each domain over one pass of the dataset."""
        merged: list[tuple[float, Array, Array]] = []
        for batches in self._once():
            news = [_summary(batch) for batch in batches]
            merged = [_merged(*two) for two in zip(merged, news, strict=True)] if merged else news
        return tuple(Standardizer(mean, np.sqrt(square / mass)) for mass, mean, square in merged)

    def held_out(self, most: int) -> tuple[Batch, ...]:
        """Set every fifth batch aside, `most` rows at most, one batch at least."""
        held: list[tuple[Batch, ...]] = []
        for number, batches in enumerate(self._once()):
            rows = len(batches[0].values)
            if number % 5 == 4 or not held:
                if held and (len(held) + 1) * rows > most:
                    break
                held.append(batches)
        self._aside = len(held)
        self._stream = self._forever()
        return _joined(held)

    def training(self) -> tuple[Batch, ...]:
        """Return the rows of one pass over the dataset, in memory."""
        return _joined(list(self._training_once()))

    def only(self, domains: tuple[int, ...]) -> DatasetSource:
        """Return the source of some of the domains, by their numbers."""
        return DatasetSource(self._dataset, domains=domains, num_aside=self._aside)

    def without_weights(self) -> DatasetSource:
        """Return the source as it is: a stream comes drawn, or with the weights it has."""
        return self

    def batches(self, step: int, num_steps: int, shard: Shard = WHOLE) -> tuple[Batch, ...]:
        """Return the next `num_steps` batches, stacked."""
        del step
        drawn = [next(self._stream) for _ in range(num_steps)]
        shapes = {tuple(np.shape(p) for b in batch for p in b if p is not None) for batch in drawn}
        if len(shapes) > 1:
            raise ValueError(
                "`data` must give batches of one shape (batch with drop_remainder=True); "
                f"got {sorted(shapes)}."
            )
        return tuple(_stacked(domain, shard) for domain in zip(*drawn, strict=True))

    def _once(self) -> Iterator[tuple[Batch, ...]]:
        for element in self._dataset.as_numpy_iterator():
            parts = element if isinstance(element, tuple) else (element,)
            if self._domains is not None:
                parts = tuple(parts[domain] for domain in self._domains)
            yield tuple(as_batch(part) for part in parts)

    def _training_once(self) -> Iterator[tuple[Batch, ...]]:
        """Yield what is not held out: see `held_out` for which batches are."""
        for number, batches in enumerate(self._once()):
            place = 0 if number == 0 else (number + 1) // 5 if number % 5 == 4 else None
            if place is None or place >= self._aside:
                yield batches

    def _forever(self) -> Iterator[tuple[Batch, ...]]:
        while True:
            empty = True
            for batches in self._training_once():
                empty = False
                yield batches
            if empty:
                raise ValueError("`data` must hold at least one batch; got an empty dataset.")


def as_source(data: Data, *, batch_size: int, seed: int) -> Source:
    """Return the source of a tuple of domains or of a `tf.data.Dataset` of batches.

    Args:
        data: A `Source`; a tuple of one `Sample`, array `[N, ...]`, `Batch`, or pair of samples
            and conditions for each domain; or a dataset.
        batch_size: Rows of a batch.
        seed: Seed of the draws.

    Raises:
        TypeError: If `data` is none of these.
        ValueError: If a domain is empty or not finite.
    """
    if hasattr(data, "batches") and hasattr(data, "held_out"):  # asks none of its properties
        return cast("Source", data)
    if hasattr(data, "element_spec"):
        return DatasetSource(data)
    if not isinstance(data, tuple) or isinstance(data, Batch):
        raise TypeError(
            "`data` must be a tuple of one array for each domain, or a tf.data.Dataset; "
            f"got {type(data).__name__}."
        )
    domains = tuple(_as_domain(domain, f"data[{index}]") for index, domain in enumerate(data))
    return ArraySource(domains, batch_size=batch_size, seed=seed)


def _as_domain(domain: Samples, name: str) -> Batch:
    if isinstance(domain, Sample):
        return domain.without_empty_rows().batch()
    batch = as_batch(domain)
    batch = map_parts(np.asarray, batch)
    values, _, conditions = batch
    if values.ndim < 2 or len(values) == 0:
        raise ValueError(f"`{name}` must have shape [N, ...]; got {list(values.shape)}.")
    if conditions is not None and (conditions.ndim < 1 or len(conditions) != len(values)):
        raise ValueError(
            f"`{name}` must be samples and as many conditions; "
            f"got shapes {[list(values.shape), list(conditions.shape)]}."
        )
    if values.dtype.kind == "f":
        check_finite(values.reshape(len(values), -1), name)
    return batch


def _joined(batches: list[tuple[Batch, ...]]) -> tuple[Batch, ...]:
    return tuple(
        Batch(
            *(
                None if parts[0] is None else np.concatenate(parts)
                for parts in zip(*domain, strict=True)
            )
        )
        for domain in zip(*batches, strict=True)
    )


def _stacked(domain: tuple[Batch, ...], shard: Shard) -> Batch:
    rows = shard.of(np.arange(len(domain[0].values))[None])[0]
    return Batch(
        *(
            None if parts[0] is None else np.stack([part[rows] for part in parts])
            for parts in zip(*domain, strict=True)
        )
    )


def _summary(batch: Batch) -> tuple[float, Array, Array]:
    """Return the mass, the mean and the sum of squared deviations of a batch."""
    rows = np.asarray(batch.values, np.float64).reshape(len(batch.values), -1)
    weights = np.ones(len(rows)) if batch.weights is None else np.asarray(batch.weights)
    mass = float(weights.sum())
    mean = weights @ rows / mass
    return mass, mean, weights @ np.square(rows - mean)


def _merged(
    first: tuple[float, Array, Array], second: tuple[float, Array, Array]
) -> tuple[float, Array, Array]:
    """Return the summary of both, by Chan's rule."""
    (n, mean, square), (m, other, more) = first, second
    delta, total = other - mean, n + m
    return total, mean + delta * (m / total), square + more + delta**2 * (n * m / total)
