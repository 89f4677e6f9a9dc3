"""Whatever holds numbers becomes an array of checked floats.

NumPy only; data frames of any library are read through narwhals (`frames`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lrmf_tfp._validation.checks import check_finite, check_same_width, shortened
from lrmf_tfp._validation.frames import are_numbers, column_names, frame_values, is_frame

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["as_events", "as_labels", "as_pair", "as_samples", "as_vector"]

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

_NUMERIC_KINDS = "biuf"  # bool, signed, unsigned, floating
_SHORT_FLOATS = ("bfloat16", "float8")  # of ml_dtypes, as TensorFlow's tensors come


def as_samples(
    value: object, name: str, *, min_rows: int = 1, dtype: DTypeLike | None = None
) -> FloatArray:
    """Return samples as a finite floating-point array `[N, D]`.

    Takes anything that holds a table of numbers: arrays, memory maps, nested lists, data frames
    of pandas, polars and pyarrow, TensorFlow tensors and finite `tf.data.Dataset`s whose elements
    are rows `[D]` or batches `[b, D]`. float32 and float64 stay as they are, shorter floats
    become float32, other numbers become float64.

    Args:
        value: the samples, `[N, D]`.
        name: name of the argument, for messages.
        min_rows: smallest number of rows that is accepted.
        dtype: floating-point type of the result; the rule above when None.

    Returns:
        The samples, `[N, D]`, in the machine's byte order. Not copied where no change is needed.

    Raises:
        TypeError: if the values are not real numbers, or a dataset's elements are not arrays.
        ValueError: if the shape is not `[N, D]`, the rows are too few, a value is not finite, or a
            dataset is endless.

    Examples:
        >>> as_samples([[1, 2], [3, 4]], "source").dtype
        dtype('float64')
    """
    array = _as_array(value, name)
    if array.dtype.kind not in _NUMERIC_KINDS:
        raise TypeError(f"`{name}` must be numeric; got dtype {array.dtype}.")
    _check_shape(array, name, min_rows=min_rows)
    samples = _as_floating(array, dtype)
    check_finite(samples, name, columns=column_names(value) if is_frame(value) else None)
    return samples


def as_pair(
    source: object,
    target: object,
    *,
    min_rows: int = 1,
    dtype: DTypeLike | None = None,
    names: tuple[str, str] = ("source", "target"),
) -> tuple[FloatArray, FloatArray]:
    """Return the source `[N, D]` and the target `[M, D]`, both checked by `as_samples`.

    Raises:
        TypeError: see `as_samples`.
        ValueError: see `as_samples`; or if the two have different widths.
    """
    first = as_samples(source, names[0], min_rows=min_rows, dtype=dtype)
    second = as_samples(target, names[1], min_rows=min_rows, dtype=dtype)
    check_same_width(first.shape, second.shape, names)
    return first, second


def as_events(
    value: object, name: str, *, min_rows: int = 1
) -> tuple[FloatArray, tuple[int, ...]]:
    """Return samples as rows `[N, D]`, and the shape of one: `(D,)`, `(H, W)` or `(H, W, C)`.

    Images are arrays `[N, H, W]` or `[N, H, W, C]`; else, and for the errors, see `as_samples`.
    """
    array: Any = value if is_frame(value) else _as_array(value, name)
    shape = tuple(array.shape[1:])
    if len(shape) in (2, 3):
        array = array.reshape(len(array), math.prod(shape))
    return as_samples(array, name, min_rows=min_rows), shape


def as_labels(value: object, name: str, *, num_rows: int) -> IntArray | None:
    """Return labels as int64 `[N]`, or None if there are none.

    Args:
        value: one whole number a row, `[N]` or `[N, 1]`; or None.
        name: name of the argument, for messages.
        num_rows: N, the number of rows that the labels belong to.

    Raises:
        TypeError: if the labels are not numbers.
        ValueError: if they are not whole numbers, or not one a row.
    """
    if value is None:
        return None
    array = as_vector(value, name, num_rows=num_rows, rule="hold whole numbers")
    wrong = np.flatnonzero(~(np.isfinite(array) & (array == np.floor(array))))
    if wrong.size:
        row = int(wrong[0])
        raise ValueError(f"`{name}` must hold whole numbers; got {array[row]:g} in row {row}.")
    return array.astype(np.int64, copy=False)


def as_vector(
    value: object, name: str, *, num_rows: int, rule: str = "be numeric"
) -> NDArray[Any]:
    """Return one number a row, `[N]` or `[N, 1]`, as an array `[N]`.

    Args:
        value: the numbers.
        name: name of the argument, for messages.
        num_rows: N, the number of rows that they belong to.
        rule: what the message says they must do.

    Raises:
        TypeError: if the values are not numbers.
        ValueError: if there is not one a row.
    """
    array = _as_array(value, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (num_rows,):
        raise ValueError(f"`{name}` must have shape [{num_rows}]; got {list(array.shape)}.")
    if array.dtype.kind == "O" and are_numbers(array):
        array = array.astype(np.float64)
    if array.dtype.kind not in _NUMERIC_KINDS:
        raise TypeError(f"`{name}` must {rule}; got dtype {array.dtype}.")
    return array


def _as_array(value: object, name: str) -> NDArray[Any]:
    if hasattr(value, "element_spec") and hasattr(value, "as_numpy_iterator"):
        return _stack_dataset(value, name)
    if is_frame(value):
        return frame_values(value, name)
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    elif hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"`{name}` must not have masked values; got {np.ma.count_masked(value)}.")
    try:
        array = np.asarray(value)
    except ValueError:  # nested lists of unequal lengths
        raise ValueError(f"`{name}` must have rows of one length; got ragged rows.") from None
    return array.astype(np.float32) if array.dtype.name.startswith(_SHORT_FLOATS) else array


def _stack_dataset(dataset: tf.data.Dataset, name: str) -> NDArray[Any]:
    ranks = getattr(getattr(dataset.element_spec, "shape", None), "rank", None)
    if ranks not in (1, 2):
        raise TypeError(
            f"`{name}` must be a dataset of rows [D] or batches [b, D]; "
            f"got elements {shortened(dataset.element_spec)}."
        )
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise ValueError(f"`{name}` must be a finite dataset, use .take(n); got an endless one.")
    parts = [np.atleast_2d(part) for part in dataset.as_numpy_iterator()]
    if not parts:
        raise ValueError(f"`{name}` must have at least 1 row; got an empty dataset.")
    return np.concatenate(parts)


def _check_shape(array: NDArray[Any], name: str, *, min_rows: int) -> None:
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"`{name}` must have shape [N, D]; got {list(array.shape)}.")
    if array.shape[0] < min_rows:
        rows = "row" if min_rows == 1 else "rows"
        raise ValueError(f"`{name}` must have at least {min_rows} {rows}; got {array.shape[0]}.")


def _as_floating(array: NDArray[Any], dtype: DTypeLike | None) -> FloatArray:
    if dtype is None:
        if array.dtype.kind != "f":
            dtype = np.float64
        else:
            dtype = np.float32 if array.dtype.itemsize <= 4 else np.float64
    with np.errstate(over="ignore"):  # what overflows is reported as not finite
        return cast("FloatArray", array.astype(np.dtype(dtype).newbyteorder("="), copy=False))
