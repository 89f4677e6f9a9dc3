"""USPS as people keep it, in one HDF5 file or in LIBSVM's two compressed texts.

NumPy, h5py and scikit-learn; nothing is read before it is asked for. What is read is checked as a
whole, so that a file cut short is named before anything is written.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.datasets.files.refusals import reason_of

if TYPE_CHECKING:
    import h5py

__all__ = [
    "LIBSVM_FILES",
    "NUM_ROWS",
    "find_usps",
    "read_h5",
    "read_libsvm",
    "read_usps",
    "require",
]

Split = tuple[NDArray[np.float32], NDArray[np.int64]]

SIDE = 16
NUM_ROWS = {"train": 7291, "test": 2007}
H5_FILE = "usps.h5"
LIBSVM_FILES = {"train": "usps.bz2", "test": "usps.t.bz2"}
# As torchvision and others publish them.
_MD5 = {
    "train": "ec16c51db3855ca6c91edd34d0e9b197",
    "test": "8ea070ee2aca1ac39742fdd1ef5ed118",
}


def require(module: str) -> ModuleType:
    """Return a module of the extra `digits`.

    Raises:
        ModuleNotFoundError: if it, or something that it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"`{module}` must be installed to read digits, pip install 'lrmf-tfp[digits]'; "
            f"got {error}."
        ) from error


def find_usps(folder: Path) -> list[Path]:
    """Return the files of USPS in a folder: the HDF5 file, else LIBSVM's two, else none."""
    if (folder / H5_FILE).is_file():
        return [folder / H5_FILE]
    texts = [folder / name for name in LIBSVM_FILES.values()]
    return texts if all(path.is_file() for path in texts) else []


def read_usps(files: list[Path]) -> dict[str, Split]:
    """Return the images and labels of both splits from what `find_usps` found.

    Returns:
        For `"train"` and `"test"` the images `[N, 16, 16, 1]`, float32 in [0, 1], and the digits
        `[N]`, int64 0 to 9.

    Raises:
        ModuleNotFoundError: if h5py is needed and not installed.
        ValueError: if a file is damaged, cut short or not USPS.
    """
    if files[0].name == H5_FILE:
        return read_h5(files[0])
    return {
        split: read_libsvm(path, split=split)
        for split, path in zip(LIBSVM_FILES, files, strict=True)
    }


def read_h5(path: Path) -> dict[str, Split]:
    """Read groups `train` and `test`, each with `data` `[N, 256]` in [0, 1] and `target` `[N]`."""
    h5py = require("h5py")
    try:
        with h5py.File(path) as file:
            parts = {split: _read_group(file, split, path) for split in NUM_ROWS}
    except _Refusal:
        raise
    except Exception as error:  # flipped bytes make h5py raise nearly every class there is
        raise _refusal(path, "a whole HDF5 file", reason_of(error)) from error
    return {split: _as_split(*part, split=split, path=path) for split, part in parts.items()}


def read_libsvm(path: Path, *, split: str, md5: str | None = None) -> Split:
    """Read lines `label index:value ...` with labels 1 to 10 and values in [-1, 1].

    Args:
        path: the text, compressed by bzip2.
        split: `"train"` or `"test"`, which says how many rows there must be.
        md5: what the file's MD5 must be; not looked at when None.
    """
    from sklearn.datasets import load_svmlight_file

    if md5 is not None and _md5_of(path) != md5:
        raise _refusal(path, f"the published file, MD5 {md5}", _md5_of(path))
    try:
        values, labels = load_svmlight_file(str(path), n_features=SIDE * SIDE)
    except (EOFError, OSError, ValueError, IndexError) as error:
        rule = "a whole bzip2 file of lines `label index:value ...`"
        raise _refusal(path, rule, " ".join(str(error).split())) from error
    return _as_split((values.toarray() + 1.0) / 2.0, labels - 1.0, split=split, path=path)


def published_md5(split: str) -> str:
    """Return the MD5 of LIBSVM's file of a split."""
    return _MD5[split]


def _md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _read_group(file: h5py.File, split: str, path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    found = []
    for key, shape in _shapes(split).items():
        node = file.get(f"{split}/{key}")
        if not hasattr(node, "dtype"):
            listed = ", ".join(sorted(file)) or "nothing"
            raise _refusal(path, f"an array `{split}/{key}`", listed)
        _check_form(node, f"{key} of {split}", shape, path)  # before anything is allocated
        if node.external or node.is_virtual:
            raise _refusal(path, f"{key} of {split} inside the file", "a link to another file")
        found.append(node[()])
    return found[0], found[1]


def _shapes(split: str) -> dict[str, tuple[int, ...]]:
    return {"data": (NUM_ROWS[split], SIDE * SIDE), "target": (NUM_ROWS[split],)}


def _check_form(array: Any, name: str, shape: tuple[int, ...], path: Path) -> None:
    if array.dtype.kind not in "iuf" or array.shape != shape:
        found = f"{array.dtype} {list(array.shape or ())}"
        raise _refusal(path, f"{name} {list(shape)}", found)


def _as_split(
    data: NDArray[Any], target: NDArray[Any], *, split: str, path: Path
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    for array, (key, shape), low, high in zip(
        (data, target), _shapes(split).items(), (0, 0), (1, 9), strict=True
    ):
        name = f"{key} of {split}"
        _check_form(array, name, shape, path)
        if not ((array >= low) & (array <= high)).all():  # NaN is neither
            found = f"values from {array.min():g} to {array.max():g}"
            raise _refusal(path, f"{name} from {low} to {high}", found)
    if (target != np.floor(target)).any():
        raise _refusal(path, f"whole numbers as target of {split}", "fractions")
    return data.astype(np.float32).reshape(-1, SIDE, SIDE, 1), target.astype(np.int64)


class _Refusal(ValueError):
    """A file that is not USPS, in one line."""


def _refusal(path: Path, rule: str, found: str) -> _Refusal:
    return _Refusal(
        f"`data_dir` must hold USPS with {rule}; got {found} in {str(path)!r}: "
        "put a sound file there, or remove this one."
    )
