"""Sums of Gaussian bumps fitted by least squares, and how well each fit foretells.

NumPy in float64. `H = sum_j q_j f(y_j) f(y_j)'` and `h = sum_i p_i f(x_i)` of bumps f, with the
shares p and q of the rows; `a = max(0, (H + ridge I)^-1 h)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.spatial.distance import cdist

from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.kernels.radial import squared_distances
from lrmf_tfp.ratios._module import PointwiseModule

__all__ = [
    "BumpModule",
    "Features",
    "gaussian_features",
    "leave_one_out_scores",
    "solve_coefficients",
]

_BLOCK_ENTRIES = 2_000_000


class Features(NamedTuple):
    """The bumps at the rows of a law."""

    values: Array
    """`[N, K]`."""
    shares: Array
    """`[N]`, sums to 1."""


class BumpModule(PointwiseModule):
    """What is saved of a sum of bumps: `log_ratio` of samples."""

    def __init__(self, centres: Array, coefficients: Array, *, bandwidth: float) -> None:
        super().__init__(centres.shape[1], name="least_squares_ratio")
        middle = centres.mean(axis=0)
        scaled = tf.constant((centres - middle) / bandwidth)
        shift, heights = tf.constant(middle), tf.constant(coefficients)

        def log_ratio(x: Tensor) -> Tensor:
            points = (tf.cast(x, tf.float64) - shift) / bandwidth
            squares = tf.nn.relu(squared_distances(points, scaled))
            ratio = tf.linalg.matvec(tf.exp(-0.5 * squares), heights)
            return tf.where(ratio > 0.0, tf.math.log(ratio), tf.cast(-np.inf, tf.float64))

        self._provide({"log_ratio": log_ratio})


def gaussian_features(x: Array, centres: Array, *, bandwidth: float) -> Array:
    """Return bumps `[N, K]` of height 1 around centres `[K, D]` at samples `[N, D]`."""
    # Divided before they are squared, so that no unit of the samples is too small.
    found: Array = cdist(x.astype(np.float64) / bandwidth, centres / bandwidth, "sqeuclidean")
    found *= -0.5
    return np.exp(found, out=found)


def solve_coefficients(of_numerator: Features, of_denominator: Features, *, ridge: float) -> Array:
    """Return `max(0, (H + ridge I)^-1 h)` `[K]`.

    Raises:
        ValueError: If the ridge is too small for the system to be positive definite.
    """
    second = _second_moment(of_denominator)
    try:
        factor = cho_factor(second + ridge * np.eye(len(second)), lower=True)
    except np.linalg.LinAlgError:
        raise _too_small(ridge, len(second)) from None
    first = of_numerator.shares @ of_numerator.values
    return np.maximum(cho_solve(factor, first), 0.0)


def leave_one_out_scores(
    of_numerator: Features, of_denominator: Features, *, ridges: Sequence[float]
) -> list[float]:
    """Return the loss `E_q[r^2] / 2 - E_p[r]` for each ridge, at rows that the fit went without.

    Each row of p is left out of `h`, each of q of `H`, with all of its share. All solutions come
    from one spectral decomposition of `H`, by the formula of Sherman and Morrison. A law of one
    row keeps it.

    Kanamori et al. leave rows out in pairs, of as many rows as the smaller set has, in an order
    that chance decides; here every row counts and none has a partner, so that the score depends
    on the two laws alone.

    Raises:
        ValueError: If a ridge is too small for the system to be positive definite.

    References:
        [1] Kanamori, Hido, Sugiyama, JMLR 2009, section 4.3 and figure 2.
    """
    values, vectors = eigh(_second_moment(of_denominator))
    first = (of_numerator.shares @ of_numerator.values) @ vectors
    least = len(values) * np.finfo(np.float64).eps * values[-1]
    scores = []
    for ridge in ridges:
        if values[0] + ridge <= least:
            raise _too_small(ridge, len(values))
        spectrum = _Spectrum(values, vectors, first, ridge)
        gain = sum(_gain(part, spectrum) for part in _blocks(of_numerator))
        square = sum(_square(part, spectrum) for part in _blocks(of_denominator))
        scores.append(float(0.5 * square - gain))
    return scores


class _Spectrum(NamedTuple):
    """`H + ridge I`, and h in its eigenvectors."""

    values: Array
    vectors: Array
    first: Array
    ridge: float


def _gain(part: Features, spectrum: _Spectrum) -> float:
    """Return `sum_i p_i r(x_i)`, row i left out of h."""
    left = _left_out(part.shares)
    inside = part.values @ spectrum.vectors
    solved = (spectrum.first - left * inside) / (1.0 - left) / (spectrum.values + spectrum.ridge)
    coefficients = np.maximum(solved @ spectrum.vectors.T, 0.0)
    return float(part.shares @ np.einsum("nk,nk->n", part.values, coefficients))


def _square(part: Features, spectrum: _Spectrum) -> float:
    """Return `sum_j q_j r(y_j)^2`, row j left out of H.

    `H_j + ridge I = (A - q f f') / (1 - q)` with `A = H + (1 - q) ridge I`.
    """
    left = _left_out(part.shares)
    inside = part.values @ spectrum.vectors
    inverse = 1.0 / (spectrum.values + spectrum.ridge * (1.0 - left))
    along = np.sum(inside * inverse * spectrum.first, axis=1, keepdims=True)
    own = np.sum(inside * inverse * inside, axis=1, keepdims=True)
    # 1 - q own is above 0, because A > q f f'
    solved = inverse * (spectrum.first + left * along / (1.0 - left * own) * inside)
    coefficients = np.maximum((1.0 - left) * solved @ spectrum.vectors.T, 0.0)
    ratios = np.einsum("nk,nk->n", part.values, coefficients)
    return float(part.shares @ np.square(ratios))


def _left_out(shares: Array) -> Array:
    """Return the share `[N, 1]` that goes with each row: nothing with a law's only one."""
    return np.where(shares < 1.0, shares, 0.0)[:, None]


def _blocks(features: Features) -> list[Features]:
    rows = max(1, _BLOCK_ENTRIES // features.values.shape[1])
    starts = range(0, len(features.values), rows)
    return [Features(*(part[start : start + rows] for part in features)) for start in starts]


def _second_moment(features: Features) -> Array:
    moment: Array = features.values.T @ (features.shares[:, None] * features.values)
    return moment


def _too_small(ridge: float, size: int) -> ValueError:
    return ValueError(
        f"`ridges` must be large enough for a system of {size} centres to be positive definite; "
        f"got {ridge:g}."
    )
