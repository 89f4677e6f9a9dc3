"""Two sample sets and their weights as checked tensors, the same for every divergence.

Values are checked where they are known, which is outside a `tf.function`; inside one only shapes
and dtypes are. Gradients flow to the samples; weights are constants. Rows of weight 0 are left
out where the weights are known. Where they are not, or results have one entry a row, such rows
are put where the heaviest row lies: so they have no part in a scale, centre or rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Samples, Tensor, Weights
from lrmf_tfp._validation import as_samples, check_same_width, column_names, is_frame
from lrmf_tfp.divergences._arguments import shape_of
from lrmf_tfp.kernels.samples import as_sample, as_weights
from lrmf_tfp.samples.domains import in_order_of
from lrmf_tfp.samples.sample import Sample

__all__ = [
    "WeightedPair",
    "as_points",
    "as_weighted_pair",
    "check_spread",
    "columns_of",
    "covered",
    "is_weighted",
    "weighed",
]

_FLOATS = (tf.float32, tf.float64)
_NAMES = ("source", "target")


class WeightedPair(NamedTuple):
    """Two weighted sample sets of one dtype."""

    source: Tensor
    """`[N, D]`."""
    target: Tensor
    """`[M, D]`."""
    source_weights: Tensor
    """`[N]`, sums to 1."""
    target_weights: Tensor
    """`[M]`, sums to 1."""


class _Rows(NamedTuple):
    """One set as it was given."""

    points: Tensor
    weights: Any
    columns: tuple[str, ...] | None


def as_weighted_pair(
    source: Samples | Sample,
    target: Samples | Sample,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
    *,
    min_rows: int = 1,
    names: tuple[str, str] = _NAMES,
    all_rows: bool = False,
) -> WeightedPair:
    """Return two sample sets and their weights as tensors of one dtype, the wider of the two.

    Args:
        source: Samples `[N, D]`: tensor, variable, array, data frame or `Sample`.
        target: Samples `[M, D]`; columns of frames in another order are put in the source's.
        source_weights: Weights `[N]`, >= 0, of any scale; by default those of the `Sample`, and
            equal ones without any.
        target_weights: Weights `[M]`, likewise.
        min_rows: Fewest rows that the estimator can do with.
        names: What the caller calls the two sets.
        all_rows: Keep rows of weight 0 as they are, because results have one entry for each row:
            who asks for it has to see that they do no harm.

    Raises:
        TypeError: If values are not real numbers.
        ValueError: If shapes or columns do not fit, a value is not finite, weights are negative,
            all 0 or given twice, or a `Sample` has conditions.
    """
    first = _as_rows(source, source_weights, names[0], min_rows=min_rows)
    second = _as_rows(target, target_weights, names[1], columns=first.columns, min_rows=min_rows)
    x, y = first.points, second.points
    check_same_width(shape_of(x), shape_of(y), names)
    dtype = x.dtype if x.dtype == y.dtype else tf.float64
    if x.dtype != y.dtype:
        x, y = tf.cast(x, dtype), tf.cast(y, dtype)
    x, a = weighed(x, first.weights, f"{names[0]}_weights", all_rows=all_rows)
    y, b = weighed(y, second.weights, f"{names[1]}_weights", all_rows=all_rows)
    return WeightedPair(x, y, a, b)


def as_points(
    value: Samples | Sample,
    name: str,
    *,
    columns: tuple[str, ...] | None = None,
    min_rows: int = 1,
) -> Tensor:
    """Return samples as a float tensor `[N, D]`, through which gradients flow.

    Args:
        value: Samples in any form; weights of a `Sample` do not count.
        name: What the caller calls them.
        columns: Names in whose order the columns are put, if they have names.
        min_rows: Fewest rows that are accepted.
    """
    return _as_rows(value, None, name, columns=columns, min_rows=min_rows).points


def columns_of(value: Samples | Sample) -> tuple[str, ...] | None:
    """Return the names of the columns, if there are any."""
    if isinstance(value, Sample):
        return value.feature_names
    return column_names(value) if is_frame(value) else None


def is_weighted(*sets: Samples | Sample, weights: tuple[Any, ...]) -> bool:
    """Whether rows of some set differ in weight, as far as is known before they are looked at."""
    given = [each.training_weights for each in sets if isinstance(each, Sample)]
    return any(each is not None for each in (*given, *weights))


def check_spread(weights: Tensor, name: str) -> None:
    """Raise ValueError if all weight is known to lie on one row, which has no pairs."""
    if not tf.is_symbolic_tensor(weights) and float(tf.reduce_max(weights)) == 1.0:
        raise ValueError(f"`{name}` must spread over 2 rows for the unbiased form; got one row.")


def _as_rows(
    value: Samples | Sample,
    weights: Weights | None,
    name: str,
    *,
    columns: tuple[str, ...] | None = None,
    min_rows: int = 1,
) -> _Rows:
    if not _is_tensor(value):
        sample = as_sample(value, name, weighs=weights is None, min_rows=min_rows)
        sample = in_order_of(sample, columns, name=name)
        weights = sample.weights if weights is None else weights
        return _Rows(tf.convert_to_tensor(sample.rows), weights, sample.feature_names)
    points = tf.convert_to_tensor(value)
    if not tf.is_symbolic_tensor(points):
        as_samples(points.numpy(), name, min_rows=min_rows)
    _check_static(points, name, min_rows=min_rows)
    if points.dtype not in _FLOATS:
        points = tf.cast(points, tf.float64 if points.dtype.is_integer else tf.float32)
    return _Rows(points, weights, None)


def _is_tensor(value: object) -> bool:
    return isinstance(value, (tf.Tensor, tf.Variable))


def _check_static(points: Tensor, name: str, *, min_rows: int) -> None:
    if points.shape.rank != 2 or points.shape[1] in (None, 0):
        raise ValueError(f"`{name}` must have shape [N, D]; got {shape_of(points)}.")
    if points.shape[0] is not None and points.shape[0] < min_rows:
        rows = "row" if min_rows == 1 else "rows"
        raise ValueError(f"`{name}` must have at least {min_rows} {rows}; got {points.shape[0]}.")


def weighed(
    points: Tensor, value: Tensor, name: str, *, all_rows: bool = False
) -> tuple[Tensor, Tensor]:
    """Return rows, among which those of weight 0 do no harm, and their weights, which sum to 1."""
    if value is None:
        return points, _equal_weights(points)
    weights = tf.stop_gradient(tf.convert_to_tensor(value)) if _is_tensor(value) else value
    if tf.is_symbolic_tensor(weights):
        if weights.shape.rank != 1 or not weights.shape.is_compatible_with(points.shape[:1]):
            raise ValueError(
                f"`{name}` must have shape [{shape_of(points)[0]}]; got {shape_of(weights)}."
            )
        if weights.dtype not in _FLOATS:
            weights = tf.cast(weights, points.dtype)
        shares = tf.cast(_shares(weights), points.dtype)
        return points if all_rows else _covered(points, shares), shares
    num_rows = points.shape[0] if points.shape[0] is not None else len(np.asarray(weights))
    shares = _known_shares(as_weights(weights, name, num_rows=num_rows), points.dtype)
    if all_rows or np.all(shares):
        return points, tf.constant(shares)
    kept = np.flatnonzero(shares)
    # The gradient of a gather alone is an IndexedSlices, which callers cannot compute with.
    points = tf.reshape(points, tf.shape(points))
    return tf.gather(points, kept), tf.constant(shares[kept])


@np.errstate(under="ignore")  # 0 is right, also where the program tells NumPy to raise
def _known_shares(weights: Array, dtype: tf.DType) -> Array:
    weights = weights / weights.max()
    shares = (weights / weights.sum()).astype(dtype.as_numpy_dtype)
    shares[shares < np.finfo(shares.dtype).tiny] = 0.0  # as which TensorFlow takes them
    return shares


def covered(pair: WeightedPair) -> WeightedPair:
    """Return the pair with its rows of weight 0 where the heaviest of their set lie."""
    x, y, a, b = pair
    return pair._replace(source=_covered(x, a), target=_covered(y, b))


def _covered(points: Tensor, shares: Tensor) -> Tensor:
    heaviest = tf.stop_gradient(tf.gather(points, tf.argmax(shares)))
    return tf.where(shares[:, None] > 0.0, points, heaviest)


def _shares(weights: Tensor) -> Tensor:
    weights = weights / tf.reduce_max(weights)
    return weights / tf.reduce_sum(weights)


def _equal_weights(points: Tensor) -> Tensor:
    if points.shape[0] is not None:
        rows = points.shape[0]
        return tf.constant(np.full(rows, 1.0 / rows), points.dtype)
    rows = tf.shape(points)[0]
    return tf.ones([rows], points.dtype) / tf.cast(rows, points.dtype)
