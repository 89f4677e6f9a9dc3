"""Whether the first row of a `.csv` file holds names, and whether its first column is an index."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.datasets.files.csv_dialect import Dialect, Row
from lrmf_tfp.datasets.files.csv_numbers import (
    is_fraction,
    is_missing,
    is_name,
    is_number,
    is_whole,
)
from lrmf_tfp.datasets.files.refusals import Refusal, one_line, option, shown

__all__ = ["check_no_index", "header_of"]

_LOGGER = logging.getLogger("lrmf_tfp.datasets")
_UNNAMED = ("", "Unnamed: 0")  # the second: pandas wrote what pandas had read
_MIN_HEADERLESS = 10  # rows from which on a count without a name is no chance


def header_of(
    rows: list[Row], dialect: Dialect, *, given: bool | None, name: str, file: str
) -> tuple[str, ...] | None:
    """Return the names in the first row, or None if it is data.

    Args:
        rows: the first rows of the file, one or more.
        dialect: how its numbers are parted.
        given: what the caller says; the rule of `read_samples` when None.
        name: what the caller calls the file, for messages.
        file: the file's name, for notes.
    """
    if not (_is_header([row.cells for row in rows], dialect, file) if given is None else given):
        return None
    header = tuple(cell.strip() for cell in rows[0].cells)
    for index, title in enumerate(header):
        if title in header[:index]:
            raise Refusal(
                f"`{name}` must have columns of different names; got {shown(title)} twice."
            )
    return header


def check_no_index(table: NDArray[np.float64], header: tuple[str, ...] | None, name: str) -> None:
    """Raise `Refusal` if the first column counts the rows and has no name."""
    num_rows, width = table.shape
    if width < 2 or not (num_rows >= _MIN_HEADERLESS if header is None else header[0] in _UNNAMED):
        return
    column = table[:, 0]
    counts = [bool((column == np.arange(first, first + num_rows)).all()) for first in (0, 1)]
    # Rows that were shuffled or left out keep their numbers.
    has_wholes = bool((column == np.floor(column)).all())
    is_kept = header is not None and has_wholes and np.unique(column).size == num_rows
    if counts[0] or (header is not None and (counts[1] or is_kept)):
        raise Refusal(
            f"`{name}` must have no index of rows; got one in the nameless first "
            "column: leave it out (in pandas, to_csv(..., index=False)), or give it a name."
        )


def _is_header(rows: list[list[str]], dialect: Dialect, file: str) -> bool:
    first, below = rows[0], rows[1:]
    decimal = dialect.decimal
    numbers = [cell for cell in first if is_number(cell, decimal)]
    if not numbers:
        return any(is_name(cell, decimal) for cell in first)
    if not all(is_whole(cell) for cell in numbers) or len(set(first)) < len(first) or not below:
        return False
    if not first[0].strip():
        return _counts_rows(below) or (first[1] == "0" and _are_consecutive(first[1:]))
    columns = [index for index, cell in enumerate(first) if is_whole(cell)]
    shares = [_share_of_fractions(below, index, decimal) for index in columns]
    if len(numbers) < len(first):
        return set(shares) == {1.0} and not any(is_missing(cell) for cell in first)
    listed = one_line(", ".join(first), most=60)
    # Who writes 1 beside 1.5 in one column may have written the first row so as well.
    if 1.0 in shares and set(shares) <= {0.0, 1.0}:
        what = "names, since others below have fractions"
        _LOGGER.warning("%s: the first row, %s, was taken for %s; if it is data, %s",
                        file, listed, what, option("header", value=False))  # fmt: skip
        return True
    if len(first) > 1 and _are_consecutive(first):
        _LOGGER.warning("%s: the first row, %s, was taken for data; if it holds names, %s",
                        file, listed, option("header", value=True))  # fmt: skip
    return False


def _counts_rows(rows: list[list[str]]) -> bool:
    return all(row and row[0].strip() == str(index) for index, row in enumerate(rows))


def _share_of_fractions(rows: list[list[str]], column: int, decimal: str) -> float:
    """Return how many of a column's values are written with a decimal mark."""
    cells = [row[column] for row in rows if column < len(row) and not is_missing(row[column])]
    return sum(is_fraction(cell, decimal) for cell in cells) / max(len(cells), 1)


def _are_consecutive(cells: list[str]) -> bool:
    # A cell may have more digits than Python makes a number of.
    if not all(is_whole(cell) and len(cell) <= 15 for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))
