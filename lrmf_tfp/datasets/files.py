"""Samples from and to `.npy`, `.npz` and `.csv` files.

What is read remembers how it was written (format, header, key), so that moved samples go back in
the form their source came in. Pickles are never loaded.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SampleFile", "read_samples", "write_samples"]


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


def read_samples(path: str | os.PathLike[str], *, name: str = "path") -> SampleFile:
    """Read samples from a `.npy`, `.npz` or `.csv` file.

    Args:
        path: the file; one array of several in a `.npz` file is named as `file.npz:name`. The
            first row of a `.csv` file is its header if it holds anything but numbers.
        name: what the caller calls the path, for messages.

    Returns:
        The array and how it was written.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file cannot be read, has another suffix, or does not hold one table of
            numbers. Both errors' messages are one line.
    """
    file, key = _split_key(os.fspath(path), name)
    if not file.exists():
        raise FileNotFoundError(f"`{name}` must be an existing file; got {str(file)!r}.")
    if not file.is_file():
        raise ValueError(f"`{name}` must be a file; got the folder {str(file)!r}.")
    readers = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv}
    try:
        return readers[file.suffix.lower()](file, key, name)
    except OSError as error:
        raise ValueError(f"`{name}` must be readable; got {str(file)!r}: {error}.") from error


def write_samples(
    path: str | os.PathLike[str], array: NDArray[Any], *, like: SampleFile | None = None
) -> None:
    """Write samples `[N, D]` to a `.npy`, `.npz` or `.csv` file, all or nothing.

    The format follows from the suffix; an existing file is replaced only once the new one is
    complete.

    Args:
        path: the file to write.
        array: the samples, `[N, D]`.
        like: the file whose header or key to keep.

    Raises:
        ValueError: if the suffix is none of the three.
        OSError: if the file cannot be written.
    """
    file = Path(path)
    _check_suffix(file, "path")
    key = (like.key if like else None) or "samples"
    arrays: dict[str, Any] = {key: array}
    header = like.header if like and like.header and len(like.header) == array.shape[1] else None
    writers: dict[str, Callable[[IO[bytes]], None]] = {
        ".npy": lambda stream: np.save(stream, array, allow_pickle=False),
        ".npz": lambda stream: np.savez(stream, **arrays),
        ".csv": lambda stream: _write_csv(stream, array, header),
    }
    _write_atomically(file, writers[file.suffix.lower()])


def _split_key(path: str, name: str) -> tuple[Path, str | None]:
    head, colon, key = path.rpartition(":")
    if colon and head.lower().endswith(".npz") and not Path(path).exists():
        return Path(head), key
    _check_suffix(Path(path), name)
    return Path(path), None


def _check_suffix(file: Path, name: str) -> None:
    if file.suffix.lower() not in (".npy", ".npz", ".csv"):
        raise ValueError(f"`{name}` must end in .npy, .npz or .csv; got {str(file)!r}.")


def _read_npy(file: Path, key: str | None, name: str) -> SampleFile:
    try:
        with file.open("rb") as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError(
            f"`{name}` must hold an array of numbers; got {str(file)!r}, no such .npy file."
        ) from None
    return SampleFile(array, "npy", key=key)


def _read_npz(file: Path, key: str | None, name: str) -> SampleFile:
    try:
        with zipfile.ZipFile(file), np.load(file, allow_pickle=False) as archive:
            names = list(archive.files)
            if key is None and len(names) == 1:
                key = names[0]
            array = archive[key] if key in names else None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise ValueError(
            f"`{name}` must hold arrays of numbers; got {str(file)!r}, no such .npz file."
        ) from None
    if array is None:
        listed = ", ".join(names) or "none"
        raise ValueError(
            f"`{name}` must name one array, as file.npz:name; got {str(file)!r} "
            f"with the arrays {listed}."
        )
    return SampleFile(array, "npz", key=key)


def _read_csv(file: Path, key: str | None, name: str) -> SampleFile:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"`{name}` must be UTF-8 text in a .csv file; got {error}.") from None
    header = None
    if rows and not any(_is_number(cell) for cell in rows[0][1]):
        header = tuple(cell.strip() for cell in rows.pop(0)[1])
    if not rows:
        raise ValueError(f"`{name}` must have at least 1 row; got {str(file)!r} with none.")
    return SampleFile(_parse_rows(rows, header, name), "csv", header=header, key=key)


def _parse_rows(
    rows: list[tuple[int, list[str]]], header: tuple[str, ...] | None, name: str
) -> NDArray[np.float64]:
    width = len(header) if header else len(rows[0][1])
    table = np.empty((len(rows), width))
    for index, (line, row) in enumerate(rows):
        if len(row) != width:
            raise ValueError(
                f"`{name}` must have {width} columns in every row; got {len(row)} in line {line}."
            )
        try:
            table[index] = [float(cell) for cell in row]
        except ValueError:
            column = [_is_number(cell) for cell in row].index(False)
            title = repr(header[column]) if header else str(column)
            raise ValueError(
                f"`{name}` must be numeric; got {row[column]!r} in column {title}, line {line}."
            ) from None
    return table


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _write_csv(stream: IO[bytes], array: NDArray[Any], header: tuple[str, ...] | None) -> None:
    """Write rows of the shortest numbers that read back the same at the array's precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header is not None:
        writer.writerow(header)
    writer.writerows([str(number) for number in row] for row in array)
    stream.write(text.getvalue().encode())


def _write_atomically(file: Path, write: Callable[[IO[bytes]], None]) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            write(stream)
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
