"""Samples in their own units, where no square over- or underflows.

What is computed from `(x - centre) / unit` has to be multiplied by a power of the unit. Units are
powers of 2, so that neither step rounds anything.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.divergences._pair import WeightedPair

__all__ = ["centre_of", "check_size", "times_power"]

_NAMES = ("source", "target")
_MARGIN = 2.0**12  # between the largest or least float and a size: sums, and digits of the result


def centre_of(pair: WeightedPair) -> Tensor:
    """Return the row `[D]` that is nearest to the middle of the two means, as a constant.

    Distances are taken by products, whose rounding is that of the largest `|x|^2`. A far row of
    some weight moves the mean away from all others, but does not make itself the nearest.
    """
    x, y, a, b = map(tf.stop_gradient, pair)
    middle = tf.linalg.matvec(x, 0.5 * a, transpose_a=True)
    middle += tf.linalg.matvec(y, 0.5 * b, transpose_a=True)
    rows, gaps = [], []
    for points in (x, y):
        distances = tf.reduce_max(tf.abs(points - middle), axis=1)
        nearest = tf.argmin(distances)
        rows.append(tf.gather(points, nearest))
        gaps.append(tf.gather(distances, nearest))
    return tf.where(gaps[0] <= gaps[1], *rows)


def times_power(value: Tensor, unit: Tensor, power: int) -> Tensor:
    """Return `value * unit^power`, `power` of either sign, without the power itself.

    It may be no number of its type where the product is one.
    """
    unit = tf.cast(unit, value.dtype)
    for _ in range(abs(power)):
        value = value * unit if power > 0 else value / unit
    return value


def check_size(pair: WeightedPair, *, power: int, names: tuple[str, str] = _NAMES) -> None:
    """Raise ValueError where what is computed is known to be no number of the samples' dtype.

    Args:
        pair: The samples.
        power: Of the samples' unit in what is computed: 2, or 1 for less as well.
        names: What the caller calls the two sets.
    """
    if any(map(tf.is_symbolic_tensor, pair[:2])):
        return
    dtype = pair.source.dtype
    edges = [
        (rows.min(axis=0), rows.max(axis=0)) for rows in map(_rows_of_weight, pair[:2], pair[2:])
    ]
    lowest, highest = np.minimum(edges[0][0], edges[1][0]), np.maximum(edges[0][1], edges[1][1])
    largest = float(max(np.max(-lowest), np.max(highest)))
    limit = (float(dtype.max) / _MARGIN) ** (1.0 / power)
    what = f"{'squared ' if power == 2 else ''}distances to be {dtype.name} numbers"
    if largest > limit:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must be at most {limit:.0e} in size, for {what}; "
            f"got {largest:.0e}."
        )
    spread, least = float(np.max(highest - lowest)), (_MARGIN * _tiny(dtype)) ** 0.5
    if power == 2 and 0.0 < spread < least:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must spread over at least {least:.0e}, for {what}; "
            f"got {spread:.0e}."
        )


def _rows_of_weight(points: Tensor, weights: Tensor) -> Array:
    rows = points.numpy()
    counts = None if tf.is_symbolic_tensor(weights) else weights.numpy() > 0.0
    return rows if counts is None or np.all(counts) else rows[counts]


def _tiny(dtype: tf.DType) -> float:
    return float(np.finfo(dtype.as_numpy_dtype).tiny)
