"""What counts as images: arrays, pairs of domains and folders of files, all checked (level 5)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrmf_tfp import datasets
from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import as_events
from lrmf_tfp.datasets import DomainPair
from lrmf_tfp.networks.images import CELL

__all__ = ["MIN_ROWS", "as_domains", "as_images"]

MIN_ROWS = 10
"""Fewest images of a domain that `fit` accepts."""


def as_images(
    value: Any, name: str, *, shape: Sequence[int] | None = None, min_rows: int = 1
) -> Array:
    """Return images `[N, H, W, C]`, float32 in [0, 1].

    Args:
        value: An array `[N, H, W]` or `[N, H, W, C]` of floats in [0, 1] or of uint8, or a
            folder of PNG or JPEG images, which are resized to `shape` if that is given.
        name: Name of the argument, for messages.
        shape: `(H, W, C)` that is wanted; any with H and W divisible by 4 if None.
        min_rows: Fewest images that are accepted.

    Raises:
        FileNotFoundError: If there is no such folder.
        TypeError: If values are not numbers.
        ValueError: If the shape is another, images are too few, or a value is not finite or out
            of [0, 1].
    """
    if isinstance(value, (str, os.PathLike)):
        wanted: dict[str, Any] = {} if shape is None else {"size": shape[:2], "channels": shape[2]}
        value = datasets.images(value, name=name, **wanted)
    is_bytes = getattr(value, "dtype", None) == np.uint8
    rows, event = as_events(value, name, min_rows=min_rows)
    found = (*event, 1) if len(event) == 2 else event
    _check_shape(found, name, got=[len(rows), *event], wanted=shape)
    rows = rows.astype(np.float32, copy=False)
    if is_bytes:
        rows = rows / np.float32(255.0)
    low, high = float(rows.min()), float(rows.max())
    if low < 0.0 or high > 1.0:
        raise ValueError(
            f"`{name}` must lie in [0, 1], or be uint8; got values from {low:g} to {high:g}."
        )
    return np.ascontiguousarray(rows).reshape(-1, *found)


def as_domains(values: Sequence[Any]) -> tuple[Array, ...]:
    """Return the images of every domain, all of one shape; a pair counts as two domains.

    Raises:
        FileNotFoundError: If there is no such folder.
        TypeError: If values are not numbers.
        ValueError: If there is no domain, or the images of one break a rule; see `as_images`.
    """
    domains: list[tuple[str, Any]] = []
    for index, value in enumerate(values):
        if isinstance(value, DomainPair):
            domains += [("source", value.source), ("target", value.target)]
        else:
            domains.append((f"domains[{index}]", value))
    if not domains:
        raise ValueError("`domains` must hold at least 1 set of images; got none.")
    checked: list[Array] = []
    for name, value in domains:
        shape = checked[0].shape[1:] if checked else None
        checked.append(as_images(value, name, shape=shape, min_rows=MIN_ROWS))
    return tuple(checked)


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
