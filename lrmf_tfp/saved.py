"""Level 0: a folder of a saved model takes its place complete or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["write_model_folder"]


def write_model_folder(
    path: str | Path, write: Callable[[Path], None], *, mark: Path, kind: str
) -> None:
    """Write a folder beside its place first, then put it there.

    Args:
        path: A new or empty folder, or an earlier one of the kind, which is replaced at the end.
        write: Function that writes the model into the new folder that it is given.
        mark: The file, inside a folder, by which one of the kind is known.
        kind: What the folder holds, for messages.

    Raises:
        ValueError: If `path` holds something else or cannot be written.
    """
    path = Path(path)
    empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not empty and not (path / mark).exists():
        raise ValueError(
            f"`path` must be new, empty or an earlier {kind}; "
            f"got {path}, which holds something else."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"`path` must be a place to write to; got {path}: {reason}.") from error
    with staging as folder:
        fresh = Path(folder) / "model"
        write(fresh)
        if path.exists():
            shutil.rmtree(path)
        fresh.rename(path)
