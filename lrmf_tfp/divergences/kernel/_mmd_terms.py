"""What the functions of `mmd` compute once their arguments are checked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences._arguments import WeightedPair, compiled
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
    root = tf.sqrt(kernel.scale(a.dtype))
    x, y = _in_kernel_units(root, pair.source, pair.target)
    xx = kernel_sums(x, x, kernel, y_weights=a, x_weights=None)
    yy = kernel_sums(y, y, kernel, y_weights=b, x_weights=None)
    xy = kernel_sums(x, y, kernel, y_weights=b, x_weights=a)
    diagonal = kernel.at_zero(tf.float64)
    within_x, scale_x = _within(a, xx, diagonal, unbiased=unbiased)
    within_y, scale_y = _within(b, yy, diagonal, unbiased=unbiased)
    value = within_x + within_y - 2.0 * _dot(a, xy.values)
    to_x = a[:, None] * (xy.pulls - scale_x * xx.pulls)
    to_y = b[:, None] * (xy.back_pulls - scale_y * yy.pulls)
    return tf.cast(value, a.dtype), (4.0 * to_x / root, 4.0 * to_y / root)


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
def linear_time_mmd(source: Tensor, target: Tensor, kernel: RadialKernel) -> Tensor:
    """Return the mean of the four-point statistic over disjoint pairs of rows."""
    x, y = _in_kernel_units(tf.sqrt(kernel.scale(source.dtype)), source, target)
    half = tf.minimum(tf.shape(x)[0], tf.shape(y)[0]) // 2
    first_x, second_x = x[0 : 2 * half : 2], x[1 : 2 * half : 2]
    first_y, second_y = y[0 : 2 * half : 2], y[1 : 2 * half : 2]

    def mean_of(p: Tensor, q: Tensor) -> Tensor:
        u = tf.reduce_sum(tf.math.squared_difference(p, q), axis=1)
        return tf.reduce_mean(kernel.value_and_decay(u)[0])

    within = mean_of(first_x, second_x) + mean_of(first_y, second_y)
    return within - mean_of(first_x, second_y) - mean_of(second_x, first_y)


@compiled
def feature_mmd(pair: WeightedPair, frequencies: Tensor) -> Tensor:
    """Return the squared distance of the mean features, R frequencies `[R, D]`."""

    def mean_features(points: Tensor, weights: Tensor) -> Tensor:
        phase = tf.matmul(points, frequencies, transpose_b=True)
        both = tf.concat([tf.cos(phase), tf.sin(phase)], axis=1)
        return tf.linalg.matvec(both, weights, transpose_a=True)

    gap = mean_features(pair.source, pair.source_weights)
    gap -= mean_features(pair.target, pair.target_weights)
    return tf.reduce_sum(tf.square(gap)) / tf.cast(tf.shape(frequencies)[0], gap.dtype)


@compiled
def witness(points: Tensor, pair: WeightedPair, kernel: RadialKernel) -> Tensor:
    """Return the difference of the two mean embeddings at points `[G, D]`."""
    root = tf.sqrt(kernel.scale(points.dtype))
    x, y, z = _in_kernel_units(root, pair.source, pair.target, points)
    a, b = pair.source_weights, pair.target_weights
    towards_source = kernel_sums(z, x, kernel, y_weights=a, x_weights=None)
    towards_target = kernel_sums(z, y, kernel, y_weights=b, x_weights=None)
    return towards_source.values - towards_target.values


def precise(pair: WeightedPair, kernel: RadialKernel) -> WeightedPair:
    """Return the pair in float64 where float32 distances would be coarse for the kernel."""
    known = not (tf.is_symbolic_tensor(pair.source) or tf.is_symbolic_tensor(pair.target))
    if pair.source.dtype != tf.float32 or not known or isinstance(kernel, EnergyKernel):
        return pair
    rows = np.concatenate([pair.source.numpy(), pair.target.numpy()])
    limit = _MAX_SQUARED_RADIUS * float(kernel.scale(tf.float64))
    if rows.shape[1] * float(np.ptp(rows)) ** 2 <= limit:  # a bound that costs nothing
        return pair
    if np.max(np.sum(np.square(rows - rows.mean(axis=0)), axis=1)) <= limit:
        return pair
    return WeightedPair(*(tf.cast(part, tf.float64) for part in pair))


def _in_kernel_units(
    root: Tensor, source: Tensor, target: Tensor, *others: Tensor
) -> list[Tensor]:
    """Return points around the origin, in units of the kernel's length `root`."""
    centre = 0.5 * (tf.reduce_mean(source, axis=0) + tf.reduce_mean(target, axis=0))
    moved = (points - tf.stop_gradient(centre) for points in (source, target, *others))
    return [points / tf.stop_gradient(root) for points in moved]


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
