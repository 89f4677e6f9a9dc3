"""Where prepared digits are looked for, and how they come to be there, all or nothing.

Folders are searched in this order: `data_dir`, TFDS's own (`TFDS_DATA_DIR`, else
`~/tensorflow_datasets`), the user's cache (`XDG_CACHE_HOME`, else `~/.cache`). What has to be
prepared goes into the first that can be written. It is built in a folder of its own and moved in
when complete.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import re
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from lrmf_tfp.datasets import _usps_files

__all__ = ["import_tfds", "prepared_folder", "search_folders"]

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}
_TIMEOUT = 20.0  # seconds
_MNIST_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz"
_USPS_URL = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.bz2"
_WHAT_TO_PUT = {
    "mnist": "a folder mnist/3.0.1 that TFDS has prepared",
    "usps": "downloads/manual/usps.h5 (groups train and test, each with data [n, 256] in [0, 1] "
    "and target [n]), or LIBSVM's usps.bz2 and usps.t.bz2 beside it,",
}


def search_folders(data_dir: str | os.PathLike[str] | None) -> list[Path]:
    """Return the folders to look into, first the one that is named."""
    own = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "lrmf_tfp", "tensorflow_datasets")
    if not isinstance(data_dir, (str, os.PathLike, type(None))):
        raise TypeError(f"`data_dir` must be a path; got {data_dir!r}.")
    named = [] if data_dir is None else [data_dir]
    folders = [Path(folder).expanduser() for folder in (*named, own, cache)]
    if named and folders[0].exists() and not folders[0].is_dir():
        raise ValueError(f"`data_dir` must be a folder; got the file {str(folders[0])!r}.")
    return list(dict.fromkeys(folders))


def prepared_folder(name: str, *, data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of a prepared data set, `<folder>/<name>/<version>`.

    Where none of the folders has it, it is prepared: from files in a `downloads/manual`, else
    from the network.

    Raises:
        FileNotFoundError: if there are neither files nor network.
        PermissionError: if no folder can be written.
        TypeError: if `data_dir` is no path.
        ValueError: if `data_dir` is a file, or files are damaged.
    """
    folders = search_folders(data_dir)
    found = _newest(name, folders)
    if found is not None:
        return found
    manual = _manual_folder(folders) if name == "usps" else None
    if manual is None:
        _check_network(name, folders)
    else:
        _usps_files.read_usps(_usps_files.find_usps(manual))  # refused before TensorFlow is there
    return _prepare(name, _writable(name, folders), manual=manual, folders=folders)


def _newest(name: str, folders: list[Path]) -> Path | None:
    for folder in folders:
        ready = [
            path.parent
            for path in (folder / name).glob("*/dataset_info.json")
            if _VERSION.fullmatch(path.parent.name)
        ]
        if ready:
            return max(ready, key=lambda path: [int(part) for part in path.name.split(".")])
    return None


def _manual_folder(folders: list[Path]) -> Path | None:
    manual = (folder / "downloads" / "manual" for folder in folders)
    return next((path for path in manual if _usps_files.find_usps(path)), None)


def _writable(name: str, folders: list[Path]) -> Path:
    """Return the first folder that can be made or written.

    A folder without any write bit is meant to stay as it is, whatever root may do.
    """
    for folder in folders:
        way = (folder.absolute(), *folder.absolute().parents)
        nearest = next(path for path in way if path.exists())
        bits = nearest.stat().st_mode & 0o222
        if nearest.is_dir() and bits and os.access(nearest, os.W_OK | os.X_OK):
            return folder
    raise PermissionError(
        f"`data_dir` must be a folder that can be written to prepare {name}; "
        f"got {_listed(folders)}."
    )


def _check_network(name: str, folders: list[Path]) -> None:
    """Ask for the head of the file once: TFDS retries for minutes where there is no network."""
    url = {"mnist": _MNIST_URL, "usps": _USPS_URL}[name]
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_TIMEOUT):
            return
    except (OSError, http.client.HTTPException) as error:
        raise _missing(name, folders, error) from error


def _missing(name: str, folders: list[Path], error: Exception) -> FileNotFoundError:
    reason = " ".join(str(error).split())
    return FileNotFoundError(
        f"`data_dir` must hold {name.upper()} where it cannot be downloaded; got nothing in "
        f"{_listed(folders)}, and from the network {reason}: put {_WHAT_TO_PUT[name]} into one "
        "of them, or go online once."
    )


def _listed(folders: list[Path]) -> str:
    return ", ".join(repr(str(folder)) for folder in folders)


def _prepare(name: str, home: Path, *, manual: Path | None, folders: list[Path]) -> Path:
    """Build in a temporary folder beside the place, then move the result in by one rename."""
    tfds = import_tfds()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".incomplete-{name}-", dir=home) as staging:
        builder = _builder(tfds, name)(data_dir=staging)
        settings = tfds.download.DownloadConfig(manual_dir=manual)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # TFDS prints
                builder.download_and_prepare(download_config=settings)
        except Exception as error:
            # Files that were refused name themselves, and so does a disk that is full.
            if manual or isinstance(error, ValueError) or getattr(error, "errno", 0) in _DISK:
                raise
            raise _missing(name, folders, error) from error
        built = Path(builder.data_dir)
        ready = home / name / built.name
        ready.parent.mkdir(exist_ok=True)
        try:
            os.rename(built, ready)
        except OSError:  # another process was first
            if _newest(name, [home]) is None:
                raise
    return ready


def import_tfds() -> ModuleType:
    """Return TensorFlow Datasets; raise ModuleNotFoundError if it is not installed."""
    _usps_files.require("importlib_resources")  # which tensorflow-datasets does not declare
    return _usps_files.require("tensorflow_datasets")


def _builder(tfds: ModuleType, name: str) -> Callable[..., Any]:
    if name == "usps":
        from lrmf_tfp.datasets._usps_builder import Usps

        return Usps
    return lambda **settings: tfds.builder(name, **settings)
