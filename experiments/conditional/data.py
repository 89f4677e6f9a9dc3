"""The two domains, and distances of y in bins of c."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["FORMS", "Pair", "distances", "draw_pair", "edges_of", "floor_of"]

Array = NDArray[np.floating[Any]]

FORMS: Mapping[str, Callable[[Array], tuple[Array, Array]]] = {
    "linear": lambda c: (1.5 * c, 1.0 + 0.3 * c),
    "sine": lambda c: (2.0 * np.sin(3.0 * c), 1.0 + 0.5 * np.cos(2.0 * c)),
    "jump": lambda c: (np.where(c > 0.0, 2.0, -1.0), np.where(c > 0.5, 2.0, 0.7)),
}
"""Shift and scale that bring y of the source to the target, by c."""


class Pair(NamedTuple):
    """Rows y given c of both domains."""

    source: lt.Sample
    target: lt.Sample


def draw_pair(form: str, num_samples: int, *, seed: int) -> Pair:
    """Draw both domains; c lies in [-1, 1], mostly right in the source and left in the target."""
    rng = np.random.default_rng([seed, 7])
    c, d = (2.0 * rng.beta(*law, (num_samples, 1)) - 1.0 for law in ((1.5, 1.0), (1.0, 1.5)))
    shift, scale = FORMS[form](c)
    source, target = rng.normal(size=(2, num_samples, 1))
    return Pair(
        lt.Sample.of((source - shift) / scale, conditions=c), lt.Sample.of(target, conditions=d)
    )


def edges_of(target: lt.Sample, num_bins: int) -> Array:
    """Return the ends `[num_bins + 1]` of bins of c that hold equally many target rows.

    The outer ends are those of c, so that every row of the source lies in a bin.
    """
    edges = np.quantile(_c(target), np.linspace(0.0, 1.0, num_bins + 1))
    return np.concatenate([[-1.0], edges[1:-1], [1.0]])


def distances(y: Array, sample: lt.Sample, target: lt.Sample, edges: Array) -> Array:
    """Return the W1 distance of `y` `[N, 1]`, the moved rows of a sample, by bin of c."""
    ours, theirs = (np.digitize(_c(each), edges[1:-1]) for each in (sample, target))
    return np.array(
        [
            lt.divergences.wasserstein_1d(y[ours == one, 0], target.rows[theirs == one, 0])
            for one in range(len(edges) - 1)
        ]
    )


def floor_of(target: lt.Sample, edges: Array, *, num_halvings: int, seed: int) -> Array:
    """Return the mean W1 distance, by bin of c, of two random halves of the target."""
    rng = np.random.default_rng([seed, 8])
    found = []
    for _ in range(num_halvings):
        first, second = np.array_split(rng.permutation(len(target.rows)), 2)
        half, other = target.take(first), target.take(second)
        found.append(distances(half.rows, half, other, edges))
    return np.mean(found, axis=0)


def _c(sample: lt.Sample) -> Array:
    return np.asarray(sample.conditions)[:, 0]
