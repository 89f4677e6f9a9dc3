"""Optimal transport along lines: sorted samples, paired over merged weights.

A mass `q` of the source below one quantile goes to the same mass of the target. Both quantile
functions are steps; between two neighbours of all cumulative weights, source's and target's
together, both stand still, and one source sample faces one target sample.
"""

from __future__ import annotations

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences._pair import WeightedPair

__all__ = ["line_distances", "mean_line_distance"]


def line_distances(directions: Tensor, pair: WeightedPair, *, power: float, equal: bool) -> Tensor:
    """Return `W_p` `[P]` of the samples projected on each direction.

    Args:
        directions: `[P, D]`, of any length.
        pair: Weighted samples.
        power: p >= 1.
        equal: Whether all weights of a side are equal; then all directions share their pairing.
    """
    scale, powers = _scaled_powers(directions, pair, power=power, equal=equal)
    return scale * _root(powers, power)


def mean_line_distance(
    directions: Tensor, pair: WeightedPair, *, power: float, equal: bool
) -> Tensor:
    """Return `mean(W_p^p)^(1/p)` over the directions; arguments as `line_distances`."""
    scale, powers = _scaled_powers(directions, pair, power=power, equal=equal)
    return scale * _root(tf.reduce_mean(powers), power)


def _scaled_powers(
    directions: Tensor, pair: WeightedPair, *, power: float, equal: bool
) -> tuple[Tensor, Tensor]:
    """Return a scale and `(W_p / scale)^p` `[P]` along each direction `[P, D]`.

    The scale is the largest gap, so that no power over- or underflows. It is a constant: it
    cancels in `scale * powers^(1/p)`, and in that product's gradient.
    """
    x, source_levels = _quantiles(directions, pair.source, pair.source_weights, equal=equal)
    y, target_levels = _quantiles(directions, pair.target, pair.target_weights, equal=equal)
    i, j, masses = _merge(source_levels, target_levels)
    masses = tf.cast(masses, x.dtype)
    gaps = tf.abs(_take(x, i) - _take(y, j))  # [P, N + M]
    gaps = tf.where(masses > 0.0, gaps, 0.0)
    largest = tf.stop_gradient(tf.reduce_max(gaps))
    ratios = gaps / tf.where(largest > 0.0, largest, 1.0)
    return largest, tf.reduce_sum(masses * _raise(ratios, power), axis=1)


def _quantiles(
    directions: Tensor, points: Tensor, weights: Tensor, *, equal: bool
) -> tuple[Tensor, Tensor]:
    """Return the sorted projections `[P, N]` and their cumulative weights `[P or 1, N]`."""
    projections = tf.matmul(directions, points, transpose_b=True)
    order = tf.argsort(tf.stop_gradient(projections), axis=1, stable=True)
    # Levels of two sets that should coincide must do so closely: float32 sums would not.
    weights = tf.cast(weights, tf.float64)
    weights /= tf.reduce_sum(weights)
    ordered = weights[tf.newaxis] if equal else tf.gather(weights, order)
    return tf.gather(projections, order, batch_dims=1), tf.cumsum(ordered, axis=1)


def _merge(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return, for each interval of the merged levels, an index into both and its length.

    Before the k-th merged level lie `i` of the first levels and `k - i` of the second, so those
    are the samples at which the two quantile functions stand on the interval that it ends.
    """
    num_first, num_second = tf.shape(first)[1], tf.shape(second)[1]
    levels = tf.concat([first, second], axis=1)  # [P or 1, N + M]
    order = tf.argsort(levels, axis=1, stable=True)
    levels = tf.gather(levels, order, batch_dims=1)
    lengths = tf.concat([levels[:, :1], levels[:, 1:] - levels[:, :-1]], axis=1)
    i = tf.cumsum(tf.cast(order < num_first, tf.int32), axis=1, exclusive=True)
    j = tf.range(num_first + num_second) - i
    # One side may reach its last level, 1, a rounding step before the other.
    return tf.minimum(i, num_first - 1), tf.minimum(j, num_second - 1), lengths


def _take(values: Tensor, indices: Tensor) -> Tensor:
    """Return entries of each row of `values` `[P, N]`; indices `[P, K]`, or `[1, K]` for all."""
    if indices.shape[0] == 1:
        return tf.gather(values, indices[0], axis=1)
    return tf.gather(values, indices, batch_dims=1)


def _raise(values: Tensor, power: float) -> Tensor:
    return values if power == 1.0 else tf.pow(values, power)


def _root(values: Tensor, power: float) -> Tensor:
    """Return `values^(1/p)`, with gradient 0 at 0 where that of the root is infinite."""
    positive = values > 0.0
    return tf.where(positive, tf.pow(tf.where(positive, values, 1.0), 1.0 / power), 0.0)
