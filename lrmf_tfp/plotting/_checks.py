"""The argument checks that only pictures need; the rest is in `_validation`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import as_samples

__all__ = ["as_frames", "as_plane", "as_same_shape", "as_same_width", "as_series", "as_values"]


def as_same_width(value: object, name: str, *, reference: Array) -> Array:
    """Return samples that have as many columns as `reference`."""
    samples = as_samples(value, name, min_rows=2)
    if samples.shape[1] != reference.shape[1]:
        raise ValueError(
            f"`{name}` must have shape [M, {reference.shape[1]}] to match `source`; "
            f"got {list(samples.shape)}."
        )
    return samples


def as_same_shape(value: object, name: str, *, reference: Array) -> Array:
    """Return samples that are shaped like `reference`."""
    samples = as_samples(value, name)
    if samples.shape != reference.shape:
        raise ValueError(
            f"`{name}` must have shape {list(reference.shape)} to match `source`; "
            f"got {list(samples.shape)}."
        )
    return samples


def as_plane(value: object, name: str) -> Array:
    """Return samples `[N, 2]`."""
    samples = as_samples(value, name)
    if samples.shape[1] != 2:
        raise ValueError(f"`{name}` must have shape [N, 2]; got {list(samples.shape)}.")
    return samples


def as_values(value: object, name: str, *, num_rows: int) -> Array:
    """Return one finite number a row, `[N]`."""
    values = np.asarray(value, dtype=np.float64)
    if values.shape != (num_rows,):
        raise ValueError(f"`{name}` must have shape [{num_rows}]; got {list(values.shape)}.")
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` must be finite; got {np.sum(~np.isfinite(values))} others.")
    return values


def as_series(steps: object, values: object, name: str) -> tuple[Array, Array]:
    """Return a curve `[K]`, `[K]` without the points that were not recorded (NaN)."""
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"`{name}` must have one value a step; got {list(y.shape)} for steps {list(x.shape)}."
        )
    recorded = np.isfinite(y)
    return x[recorded], y[recorded]


def as_frames(value: Sequence[ArrayLike], name: str) -> list[Array]:
    """Return a non-empty list of equally shaped `[N, 2]` arrays."""
    frames = [as_plane(points, f"{name}[{k}]") for k, points in enumerate(value)]
    if not frames:
        raise ValueError(f"`{name}` must have at least 1 array; got none.")
    for k, points in enumerate(frames):
        if points.shape != frames[0].shape:
            raise ValueError(
                f"`{name}[{k}]` must have shape {list(frames[0].shape)} to match `{name}[0]`; "
                f"got {list(points.shape)}."
            )
    return frames
