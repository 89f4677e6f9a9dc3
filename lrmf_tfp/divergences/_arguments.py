"""Samples, weights and scales as checked tensors, the same for every divergence.

Values are checked where they are known, which is outside a `tf.function`; inside one only shapes
and dtypes are. Gradients flow to the samples; weights and scales are constants.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Samples, Tensor
from lrmf_tfp._validation import as_samples, check_positive, check_seed

__all__ = [
    "WeightedPair",
    "as_points",
    "as_scale",
    "as_seed",
    "as_weighted_pair",
    "check_spread",
    "check_squares",
    "compiled",
]

_FLOATS = (tf.float32, tf.float64)
_SUM_TOLERANCE = 1e-4


class compiled:  # noqa: N801, a decorator
    """How every divergence is compiled: once for a signature, then once for any number of rows.

    Inside a graph the plain Python function is called. A compiled one would have shapes of its
    own there, unknown ones once it has met several; where its gradient needs one of them as a
    constant, XLA takes the samples for constants too, and compiles anew for each value of them.

    Attributes:
        traced: The `tf.function`, which is called outside a graph.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.traced = tf.function(function, autograph=False, reduce_retracing=True)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = self.traced if tf.executing_eagerly() else self.traced.python_function
        return call(*args, **kwargs)


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


def as_weighted_pair(
    source: Samples,
    target: Samples,
    source_weights: Any = None,
    target_weights: Any = None,
    *,
    min_rows: int = 1,
    names: tuple[str, str] = ("source", "target"),
) -> WeightedPair:
    """Return two sample sets and their weights as tensors of one dtype, the wider of the two.

    Args:
        source: Samples `[N, D]`: tensor, variable, array or data frame.
        target: Samples `[M, D]`.
        source_weights: Weights `[N]`, >= 0, that sum to 1; equal ones by default.
        target_weights: Weights `[M]`, likewise.
        min_rows: Fewest rows that the estimator can do with.
        names: What the caller calls the two sets.

    Raises:
        TypeError: If values are not real numbers.
        ValueError: If shapes do not fit, a value is not finite, or weights are negative or do not
            sum to 1.
    """
    x = as_points(source, names[0], min_rows=min_rows)
    y = as_points(target, names[1], min_rows=min_rows)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"`{names[1]}` must have shape [M, {x.shape[1]}] to match `{names[0]}`; "
            f"got {_shape(y)}."
        )
    dtype = x.dtype if x.dtype == y.dtype else tf.float64
    if x.dtype != y.dtype:
        x, y = tf.cast(x, dtype), tf.cast(y, dtype)
    a = _as_weights(source_weights, f"{names[0]}_weights", points=x)
    b = _as_weights(target_weights, f"{names[1]}_weights", points=y)
    return WeightedPair(x, y, a, b)


def as_points(value: Samples, name: str, *, min_rows: int = 1) -> Tensor:
    """Return samples as a float tensor `[N, D]`, through which gradients flow."""
    if isinstance(value, (tf.Tensor, tf.Variable)):
        points = tf.convert_to_tensor(value)
        if not tf.is_symbolic_tensor(points):
            as_samples(points.numpy(), name, min_rows=min_rows)
        _check_static(points, name, min_rows=min_rows)
        if points.dtype not in _FLOATS:
            points = tf.cast(points, tf.float64 if points.dtype.is_integer else tf.float32)
        return points
    return tf.convert_to_tensor(as_samples(value, name, min_rows=min_rows))


def as_scale(value: Any, name: str, *, dtype: tf.DType) -> Tensor:
    """Return a bandwidth, a regularisation or the like as a scalar tensor above 0.

    Raises:
        TypeError: If it is not a number.
        ValueError: If it is known and not finite and above 0.
    """
    if isinstance(value, (tf.Tensor, tf.Variable)):
        scale = tf.convert_to_tensor(value)
        if scale.shape.rank != 0:
            raise ValueError(f"`{name}` must be a scalar; got shape {_shape(scale)}.")
        if not tf.is_symbolic_tensor(scale):
            check_positive(float(scale), name)
        return tf.stop_gradient(tf.cast(scale, dtype))
    return tf.constant(check_positive(value, name), dtype)


def as_seed(value: Any) -> Tensor:
    """Return a stateless seed `[2]` of a whole number >= 0 or a seed tensor.

    Raises:
        TypeError: If it is neither.
        ValueError: If the number is below 0 or the tensor has another shape.
    """
    if isinstance(value, (tf.Tensor, tf.Variable)):
        seed = tf.convert_to_tensor(value)
        if not seed.shape.is_compatible_with([2]) or not seed.dtype.is_integer:
            raise ValueError(
                f"`seed` must be whole numbers [2]; got {seed.dtype.name} {_shape(seed)}."
            )
        return seed
    return tf.constant([0, check_seed(value, "seed")])


def check_squares(pair: WeightedPair, names: tuple[str, str] = ("source", "target")) -> None:
    """Raise ValueError where squared distances would be infinite, if that is known."""
    points = pair[:2]
    if any(map(tf.is_symbolic_tensor, points)):
        return
    largest = max(float(np.max(np.abs(rows.numpy()))) for rows in points)
    highest = float(pair.source.dtype.max) ** 0.5 / 64.0
    if largest > highest:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must be at most {highest:.0e} in size, for squared "
            f"distances to be {pair.source.dtype.name} numbers; got {largest:.0e}."
        )


def check_spread(weights: Tensor, name: str) -> None:
    """Raise ValueError if all weight is known to lie on one row, which has no pairs."""
    if not tf.is_symbolic_tensor(weights) and float(tf.reduce_max(weights)) == 1.0:
        raise ValueError(f"`{name}` must spread over 2 rows for the unbiased form; got one row.")


def _check_static(points: Tensor, name: str, *, min_rows: int) -> None:
    if points.shape.rank != 2 or points.shape[1] in (None, 0):
        raise ValueError(f"`{name}` must have shape [N, D]; got {_shape(points)}.")
    if points.shape[0] is not None and points.shape[0] < min_rows:
        rows = "row" if min_rows == 1 else "rows"
        raise ValueError(f"`{name}` must have at least {min_rows} {rows}; got {points.shape[0]}.")


def _as_weights(value: Any, name: str, *, points: Tensor) -> Tensor:
    if value is None:
        return _equal_weights(points)
    if not isinstance(value, (tf.Tensor, tf.Variable)):
        value = np.asarray(value, np.float64)
    weights = tf.stop_gradient(tf.cast(tf.convert_to_tensor(value), points.dtype))
    if weights.shape.rank != 1 or not weights.shape.is_compatible_with(points.shape[:1]):
        raise ValueError(f"`{name}` must have shape [{points.shape[0]}]; got {_shape(weights)}.")
    if not tf.is_symbolic_tensor(weights):
        _check_weights(weights.numpy(), name)
    return weights / tf.reduce_sum(weights)


def _equal_weights(points: Tensor) -> Tensor:
    if points.shape[0] is not None:
        rows = points.shape[0]
        return tf.constant(np.full(rows, 1.0 / rows), points.dtype)
    rows = tf.shape(points)[0]
    return tf.ones([rows], points.dtype) / tf.cast(rows, points.dtype)


def _check_weights(weights: np.ndarray[Any, Any], name: str) -> None:
    if not np.all(np.isfinite(weights)) or np.min(weights) < 0.0:
        raise ValueError(f"`{name}` must be finite and at least 0; got {np.min(weights)}.")
    total = float(np.sum(weights, dtype=np.float64))
    if abs(total - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"`{name}` must sum to 1; got {total:g}.")


def _shape(tensor: Tensor) -> list[Any]:
    if tensor.shape.rank is None:
        return ["..."]
    return [size if size is not None else "?" for size in tensor.shape.as_list()]
