"""What an experiment writes: strict JSON and pictures, all of a file or nothing."""

from __future__ import annotations

import io
import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["claim", "plain", "save_figure", "write_json"]


def claim(output: Path) -> None:
    """Make the folder and check that it can be written, before hours are spent."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OSError(
            f"`--output` must be a folder that can be written; {reason}: {output}"
        ) from None


def plain(value: Any) -> Any:
    """Return a value that strict JSON can hold; numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON, all of it or nothing."""
    text = json.dumps(plain(value), indent=2, allow_nan=False) + "\n"
    _write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def save_figure(figure: Figure, path: Path, *, num_colors: int | None = None) -> None:
    """Write a picture, all of it or nothing.

    Args:
        figure: the picture.
        path: the file to write.
        num_colors: write a PNG of so many colours at most, which photographs need to stay small.
    """
    if num_colors is None:
        _write(path, lambda temporary: figure.savefig(temporary, format=path.suffix[1:]))
        return
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    image = Image.open(buffer).convert("RGB").quantize(num_colors, dither=Image.Dither.NONE)
    _write(path, lambda temporary: image.save(temporary, format="PNG", optimize=True))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
