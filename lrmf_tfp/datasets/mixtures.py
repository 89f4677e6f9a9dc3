"""Single sample sets that a generator learns to imitate, with their modes known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrmf_tfp import _validation
from lrmf_tfp.datasets.gaussian import _as_mean, _as_scale
from lrmf_tfp.datasets.synthetic import _check_counts, _draw_modes

__all__ = ["MixtureSamples", "ModeCoverage", "correlated_gaussian", "mode_ring"]

Array = NDArray[np.floating[Any]]

_HEIGHT_STD = 0.1  # of the third coordinate of a ring in space, before it is tilted
_TILT = 60.0


class ModeCoverage(NamedTuple):
    """How well samples cover the modes of a mixture."""

    modes: int
    """Modes that at least 2 % of the samples lie near."""
    high_quality: float
    """Share of the samples that lie near a mode."""
    smallest_share: float
    """Share of the samples near the mode that has fewest."""


@dataclass(frozen=True, eq=False)
class MixtureSamples:
    """Samples of a mixture of equally likely Gaussians, and the mixture."""

    samples: Array
    """Samples, `[N, D]`."""

    labels: NDArray[np.int64]
    """Mode of each sample, `[N]`."""

    centres: Array
    """Centres of the modes, `[K, D]`."""

    std: float
    """Largest standard deviation of a mode, in the units of the samples."""

    def coverage(
        self, samples: ArrayLike, *, num_stds: float = 3.0, least_share: float = 0.02
    ) -> ModeCoverage:
        """Return how well generated samples cover the modes.

        Args:
            samples: Generated samples `[N, D]`.
            num_stds: A sample is near a mode within so many `std` of its centre.
            least_share: Share of the samples that must be near a mode for it to count; more than
                this.

        Raises:
            TypeError: if the samples are not numbers.
            ValueError: if they are not `[N, D]` or not finite, or a number is out of its range.
        """
        points, centres = _validation.as_pair(
            samples, self.centres, dtype=np.float64, names=("samples", "centres")
        )
        reach = _validation.check_positive(num_stds, "num_stds") * self.std
        _validation.check_fraction(least_share, "least_share")
        distances = np.linalg.norm(points[:, None] - centres, axis=2)
        near = distances.min(axis=1) < reach
        counts = np.bincount(distances.argmin(axis=1)[near], minlength=len(centres))
        shares = counts / len(points)
        return ModeCoverage(
            int(np.sum(shares > least_share)), float(near.mean()), float(shares.min())
        )


def mode_ring(
    num_samples: int = 1000,
    *,
    num_modes: int = 8,
    radius: float = 2.0,
    std: float = 0.2,
    num_dims: int = 2,
    seed: int = 0,
) -> MixtureSamples:
    """Draw a ring of Gaussians, the first at (0, -radius), the next counter-clockwise.

    In three dimensions the ring lies in a plane of thickness 0.1 (a standard deviation), which is
    tilted by 60 degrees about the second axis.

    Args:
        num_samples: N; each mode has as many as the next, up to one.
        num_modes: K, number of Gaussians.
        radius: Radius of the ring.
        std: Standard deviation of each Gaussian (not its variance).
        num_dims: D, 2 or 3.
        seed: Seed of the samples.

    Returns:
        Samples `[N, D]`, float32, with the mixture's centres.

    Raises:
        TypeError: if a count is not a whole number.
        ValueError: if there are fewer samples than modes, or a number is out of its range.

    Examples:
        >>> ring = mode_ring(4000)
        >>> ring.centres[0].round(6) + 0.0
        array([ 0., -2.])
        >>> ring.coverage(ring.samples).modes
        8

    References:
        [1] Srivastava, Xu, Gutmann, Sutton, Generative Ratio Matching Networks, ICLR 2020,
            arXiv:1806.00101, section 4.1.
    """
    _check_counts(num_samples, num_modes, "modes")
    _validation.check_positive(radius, "radius")
    _validation.check_positive(std, "std")
    if num_dims not in (2, 3):
        raise ValueError(f"`num_dims` must be 2 or 3; got {num_dims}.")
    angles = 2.0 * np.pi * np.arange(num_modes) / num_modes - 0.5 * np.pi
    centres: Array = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rng = np.random.default_rng(seed)
    samples: Array
    samples, labels = _draw_modes(centres, std, num_samples, rng)
    if num_dims == 3:
        height = _HEIGHT_STD * rng.standard_normal((num_samples, 1))
        samples = _tilt(np.concatenate([samples, height], axis=1))
        centres = _tilt(np.concatenate([centres, np.zeros((num_modes, 1))], axis=1))
    return MixtureSamples(samples.astype(np.float32), labels, centres, std)


def correlated_gaussian(
    num_samples: int = 1000,
    *,
    mean: ArrayLike = (2.0, 2.0),
    cov: ArrayLike = ((1.0, 0.81), (0.81, 1.0)),
    seed: int = 0,
) -> Array:
    """Draw one Gaussian.

    Args:
        num_samples: N.
        mean: `[D]`.
        cov: `[D, D]`, symmetric positive definite.
        seed: Seed of the samples.

    Returns:
        Samples `[N, D]`, float32.

    Raises:
        TypeError: if `num_samples` is not a whole number.
        ValueError: if it is below 1, or a moment has the wrong shape or is no moment.

    Examples:
        >>> correlated_gaussian(5).shape
        (5, 2)
    """
    _validation.check_positive_int(num_samples, "num_samples")
    num_dims = len(np.atleast_1d(np.asarray(mean, np.float64)))
    loc, scale = _as_mean(mean, "mean", num_dims), _as_scale(cov, "cov", num_dims)
    noise = np.random.default_rng(seed).standard_normal((num_samples, num_dims))
    return (loc + noise @ scale.T).astype(np.float32)


def _tilt(points: Array) -> Array:
    """Turn points `[N, 3]` about the second axis."""
    cos, sin = np.cos(np.deg2rad(_TILT)), np.sin(np.deg2rad(_TILT))
    turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    return points @ turn.T
