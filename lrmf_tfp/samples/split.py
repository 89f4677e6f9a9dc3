"""Rows that are set aside: the only split there is.

NumPy only. Everything that holds rows out, aligner, ratios, critics, embeddings and `DomainPair`,
does so here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.samples.sample import Sample

__all__ = ["Holdout", "hold_out", "split_rows"]

_STREAM = 1  # keeps the split apart from data that were drawn by `default_rng(seed)`


class Holdout(NamedTuple):
    """Samples, each split into rows to train on and rows to judge by."""

    train: tuple[Sample, ...]
    held_out: tuple[Sample, ...]


def hold_out(
    samples: tuple[Sample, ...],
    fraction: float,
    *,
    rng: np.random.Generator | None = None,
    seed: int = 0,
    most: int | None = None,
    fewest: int = 1,
) -> Holdout:
    """Split samples at random, row by row whatever their weights, after one another.

    Args:
        samples: Samples of two rows each at least.
        fraction: Part of each that is held out, in (0, 1).
        rng: What draws the rows; by default a stream of `seed` that no data come from.
        seed: Seed of the split.
        most: Largest number of rows of a sample that are held out; any by default.
        fewest: Smallest number of rows that are held out.
    """
    rng = np.random.default_rng([seed, _STREAM]) if rng is None else rng
    train, held_out = [], []
    for sample in samples:
        share = fraction if most is None else min(fraction, most / len(sample))
        kept, judged = split_rows(len(sample), share, rng, fewest=fewest)
        train.append(sample.take(kept))
        held_out.append(sample.take(judged))
    return Holdout(tuple(train), tuple(held_out))


def split_rows(
    num_rows: int, fraction: float, rng: np.random.Generator, *, fewest: int = 1
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to train on and those held out, one each at least, in random order."""
    num_held_out = min(max(round(fraction * num_rows), fewest), num_rows - 1)
    order = rng.permutation(num_rows)
    return order[num_held_out:], order[:num_held_out]
