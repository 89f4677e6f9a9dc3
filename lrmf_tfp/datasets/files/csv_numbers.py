"""What counts as a number in a cell, and what kind of thing a cell holds."""

from __future__ import annotations

import re

__all__ = ["is_fraction", "is_missing", "is_name", "is_number", "is_whole", "parsed"]

# Python's float also takes 1_000, the digits of every script and no-break spaces.
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf|infinity)", re.ASCII | re.I
)
_WHOLE = re.compile(r"[0-9]+", re.ASCII)
_MISSING = {"", "-", "--", "?", "na", "n/a", "#n/a", "<na>", "null", "none", "nil"}
_PLAIN = frozenset("0123456789+-.eE ")


def parsed(cells: list[str], decimal: str) -> list[float]:
    """Return the numbers of a row.

    Raises:
        ValueError: if a cell is no number.
    """
    if decimal == "." and _PLAIN.issuperset("".join(cells)):
        return [float(cell) for cell in cells]  # where it knows no more than we do
    for cell in cells:
        if not is_number(cell, decimal):
            raise ValueError(f"`cells` must be numbers; got {cell!r}.")
    return [float(_pointed(cell, decimal)) for cell in cells]


def is_number(cell: str, decimal: str) -> bool:
    """Return whether a cell is a number with this decimal mark, blanks around it or not."""
    return _NUMBER.fullmatch(_pointed(cell, decimal)) is not None


def is_whole(cell: str) -> bool:
    """Return whether a cell is digits and nothing else."""
    return _WHOLE.fullmatch(cell.strip(" \t")) is not None


def is_fraction(cell: str, decimal: str) -> bool:
    """Return whether a cell is a number written with a decimal mark or an exponent."""
    return is_number(cell, decimal) and any(mark in cell for mark in (decimal, "e", "E"))


def is_missing(cell: str) -> bool:
    """Return whether a cell says that there is no value."""
    return cell.strip().lower() in _MISSING


def is_name(cell: str, decimal: str) -> bool:
    """Return whether a cell is neither a number, in anyone's eyes, nor a gap."""
    if is_number(cell, decimal) or is_missing(cell):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


def _pointed(cell: str, decimal: str) -> str:
    """Return a cell with a decimal point, such that a wrong decimal mark makes it no number."""
    text = cell.strip(" \t")
    return text.replace(".", "_").replace(",", ".") if decimal == "," else text
