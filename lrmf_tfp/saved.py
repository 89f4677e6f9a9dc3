"""`Saved`: a fitted thing outside the process that made it.

A folder with a SavedModel and, in `assets.extra/`, what it is: metadata as JSON and arrays. It
exists once and serves alignments, embeddings and ratios: calls in blocks, `save`, `load`, pickle
and deepcopy.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrmf_tfp._core.disk import os_errors
from lrmf_tfp._core.files import recover, replace_folder
from lrmf_tfp._core.typing import Array

__all__ = ["Saved", "Servable"]

S = TypeVar("S", bound="Saved")

_EXTRA = "assets.extra"


@runtime_checkable
class Servable(Protocol):
    """A module that says which functions its SavedModel serves."""

    def serving_signatures(self) -> dict[str, Any]:
        """Return the signatures by name; traces what is to be saved."""


class Saved:
    """A fitted module with its metadata; a subclass says what kind it is.

    Attributes:
        module: The `tf.Module` or loaded SavedModel that computes.
        metadata: Versions, settings and results: plain values, written as JSON.
        arrays: Arrays by name that belong to it.
    """

    KIND: ClassVar[str]
    """What it is, in messages; its metadata are `assets.extra/KIND.json`."""
    ROWS_AT_ONCE: ClassVar[int] = 16384
    """Rows that `call` evaluates at a time."""

    def __init__(
        self,
        module: tf.Module,
        metadata: dict[str, Any],
        *,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        """Join a module and what is known of it."""
        self.module = module
        self.metadata = metadata
        self.arrays = dict(arrays or {})
        self._process = os.getpid()

    def call(self, name: str, *rows: Array) -> Array:
        """Evaluate a function of the module on arrays `[N, ...]`, in blocks of rows.

        Raises:
            AttributeError: If the module has no such function.
            RuntimeError: In a forked child of the process that fitted or loaded the model, where
                TensorFlow hangs.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                f"`{name}` must be called in the process that fitted or loaded the model; got a "
                "forked child: start it by 'spawn', or call `load` in the child."
            )
        function = getattr(self.module, name)
        specs = [tf.TensorSpec([None, *part.shape[1:]], part.dtype) for part in rows]
        evaluate = function.get_concrete_function(*specs)  # one trace for any number of rows
        parts = [
            evaluate(*(tf.constant(part[start : start + self.ROWS_AT_ONCE]) for part in rows))
            for start in range(0, len(rows[0]), self.ROWS_AT_ONCE)
        ]
        return np.concatenate([part.numpy() for part in parts])

    def save(self, path: str | Path) -> None:
        """Write a SavedModel folder that plain TensorFlow loads.

        Args:
            path: A new or empty folder, or an earlier one of the kind, which is replaced at the
                end.

        Raises:
            ValueError: If `path` holds something else or cannot be written.
        """
        replace_folder(path, self._write, mark=Path(_EXTRA, f"{self.KIND}.json"), kind=self.KIND)

    @classmethod
    def load(cls: type[S], path: str | Path) -> S:
        """Read what `save` wrote.

        Raises:
            ValueError: If the folder holds nothing of the kind.
        """
        folder = Path(path).resolve()
        if not folder.exists():
            with suppress(OSError):  # then there is nothing, as is said below
                recover(folder)
        marks = (folder / "saved_model.pb", folder / _EXTRA / f"{cls.KIND}.json")
        if not all(mark.exists() for mark in marks):
            raise ValueError(
                f"`path` must be a folder of an {cls.KIND} written by `save`; got {path}."
            )
        metadata = json.loads(marks[1].read_text(encoding="utf-8"))
        arrays = {}
        if (folder / _EXTRA / "arrays.npz").exists():
            with np.load(folder / _EXTRA / "arrays.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        fresh = cls.__new__(cls)
        Saved.__init__(fresh, tf.saved_model.load(str(folder)), metadata, arrays=arrays)
        return fresh

    def _write(self, folder: Path) -> None:
        module = self.module
        served = module.serving_signatures() if isinstance(module, Servable) else module.signatures
        with os_errors():
            tf.saved_model.save(module, str(folder), signatures=served)
        extra = folder / _EXTRA
        extra.mkdir(exist_ok=True)
        text = json.dumps(self.metadata, indent=2, allow_nan=False)
        (extra / f"{self.KIND}.json").write_text(text + "\n", encoding="utf-8")
        if self.arrays:
            arrays: dict[str, Any] = dict(self.arrays)
            np.savez(extra / "arrays.npz", **arrays)

    def __getstate__(self) -> dict[str, Any]:
        """Return the saved folder as bytes: it is what another process can read."""
        buffer = io.BytesIO()
        with tempfile.TemporaryDirectory() as scratch:
            self._write(Path(scratch, "model"))
            with tarfile.open(fileobj=buffer, mode="w") as archive:
                archive.add(Path(scratch, "model"), "model")
        return {"folder": buffer.getvalue()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load the saved folder from its bytes."""
        with tempfile.TemporaryDirectory() as scratch:
            with tarfile.open(fileobj=io.BytesIO(state["folder"])) as archive:
                archive.extractall(scratch, filter="data")
            loaded = type(self).load(Path(scratch, "model"))
        self.__dict__.update(loaded.__dict__)

    def __deepcopy__(self: S, memo: dict[int, Any]) -> S:
        """Return a copy that shares the module, which nothing changes after the fit."""
        del memo
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.metadata, copied.arrays = dict(self.metadata), dict(self.arrays)
        return copied
