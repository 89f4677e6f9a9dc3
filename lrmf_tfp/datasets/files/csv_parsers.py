"""Plain text to numbers by whichever fast reader is installed; all give the same floats.

A parser is handed only rows of digits, signs, points, exponents, commas and blanks, in which an
empty cell cannot be told from a missing value by mistake: what comes back is taken only if it is
finite and has as many rows and cells as the text. Anything else is read cell by cell.
"""

from __future__ import annotations

import importlib
import inspect
import io
import sys
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.datasets.files.csv_dialect import Dialect

__all__ = ["PARSERS", "Parser", "parse_plain", "parser_for"]

Table = NDArray[np.float64]
Parser = Callable[[bytes], Table]

_WORTH_AN_IMPORT = 2**24  # bytes; below them NumPy is done before another reader is imported


def parser_for(num_bytes: int) -> Parser:
    """Return the fastest parser that is installed, for a file of so many bytes."""
    for package in ("pandas", "pyarrow"):
        if sys.modules.get(package) is not None or (
            num_bytes > _WORTH_AN_IMPORT and _is_installed(package)
        ):
            return PARSERS[package]
    return PARSERS["numpy"]


def parse_plain(text: str, width: int, dialect: Dialect, parser: Parser) -> Table | None:
    """Return the rows of a text `[n, width]`, or None if it is not plain or not regular."""
    if dialect.delimiter == dialect.decimal:
        return None
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        return None
    table, plain = _translation(dialect)
    if raw.translate(None, plain):
        return None
    if table is not None:
        raw = raw.translate(table)
    if not raw or raw.isspace():
        return np.empty((0, width))
    try:
        rows = parser(raw)
    except (ValueError, OverflowError, TypeError):
        return None
    if rows.shape[1] != width or _commas(raw) != len(rows) * (width - 1):
        return None
    return rows if np.isfinite(rows).all() else None


def _commas(raw: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(raw, np.uint8) == ord(",")))  # faster than count


@cache
def _translation(dialect: Dialect) -> tuple[bytes | None, bytes]:
    """Return the table that makes a dialect plain, if it is not, and what characters it has."""
    marks = (dialect.delimiter + dialect.decimal).encode("ascii")
    table = None if marks == b",." else bytes.maketrans(marks, b",.")
    return table, b"0123456789+-eE \n" + marks


@cache
def _is_installed(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def _by_pandas(raw: bytes) -> Table:
    pandas = importlib.import_module("pandas")
    exact: dict[str, Any] = {}
    if "float_precision" in inspect.signature(pandas.read_csv).parameters:
        exact["float_precision"] = "round_trip"  # what later versions do anyway
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # and say so
        frame = pandas.read_csv(
            io.BytesIO(raw), header=None, dtype=np.float64, na_filter=False, index_col=False,
            engine="c", quoting=3, low_memory=False, **exact,
        )  # fmt: skip
    rows: Table = frame.to_numpy()
    return rows


def _by_pyarrow(raw: bytes) -> Table:
    arrow = importlib.import_module("pyarrow")
    reader = importlib.import_module("pyarrow.csv")
    width = raw.partition(b"\n")[0].count(b",") + 1
    names = [str(index) for index in range(width)]
    table = reader.read_csv(
        arrow.BufferReader(raw),
        read_options=reader.ReadOptions(column_names=names),
        parse_options=reader.ParseOptions(quote_char=False),
        convert_options=reader.ConvertOptions(
            column_types=dict.fromkeys(names, arrow.float64()), null_values=[]
        ),
    )
    rows = np.empty((table.num_rows, width))
    for index, column in enumerate(table.columns):
        rows[:, index] = column.to_numpy()
    return rows


def _by_numpy(raw: bytes) -> Table:
    return np.loadtxt(io.BytesIO(raw), delimiter=",", comments=None, ndmin=2)


PARSERS: dict[str, Parser] = {
    "numpy": _by_numpy,
    "pandas": _by_pandas,
    "pyarrow": _by_pyarrow,
}
