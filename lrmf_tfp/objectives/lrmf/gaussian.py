"""Gaussian LRMF in closed form, the truth beside the trained one, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import as_pair

__all__ = [
    "GaussianMap",
    "gaussian_lrmf_distance",
    "gaussian_lrmf_distance_from_moments",
    "gaussian_lrmf_map",
]


class GaussianMap(NamedTuple):
    """Affine map `y = matrix @ x + shift` that minimises the Gaussian LRMF objective."""

    matrix: Array
    """`[D, D]`, lower triangular with a positive diagonal."""
    shift: Array
    """`[D]`."""
    log_det: float
    """`log|det matrix|`, nats."""


def gaussian_lrmf_distance_from_moments(
    source_mean: Array, source_cov: Array, target_mean: Array, target_cov: Array
) -> float:
    """Return the log-likelihood-ratio distance of two Gaussians' moments, nats per sample.

    `d = log det S - 1/2 log det S_A - 1/2 log det S_B`, where
    `S = (S_A + S_B) / 2 + (mu_A - mu_B)(mu_A - mu_B)' / 4` is the covariance of the equal
    mixture. It is what LRMF with Gaussian densities and no flow attains, and 0 iff the moments
    are equal.

    Args:
        source_mean: `[D]`.
        source_cov: `[D, D]`, positive definite.
        target_mean: `[D]`.
        target_cov: `[D, D]`, positive definite.

    Returns:
        The distance, >= 0.

    Raises:
        ValueError: If a covariance is not positive definite.

    Examples:
        >>> round(gaussian_lrmf_distance_from_moments([0.0], [[1.0]], [2.0], [[1.0]]), 6)
        0.693147

    References:
        [1] Usman et al., Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020, arXiv:2003.12170,
            definition 2.1 for the Gaussian family.
    """
    difference = np.asarray(source_mean, np.float64) - np.asarray(target_mean, np.float64)
    source_cov = np.asarray(source_cov, np.float64)
    target_cov = np.asarray(target_cov, np.float64)
    shared = 0.5 * (source_cov + target_cov) + 0.25 * np.outer(difference, difference)
    return (
        _log_det(shared, "source_cov + target_cov")
        - 0.5 * _log_det(source_cov, "source_cov")
        - 0.5 * _log_det(target_cov, "target_cov")
    )


def gaussian_lrmf_distance(source: Samples, target: Samples) -> float:
    """Return the same distance for the maximum-likelihood moments of two sample sets.

    Args:
        source: Samples `[N, D]`.
        target: Samples `[M, D]`.

    Returns:
        The distance in nats per sample, >= 0.

    Raises:
        ValueError: If the samples are unequal in width, not finite, or span no volume.

    Examples:
        >>> x = np.array([[0.0], [1.0], [2.0]])
        >>> gaussian_lrmf_distance(x, x)
        0.0
    """
    source, target = as_pair(source, target, min_rows=2, dtype=np.float64)
    return gaussian_lrmf_distance_from_moments(*_moments(source), *_moments(target))


def gaussian_lrmf_map(source: Samples, target: Samples) -> GaussianMap:
    """Return the triangular affine map that brings the Gaussian LRMF objective to 0.

    Every affine map with `matrix S_A matrix' = S_B` and the right shift attains 0; the
    triangular one, `chol(S_B) chol(S_A)^-1`, is unique and is what `affine_flow` can hold.

    Args:
        source: Samples `[N, D]`, N > D.
        target: Samples `[M, D]`, M > D.

    Returns:
        The map, its shift and its log-det.

    Raises:
        ValueError: If the samples are unequal in width, not finite, or span no volume.

    Examples:
        >>> fitted = gaussian_lrmf_map([[0.0], [2.0]], [[0.0], [4.0]])
        >>> fitted.matrix.tolist(), fitted.shift.tolist()
        ([[2.0]], [0.0])
    """
    source, target = as_pair(source, target, min_rows=2, dtype=np.float64)
    source_mean, source_cov = _moments(source)
    target_mean, target_cov = _moments(target)
    root_source = _cholesky(source_cov, "source")
    root_target = _cholesky(target_cov, "target")
    transposed = scipy.linalg.solve_triangular(root_source, root_target.T, lower=True, trans="T")
    matrix = transposed.T
    log_det = float(np.sum(np.log(np.diag(matrix))))
    return GaussianMap(matrix, target_mean - matrix @ source_mean, log_det)


def _moments(samples: Array) -> tuple[Array, Array]:
    centred = samples - samples.mean(axis=0)
    return samples.mean(axis=0), centred.T @ centred / len(samples)


def _cholesky(covariance: Array, name: str) -> Array:
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        smallest = float(np.linalg.eigvalsh(covariance)[0])
        raise ValueError(
            f"`{name}` must have a positive definite covariance; "
            f"got smallest eigenvalue {smallest:.3g}."
        ) from None


def _log_det(covariance: Array, name: str) -> float:
    return float(2.0 * np.sum(np.log(np.diag(_cholesky(np.atleast_2d(covariance), name)))))
