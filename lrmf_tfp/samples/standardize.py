"""Moments by which samples are brought to zero mean and unit scale: the only place.

NumPy only, in float64 and block by block, so that a memory map is read and not copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp._core.typing import Array
from lrmf_tfp.samples.sample import Sample

__all__ = [
    "FAR",
    "Standardizer",
    "common_moments",
    "weighted_covariance",
    "weighted_moments",
    "weighted_quantiles",
]

FAR = 20.0
"""Entries so many spreads away from their column's median enter no moment."""

_ROWS_AT_ONCE = 65536
# Ranges that tell a column's spread, and how many standard deviations of a normal law they are.
# The wider one is for columns that are mostly one value, such as counts with many zeros.
_RANGES = ((0.05, 0.95, 3.2897), (0.001, 0.999, 6.1805))


class Standardizer(NamedTuple):
    """Location and scale of each axis, float64; `z = (x - loc) / scale`.

    All pixels of a channel share theirs: a corner that is always black has no scale of its own,
    and a common factor keeps what an image looks like.
    """

    loc: Array
    """`[D]`."""
    scale: Array
    """`[D]`, positive."""

    @staticmethod
    def of(sample: Sample) -> Standardizer:
        """Return the weighted mean and standard deviation of each column, or channel of images.

        Robust: entries more than `FAR` spreads from the median, a spread being what the range
        from the 5th to the 95th percentile is in standard deviations of a normal law, are left
        out, so that one wrong cell does not squeeze all others together. Where there are none,
        which is the rule, these are the plain moments.
        """
        rows, weights, shape = sample.rows, sample.training_weights, sample.event_shape
        if len(shape) != 3:
            return Standardizer(*weighted_moments(rows, weights, within=_bounds(rows, weights)))
        height, width, num_channels = shape
        pixels = rows.reshape(-1, num_channels)
        repeated = None if weights is None else np.repeat(weights, height * width)
        moments = weighted_moments(pixels, repeated)
        return Standardizer(*(np.tile(moment, height * width) for moment in moments))

    def apply(self, rows: Array, dtype: Any) -> Array:
        """Return standardised rows `[N, D]` in the dtype of the model."""
        result = np.empty(rows.shape, dtype)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = np.asarray(rows[start : start + _ROWS_AT_ONCE], np.float64)
            result[start : start + _ROWS_AT_ONCE] = (block - self.loc) / self.scale
        return result


def weighted_moments(
    rows: Array, weights: Array | None = None, *, within: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    """Return mean and standard deviation `[D]` of rows `[N, D]`, float64, by two passes.

    Args:
        rows: Samples of any size that a float holds.
        weights: `[N]`, >= 0; all alike by default.
        within: Lowest and highest entry `[D]` of each column that counts; all by default.
    """
    unit = np.zeros(rows.shape[1])
    for block, _ in _blocks(rows, None):
        unit = np.maximum(unit, np.abs(block).max(axis=0))
    unit += np.finfo(np.float64).tiny  # squares of entries / unit neither over- nor underflow
    bounds = None if within is None else tuple(bound / unit for bound in within)
    mass, total = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for block, share in _blocks(rows, weights):
        counted = _counted(block / unit, share, bounds)
        mass += counted[0]
        total += counted[1]
    loc, squares = total / mass, np.zeros(rows.shape[1])
    for block, share in _blocks(rows, weights):
        squares += _counted(block / unit, share, bounds, centre=loc)[1]
    return unit * loc, unit * np.sqrt(squares / mass)


def weighted_covariance(rows: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Return mean `[D]` and maximum-likelihood covariance `[D, D]` of rows `[N, D]`, float64."""
    loc, _ = weighted_moments(rows, weights)
    total, mass = np.zeros((rows.shape[1], rows.shape[1])), 0.0
    for block, share in _blocks(rows, weights):
        centred = block - loc
        total += centred.T @ (centred if share is None else share * centred)
        mass += len(block) if share is None else float(share.sum())
    return loc, total / mass


def weighted_quantiles(values: Array, probabilities: Array, weights: Array | None = None) -> Array:
    """Return quantiles of values `[N]`: the least one at which the weights reach the share."""
    order = np.argsort(values)
    if weights is None:
        reached = np.arange(1, len(values) + 1) / len(values)
    else:
        reached = np.cumsum(weights[order] / weights.max())
        reached = reached / reached[-1]
    places = np.searchsorted(reached, probabilities, side="left")
    return values[order[np.minimum(places, len(values) - 1)]]


def common_moments(samples: tuple[Sample, ...]) -> tuple[Array, Array]:
    """Return mean and standard deviation `[D]` of several sets, each of which counts the same.

    A column that never varies gets the scale 1.
    """
    each = [weighted_moments(sample.rows, sample.training_weights) for sample in samples]
    loc = np.mean([mean for mean, _ in each], axis=0)
    square = np.mean([scale**2 + (mean - loc) ** 2 for mean, scale in each], axis=0)
    scale = np.sqrt(square)
    return loc, np.where(scale > 0.0, scale, 1.0)


def _bounds(rows: Array, weights: Array | None) -> tuple[Array, Array] | None:
    """Return what lies `FAR` spreads below and above the medians; None where no entry does."""
    low, high = np.empty(rows.shape[1]), np.empty(rows.shape[1])
    for index in range(rows.shape[1]):
        column = np.asarray(rows[:, index], np.float64)
        low[index], high[index] = _column_bounds(column, weights)
    for block, _ in _blocks(rows, None):
        if np.any(block < low) or np.any(block > high):
            return low, high
    return None


def _column_bounds(column: Array, weights: Array | None) -> tuple[float, float]:
    for first, last, deviations in _RANGES:
        shares = np.array([first, 0.5, last])
        start, median, end = weighted_quantiles(column, shares, weights)
        spread = (end / deviations) - (start / deviations)
        if spread > 0.0:
            return median - FAR * spread, median + FAR * spread
    return -np.inf, np.inf


def _blocks(rows: Array, weights: Array | None) -> Iterator[tuple[Array, Array | None]]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        stop = start + _ROWS_AT_ONCE
        share = None if weights is None else weights[start:stop, None]
        yield np.asarray(rows[start:stop], np.float64), share


def _counted(
    block: Array,
    share: Array | None,
    bounds: tuple[Array, ...] | None,
    *,
    centre: Array | None = None,
) -> tuple[Array | float, Array]:
    """Return the mass of the entries that count, and their weighted sum or sum of squares."""
    terms = block if centre is None else np.square(block - centre)
    if share is None and bounds is None:
        return float(len(block)), terms.sum(axis=0)
    counts: NDArray[Any] = (
        np.ones_like(block) if share is None else np.repeat(share, block.shape[1], axis=1)
    )
    if bounds is not None:
        counts = np.where((block >= bounds[0]) & (block <= bounds[1]), counts, 0.0)
    return counts.sum(axis=0), (counts * terms).sum(axis=0)
