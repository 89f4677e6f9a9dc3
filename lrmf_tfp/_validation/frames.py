"""Data frames of pandas, polars and pyarrow, read and written through narwhals."""

from __future__ import annotations

import numbers
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

__all__ = ["are_numbers", "column_names", "frame_like", "frame_values", "is_frame"]


def is_frame(value: object) -> bool:
    """Whether a value is a data frame, of whatever library, that is in memory."""
    if isinstance(value, (np.ndarray, list, tuple)) or not (
        hasattr(value, "columns") or hasattr(value, "column_names")
    ):
        return False
    return isinstance(_frame(value), nw.DataFrame)


def column_names(frame: object) -> tuple[str, ...] | None:
    """Return the names of a frame's columns; None if they are numbers and not names."""
    names = tuple(_frame(frame).columns)
    return names if all(isinstance(name, str) for name in names) else None


def frame_values(frame: object, name: str) -> NDArray[Any]:
    """Return a frame's columns, of any numeric dtype, as an array `[N, D]`.

    float32 if all columns are of that or a shorter float, else float64; missing values are NaN.

    Raises:
        TypeError: if a column does not hold numbers; it is named.
    """
    columns = [_column(column, name) for column in _frame(frame).iter_columns()]
    if not columns:
        return np.empty((len(_frame(frame)), 0))
    short = all(column.dtype.kind == "f" and column.dtype.itemsize <= 4 for column in columns)
    return np.column_stack([c.astype(np.float32 if short else np.float64) for c in columns])


def frame_like(frame: object, values: NDArray[Any], names: tuple[str, ...]) -> Any:
    """Return values `[N, D]` as a frame of the same library, a pandas frame with its index.

    Args:
        frame: The frame to be like, with N rows.
        values: The values.
        names: Names of the columns.
    """
    like = _frame(frame)
    columns = {name: values[:, index] for index, name in enumerate(names)}
    native = nw.from_dict(columns, backend=like.implementation).to_native()
    if like.implementation.is_pandas_like():
        native.index = like.to_native().index
    return native


def are_numbers(cells: NDArray[Any]) -> bool:
    """Whether every cell of an array of objects is a real number."""
    return all(isinstance(cell, numbers.Real) for cell in cells.tolist())


def _frame(value: object) -> Any:
    if type(value).__module__.startswith("pyarrow") and type(value).__name__ == "RecordBatch":
        import pyarrow as pa

        value = pa.Table.from_batches([value])
    try:
        return nw.from_native(value, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        told = " ".join(str(error).split())
        raise ValueError(f"a data frame must have different column names; {told}.") from error


def _column(column: nw.Series[Any], name: str) -> NDArray[Any]:
    if column.dtype.is_decimal():
        column = column.cast(nw.Float64)
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        cells = column.to_numpy()
        if cells.dtype.kind == "O":  # a nullable dtype with missing values
            cells = column.cast(nw.Float64).to_numpy()
        return cells
    if column.dtype == nw.Object:
        cells = column.to_numpy()
        if are_numbers(cells):
            return cells.astype(np.float64)
    native = column.to_native()
    dtype = getattr(native, "dtype", None) or getattr(native, "type", column.dtype)
    raise TypeError(f"`{name}` must be numeric; got dtype {dtype} (column {column.name!r}).")
