"""Arrays of the `.npy` format, whose declared size is checked before a byte of it is read."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.datasets.files.refusals import refusing
from lrmf_tfp.datasets.files.sample_file import SampleFile

__all__ = ["read_array", "read_npy"]

_MOST_HEADER = 10_000  # characters, NumPy's own limit
_CHUNK = 2**20
# Version 3 differs by field names beyond Latin-1, and tables with fields are refused anyway.
_LENGTHS = {(1, 0): 2, (2, 0): 4}


def read_npy(file: Path, *, name: str) -> SampleFile:
    """Return the array of a `.npy` file."""
    with refusing(name, "hold an array of numbers", file), file.open("rb") as stream:
        return SampleFile(read_array(stream, size=file.stat().st_size), "npy")


def read_array(stream: IO[bytes], *, size: int) -> NDArray[Any]:
    """Read an array from a stream of so many bytes.

    Raises:
        ValueError: if the stream is not exactly one array without pickles; other errors of damaged
            headers are for the caller to name.
    """
    shape, is_transposed, dtype, length = _read_header(stream, size)
    if dtype.hasobject or dtype.kind == "V" or dtype.itemsize == 0:
        raise ValueError(f"no numbers but dtype {dtype}")
    if min(shape, default=0) < 0:
        raise ValueError(f"the shape {list(shape)}")
    declared = math.prod(shape) * dtype.itemsize
    if declared != size - length:
        raise ValueError(f"{declared} bytes are declared and {size - length} are there")
    flat = _read_bytes(stream, declared).view(dtype)
    return flat.reshape(shape[::-1]).T if is_transposed else flat.reshape(shape)


def _read_header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether columns come first, dtype, and the number of bytes before the data."""
    version = np.lib.format.read_magic(stream)
    if version not in _LENGTHS:
        raise ValueError(f"the unknown version {version}")
    field = stream.read(_LENGTHS[version])
    length = int.from_bytes(field, "little")
    if length > min(_MOST_HEADER, size):
        raise ValueError(f"a header of {length} bytes")
    header = io.BytesIO(field + stream.read(length))
    read = {2: np.lib.format.read_array_header_1_0, 4: np.lib.format.read_array_header_2_0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's, about damaged text
        shape, is_transposed, dtype = read[len(field)](header)
    return shape, is_transposed, dtype, np.lib.format.MAGIC_LEN + len(field) + length


def _read_bytes(stream: IO[bytes], count: int) -> NDArray[np.uint8]:
    buffer = np.empty(count, np.uint8)
    for start in range(0, count, _CHUNK):
        wanted = min(_CHUNK, count - start)
        chunk = stream.read(wanted)
        if len(chunk) != wanted:
            raise ValueError("the end comes too early")
        buffer[start : start + wanted] = np.frombuffer(chunk, np.uint8)
    return buffer
