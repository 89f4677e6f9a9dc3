"""What counts as images: arrays, samples, pairs of domains and folders, all checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lrmf_tfp import datasets
from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import as_events
from lrmf_tfp.datasets import DomainPair
from lrmf_tfp.networks.images import CELL
from lrmf_tfp.samples import Sample

__all__ = ["Images", "ManyImages", "as_image_sample", "image_domains"]

Images: TypeAlias = ArrayLike | Sample | str | os.PathLike[str]
"""Images of one domain: an array or tensor, a `Sample` of some, or the name of a folder."""

ManyImages: TypeAlias = Images | DomainPair | Mapping[str, Images]
"""Images of one domain or of several."""

_MIN_ROWS = 10  # of a domain that is fitted


def as_image_sample(
    value: Images, name: str, *, shape: Sequence[int] | None = None, min_rows: int = 1
) -> Sample:
    """Return a sample of images `[N, H, W, C]`, float32 in [0, 1], with weights if there are any.

    Args:
        value: An array `[N, H, W]` or `[N, H, W, C]` of floats in [0, 1] or of uint8; a `Sample`
            of such floats; or a folder of PNG or JPEG images, which are resized to `shape` if
            that is given.
        name: Name of the argument, for messages.
        shape: `(H, W, C)` that is wanted; any with H and W divisible by 4 if None.
        min_rows: Fewest images that are accepted.

    Raises:
        FileNotFoundError: If there is no such folder.
        TypeError: If values are not numbers.
        ValueError: If the shape is another, images are too few, a value is not finite or out of
            [0, 1], or a sample has conditions.
    """
    if isinstance(value, Sample):
        if value.condition_size:
            raise ValueError(
                f"`conditions` of `{name}` must be left out, since an embedding takes none; "
                f"got {value.condition_size}."
            )
        images = _as_pixels(value.values, name, shape=shape, min_rows=min_rows)
        return replace(value, values=images)
    if isinstance(value, (str, os.PathLike)):
        wanted: dict[str, Any] = {} if shape is None else {"size": shape[:2], "channels": shape[2]}
        value = datasets.images(value, name=name, **wanted)
    return Sample(_as_pixels(value, name, shape=shape, min_rows=min_rows))


def image_domains(values: Sequence[ManyImages]) -> tuple[Sample, ...]:
    """Return the images of every domain, all of one shape, without those of weight 0.

    Args:
        values: One or several domains each: a pair counts as two, a mapping as many.

    Raises:
        FileNotFoundError: If there is no such folder.
        TypeError: If values are not numbers.
        ValueError: If there is no domain, or the images of one break a rule; see
            `as_image_sample`.
    """
    checked: list[Sample] = []
    for name, value in _named(values):
        images = value.without_empty_rows() if isinstance(value, Sample) else value
        shape = checked[0].event_shape if checked else None
        checked.append(as_image_sample(images, name, shape=shape, min_rows=_MIN_ROWS))
    if not checked:
        raise ValueError("`domains` must hold at least 1 set of images; got none.")
    return tuple(checked)


def _named(values: Sequence[ManyImages]) -> Iterator[tuple[str, Images]]:
    for index, value in enumerate(values):
        if isinstance(value, DomainPair):
            yield from value.samples().items()
        elif isinstance(value, Mapping):
            yield from value.items()
        else:
            yield f"domains[{index}]", value


def _as_pixels(
    value: ArrayLike, name: str, *, shape: Sequence[int] | None, min_rows: int
) -> Array:
    is_bytes = getattr(value, "dtype", None) == np.uint8
    if is_bytes:
        value = np.asarray(value).astype(np.float32) / np.float32(255.0)
    rows, event = as_events(value, name, min_rows=min_rows)
    found = (*event, 1) if len(event) == 2 else event
    _check_shape(found, name, got=[len(rows), *event], wanted=shape)
    low, high = float(rows.min()), float(rows.max())
    if low < 0.0 or high > 1.0:
        raise ValueError(
            f"`{name}` must lie in [0, 1], or be an array of uint8; "
            f"got values from {low:g} to {high:g}."
        )
    return np.ascontiguousarray(rows, np.float32).reshape(-1, *found)


def _check_shape(
    found: Sequence[int], name: str, *, got: list[int], wanted: Sequence[int] | None
) -> None:
    if wanted is not None and tuple(found) != tuple(wanted):
        raise ValueError(
            f"`{name}` must have shape [N, {', '.join(map(str, wanted))}]; got {got}."
        )
    if len(found) != 3 or found[0] % CELL or found[1] % CELL or min(found) < 1:
        raise ValueError(
            f"`{name}` must have shape [N, H, W] or [N, H, W, C] with H and W divisible by "
            f"{CELL}; got {got}."
        )
