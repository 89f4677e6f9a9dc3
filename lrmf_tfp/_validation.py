"""Level 0: every argument check of the library and its wording.

NumPy only. A message is one line that names the argument in back-ticks, then the rule, then what
was found: "`target` must have shape [M, 3] to match `source`; got [100, 2]."
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "as_events",
    "as_labels",
    "as_pair",
    "as_samples",
    "check_choice",
    "check_finite",
    "check_fraction",
    "check_not_negative",
    "check_positive",
    "check_positive_int",
    "check_positive_ints",
    "check_seed",
    "check_varies",
]

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

_NUMERIC_KINDS = "biuf"  # bool, signed, unsigned, floating
# A column counts as constant when it spreads over fewer than this many rounding steps.
_CONSTANT_ROUNDING_STEPS = 8.0


def as_samples(
    value: object, name: str, *, min_rows: int = 1, dtype: DTypeLike | None = None
) -> FloatArray:
    """Return samples as a finite floating-point array `[N, D]`.

    Takes anything that holds a table of numbers: arrays, nested lists, pandas frames, TensorFlow
    tensors and finite `tf.data.Dataset`s whose elements are rows `[D]` or batches `[b, D]`.
    float32 and float64 stay as they are, float16 becomes float32, other numbers become float64.

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
    _check_numeric(array, name, columns=getattr(value, "columns", None))
    _check_shape(array, name, min_rows=min_rows)
    samples = _as_floating(array, dtype)
    check_finite(samples, name)
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
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"`{names[1]}` must have shape [M, {first.shape[1]}] to match `{names[0]}`; "
            f"got {list(second.shape)}."
        )
    return first, second


def as_events(
    value: object, name: str, *, min_rows: int = 1
) -> tuple[FloatArray, tuple[int, ...]]:
    """Return samples as rows `[N, D]`, and the shape of one: `(D,)`, `(H, W)` or `(H, W, C)`.

    Images are arrays `[N, H, W]` or `[N, H, W, C]`; else, and for the errors, see `as_samples`.
    """
    array: Any = value if hasattr(value, "columns") else _as_array(value, name)
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
    array = _as_array(value, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (num_rows,):
        raise ValueError(f"`{name}` must have shape [{num_rows}]; got {list(array.shape)}.")
    if array.dtype.kind not in _NUMERIC_KINDS:
        raise TypeError(f"`{name}` must hold whole numbers; got dtype {array.dtype}.")
    wrong = np.flatnonzero(~(np.isfinite(array) & (array == np.floor(array))))
    if wrong.size:
        row = int(wrong[0])
        raise ValueError(f"`{name}` must hold whole numbers; got {array[row]:g} in row {row}.")
    return array.astype(np.int64, copy=False)


def check_choice(value: str, name: str, choices: Iterable[str]) -> str:
    """Return `value`; raise ValueError, with the nearest proposed, if not among `choices`."""
    known = sorted(choices)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    listed = ", ".join(repr(choice) for choice in known)
    raise ValueError(f"`{name}` must be one of {listed}; got {_short(value)}{hint}.")


def check_positive_int(value: int, name: str, *, lowest: int = 1) -> int:
    """Return `value` as int; raise TypeError if not whole, ValueError if below `lowest`."""
    return _as_int(value, name, lowest=lowest)


def check_positive_ints(values: Iterable[int], name: str) -> tuple[int, ...]:
    """Return `values` as ints; each is checked like that of `check_positive_int`."""
    return tuple(check_positive_int(value, name) for value in values)


def check_seed(value: int, name: str) -> int:
    """Return `value` as int; raise TypeError if not a whole number, ValueError if below 0."""
    return _as_int(value, name, lowest=0)


def check_positive(value: float, name: str) -> float:
    """Return `value` as float; raise ValueError unless it is finite and above 0."""
    number = _as_float(value, name)
    if not (math.isfinite(number) and number > 0.0):
        raise ValueError(f"`{name}` must be finite and above 0; got {value}.")
    return number


def check_not_negative(value: float, name: str) -> float:
    """Return `value` as float; raise ValueError unless it is finite and at least 0."""
    number = _as_float(value, name)
    if not (math.isfinite(number) and number >= 0.0):
        raise ValueError(f"`{name}` must be finite and at least 0; got {value}.")
    return number


def check_fraction(value: float, name: str) -> float:
    """Return `value` as float; raise ValueError unless it lies strictly between 0 and 1."""
    number = _as_float(value, name)
    if not 0.0 < number < 1.0:
        raise ValueError(f"`{name}` must lie strictly between 0 and 1; got {value}.")
    return number


def check_finite(samples: FloatArray, name: str) -> None:
    """Raise ValueError, with the first place, if the samples `[N, D]` are not all finite."""
    wrong = np.argwhere(~np.isfinite(samples))
    if len(wrong):
        row, column = wrong[0].tolist()
        values = "value" if len(wrong) == 1 else "values"
        raise ValueError(
            f"`{name}` must be finite; got {len(wrong)} non-finite {values}, "
            f"the first in row {row}, column {column}."
        )


def check_varies(value: ArrayLike, name: str, *, unit: str = "column") -> None:
    """Raise ValueError if a column of the samples `[N, D]` is constant, up to rounding."""
    array = np.asarray(value)
    lowest, highest = array.min(axis=0), array.max(axis=0)
    magnitude = np.maximum(np.abs(lowest), np.abs(highest))
    rounding = _CONSTANT_ROUNDING_STEPS * np.finfo(array.dtype).eps
    constant = np.flatnonzero(highest - lowest <= rounding * magnitude)
    if constant.size:
        raise ValueError(
            f"`{name}` must vary in every {unit}; got a constant {unit} {constant[0]}."
        )


def _as_array(value: object, name: str) -> NDArray[Any]:
    if hasattr(value, "element_spec") and hasattr(value, "as_numpy_iterator"):
        return _stack_dataset(value, name)
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    elif hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"`{name}` must not have masked values; got {np.ma.count_masked(value)}.")
    try:
        return np.asarray(value)
    except ValueError:  # nested lists of unequal lengths
        raise ValueError(f"`{name}` must have rows of one length; got ragged rows.") from None


def _stack_dataset(dataset: Any, name: str) -> NDArray[Any]:
    ranks = getattr(getattr(dataset.element_spec, "shape", None), "rank", None)
    if ranks not in (1, 2):
        raise TypeError(
            f"`{name}` must be a dataset of rows [D] or batches [b, D]; "
            f"got elements {_short(dataset.element_spec)}."
        )
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise ValueError(f"`{name}` must be a finite dataset, use .take(n); got an endless one.")
    parts = [np.atleast_2d(part) for part in dataset.as_numpy_iterator()]
    if not parts:
        raise ValueError(f"`{name}` must have at least 1 row; got an empty dataset.")
    return np.concatenate(parts)


def _check_numeric(array: NDArray[Any], name: str, *, columns: Iterable[object] | None) -> None:
    if array.dtype.kind in _NUMERIC_KINDS:
        return
    where = ""
    if columns is not None and array.ndim == 2:
        bad = (c for c, cells in zip(columns, array.T, strict=True) if not _is_numeric(cells))
        where = next((f" (column {_short(column)})" for column in bad), "")
    raise TypeError(f"`{name}` must be numeric; got dtype {array.dtype}{where}.")


def _is_numeric(cells: NDArray[Any]) -> bool:
    return all(isinstance(cell, numbers.Real) for cell in cells.tolist())


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


def _as_int(value: int, name: str, *, lowest: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{name}` must be a whole number; got {_short(value)}.")
    if value < lowest:
        raise ValueError(f"`{name}` must be at least {lowest}; got {value}.")
    return int(value)


def _as_float(value: object, name: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"`{name}` must be a number; got {_short(value)}.")
    return float(value)


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
