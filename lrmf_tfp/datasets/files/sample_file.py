"""What a file of samples held, and how a `.csv` file may be said to be written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

__all__ = ["CsvForm", "SampleFile", "has_known_suffix", "suffix_of"]

_SUFFIXES = (".npy", ".npz", ".csv", ".csv.gz")


@dataclass(frozen=True, eq=False)
class SampleFile:
    """What a file of samples held.

    The array is as stored; shape, finiteness and number of rows are for `as_samples` to judge.
    """

    array: NDArray[Any]
    """The stored array; from a `.csv` file float64 `[N, D]`."""

    kind: str
    """`"npy"`, `"npz"` or `"csv"`."""

    header: tuple[str, ...] | None = None
    """The names of a `.csv` file's columns, or None if it has none."""

    key: str | None = None
    """The name of the array inside a `.npz` file."""

    delimiter: str = ","
    """What parts the columns of a `.csv` file."""

    decimal: str = "."
    """The decimal mark of a `.csv` file."""


@dataclass(frozen=True)
class CsvForm:
    """How a `.csv` file is written, as far as the caller says; None is to be found out."""

    header: bool | None = None
    """Whether the first row holds names."""

    delimiter: str | None = None
    """What parts the columns."""

    decimal: str | None = None
    """The decimal mark."""


def suffix_of(file: Path) -> str:
    """Return the last part of a file's name in small letters; of `a.csv.gz` the last two."""
    lowered = file.name.lower()
    return ".csv.gz" if lowered.endswith(".csv.gz") else file.suffix.lower()


def has_known_suffix(file: Path) -> bool:
    """Return whether samples can be read from, or written to, a file of this name."""
    return suffix_of(file) in _SUFFIXES
