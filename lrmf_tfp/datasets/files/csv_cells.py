"""The careful way through a `.csv` file, cell by cell, which names what is wrong and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.datasets.files.csv_dialect import Dialect, Row, rows_of
from lrmf_tfp.datasets.files.csv_numbers import is_name, is_number, parsed
from lrmf_tfp.datasets.files.refusals import Refusal, option, shown

__all__ = ["CellReader"]

_BLOCK = 4096  # numbers, and at least one row


class CellReader:
    """Reads rows of one file: quotes, gaps, words and all.

    Args:
        header: the names of the columns, if they have any.
        width: the number of columns.
        dialect: how the numbers are parted.
        name: what the caller calls the file, for messages.
    """

    def __init__(
        self, header: tuple[str, ...] | None, width: int, dialect: Dialect, name: str
    ) -> None:
        self._header = header
        self._width = width
        self._dialect = dialect
        self._name = name

    def read(self, lines: Iterable[str], *, first_line: int) -> Iterator[NDArray[np.float64]]:
        """Yield the rows in blocks `[n, width]`.

        Raises:
            Refusal: if a row has another width or a cell that is no number.
        """
        block: list[list[float]] = []
        for row in rows_of(lines, self._dialect.delimiter, first_line=first_line):
            block.append(self._numbers(row))
            if len(block) * self._width >= _BLOCK:
                yield np.array(block)
                block.clear()
        if block:
            yield np.array(block)

    def _numbers(self, row: Row) -> list[float]:
        if len(row.cells) != self._width:
            columns = "column" if self._width == 1 else "columns"
            raise Refusal(
                f"`{self._name}` must have {self._width} {columns} in every row; "
                f"got {len(row.cells)} in line {row.line}{self._cure_of_width(len(row.cells))}."
            )
        try:
            return parsed(row.cells, self._dialect.decimal)
        except ValueError:
            raise self._refusal(row) from None

    def _refusal(self, row: Row) -> Refusal:
        numbers = [is_number(cell, self._dialect.decimal) for cell in row.cells]
        column = numbers.index(False)
        cell = row.cells[column]
        title = shown(self._header[column]) if self._header else str(column)
        return Refusal(
            f"`{self._name}` must be numeric; got {shown(cell)} in column {title}, "
            f"line {row.line}{self._cure_of_cell(cell, row)}."
        )

    def _cure_of_width(self, found: int) -> str:
        if self._dialect.delimiter == "," and found == 2 * self._width:
            return f" (decimal commas? {option('decimal', value=',')})"
        if self._header and found == self._width + 1:
            return " (an index of rows without a name?)"
        return ""

    def _cure_of_cell(self, cell: str, row: Row) -> str:
        other = "." if self._dialect.decimal == "," else ","
        if is_number(cell, other):
            return f" (decimal mark {other!r}? {option('decimal', value=other)})"
        for delimiter in (";", "\t", "|", ","):
            parts = cell.split(delimiter)
            if len(parts) > 1 and any(is_number(part, ".") for part in parts):
                return f" (parted by {delimiter!r}? {option('delimiter', value=delimiter)})"
        if self._header is None and row.line == 1 and is_name(cell, self._dialect.decimal):
            return f" (a name? {option('header', value=True)})"
        return ""
