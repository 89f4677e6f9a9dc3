"""Wasserstein distances on the line, and over lines through space.

On a line optimal transport is sorting: `W_p = (integral |F^-1(q) - G^-1(q)|^p dq)^(1/p)`, where
`F^-1` and `G^-1` are the quantile functions. Everything is plain TensorFlow: it
compiles under `jit_compile=True` and exports.
"""

from __future__ import annotations

import math
import numbers

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Samples, Tensor, Weights
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.divergences._arguments import as_seed
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.divergences._pair import WeightedPair, as_weighted_pair, is_weighted
from lrmf_tfp.divergences._units import check_size
from lrmf_tfp.divergences.transport._quantiles import line_distances, mean_line_distance
from lrmf_tfp.samples.sample import Sample

__all__ = ["max_sliced_wasserstein", "sliced_wasserstein", "wasserstein_1d"]


def wasserstein_1d(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    power: float = 1.0,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the Wasserstein distance `W_p` of two sample sets on the line.

    `W_p = (integral |F^-1(q) - G^-1(q)|^p dq)^(1/p)`, the p-th root taken, so that it is in the
    units of the samples and equals `scipy.stats.wasserstein_distance` for `power=1`. Exact, in
    time N log N. Differentiable in both sample sets; where samples coincide the gradient is 0.

    Args:
        source: Samples `[N]` or `[N, 1]`, or a `Sample` with its weights.
        target: Samples `[M]` or `[M, 1]`, or a `Sample`.
        power: p >= 1.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar >= 0, in the units of the samples.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: If samples are not on the line or not finite, columns differ, weights are
            negative, all 0 or given twice, a `Sample` has conditions, or `power` is below 1.

    Examples:
        >>> float(wasserstein_1d([0.0, 1.0], [1.0, 3.0]))
        1.5

    References:
        [1] Peyre and Cuturi, Computational Optimal Transport, 2019, arXiv:1803.00567,
            remark 2.30.
    """
    _check_power(power)
    pair = as_weighted_pair(_as_column(source), _as_column(target), source_weights, target_weights)
    if pair.source.shape[1] != 1:
        raise ValueError(f"`source` must have shape [N] or [N, 1]; got {list(pair.source.shape)}.")
    check_size(pair, power=1)
    equal = not is_weighted(source, target, weights=(source_weights, target_weights))
    axis = tf.ones([1, 1], pair.source.dtype)
    return _mean_line_distance(axis, pair, power=float(power), equal=equal)


def sliced_wasserstein(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    num_projections: int = 64,
    power: float = 2.0,
    seed: int | Tensor = 0,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the sliced Wasserstein distance: the 1-D distance averaged over random directions.

    `SW_p = mean(W_p(x @ w, y @ w)^p)^(1/p)` over unit vectors `w`, the p-th root taken. For D = 1
    it is `wasserstein_1d`. Time N log N, where `emd` needs about N^3; on D axes it is smaller
    than `W_p`, for `p = 2` and a mere shift by the factor `sqrt(D)`. One seed gives the same
    directions each time; hand a new one to each training step.

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        num_projections: Number of directions; the error falls with its root.
        power: p >= 1.
        seed: Seed of the directions, a whole number or a stateless seed `[2]`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar >= 0, in the units of the samples; gradient 0 where it is 0.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: If shapes or columns differ, values are not finite, weights are negative, all
            0 or given twice, a `Sample` has conditions, `num_projections` or `power` is below 1,
            or `seed` below 0.

    Examples:
        >>> x = np.array([[0.0, 0.0], [1.0, 2.0]])
        >>> float(sliced_wasserstein(x, x))
        0.0

    References:
        [1] Bonneel, Rabin, Peyre, Pfister, Sliced and Radon Wasserstein Barycenters of Measures,
            Journal of Mathematical Imaging and Vision 2015.
        [2] Peyre and Cuturi, Computational Optimal Transport, 2019, arXiv:1803.00567,
            section 10.4.
    """
    _check_power(power)
    check_positive_int(num_projections, "num_projections")
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    check_size(pair, power=1)
    equal = not is_weighted(source, target, weights=(source_weights, target_weights))
    directions = _random_directions(pair, num_projections, seed)
    return _mean_line_distance(directions, pair, power=float(power), equal=equal)


def max_sliced_wasserstein(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    num_projections: int = 16,
    num_steps: int = 30,
    power: float = 2.0,
    seed: int | Tensor = 0,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the max-sliced Wasserstein distance: the 1-D distance along the worst direction.

    `max(W_p(x @ w, y @ w))` over unit vectors `w`, by projected gradient ascent from random
    directions at once, of which the best one met counts; so it is a lower bound of the maximum.
    Few axes of many tell the two sample sets apart: choose it over `sliced_wasserstein`, which
    averages such axes away. The gradient is that at the direction found, which is held fixed
    (the envelope theorem).

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        num_projections: Number of directions to start from.
        num_steps: Number of directions tried from each start, the start included.
        power: p >= 1.
        seed: Seed of the starts, a whole number or a stateless seed `[2]`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar >= 0, in the units of the samples; at most `W_p`.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: As `sliced_wasserstein`; or if `num_steps` is below 1.

    References:
        [1] Deshpande et al., Max-Sliced Wasserstein Distance and its Use for GANs, CVPR 2019,
            arXiv:1904.05877.
    """
    _check_power(power)
    check_positive_int(num_projections, "num_projections")
    check_positive_int(num_steps, "num_steps")
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    check_size(pair, power=1)
    equal = not is_weighted(source, target, weights=(source_weights, target_weights))
    starts = _random_directions(pair, num_projections, seed)
    return _max_sliced(starts, pair, num_steps=num_steps, power=float(power), equal=equal)


_mean_line_distance = compiled(mean_line_distance)


@compiled
def _max_sliced(
    starts: Tensor, pair: WeightedPair, *, num_steps: int, power: float, equal: bool
) -> Tensor:
    """Return `W_p` along the best of `num_steps` directions from each start `[P, D]`."""
    still = WeightedPair(*(tf.stop_gradient(part) for part in pair))

    def ascend(step: Tensor, *state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        directions, best, best_values = state
        with tf.GradientTape() as tape:
            tape.watch(directions)
            values = line_distances(directions, still, power=power, equal=equal)
        slopes = tape.gradient(values, directions)
        better = values > best_values
        best = tf.where(better[:, tf.newaxis], directions, best)
        # W_p(w) grows linearly with |w|, so its slope is W_p(w) w + tangent. The full step goes
        # to the slope itself, which is the answer for a mere shift; the steps shrink because
        # W_p(w) has kinks, across which full steps would jump back and forth for ever.
        tangents = slopes - values[:, tf.newaxis] * directions
        rate = tf.cast(1.0 - step / num_steps, values.dtype)
        moves = tf.math.divide_no_nan(rate * tangents, values[:, tf.newaxis])
        return step + 1, _unit(directions + moves), best, tf.maximum(values, best_values)

    none_yet = -tf.ones_like(starts[:, 0])
    _, _, best, best_values = tf.while_loop(
        lambda step, *_: step < num_steps,
        ascend,
        (tf.constant(0), starts, starts, none_yet),
        maximum_iterations=num_steps,
    )
    direction = tf.stop_gradient(tf.gather(best, [tf.argmax(best_values)]))
    return mean_line_distance(direction, pair, power=power, equal=equal)


def _random_directions(pair: WeightedPair, num_projections: int, seed: int | Tensor) -> Tensor:
    """Return unit vectors `[P, D]`, uniform on the sphere."""
    shape = [num_projections, pair.source.shape[1]]
    return _unit(seeded_normal(shape, as_seed(seed), dtype=pair.source.dtype))


def _unit(vectors: Tensor) -> Tensor:
    return vectors / tf.norm(vectors, axis=1, keepdims=True)


def _as_column(value: Samples | Sample) -> Samples | Sample:
    """Return samples `[N]` as `[N, 1]`, and everything else as it is."""
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return value[:, tf.newaxis] if value.shape.rank == 1 else value
    flat = isinstance(value, (list, tuple)) and all(np.isscalar(entry) for entry in value)
    if flat or getattr(value, "ndim", None) == 1:
        return np.asarray(value)[:, np.newaxis]
    return value


def _check_power(power: float) -> None:
    if not (isinstance(power, numbers.Real) and math.isfinite(power) and power >= 1.0):
        raise ValueError(f"`power` must be finite and at least 1; got {power}.")
