"""The one door for files of samples."""

from __future__ import annotations

import os
from pathlib import Path

from lrmf_tfp.datasets.files.csv_reading import read_csv
from lrmf_tfp.datasets.files.npy import read_npy
from lrmf_tfp.datasets.files.npz import read_npz
from lrmf_tfp.datasets.files.sample_file import (
    CsvForm,
    SampleFile,
    has_known_suffix,
    suffix_of,
)

__all__ = ["read_samples"]

DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")


def read_samples(
    path: str | os.PathLike[str],
    *,
    name: str = "path",
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
) -> SampleFile:
    r"""Read samples from a `.npy`, `.npz` or `.csv` file.

    A `.csv` file is UTF-8 text, or UTF-16 with a byte order mark, and may be compressed by gzip
    (`.csv.gz`). What is not said is found out from its first lines:

    - *Delimiter*: the first of tab, semicolon and comma that makes every cell below the first row
      a number.
    - *Decimal mark*: a comma where the delimiter is none, or cells are quoted, and not every cell
      is a number with a point. A headerless table whose commas look like decimal ones is
      refused, not split.
    - *Header*: the first row is one if none of its cells is a number, or if its numbers are
      whole, all different, and stand above a column that is written with a decimal mark
      throughout: `0,1` or `2019,2020` above measurements. Above whole numbers, or where a column
      has numbers with and without the mark, the first row is data.

    An index as pandas and R write it, a first column without a name that counts the rows, is
    refused. The logger `lrmf_tfp.datasets` tells what was read, and warns where it was a guess.

    Args:
        path: the file; one array of several in a `.npz` file is named as `file.npz:name`.
        name: what the caller calls the path, for messages.
        header: whether the first row of a `.csv` file holds names; by the rule above when None.
        delimiter: what parts its columns: `","`, `";"`, `"\t"` or `"|"`; found out when None.
        decimal: its decimal mark, `"."` or `","`; found out when None.

    Returns:
        The array and how it was written.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file cannot be read, is damaged, has another suffix, does not hold one
            table of numbers, or would expand to more than 100 times its size. Both errors'
            messages are one line.
    """
    form = _checked_form(header=header, delimiter=delimiter, decimal=decimal)
    file, key = _split_key(os.fsdecode(path), name)
    if not os.path.exists(file):  # unlike Path.exists, which raises where a name is too long
        raise FileNotFoundError(f"`{name}` must be an existing file; got {str(file)!r}.")
    if not file.is_file():
        what = "the folder" if file.is_dir() else "no regular file,"
        raise ValueError(f"`{name}` must be a file; got {what} {str(file)!r}.")
    kind = suffix_of(file)
    if kind == ".npy":
        return read_npy(file, name=name)
    return (
        read_npz(file, key=key, name=name) if kind == ".npz" else read_csv(file, form, name=name)
    )


def _checked_form(*, header: bool | None, delimiter: str | None, decimal: str | None) -> CsvForm:
    if delimiter is not None and delimiter not in DELIMITERS:
        raise ValueError(f"`delimiter` must be one of {DELIMITERS}; got {delimiter!r}.")
    if decimal is not None and decimal not in DECIMALS:
        raise ValueError(f"`decimal` must be one of {DECIMALS}; got {decimal!r}.")
    if decimal is not None and decimal == delimiter:
        raise ValueError(f"`decimal` must differ from `delimiter`; got {decimal!r} twice.")
    return CsvForm(header, delimiter, decimal)


def _split_key(path: str, name: str) -> tuple[Path, str | None]:
    head, colon, key = path.rpartition(":")
    if colon and head.lower().endswith(".npz") and not os.path.exists(path):
        return Path(head), key
    if not has_known_suffix(Path(path)):
        raise ValueError(f"`{name}` must end in .npy, .npz or .csv; got {path!r}.")
    return Path(path), None
