"""Made-up pairs whose right alignment is known.

In each pair the source is an independent draw of the target's law, moved by a known map, so rows
do not correspond and the held-out score of a perfect alignment is 0. Arrays are float32 unless
said otherwise; labels tell the parts apart; the seed decides everything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp import _validation
from lrmf_tfp.datasets.pair import DomainPair

__all__ = ["blobs", "circles", "moons", "rings"]

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]


def moons(
    num_samples: int = 1000,
    *,
    rotation: float = -50.0,
    noise: float = 0.05,
    standardize: bool = True,
    seed: int = 0,
) -> DomainPair:
    """Draw two interleaving half moons and a rotated second draw of them.

    Args:
        num_samples: N = M, samples a domain.
        rotation: degrees by which the source is turned about its mean; negative is clockwise.
        noise: standard deviation of the noise, before standardising.
        standardize: whether each draw is first standardised per axis (turned after that); raw
            coordinates when False, in which the alignment is harder to find.
        seed: seed of both draws.

    Returns:
        The pair; the labels are the arms.

    Raises:
        ValueError: if `num_samples` is below 2, or `noise` is not above 0.

    References:
        [1] Usman et al., Log-Likelihood Ratio Minimizing Flows: Towards Robust and Quantifiable
            Neural Distribution Alignment, NeurIPS 2020, arXiv:2003.12170, fig. 4.

    Examples:
        >>> moons(num_samples=100).source.shape
        (100, 2)
    """
    from sklearn.datasets import make_moons

    _check_counts(num_samples, 2, "arms")
    _validation.check_positive(noise, "noise")
    draws = []
    for rng in np.random.default_rng(seed).spawn(2):
        samples, labels = make_moons(num_samples, noise=noise, random_state=_sklearn_seed(rng))
        if standardize:
            samples = (samples - samples.mean(axis=0)) / samples.std(axis=0)
        draws.append((samples, labels))
    (target, target_labels), (source, source_labels) = draws
    centre = source.mean(axis=0)
    turned = centre + _rotate(source - centre, rotation)
    return _labelled_pair(turned, target, source_labels, target_labels, name="moons")


def circles(
    num_samples: int = 1000,
    *,
    factor: float = 0.5,
    noise: float = 0.05,
    scale: float = 1.5,
    shift: tuple[float, float] = (1.0, -0.5),
    seed: int = 0,
) -> DomainPair:
    """Draw two concentric circles and a second draw of them, scaled and shifted.

    Args:
        num_samples: N = M, samples a domain.
        factor: radius of the inner circle, between 0 and 1; the outer one has radius 1.
        noise: standard deviation of the noise.
        scale: factor by which the source is larger.
        shift: by how much the source is moved after that.
        seed: seed of both draws.

    Returns:
        The pair; label 0 is the outer circle, 1 the inner.

    Raises:
        ValueError: if `num_samples` is below 2, or a number is out of its range.
    """
    from sklearn.datasets import make_circles

    _check_counts(num_samples, 2, "circles")
    _validation.check_fraction(factor, "factor")
    _validation.check_positive(noise, "noise")
    _validation.check_positive(scale, "scale")
    (source, source_labels), (target, target_labels) = (
        make_circles(num_samples, noise=noise, factor=factor, random_state=_sklearn_seed(rng))
        for rng in np.random.default_rng(seed).spawn(2)
    )
    moved = scale * source + np.asarray(shift)
    return _labelled_pair(moved, target, source_labels, target_labels, name="circles")


def blobs(
    num_samples: int = 1000,
    *,
    num_blobs: int = 3,
    num_dims: int = 2,
    std: float = 0.3,
    rotation: float = 30.0,
    scale: float = 1.5,
    seed: int = 0,
) -> DomainPair:
    """Draw Gaussian blobs around random centres and a second draw, scaled and rotated.

    Args:
        num_samples: N = M, samples a domain.
        num_blobs: number of blobs, each with as many samples as the next, up to one.
        num_dims: D, at least 2.
        std: standard deviation of a blob; the centres spread with 2.
        rotation: degrees by which the source is turned about 0 in the first two axes.
        scale: factor by which the source is larger.
        seed: seed of the centres and both draws.

    Returns:
        The pair; the labels are the blobs.

    Raises:
        ValueError: if there are fewer samples than blobs, or a number is out of its range.
    """
    _check_counts(num_samples, num_blobs, "blobs")
    if _validation.check_positive_int(num_dims, "num_dims") < 2:
        raise ValueError(f"`num_dims` must be at least 2; got {num_dims}.")
    _validation.check_positive(std, "std")
    _validation.check_positive(scale, "scale")
    centre_rng, *rngs = np.random.default_rng(seed).spawn(3)
    centres = 2.0 * centre_rng.standard_normal((num_blobs, num_dims))
    (source, source_labels), (target, target_labels) = (
        _draw_modes(centres, std, num_samples, rng) for rng in rngs
    )
    moved = scale * _rotate(source, rotation)
    return _labelled_pair(moved, target, source_labels, target_labels, name="blobs")


def rings(
    num_samples: int = 1000,
    *,
    num_modes: int = 8,
    radius: float = 2.0,
    std: float = 0.1,
    rotation: float = 15.0,
    shift: tuple[float, float] = (1.0, 0.0),
    seed: int = 0,
) -> DomainPair:
    """Draw a ring of Gaussians and a second draw of it, rotated and shifted.

    Args:
        num_samples: N = M, samples a domain.
        num_modes: number of Gaussians on the ring.
        radius: radius of the ring.
        std: standard deviation of each Gaussian.
        rotation: degrees by which the source is turned. Beyond half the angle between two modes
            another alignment, onto the next mode, is nearer.
        shift: by how much the source is moved after that.
        seed: seed of both draws.

    Returns:
        The pair; the labels are the modes.

    Raises:
        ValueError: if there are fewer samples than modes, or a number is out of its range.
    """
    _check_counts(num_samples, num_modes, "modes")
    _validation.check_positive(radius, "radius")
    _validation.check_positive(std, "std")
    angles = 2.0 * np.pi * np.arange(num_modes) / num_modes
    centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    (source, source_labels), (target, target_labels) = (
        _draw_modes(centres, std, num_samples, rng) for rng in np.random.default_rng(seed).spawn(2)
    )
    moved = _rotate(source, rotation) + np.asarray(shift)
    return _labelled_pair(moved, target, source_labels, target_labels, name="rings")


def _sklearn_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _check_counts(num_samples: int, num_parts: int, parts: str) -> None:
    _validation.check_positive_int(num_parts, f"num_{parts}")
    if _validation.check_positive_int(num_samples, "num_samples") < num_parts:
        raise ValueError(
            f"`num_samples` must be at least {num_parts}, the number of {parts}; "
            f"got {num_samples}."
        )


def _draw_modes(
    centres: Array, std: float, num_samples: int, rng: np.random.Generator
) -> tuple[Array, Labels]:
    labels = rng.permutation(np.arange(num_samples, dtype=np.int64) % len(centres))
    noise = rng.standard_normal((num_samples, centres.shape[1]))
    return centres[labels] + std * noise, labels


def _rotate(samples: Array, degrees: float) -> Array:
    """Turn samples `[N, D]` counter-clockwise about 0 in their first two axes."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turned = samples.copy()
    turned[:, :2] = samples[:, :2] @ np.array([[cos, sin], [-sin, cos]])
    return turned


def _labelled_pair(
    source: Array, target: Array, source_labels: Labels, target_labels: Labels, *, name: str
) -> DomainPair:
    return DomainPair(
        source.astype(np.float32),
        target.astype(np.float32),
        source_labels=source_labels,
        target_labels=target_labels,
        name=name,
    )
