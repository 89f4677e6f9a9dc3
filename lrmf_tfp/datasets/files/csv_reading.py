"""Samples from a `.csv` file, a piece of its text at a time."""

from __future__ import annotations

import csv
import io
import logging
import zlib
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.datasets.files.csv_cells import CellReader
from lrmf_tfp.datasets.files.csv_dialect import Dialect, check_commas, dialect_of, rows_of
from lrmf_tfp.datasets.files.csv_header import check_no_index, header_of
from lrmf_tfp.datasets.files.csv_parsers import parse_plain, parser_for
from lrmf_tfp.datasets.files.csv_text import pieces_of
from lrmf_tfp.datasets.files.refusals import Refusal, one_line, refusing
from lrmf_tfp.datasets.files.sample_file import CsvForm, SampleFile

__all__ = ["read_csv"]

_LOGGER = logging.getLogger("lrmf_tfp.datasets")
_DAMAGES = (OSError, EOFError, zlib.error, csv.Error, MemoryError)
_HEAD_LINES = 1000  # that decide on delimiter, decimal mark and header
_HEAD_CHARACTERS = 2**18


class _Layout(NamedTuple):
    dialect: Dialect
    header: tuple[str, ...] | None
    width: int
    first_line: int
    """The line that the data begin with, counted from 1."""


class _Rows:
    """A table that grows in place: lists of blocks would be held twice when they are joined."""

    def __init__(self, width: int) -> None:
        self._table = np.empty((0, width))
        self._count = 0

    def add(self, rows: NDArray[np.float64]) -> None:
        count = self._count + len(rows)
        if count > len(self._table):
            self._resize(max(count, len(self._table) * 5 // 4))
        self._table[self._count : count] = rows
        self._count = count

    def finished(self) -> NDArray[np.float64]:
        self._resize(self._count)
        return self._table

    def _resize(self, count: int) -> None:
        self._table.resize((count, self._table.shape[1]), refcheck=False)


def read_csv(file: Path, form: CsvForm, *, name: str) -> SampleFile:
    """Return the table of numbers in a `.csv` file; see `read_samples` for the rules."""
    with refusing(name, "be UTF-8 text in a .csv file", file, errors=_DAMAGES):
        pieces = pieces_of(file, name=name)
        first = next(pieces, "")
        layout = _layout_of(first, form, name=name, file=file)
        data = chain([_without_lines(first, layout.first_line - 1)], pieces)
        table = _read_table(data, layout, name=name, num_bytes=file.stat().st_size)
    if not len(table):
        raise _no_rows(name, file)
    check_no_index(table, layout.header, name)
    _tell(table, layout, file)
    dialect = layout.dialect._asdict()
    return SampleFile(table, "csv", header=layout.header, **dialect)


def _layout_of(text: str, form: CsvForm, *, name: str, file: Path) -> _Layout:
    head = _head_of(text)
    dialect = dialect_of(head, form)
    rows = list(rows_of(head, dialect.delimiter))
    if not rows:
        raise _no_rows(name, file)
    header = header_of(rows, dialect, given=form.header, name=name, file=file.name)
    if header is None and dialect == (",", ".") and form.delimiter is form.decimal is None:
        check_commas(rows, name=name, file=file.name)
    return _Layout(dialect, header, len(rows[0].cells), 1 if header is None else rows[0].line + 1)


def _head_of(text: str) -> list[str]:
    """Return some first lines, two of them at least where there are so many."""
    lines: list[str] = []
    count = 0
    for line in islice(io.StringIO(text), _HEAD_LINES):
        if count + len(line) > _HEAD_CHARACTERS and len(lines) > 2:
            break
        lines.append(line)
        count += len(line)
    return lines


def _without_lines(text: str, count: int) -> str:
    start = 0
    for _ in range(count):
        start = text.find("\n", start) + 1 or len(text)
    return text[start:]


def _read_table(
    pieces: Iterable[str], layout: _Layout, *, name: str, num_bytes: int
) -> NDArray[np.float64]:
    rows, line = _Rows(layout.width), layout.first_line
    cells = CellReader(layout.header, layout.width, layout.dialect, name)
    parser = parser_for(num_bytes)
    for piece in pieces:
        parsed = parse_plain(piece, layout.width, layout.dialect, parser)
        if parsed is not None:
            rows.add(parsed)
        else:  # no number is quoted over several lines, so that none is over several pieces
            for block in cells.read(io.StringIO(piece), first_line=line):
                rows.add(block)
        line += piece.count("\n")
    return rows.finished()


def _tell(table: NDArray[np.float64], layout: _Layout, file: Path) -> None:
    num_rows, width = table.shape
    names = _listed(layout.header)
    written = [
        f"{what} {mark!r}"
        for (what, mark), usual in zip(layout.dialect._asdict().items(), ",.", strict=True)
        if mark != usual
    ]
    _LOGGER.info(
        "read %d rows, %d column%s%s from %s%s",
        num_rows,
        width,
        "" if width == 1 else "s",
        names,
        one_line(file),
        f" ({', '.join(written)})" if written else "",
    )


def _listed(header: tuple[str, ...] | None) -> str:
    if header is None:
        return ""
    more = "" if len(header) <= 8 else f", ... ({len(header)} in all)"
    return f": {one_line(', '.join(header[:8]))}{more}"


def _no_rows(name: str, file: Path) -> Refusal:
    return Refusal(f"`{name}` must have at least 1 row; got {str(file)!r} with none.")
