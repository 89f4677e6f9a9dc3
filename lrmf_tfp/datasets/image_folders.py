"""The images of a folder as one array."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lrmf_tfp import _validation
from lrmf_tfp.datasets.files.refusals import reason_of

__all__ = ["images"]

_SUFFIXES = (".jpeg", ".jpg", ".png")
_CHANNELS = (1, 3)
_FULL_16_BIT = 65535.0


def images(
    folder: str | os.PathLike[str],
    *,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    name: str = "folder",
) -> NDArray[np.float32]:
    """Read the PNG and JPEG images of a folder, in the order of their file names.

    Folders inside the folder and hidden files are left out. Pictures turned by their EXIF tag are
    turned upright, and transparency is ignored.

    Args:
        folder: the folder.
        size: height and width, or one number for both, that images are resized to, bilinear with
            antialiasing; None where all have one size.
        channels: 1 for gray, 3 for colour; by default 1 if all images are gray, else 3.
        name: what the caller calls the folder, for messages.

    Returns:
        Images `[N, H, W, C]`, float32 in [0, 1].

    Raises:
        FileNotFoundError: if there is no such folder.
        TypeError: if `size` is not made of whole numbers.
        ValueError: if the folder has no images, a file is damaged, sizes differ and `size` is
            None, or `channels` is neither 1 nor 3.

    Examples:
        >>> images("no such folder")
        Traceback (most recent call last):
        FileNotFoundError: `folder` must be an existing folder; got 'no such folder'.
    """
    if channels is not None and channels not in _CHANNELS:
        raise ValueError(f"`channels` must be 1, 3 or None; got {channels!r}.")
    shape = _as_shape(size)
    arrays = [_read(file, shape, name) for file in _files(folder, name)]
    if channels is None:
        channels = max(array.shape[2] for array in arrays)
    first = arrays[0].shape[:2]
    for index, array in enumerate(arrays):
        if array.shape[:2] != first:
            raise ValueError(
                f"`{name}` must hold images of one size where `size` is None; "
                f"got {list(first)} and {list(array.shape[:2])}."
            )
        arrays[index] = _with_channels(array, channels)
    return np.stack(arrays)


def _files(folder: str | os.PathLike[str], name: str) -> list[Path]:
    path = Path(folder).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"`{name}` must be an existing folder; got {str(path)!r}.")
    if not path.is_dir():
        raise ValueError(f"`{name}` must be a folder; got the file {str(path)!r}.")
    files = [
        file
        for file in sorted(path.iterdir())
        if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]
    if not files:
        raise ValueError(f"`{name}` must hold .png or .jpg images; got {str(path)!r} with none.")
    return files


def _as_shape(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = size if isinstance(size, Sequence) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"`size` must be one number or height and width; got {size!r}.")
    height, width = _validation.check_positive_ints(sides, "size")
    return height, width


def _read(file: Path, shape: tuple[int, int] | None, name: str) -> NDArray[np.float32]:
    """Return one image `[H, W, 1]` or `[H, W, 3]` in [0, 1]."""
    try:
        with warnings.catch_warnings():
            # Before the file is opened, which is when its size is looked at.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image, full = _decoded(file, shape)
    except Exception as error:  # damaged files raise nearly every class there is
        reason = reason_of(error)
        raise ValueError(
            f"`{name}` must hold images that can be read; got {str(file)!r}: {reason}."
        ) from None
    pixels = np.asarray(image, np.float32) / np.float32(full)
    return pixels.reshape(*pixels.shape[:2], -1)


def _decoded(file: Path, shape: tuple[int, int] | None) -> tuple[Image.Image, float]:
    """Return an image of mode L, RGB or F, resized, and the value of its brightest pixel."""
    with Image.open(file) as opened:
        opened.load()
        image = ImageOps.exif_transpose(opened)
        is_deep, is_gray = image.mode.startswith("I"), image.mode in ("1", "L", "LA")
        image = image.convert("F" if is_deep else "L" if is_gray else "RGB")
        if shape is not None and image.size != shape[::-1]:
            image = image.resize(shape[::-1], Image.Resampling.BILINEAR)
    return image, _FULL_16_BIT if is_deep else 255.0


def _with_channels(array: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Return an image with so many channels; gray is the luma of ITU-R BT.601."""
    if array.shape[2] == channels:
        return array
    if channels == 1:
        return array @ np.array([[0.299], [0.587], [0.114]], np.float32)
    return np.repeat(array, channels, axis=2)
