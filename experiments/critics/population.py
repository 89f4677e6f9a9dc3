"""What the divergences say of the two laws themselves, by quadrature."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import beta

import lrmf_tfp as lt

__all__ = [
    "HEIGHT",
    "REFERENCE",
    "WIDTH",
    "curves",
    "f_divergence",
    "laws",
    "mmd_squared",
    "population",
    "samples",
    "sweep",
    "w1",
]

Array = NDArray[np.floating[Any]]
HEIGHT, WIDTH = 2.2, 0.1  # the kernel 2.2 exp(-d^2 / 0.1)
_P, _Q = (3.0, 5.0), (2.0, 3.0)

REFERENCE = {  # shift: Jensen-Shannon, total variation, W1, squared MMD
    0.0: (0.015994, 0.124925, 0.0373788, 0.02536700),
    0.25: (0.238705, 0.511843, 0.275000, 0.75856247),
    0.5: (0.535870, 0.851445, 0.525000, 1.96943470),
    1.0: (0.693147, 1.0, 1.025000, 2.84788100),
    1.2: (0.693147, 1.0, 1.225000, 2.87023957),
    2.0: (0.693147, 1.0, 2.025000, 2.87285915),
    2.4: (0.693147, 1.0, 2.425000, 2.87285915),
}


def laws(shift: float) -> tuple[Any, Any]:
    """Return p and q as distributions in float64."""
    return (
        lt.densities.shifted_beta(*_P, dtype=tf.float64),
        lt.densities.shifted_beta(*_Q, shift=shift, dtype=tf.float64),
    )


def samples(num_rows: int, shift: float, *, seed: int) -> tuple[Array, Array]:
    """Return draws `[N, 1]` of p and of q; the shift is added once."""
    rng = np.random.default_rng(seed)
    return rng.beta(*_P, [num_rows, 1]), rng.beta(*_Q, [num_rows, 1]) + shift


def population(shift: float) -> dict[str, float]:
    """Return what divergences say of p and q themselves, by quadrature; nats or units of x."""
    return {
        "kl": f_divergence("kl", shift),
        "jensen_shannon": f_divergence("jensen_shannon", shift),
        "total_variation": f_divergence("total_variation", shift),
        "w1": w1(shift),
        "mmd_squared": mmd_squared(shift),
    }


def f_divergence(name: str, shift: float) -> float:
    """Return an f-divergence of p and q; +inf where q does not cover p."""
    ends = (0.0, 1.0, shift, 1.0 + shift)
    return lt.divergences.f_divergence_quadrature(
        name, *laws(shift), interval=(-0.5, 1.5 + shift), breaks=ends
    )


def w1(shift: float) -> float:
    """Return W1 of p and q, the integral of `|F_p - F_q|`."""

    def gap(z: float) -> float:
        return abs(beta.cdf(z, *_P) - beta.cdf(z - shift, *_Q))

    ends = sorted({0.0, 0.5, 1.0, shift, 0.5 + shift, 1.0 + shift})
    pieces = zip(ends[:-1], ends[1:], strict=True)
    return sum(quad(gap, *piece, limit=200, epsabs=1e-12)[0] for piece in pieces)


def mmd_squared(shift: float) -> float:
    """Return the squared MMD of p and q; their densities are polynomials, so Gauss is exact."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    a, b = weights * beta.pdf(nodes, *_P), weights * beta.pdf(nodes, *_Q)

    def mean(v: Array, w: Array, apart: float) -> float:
        distances = nodes[:, None] - nodes - apart
        return float(HEIGHT * v @ np.exp(-(distances**2) / WIDTH) @ w)

    return mean(a, a, 0.0) + mean(b, b, 0.0) - 2.0 * mean(a, b, shift)


def sweep() -> dict[str, Any]:
    """Return the table over the shift, its errors, and the slopes once the supports part."""
    rows = {shift: population(shift) for shift in REFERENCE}
    names = ("jensen_shannon", "total_variation", "w1", "mmd_squared")
    errors = {
        shift: {
            name: abs(row[name] - value)
            for name, value in zip(names, REFERENCE[shift], strict=True)
        }
        for shift, row in rows.items()
    }
    step, parted = 1e-3, [shift for shift in rows if shift > 1.0]
    slopes = {
        name: [(function(s + step) - function(s - step)) / (2.0 * step) for s in parted]
        for name, function in (
            ("jensen_shannon", lambda shift: f_divergence("jensen_shannon", shift)),
            ("w1", w1),
            ("mmd_squared", mmd_squared),
        )
    }
    return {
        "rows": rows,
        "abs_error": errors,
        "max_abs_error": max(max(each.values()) for each in errors.values()),
        "slopes_once_apart": {"shift": parted, **slopes},
    }


def curves(num_shifts: int) -> dict[str, Array]:
    """Return the divergences at shifts from 0 to 2.4; the KL is infinite at all but the first."""
    shifts = np.linspace(0.0, 2.4, num_shifts)
    rows = [population(shift) for shift in shifts]
    return {"shift": shifts} | {name: np.array([row[name] for row in rows]) for name in rows[0]}
