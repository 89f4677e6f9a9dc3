"""The velocity field that all sides share, and how its log-determinant is known, in NumPy.

The field is a network of time and place with tanh, `v(t, x) = W3 tanh(W2 tanh(W1 [x, t]))`, its
weights drawn once and scaled; biases are zero. A density is evaluated by going back from time 1
to time 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._data import samples

__all__ = ["error_of", "kernels", "points", "solve"]

_REFERENCE_STEPS = 1000


def kernels(size: int, hidden_units: list[int], scale: float) -> list[Any]:
    """Return the kernels `[inputs, outputs]`, float64; the first one's last row is the time's."""
    rng = np.random.default_rng(0)
    widths = [size + 1, *hidden_units, size]
    return [
        scale * rng.normal(size=(n, m)) / np.sqrt(n)
        for n, m in zip(widths[:-1], widths[1:], strict=True)
    ]


def points(size: int, batch_size: int) -> Any:
    """Return the batch `[batch_size, size]` on which errors are taken."""
    return samples(batch_size, size)


def error_of(
    log_det: Callable[[Any], Any],
    *,
    size: int,
    hidden_units: list[int],
    batch_size: int,
    scale: float,
) -> float:
    """Return the largest error in nats of a side's log-determinants, a function of the batch."""
    x = points(size, batch_size)
    exact = solve(x.astype(np.float64), kernels(size, hidden_units, scale))[1]
    return float(np.max(np.abs(np.asarray(log_det(x), np.float64) - exact)))


def solve(x: Any, weights: list[Any], *, num_steps: int = _REFERENCE_STEPS) -> tuple[Any, Any]:
    """Return `z` of the way from time 1 to 0, and `log|det dz/dx|`, by steps of order 4."""
    total, length = np.zeros(len(x)), -1.0 / num_steps
    for index in range(num_steps):
        time = 1.0 + index * length
        v1, d1 = _rate(time, x, weights)
        v2, d2 = _rate(time + length / 2, x + length / 2 * v1, weights)
        v3, d3 = _rate(time + length / 2, x + length / 2 * v2, weights)
        v4, d4 = _rate(time + length, x + length * v3, weights)
        x = x + length / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        total = total + length / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    return x, total


def _rate(time: float, x: Any, weights: list[Any]) -> tuple[Any, Any]:
    """Return `v(t, x)` and its divergence; the tangents are those of the coordinates."""
    y = np.concatenate([x, np.full([len(x), 1], time)], axis=1) @ weights[0]
    tangents = np.broadcast_to(weights[0][:-1, None], (x.shape[1], *y.shape))
    for kernel in weights[1:]:
        y = np.tanh(y)
        tangents = (tangents * (1.0 - y**2)) @ kernel
        y = y @ kernel
    return y, np.einsum("kbk->b", tangents)
