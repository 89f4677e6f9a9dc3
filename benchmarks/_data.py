"""Samples and weights that all sides share, whatever framework they are written in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["batches", "correlated_gaussian", "moons", "samples"]

_ROWS = 4096


def moons(rows: int) -> Any:
    """Return two interleaved half circles `[rows, 2]`, blurred and standardised."""
    rng = np.random.default_rng(0)
    angle, lower = rng.uniform(0.0, np.pi, rows), rng.integers(0, 2, rows)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * (1 - 2 * lower)[:, None]
    x = x + lower[:, None] * np.array([1.0, 0.5]) + 0.08 * rng.normal(size=(rows, 2))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32)


def correlated_gaussian(rows: int, size: int) -> Any:
    """Return `[rows, size]` of a normal distribution in which every pair of axes correlates."""
    rng = np.random.default_rng(0)
    mix = np.linalg.qr(rng.normal(size=(size, size)))[0] * np.geomspace(0.3, 1.5, size)
    return (rng.normal(size=(rows, size)) @ mix.T).astype(np.float32)


def samples(rows: int, size: int) -> Any:
    """Return moons in two dimensions, the correlated Gaussian in others."""
    return moons(rows) if size == 2 else correlated_gaussian(rows, size)


def batches(size: int, *, batch_size: int, steps: int) -> Iterator[Any]:
    """Yield `[steps, batch_size, size]` of rows drawn anew, for ever."""
    rows, rng = samples(_ROWS, size), np.random.default_rng(1)
    while True:
        yield rows[rng.integers(0, _ROWS, size=(steps, batch_size))]
