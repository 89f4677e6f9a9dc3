"""Arrays of `.npz` archives: one member is read, and only if its sizes are plausible."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lrmf_tfp.datasets.files.npy import read_array
from lrmf_tfp.datasets.files.refusals import Refusal, check_expansion, one_line, refusing
from lrmf_tfp.datasets.files.sample_file import SampleFile

__all__ = ["read_npz"]

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # what NumPy writes
_ENCRYPTED = 1


def read_npz(file: Path, *, key: str | None, name: str) -> SampleFile:
    """Return the only array of a `.npz` file, or the one that `key` names."""
    with (
        refusing(name, "hold arrays of numbers", file),
        file.open("rb") as stream,
        zipfile.ZipFile(stream) as archive,
    ):
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if key is None and len(members) == 1:
            (key,) = members
        if key is None or key not in members:
            listed = one_line(", ".join(list(members)[:50]) or "none")
            raise Refusal(
                f"`{name}` must name one array, as file.npz:name; got {str(file)!r} "
                f"with the arrays {listed}."
            )
        array = _read_member(archive, members[key], name=name, file=file)
    return SampleFile(array, "npz", key=key)


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, name: str, file: Path
) -> NDArray[Any]:
    if member.flag_bits & _ENCRYPTED:
        raise ValueError("an encrypted archive")
    if member.compress_type not in _METHODS:
        raise ValueError(f"the compression {member.compress_type}, not NumPy's")
    if member.compress_size > file.stat().st_size:
        raise ValueError(f"{member.compress_size} compressed bytes are declared")
    check_expansion(member.file_size, member.compress_size, name=name, file=file)
    with archive.open(member) as stream:
        return read_array(stream, size=member.file_size)  # at its end the checksum is compared
