"""Closed surfaces in space, and pairs of samples near two of them.

Every surface is the image of the unit sphere under a smooth map, so any two of them have the same
topology and an invertible map takes one to the other. Points are spread as that map spreads
uniform directions, not evenly by area: the map through equal directions is then one exact
alignment, to which others can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrmf_tfp import _validation
from lrmf_tfp.datasets.pair import DomainPair

__all__ = ["SURFACES", "Surface", "surfaces"]

Array = NDArray[np.floating[Any]]

_GRID_SIZE = 100_000  # points of a surface that distances are measured to
_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Surface:
    """A closed surface: the image of the unit sphere under a smooth, one-to-one map.

    Examples:
        >>> SURFACES["sphere"].points([[0.0, 0.0, 1.0]]).tolist()
        [[0.0, 0.0, 1.0]]
    """

    name: str
    """What to call it."""

    point_fn: Callable[[Array], Array]
    """Directions `[N, 3]` of length 1 -> points `[N, 3]`."""

    def points(self, directions: ArrayLike) -> Array:
        """Return the points `[N, 3]` of the surface that belong to directions.

        Args:
            directions: Vectors of length 1, `[N, 3]`.

        Raises:
            TypeError: if the directions are not numbers.
            ValueError: if they are not `[N, 3]`, not finite, or not of length 1.
        """
        units = _as_points(directions, "directions")
        lengths = np.linalg.norm(units, axis=1)
        worst = float(lengths[np.abs(lengths - 1.0).argmax()])
        if abs(worst - 1.0) > _UNIT_TOLERANCE:
            raise ValueError(f"`directions` must have length 1; got length {worst:g}.")
        return self.point_fn(units)

    def distances(self, points: ArrayLike) -> Array:
        """Return how far points lie from the surface, `[N]`, in their own units.

        Measured to the nearest of 100,000 points of the surface, whose spacing of about 0.01
        makes distances too large by at most 5e-5 / distance, and never by more than 0.01.

        Args:
            points: Points `[N, 3]`.

        Raises:
            TypeError: if the points are not numbers.
            ValueError: if they are not `[N, 3]` or not finite.
        """
        from scipy.spatial import cKDTree

        tree = cKDTree(self.point_fn(_even_directions(_GRID_SIZE)))
        return np.asarray(tree.query(_as_points(points, "points"))[0])


def _sphere(directions: Array) -> Array:
    return directions


def _bumpy_sphere(directions: Array) -> Array:
    x, y, z = directions.T
    radii = 1.0 + 0.2 * (x**3 - 3.0 * x * y**2) + 0.15 * (2.5 * z**3 - 1.5 * z)
    return radii[:, None] * directions


def _bean(directions: Array) -> Array:
    """Stretch along x, pinch at the waist, and bend upwards."""
    x, y, z = directions.T
    along, width = 1.5 * x, 0.45 * (1.0 + x**2)
    return np.stack([along, 1.2 * width * y, width * z + 0.35 * along**2 - 0.3], axis=1)


SURFACES = {
    "bean": Surface("bean", _bean),
    "bumpy_sphere": Surface("bumpy_sphere", _bumpy_sphere),
    "sphere": Surface("sphere", _sphere),
}
"""Surfaces by name, each about two units wide."""


def surfaces(
    num_samples: int = 1000,
    *,
    source: str = "bumpy_sphere",
    target: str = "bean",
    noise: float = 0.03,
    seed: int = 0,
) -> DomainPair:
    """Draw points near two closed surfaces in space.

    Without the noise the points would lie on surfaces, which have no density in space, and
    log-likelihoods would have no bound.

    Args:
        num_samples: N = M, samples a domain.
        source: Surface that is moved, a name of `SURFACES`.
        target: Surface that stays, a name of `SURFACES`.
        noise: Standard deviation of the noise on each axis.
        seed: Seed of both draws.

    Returns:
        The pair, `[N, 3]` each, without labels; the parameters are the directions `[N, 3]` of
        length 1 from which the points were made.

    Raises:
        ValueError: if a surface is unknown, `num_samples` is below 1, or `noise` is not above 0.

    References:
        [1] Usman et al., Log-Likelihood Ratio Minimizing Flows: Towards Robust and Quantifiable
            Neural Distribution Alignment, NeurIPS 2020, arXiv:2003.12170, setup 2.

    Examples:
        >>> surfaces(num_samples=100).target.shape
        (100, 3)
    """
    _validation.check_positive_int(num_samples, "num_samples")
    _validation.check_choice(source, "source", SURFACES)
    _validation.check_choice(target, "target", SURFACES)
    _validation.check_positive(noise, "noise")
    rngs = np.random.default_rng(seed).spawn(2)
    (source_samples, source_units), (target_samples, target_units) = (
        _draw(SURFACES[name], num_samples, noise=noise, rng=rng)
        for name, rng in zip((source, target), rngs, strict=True)
    )
    return DomainPair(
        source_samples,
        target_samples,
        name="surfaces",
        source_parameters=source_units,
        target_parameters=target_units,
    )


def _draw(
    surface: Surface, num_samples: int, *, noise: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    directions = rng.standard_normal((num_samples, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    samples = surface.point_fn(directions) + noise * rng.standard_normal((num_samples, 3))
    return samples.astype(np.float32), directions.astype(np.float32)


def _even_directions(num_points: int) -> Array:
    """Return directions `[N, 3]` that cover the unit sphere evenly, on Fibonacci's spiral."""
    heights = 1.0 - (2.0 * np.arange(num_points) + 1.0) / num_points
    angles = _GOLDEN_ANGLE * np.arange(num_points)
    radii = np.sqrt(1.0 - heights**2)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles), heights], axis=1)


def _as_points(value: ArrayLike, name: str) -> Array:
    points = _validation.as_samples(value, name, dtype=np.float64)
    if points.shape[1] != 3:
        raise ValueError(f"`{name}` must have shape [N, 3]; got {list(points.shape)}.")
    return points
