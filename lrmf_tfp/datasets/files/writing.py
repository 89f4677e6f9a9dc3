"""Samples to files, all or nothing, a block of rows at a time."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp._core.files import write_whole
from lrmf_tfp.datasets.files.sample_file import SampleFile, has_known_suffix, suffix_of

__all__ = ["write_samples"]

_BLOCK = 2**16  # numbers that are text at one time


def write_samples(
    path: str | os.PathLike[str], array: NDArray[Any], *, like: SampleFile | None = None
) -> None:
    """Write samples `[N, D]` to a `.npy`, `.npz` or `.csv` file, all or nothing.

    The format follows from the suffix (`.csv.gz` is compressed); an existing file is replaced only
    once the new one is complete.

    Args:
        path: the file to write.
        array: the samples, `[N, D]`.
        like: the file whose header, delimiter and decimal mark, or key, to keep.

    Raises:
        ValueError: if the suffix is none of the three.
        OSError: if the file cannot be written.
    """
    file = Path(path)
    if not has_known_suffix(file):
        raise ValueError(f"`path` must end in .npy, .npz or .csv; got {str(file)!r}.")
    arrays: dict[str, Any] = {(like.key if like else None) or "samples": array}
    writers: dict[str, Callable[[IO[bytes]], None]] = {
        ".npy": lambda stream: np.save(stream, array, allow_pickle=False),
        ".npz": lambda stream: np.savez(stream, **arrays),
        ".csv": lambda stream: _write_csv(stream, array, like),
        ".csv.gz": lambda stream: _write_packed(stream, array, like),
    }
    write_whole(file, writers[suffix_of(file)])


def _write_packed(stream: IO[bytes], array: NDArray[Any], like: SampleFile | None) -> None:
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
        _write_csv(packed, array, like)


def _write_csv(stream: Any, array: NDArray[Any], like: SampleFile | None) -> None:
    """Write rows of the shortest numbers that read back the same at the array's precision."""
    delimiter, decimal = (like.delimiter, like.decimal) if like else (",", ".")
    if like and like.header and len(like.header) == array.shape[1]:
        stream.write(_header_line(like.header, delimiter))
    step = max(1, _BLOCK // max(1, array.shape[1]))
    for start in range(0, len(array), step):
        text = _text_of(array[start : start + step], delimiter, decimal)
        stream.write(text.encode())


def _header_line(header: tuple[str, ...], delimiter: str) -> bytes:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(header)
    return line.getvalue().encode()


def _text_of(rows: NDArray[Any], delimiter: str, decimal: str) -> str:
    # Python's floats are float64; those of other types have shorter shortest forms.
    cells = rows.tolist() if rows.dtype == np.float64 else rows
    quote, between = ('"', f'"{delimiter}"') if delimiter == decimal else ("", delimiter)
    lines = (between.join([str(cell) for cell in row]) for row in cells)
    text = "".join(f"{quote}{line}{quote}\n" for line in lines)
    return text if decimal == "." else text.replace(".", decimal)
