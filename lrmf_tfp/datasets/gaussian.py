"""The pair of Gaussians, whose smallest LRMF objective is known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lrmf_tfp import _validation
from lrmf_tfp.datasets.pair import DomainPair

__all__ = ["gaussians"]

Array = NDArray[np.floating[Any]]


def gaussians(
    num_samples: int = 1000,
    *,
    num_dims: int = 2,
    source_mean: ArrayLike | None = None,
    source_cov: ArrayLike | None = None,
    target_mean: ArrayLike | None = None,
    target_cov: ArrayLike | None = None,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
) -> DomainPair:
    """Draw two Gaussians, each with its own mean and covariance.

    The one pair for which the smallest LRMF objective is known in closed form.

    Args:
        num_samples: N = M, samples a domain.
        num_dims: D.
        source_mean: `[D]`; drawn at random when None, as are the other moments.
        source_cov: `[D, D]`, symmetric positive definite.
        target_mean: `[D]`.
        target_cov: `[D, D]`, symmetric positive definite.
        seed: seed of moments and samples.
        dtype: float32 or float64.

    Returns:
        The pair, without labels.

    Raises:
        ValueError: if a size is below 1, or a moment has the wrong shape or is no moment.

    Examples:
        >>> gaussians(5, num_dims=3).source.shape
        (5, 3)
    """
    _validation.check_positive_int(num_samples, "num_samples")
    _validation.check_positive_int(num_dims, "num_dims")
    moment_rng, source_rng, target_rng = np.random.default_rng(seed).spawn(3)
    drawn = [_random_moments(moment_rng, num_dims) for _ in range(2)]
    moments = {
        "source": (source_mean, source_cov, drawn[0], source_rng),
        "target": (target_mean, target_cov, drawn[1], target_rng),
    }
    samples = {}
    for name, (mean, cov, (random_mean, random_cov), rng) in moments.items():
        loc = _as_mean(random_mean if mean is None else mean, f"{name}_mean", num_dims)
        scale = _as_scale(random_cov if cov is None else cov, f"{name}_cov", num_dims)
        noise = rng.standard_normal((num_samples, num_dims))
        samples[name] = (loc + noise @ scale.T).astype(dtype)
    return DomainPair(samples["source"], samples["target"], name="gaussians")


def _random_moments(rng: np.random.Generator, num_dims: int) -> tuple[Array, Array]:
    """Return a mean `[D]` and a covariance `[D, D]` whose eigenvalues are at least 0.2."""
    mean = 2.0 * rng.standard_normal(num_dims)
    root = rng.standard_normal((num_dims, num_dims)) / np.sqrt(num_dims)
    return mean, root @ root.T + 0.2 * np.eye(num_dims)


def _as_mean(value: ArrayLike, name: str, num_dims: int) -> Array:
    mean = np.asarray(value, np.float64)
    if mean.shape != (num_dims,) or not np.isfinite(mean).all():
        raise ValueError(f"`{name}` must be finite, of shape [{num_dims}]; got {mean.tolist()}.")
    return mean


def _as_scale(value: ArrayLike, name: str, num_dims: int) -> Array:
    """Return the Cholesky factor `[D, D]` of a covariance."""
    cov = np.asarray(value, np.float64)
    rule = f"`{name}` must be symmetric positive definite, of shape [{num_dims}, {num_dims}]"
    if cov.shape != (num_dims, num_dims):
        raise ValueError(f"{rule}; got shape {list(cov.shape)}.")
    if not np.isfinite(cov).all() or not np.allclose(cov, cov.T):
        raise ValueError(f"{rule}; got {cov.tolist()}.")
    try:
        return np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        raise ValueError(f"{rule}; got {cov.tolist()}.") from None
