"""What parts the columns of a `.csv` file and which mark parts the fractions."""

from __future__ import annotations

import csv
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lrmf_tfp.datasets.files.csv_numbers import is_missing, is_number
from lrmf_tfp.datasets.files.refusals import Refusal, option, shown
from lrmf_tfp.datasets.files.sample_file import CsvForm

__all__ = ["Dialect", "Row", "check_commas", "dialect_of", "rows_of"]

_LOGGER = logging.getLogger("lrmf_tfp.datasets")
_SNIFFED = ("\t", ";", ",")  # commas last: they may be decimal ones in between the others
_NEGATIVE_ZERO = re.compile(r"[+-]0+", re.ASCII)
_PADDED = re.compile(r"0[0-9]", re.ASCII)
_SIGNED = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_MOST_DIGITS = 15  # of a whole number that a float holds


class Dialect(NamedTuple):
    """How the numbers of a file are parted."""

    delimiter: str
    decimal: str


class Row(NamedTuple):
    """The cells of a row and the number of the line that ends it, counted from 1."""

    line: int
    cells: list[str]


def rows_of(lines: Iterable[str], delimiter: str, *, first_line: int = 1) -> Iterator[Row]:
    """Yield the rows that are not blank.

    Raises:
        csv.Error: if a cell is out of bounds.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield Row(first_line - 1 + reader.line_num, cells)


def dialect_of(head: list[str], form: CsvForm) -> Dialect:
    """Return the dialect of a file whose first lines are these.

    The first of tab, semicolon and comma that makes every cell below the first row a number is
    the delimiter; where none does, that which makes most of them numbers.

    Args:
        head: whole lines.
        form: what the caller says.
    """
    is_quoted = any('"' in line for line in head)  # which keeps apart even "1,5","2,5"
    best, most = Dialect(form.delimiter or _lone(form), form.decimal or "."), -1.0
    for delimiter in (form.delimiter,) if form.delimiter else _SNIFFED:
        if not any(delimiter in line for line in head):
            continue
        rows = [row.cells for row in rows_of(head, delimiter)]
        below = rows[1:] or rows
        for decimal in form.decimal or ".,":
            if decimal == delimiter and not is_quoted:
                continue
            share = _share_of_numbers(below, decimal)
            if share > most:
                best, most = Dialect(delimiter, decimal), share
            if share == 1.0:
                return best
    return best


def _lone(form: CsvForm) -> str:
    """Return a delimiter for a file without any, which is not its decimal mark."""
    return ";" if form.decimal == "," else ","


def _share_of_numbers(rows: list[list[str]], decimal: str) -> float:
    """Return the share of numbers among the cells of rows of the commonest width.

    Gaps count where a column has nothing else, and rows of another width lower the share.
    """
    if not rows:
        return 0.0
    ((width, count),) = Counter(map(len, rows)).most_common(1)
    regular = [row for row in rows if len(row) == width]
    gaps = [all(is_missing(row[column]) for row in regular) for column in range(width)]
    cells = [(cell, gap) for row in regular for cell, gap in zip(row, gaps, strict=True)]
    judged = [is_number(cell, decimal) for cell, gap in cells if gap or not is_missing(cell)]
    return sum(judged) / max(len(judged), 1) * count / len(rows)


def check_commas(rows: list[Row], *, name: str, file: str) -> None:
    """Raise `Refusal` if the commas of a table of whole numbers look like decimal ones.

    `0,126` and `-0,132` are two columns of whole numbers to whoever does not know better. But
    whole numbers have no zeros in front, none is -0, and none has more digits than a float. Two
    columns without such signs are read, with a warning that tells the choice.
    """
    if len(rows[0].cells) % 2 or not all(_are_wholes(cells) for _, cells in rows):
        return
    for line, cells in rows:
        for whole, part in zip(cells[::2], cells[1::2], strict=False):
            if _NEGATIVE_ZERO.fullmatch(whole) or len(part) > _MOST_DIGITS or _PADDED.match(part):
                raise Refusal(
                    f"`{name}` must say what its commas are, {option('decimal', value=',')}, or "
                    f"{option('delimiter', value=',')}; got {shown(f'{whole},{part}')} "
                    f"in line {line}."
                )
    if len(rows[0].cells) == 2:
        _LOGGER.warning(
            "%s: the commas were taken to part two columns; if they are decimal ones, %s",
            file,
            option("decimal", value=","),
        )


def _are_wholes(cells: list[str]) -> bool:
    """Return whether cells could be numbers with decimal commas that were torn apart."""
    return all(map(_SIGNED.fullmatch, cells[::2])) and all(map(_DIGITS.fullmatch, cells[1::2]))
