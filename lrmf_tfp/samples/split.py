"""Rows that are set aside, and the units that two sample sets share (level 1).

NumPy only, for estimators that are trained on sample sets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp._core.typing import Array

__all__ = ["Holdout", "common_moments", "hold_out", "split_rows"]

Pair = tuple[Array, Array]

_STREAM = 1  # keeps the split apart from data that were drawn by `default_rng(seed)`


class Holdout(NamedTuple):
    """Sample sets, each split into rows to train on and rows to judge by."""

    train: tuple[Array, ...]
    held_out: tuple[Array, ...]


def hold_out(
    sets: tuple[Array, ...], fraction: float, *, seed: int, most: int | None = None
) -> Holdout:
    """Split sample sets at random, with at least one row in each part.

    Args:
        sets: Samples `[N, ...]`, `[M, ...]`, two rows each at least.
        fraction: Part of each set that is held out, in (0, 1).
        seed: Seed of the split.
        most: Largest number of rows of a set that are held out; any by default.
    """
    rng = np.random.default_rng([seed, _STREAM])
    train, held_out = [], []
    for samples in sets:
        share = fraction if most is None else min(fraction, most / len(samples))
        kept, judged = split_rows(len(samples), share, rng)
        train.append(samples[kept])
        held_out.append(samples[judged])
    return Holdout(tuple(train), tuple(held_out))


def common_moments(pair: Pair) -> Pair:
    """Return mean and standard deviation `[D]` of two sets, each of which counts one half.

    Computed in float64; a column that never varies gets the scale 1.
    """
    loc = 0.5 * sum(x.mean(axis=0, dtype=np.float64) for x in pair)
    scale = np.sqrt(0.5 * sum(np.mean((x - loc) ** 2, axis=0) for x in pair))
    return loc, np.where(scale > 0.0, scale, 1.0)


def split_rows(
    num_rows: int, fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to train on and those held out, one each at least, in random order."""
    num_held_out = min(max(round(fraction * num_rows), 1), num_rows - 1)
    order = rng.permutation(num_rows)
    return order[num_held_out:], order[:num_held_out]
