"""What the functions of `mmd` compute once their arguments are checked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal, seeded_uniform
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.divergences._pair import WeightedPair
from lrmf_tfp.divergences._units import centre_of
from lrmf_tfp.divergences.kernel._sums import KernelSums, kernel_sums
from lrmf_tfp.kernels import EnergyKernel, RadialKernel

__all__ = ["callable_mmd", "feature_mmd", "linear_time_mmd", "precise", "radial_mmd", "witness"]

_MAX_SQUARED_RADIUS = 1e3  # in kernel scales; beyond, float32 rounding bends the kernel by 1e-4


@compiled
def radial_mmd(
    pair: WeightedPair, kernel: RadialKernel, *, unbiased: bool
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return the squared MMD and its gradients, from one pass over the kernel."""
    a, b = pair.source_weights, pair.target_weights
    (x, y), unit, height = _in_units(kernel, pair)
    xx = kernel_sums(x, x, kernel, y_weights=a, x_weights=None)
    yy = kernel_sums(y, y, kernel, y_weights=b, x_weights=None)
    xy = kernel_sums(x, y, kernel, y_weights=b, x_weights=a)
    diagonal = kernel.at_zero(tf.float64)
    within_x, scale_x = _within(a, xx, diagonal, unbiased=unbiased)
    within_y, scale_y = _within(b, yy, diagonal, unbiased=unbiased)
    value = within_x + within_y - 2.0 * _dot(a, xy.values)
    to_x = a[:, None] * (xy.pulls - scale_x * xx.pulls)
    to_y = b[:, None] * (xy.back_pulls - scale_y * yy.pulls)
    slope = 4.0 * height / unit
    return height * tf.cast(value, a.dtype), (slope * to_x, slope * to_y)


@compiled
def callable_mmd(
    pair: WeightedPair, kernel: Callable[[Tensor, Tensor], Tensor], *, unbiased: bool
) -> Tensor:
    """Return the squared MMD of a kernel function, whose matrices are held whole."""
    x, y, a, b = pair
    within_x = _whole_within(_matrix(kernel, x, x), a, unbiased=unbiased)
    within_y = _whole_within(_matrix(kernel, y, y), b, unbiased=unbiased)
    between = tf.reduce_sum(a * tf.linalg.matvec(_matrix(kernel, x, y), b))
    return within_x + within_y - 2.0 * between


@compiled
def linear_time_mmd(pair: WeightedPair, kernel: RadialKernel, seed: Tensor) -> Tensor:
    """Return the mean of the four-point statistic over disjoint pairs of rows."""
    (x, y), _, height = _in_units(kernel, pair)
    x, a = _shuffled(x, pair.source_weights, seed)
    y, b = _shuffled(y, pair.target_weights, seed + tf.constant([1, 0], seed.dtype))
    half = tf.minimum(tf.shape(x)[0], tf.shape(y)[0]) // 2
    first, second = slice(0, 2 * half, 2), slice(1, 2 * half, 2)

    def mean_of(p: Tensor, q: Tensor, v: Tensor, w: Tensor) -> Tensor:
        u = tf.reduce_sum(tf.math.squared_difference(p, q), axis=1)
        values = kernel.value_and_decay(u)[0]
        return tf.math.divide_no_nan(tf.reduce_sum(v * w * values), tf.reduce_sum(v * w))

    within_x = mean_of(x[first], x[second], a[first], a[second])
    within_y = mean_of(y[first], y[second], b[first], b[second])
    there = mean_of(x[first], y[second], a[first], b[second])
    back = mean_of(x[second], y[first], a[second], b[first])
    return height * (within_x + within_y - there - back)


@compiled
def feature_mmd(pair: WeightedPair, frequencies: Tensor) -> Tensor:
    """Return the squared distance of the mean features, R frequencies `[R, D]`."""
    centre = centre_of(pair)

    def mean_features(points: Tensor, weights: Tensor) -> Tensor:
        phase = tf.matmul(points - centre, frequencies, transpose_b=True)
        both = tf.concat([tf.cos(phase), tf.sin(phase)], axis=1)
        return tf.linalg.matvec(both, weights, transpose_a=True)

    gap = mean_features(pair.source, pair.source_weights)
    gap -= mean_features(pair.target, pair.target_weights)
    return tf.reduce_sum(tf.square(gap)) / tf.cast(tf.shape(frequencies)[0], gap.dtype)


@compiled
def witness(points: Tensor, pair: WeightedPair, kernel: RadialKernel) -> Tensor:
    """Return the difference of the two mean embeddings at points `[G, D]`."""
    (x, y, z), _, height = _in_units(kernel, pair, points)
    a, b = pair.source_weights, pair.target_weights
    towards_source = kernel_sums(z, x, kernel, y_weights=a, x_weights=None)
    towards_target = kernel_sums(z, y, kernel, y_weights=b, x_weights=None)
    return height * (towards_source.values - towards_target.values)


def precise(pair: WeightedPair, kernel: RadialKernel) -> WeightedPair:
    """Return the pair in float64 where float32 distances would be coarse for the kernel."""
    known = tf.executing_eagerly()
    if pair.source.dtype != tf.float32 or not known or isinstance(kernel, EnergyKernel):
        return pair
    rows = np.concatenate([pair.source.numpy(), pair.target.numpy()])
    length = float(kernel.length(tf.float64))
    if rows.shape[1] * (float(np.ptp(rows)) / length) ** 2 <= _MAX_SQUARED_RADIUS:
        return pair  # by a bound that costs nothing
    rows = (rows - rows.mean(axis=0)).astype(np.float64) / length
    if np.max(np.sum(np.square(rows), axis=1)) <= _MAX_SQUARED_RADIUS:
        return pair
    return WeightedPair(*(tf.cast(part, tf.float64) for part in pair))


def _in_units(
    kernel: RadialKernel, pair: WeightedPair, *others: Tensor
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return all points around the origin in the kernel's unit, the unit, and its height."""
    centre = centre_of(pair)
    moved = [points - centre for points in (*pair[:2], *others)]
    unit, height = map(tf.stop_gradient, kernel.unit_and_height(*moved))
    return [points / unit for points in moved], unit, height


def _shuffled(points: Tensor, weights: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows in an order that the seed draws, whatever order they came in."""
    exact = tf.stop_gradient(tf.cast(points, tf.float64))
    axis = seeded_normal(tf.shape(exact)[1:], seed, dtype=tf.float64)
    ordered = tf.argsort(tf.linalg.matvec(exact, axis))
    draw = seeded_uniform([tf.shape(points)[0]], seed, dtype=tf.float64)
    order = tf.gather(ordered, tf.argsort(draw))
    # The gradient of a gather alone is an IndexedSlices, which callers cannot compute with.
    points = tf.reshape(points, tf.shape(points))
    return tf.gather(points, order), tf.gather(weights, order)


def _within(
    weights: Tensor, sums: KernelSums, diagonal: Tensor, *, unbiased: bool
) -> tuple[Tensor, Tensor]:
    """Return the mean of the kernel within one set, and the factor on its gradient."""
    total = _dot(weights, sums.values)
    if not unbiased:
        return total, tf.ones([], weights.dtype)
    own = _dot(weights, weights)
    scale = 1.0 / (1.0 - own)
    return scale * (total - own * diagonal), tf.cast(scale, weights.dtype)


def _matrix(kernel: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    matrix = tf.convert_to_tensor(kernel(x, y))
    wanted = tf.TensorShape([x.shape[0], y.shape[0]])
    if not matrix.shape.is_compatible_with(wanted):
        found = matrix.shape.as_list()
        raise ValueError(f"`kernel` must return shape {wanted.as_list()}; got {found}.")
    return matrix


def _whole_within(matrix: Tensor, weights: Tensor, *, unbiased: bool) -> Tensor:
    products = weights[:, None] * weights
    if unbiased:
        products -= tf.linalg.diag(tf.square(weights))
    return tf.reduce_sum(products * matrix) / tf.reduce_sum(products)


def _dot(weights: Tensor, values: Tensor) -> Tensor:
    """Return the sum in float64: a squared MMD is a small difference of large sums."""
    return tf.reduce_sum(tf.cast(weights, tf.float64) * tf.cast(values, tf.float64))
