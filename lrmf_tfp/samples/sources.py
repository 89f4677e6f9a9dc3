"""Where batches come from: the protocol `Source`, and arrays and memory maps.

A source draws `[K, B, ...]`, K batches of B rows, for K steps in one compiled call. Shapes stay
the same from call to call, so that the compiled loop is traced once.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from lrmf_tfp._core.typing import Array, IntArray
from lrmf_tfp.samples.batch import Batch, map_parts
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.standardize import Standardizer

__all__ = ["ArraySource", "Shard", "Source", "WHOLE", "thinned"]

_STREAM = (0, 1)  # of rows that are set aside; batches come from `[seed, step]`


class Shard(NamedTuple):
    """Which part of each batch one of several workers trains on."""

    number: int = 0
    total: int = 1

    def of(self, chosen: IntArray) -> IntArray:
        """Return the shard's columns of row numbers `[K, B]`."""
        width = chosen.shape[1] // self.total
        return chosen[:, self.number * width : (self.number + 1) * width]


WHOLE = Shard()
"""All of each batch."""


class Source(Protocol):
    """The rows of all domains, as a fit asks for them."""

    @property
    def has_conditions(self) -> bool:
        """Whether some domain has conditions."""

    def moments(self) -> tuple[Standardizer, ...]:
        """Return the moments of each domain."""

    def held_out(self, most: int) -> tuple[Batch, ...]:
        """Set rows of each domain aside, `most` at most, and return them; none is drawn later."""

    def training(self) -> tuple[Batch, ...]:
        """Return the rows of each domain that are drawn from, for starts in closed form."""

    def only(self, domains: tuple[int, ...]) -> Source:
        """Return the source of some of the domains, by their numbers."""

    def without_weights(self) -> Source:
        """Return the source whose batches carry no weights, only rows that were drawn by them."""

    def batches(self, step: int, num_steps: int, shard: Shard = WHOLE) -> tuple[Batch, ...]:
        """Return `num_steps` batches `[K, B, ...]` of each domain, from optimiser step `step` on.

        The same step and seed give the same rows, so that a resumed fit sees what the
        uninterrupted one would have seen.
        """


class ArraySource:
    """Rows of arrays or memory maps, drawn with replacement, by weight where they have weights.

    A domain with no more rows than a batch is used whole, `[1, N, ...]`, its weights with it.
    Nothing is copied but what is drawn.
    """

    def __init__(
        self, domains: tuple[Batch, ...], *, batch_size: int, seed: int, whole: bool = True
    ) -> None:
        self._domains = domains
        self._batch_size = batch_size
        self._seed = seed
        self._whole = whole
        self._prepare()

    def _prepare(self) -> None:
        self._ladders = tuple(_ladder(domain.weights) for domain in self._domains)

    @property
    def has_conditions(self) -> bool:
        """Whether some domain has conditions."""
        return any(domain.conditions is not None for domain in self._domains)

    def moments(self) -> tuple[Standardizer, ...]:
        """Return the moments of each domain."""
        return tuple(Standardizer.of(_as_sample(domain)) for domain in self._domains)

    def held_out(self, most: int) -> tuple[Batch, ...]:
        """Set a fifth of each domain aside, `most` rows at most."""
        rng = np.random.default_rng([self._seed, *_STREAM])
        kept, aside = [], []
        for domain in self._domains:
            num_rows = len(domain.values)
            order = rng.permutation(num_rows)
            count = min(max(1, num_rows // 5), most, num_rows - 1)
            aside.append(_take(domain, np.sort(order[:count])))
            kept.append(_take(domain, np.sort(order[count:])))
        self._domains = tuple(kept)
        self._prepare()
        return tuple(aside)

    def training(self) -> tuple[Batch, ...]:
        """Return the rows of each domain that are drawn from."""
        return self._domains

    def only(self, domains: tuple[int, ...]) -> ArraySource:
        """Return the source of some of the domains, by their numbers."""
        chosen = tuple(self._domains[domain] for domain in domains)
        return ArraySource(chosen, batch_size=self._batch_size, seed=self._seed, whole=self._whole)

    def without_weights(self) -> ArraySource:
        """Return the source whose batches carry no weights; see `Source`."""
        return ArraySource(
            self._domains, batch_size=self._batch_size, seed=self._seed, whole=False
        )

    def batches(self, step: int, num_steps: int, shard: Shard = WHOLE) -> tuple[Batch, ...]:
        """Return `num_steps` batches of each domain; see `Source`."""
        rng = np.random.default_rng([self._seed, step])
        return tuple(
            self._draw(domain, ladder, rng, num_steps, shard)
            for domain, ladder in zip(self._domains, self._ladders, strict=True)
        )

    def _draw(
        self,
        domain: Batch,
        ladder: Array | None,
        rng: np.random.Generator,
        num_steps: int,
        shard: Shard,
    ) -> Batch:
        num_rows = len(domain.values)
        whole = ladder is None or (self._whole and shard.total == 1)
        if num_rows <= self._batch_size and whole:
            return map_parts(lambda part: part[None], domain)
        shape = (num_steps, self._batch_size)
        if ladder is None:
            drawn = rng.integers(0, num_rows, size=shape)
        else:
            drawn = np.searchsorted(ladder, rng.random(shape), side="right").astype(np.int64)
        chosen = shard.of(drawn)
        return map_parts(lambda part: part[chosen], domain._replace(weights=None))


def _ladder(weights: Array | None) -> Array | None:
    """Return the running share of the weights, by which a uniform number chooses a row."""
    if weights is None:
        return None
    steps = np.cumsum(weights / np.max(weights))
    return steps[:-1] / steps[-1]


def _take(domain: Batch, rows: IntArray) -> Batch:
    return map_parts(lambda part: part[rows], domain)


def _as_sample(domain: Batch) -> Sample:
    return Sample(domain.values, domain.weights, domain.conditions)


def thinned(
    domain: Batch, most: int | None, rng: np.random.Generator, *, keep: bool = True
) -> Batch:
    """Return some rows of a domain, all if they are few.

    Args:
        domain: The rows.
        most: Largest number of rows; any by default.
        rng: What draws them.
        keep: Draw uniformly and keep the weights; otherwise draw by weight and drop them.
    """
    num_rows = len(domain.values)
    count = num_rows if most is None else min(most, num_rows)
    ladder = None if keep else _ladder(domain.weights)
    if ladder is not None:
        drawn = np.searchsorted(ladder, rng.random(count), side="right")
        return _take(domain, drawn)._replace(weights=None)
    return domain if count == num_rows else _take(domain, rng.permutation(num_rows)[:count])
