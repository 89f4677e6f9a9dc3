"""The cost between two sample sets, and what Sinkhorn asks of it, dense or by tiles.

A geometry answers with soft minima, kernel scalings and gradients. Up to `DENSE_ENTRIES` costs
are held as one matrix; beyond, a tile of rows is computed when asked for and dropped again, so
that memory does not grow with `N * M`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences._pair import WeightedPair, covered
from lrmf_tfp.divergences._units import centre_of
from lrmf_tfp.kernels.radial import unit_of

__all__ = [
    "DENSE_ENTRIES",
    "DenseGeometry",
    "Geometry",
    "HalfStep",
    "InUnits",
    "StreamedGeometry",
    "cost_matrix",
    "in_units",
    "mean_cost",
    "plan_matrix",
    "scaling_bound",
]

DENSE_ENTRIES = 2**22
"""Most costs that are held at once: 32 MiB in float64."""

_TILE_ENTRIES = 2**20
_DIRECT_DIMS = 4

HalfStep = Callable[[Tensor], Tensor]
"""From the log-scaling of one side to the one that meets the other side's weights."""


def cost_matrix(source: Tensor, target: Tensor, *, power: int) -> Tensor:
    """Return `|x - y|^power` for `power` 2 or 1, `[N, M]`; exactly 0 between equal points."""
    if source.shape[1] <= _DIRECT_DIMS:
        columns = zip(tf.unstack(source, axis=1), tf.unstack(target, axis=1), strict=True)
        squared = tf.add_n([tf.math.squared_difference(x[:, None], y) for x, y in columns])
    else:
        squared = _squared_by_product(source, target)
    return squared if power == 2 else tf.sqrt(squared)


def _squared_by_product(source: Tensor, target: Tensor) -> Tensor:
    # |x|^2 - 2 x'y + |y|^2 is off by a few rounding steps of its terms. What is below that is 0:
    # a self-distance of 1e-8, not 0, would be a visible error once the root is taken.
    norms = tf.reduce_sum(source**2, axis=1)[:, None], tf.reduce_sum(target**2, axis=1)
    squared = norms[0] - 2.0 * tf.matmul(source, target, transpose_b=True) + norms[1]
    rounding = 8.0 * float(np.finfo(source.dtype.as_numpy_dtype).eps)
    return tf.where(squared > rounding * (norms[0] + norms[1]), squared, tf.zeros_like(squared))


class InUnits(NamedTuple):
    """A pair around the origin and of unit size, which is to be multiplied by `unit`."""

    pair: WeightedPair
    unit: Tensor


def in_units(pair: WeightedPair) -> InUnits:
    """Return the pair where rounding is least and no square over- or underflows."""
    pair = covered(pair)
    centre = centre_of(pair)
    x, y = pair.source - centre, pair.target - centre
    unit = unit_of(x, y)
    return InUnits(pair._replace(source=x / unit, target=y / unit), unit)


def mean_cost(pair: WeightedPair, *, power: int) -> Tensor:
    """Return `(mean |x - y|^2)^(power / 2)` over all pairs, in `O(N + M)`; 1 where that is 0."""
    means = [_mean(pair.source, pair.source_weights), _mean(pair.target, pair.target_weights)]
    squared = tf.reduce_sum((means[0] - means[1]) ** 2)
    for points, weights, mean in zip(pair[:2], pair[2:], means, strict=True):
        squared += tf.reduce_sum(_mean((points - mean) ** 2, weights))
    cost = squared if power == 2 else tf.sqrt(squared)
    return tf.where(cost > 0.0, cost, tf.ones_like(cost))


def scaling_bound(dtype: tf.DType) -> float:
    """Return the largest `|log u|` at which products of kernel and scalings are still in range."""
    return math.log(float(dtype.max)) / 5.0


class Geometry(Protocol):
    """Two weighted point sets and the cost between them."""

    pair: WeightedPair

    def softmin_over_target(self, potential: Tensor, epsilon: Tensor) -> Tensor:
        """Return `-epsilon log sum_j b_j exp((g_j - C_ij) / epsilon)`, `[N]`."""

    def softmin_over_source(self, potential: Tensor, epsilon: Tensor) -> Tensor:
        """Return `-epsilon log sum_i a_i exp((f_i - C_ij) / epsilon)`, `[M]`."""

    def half_steps(self, f: Tensor, g: Tensor, epsilon: Tensor) -> tuple[HalfStep, HalfStep]:
        """Return the soft minima as scalings `(potential - reference) / epsilon` of `f, g`."""

    def gradients(self, f: Tensor, g: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        """Return `sum_j P_ij dC_ij/dx_i`, `[N, D]`, and the same for the target, `[M, D]`."""


class DenseGeometry:
    """All costs in memory; half-steps are products with a stored kernel."""

    def __init__(self, pair: WeightedPair, *, power: int) -> None:
        self.pair = pair
        self._power = power
        self._cost = cost_matrix(pair.source, pair.target, power=power)

    def softmin_over_target(self, potential: Tensor, epsilon: Tensor) -> Tensor:
        """See `Geometry`."""
        shifted = potential + epsilon * tf.math.log(self.pair.target_weights)
        return _softmin(shifted - self._cost, epsilon, axis=1)

    def softmin_over_source(self, potential: Tensor, epsilon: Tensor) -> Tensor:
        """See `Geometry`."""
        shifted = potential + epsilon * tf.math.log(self.pair.source_weights)
        return _softmin(shifted[:, None] - self._cost, epsilon, axis=0)

    def half_steps(self, f: Tensor, g: Tensor, epsilon: Tensor) -> tuple[HalfStep, HalfStep]:
        """See `Geometry`."""
        # Two points of no weight may attract each other without bound, and then 0 * inf is NaN.
        highest = tf.constant(2.0 * scaling_bound(f.dtype), f.dtype)
        kernel = tf.exp(tf.minimum(((g - self._cost) + f[:, None]) / epsilon, highest))
        a, b = self.pair.source_weights, self.pair.target_weights

        def to_source(t: Tensor) -> Tensor:
            return _minus_log(tf.linalg.matvec(kernel, b * tf.exp(t)))

        def to_target(s: Tensor) -> Tensor:
            return _minus_log(tf.linalg.matvec(kernel, a * tf.exp(s), transpose_a=True))

        return to_source, to_target

    def gradients(self, f: Tensor, g: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        """See `Geometry`."""
        x, y, a, b = self.pair
        f, g = f + epsilon * tf.math.log(a), g + epsilon * tf.math.log(b)
        pull = _pull_weights(self._cost, f, g, epsilon, power=self._power)
        to_x = tf.reduce_sum(pull, axis=1)[:, None] * x - tf.matmul(pull, y)
        to_y = tf.reduce_sum(pull, axis=0)[:, None] * y - tf.matmul(pull, x, transpose_a=True)
        return to_x, to_y


class StreamedGeometry:
    """Costs by tiles of rows, each computed when it is needed."""

    def __init__(self, pair: WeightedPair, *, power: int) -> None:
        self.pair = pair
        self._power = power

    def softmin_over_target(self, potential: Tensor, epsilon: Tensor) -> Tensor:
        """See `Geometry`."""
        x, y, _, b = self.pair
        return self._softmin(x, y, potential + epsilon * tf.math.log(b), epsilon)

    def softmin_over_source(self, potential: Tensor, epsilon: Tensor) -> Tensor:
        """See `Geometry`."""
        x, y, a, _ = self.pair
        return self._softmin(y, x, potential + epsilon * tf.math.log(a), epsilon)

    def half_steps(self, f: Tensor, g: Tensor, epsilon: Tensor) -> tuple[HalfStep, HalfStep]:
        """See `Geometry`."""

        def to_source(t: Tensor) -> Tensor:
            return (self.softmin_over_target(g + epsilon * t, epsilon) - f) / epsilon

        def to_target(s: Tensor) -> Tensor:
            return (self.softmin_over_source(f + epsilon * s, epsilon) - g) / epsilon

        return to_source, to_target

    def gradients(self, f: Tensor, g: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        """See `Geometry`."""
        x, y, a, b = self.pair
        f, g = f + epsilon * tf.math.log(a), g + epsilon * tf.math.log(b)
        return self._pull(x, f, y, g, epsilon), self._pull(y, g, x, f, epsilon)

    def _softmin(self, x: Tensor, y: Tensor, shifted: Tensor, epsilon: Tensor) -> Tensor:
        def tile(rows: Tensor) -> Tensor:
            return _softmin(shifted - cost_matrix(rows, y, power=self._power), epsilon, axis=1)

        return _by_tiles(tile, x, num_columns=tf.shape(y)[0])

    def _pull(self, x: Tensor, f: Tensor, y: Tensor, g: Tensor, epsilon: Tensor) -> Tensor:
        def tile(rows: Tensor) -> Tensor:
            rows, f_rows = rows[:, :-1], rows[:, -1]
            cost = cost_matrix(rows, y, power=self._power)
            pull = _pull_weights(cost, f_rows, g, epsilon, power=self._power)
            return tf.reduce_sum(pull, axis=1)[:, None] * rows - tf.matmul(pull, y)

        return _by_tiles(tile, tf.concat([x, f[:, None]], axis=1), num_columns=tf.shape(y)[0])


def _softmin(values: Tensor, epsilon: Tensor, *, axis: int) -> Tensor:
    # The maximum is taken off before the division, which may then overflow to -inf unharmed.
    highest = tf.reduce_max(values, axis=axis, keepdims=True)
    total = tf.reduce_sum(tf.exp((values - highest) / epsilon), axis=axis)
    return -(tf.squeeze(highest, axis) + epsilon * tf.math.log(total))


def _minus_log(total: Tensor) -> Tensor:
    return -tf.math.log(tf.maximum(total, float(np.finfo(total.dtype.as_numpy_dtype).tiny)))


def plan_matrix(cost: Tensor, f: Tensor, g: Tensor, epsilon: Tensor) -> Tensor:
    """Return `exp((f_i + g_j - C_ij) / epsilon)`; `f, g` are to hold `epsilon log weight`."""
    # No entry of a plan is above 1, but rounding divided by a tiny epsilon may say so.
    return tf.exp(tf.minimum(((g - cost) + f[:, None]) / epsilon, 0.0))


def _pull_weights(cost: Tensor, f: Tensor, g: Tensor, epsilon: Tensor, *, power: int) -> Tensor:
    """Return `W` such that `dC_ij/dx_i` times the plan is `W_ij (x_i - y_j)`; 0 at distance 0."""
    plan = plan_matrix(cost, f, g, epsilon)
    return 2.0 * plan if power == 2 else tf.math.divide_no_nan(plan, cost)


def _by_tiles(function: HalfStep, rows: Tensor, *, num_columns: Tensor) -> Tensor:
    """Return `function(rows)`, computed for so many rows at a time that a tile fits."""
    num_rows = tf.shape(rows)[0]
    height = tf.maximum(1, _TILE_ENTRIES // num_columns)
    num_tiles = -(-num_rows // height)
    padding = num_tiles * height - num_rows
    tiles = tf.reshape(
        tf.pad(rows, [[0, padding], [0, 0]]), [num_tiles, height, tf.shape(rows)[1]]
    )
    results = tf.map_fn(function, tiles, parallel_iterations=1)
    return tf.reshape(results, tf.concat([[-1], tf.shape(results)[2:]], axis=0))[:num_rows]


def _mean(points: Tensor, weights: Tensor) -> Tensor:
    return tf.linalg.matvec(points, weights, transpose_a=True)
