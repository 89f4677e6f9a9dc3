"""Photographs as pixels to learn from, and pixels as photographs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.colour_transfer.config import Config

__all__ = ["DIRECTIONS", "Image", "draw_pixels", "recolour", "spread"]

Array = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]
DIRECTIONS = ("china", "flower")  # what is recoloured, by the map and by its inverse


def draw_pixels(
    images: dict[str, Image], config: Config, *, seed: int
) -> tuple[lt.DomainPair, lt.DomainPair]:
    """Return pixels to train on and others, each in the middle of its 1/256 of [0, 1]."""
    rngs = np.random.default_rng(seed).spawn(2)
    first, second = config.num_samples, config.num_samples + config.num_fresh
    source, target = (
        colours_of(rng.permutation(images[name].reshape(-1, 3))[:second])
        for name, rng in zip(DIRECTIONS, rngs, strict=True)
    )
    return (
        lt.DomainPair(source[:first], target[:first], name="pixels"),
        lt.DomainPair(source[first:], target[first:], name="fresh pixels"),
    )


def colours_of(levels: Image) -> Array:
    """Return levels from 0 to 255 as colours inside (0, 1)."""
    return ((levels + 0.5) / 256.0).astype(np.float32)


def spread(pair: lt.DomainPair, config: Config, *, seed: int) -> lt.DomainPair:
    """Return the pixels with uniform noise.

    A photograph has few colours, and many pixels on the faces of the cube: without noise these
    have no densities, and likelihoods no bound.
    """
    rng = np.random.default_rng([seed, len(pair.source), len(pair.target)])
    source, target = (
        pixels + rng.uniform(-config.noise, config.noise, pixels.shape).astype(np.float32)
        for pixels in (pair.source, pair.target)
    )
    return lt.DomainPair(source, target, name=pair.name)


def recolour(each: Any, images: dict[str, Image]) -> dict[str, Image]:
    """Return both photographs recoloured: the first by a map, the second by its inverse."""
    moved = {}
    for name, move in zip(DIRECTIONS, (each.transform, each.inverse_transform), strict=True):
        levels = np.floor(256.0 * move(colours_of(images[name].reshape(-1, 3))))
        moved[name] = np.clip(levels, 0, 255).astype(np.uint8).reshape(images[name].shape)
    return moved
