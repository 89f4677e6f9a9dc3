"""How near the colours came, how many left the cube, and what became of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.colour_transfer.pixels import DIRECTIONS, Image

__all__ = ["measure"]


def measure(
    maps: dict[str, Any],
    recoloured: dict[str, dict[str, Image]],
    images: dict[str, Image],
    fresh: lt.DomainPair,
) -> dict[str, Any]:
    """Return measure -> what is recoloured -> method -> number."""
    names = ("energy_distance", "sliced_wasserstein", "out_of_gamut", "roughness", "round_trip")
    found: dict[str, Any] = {name: {way: {} for way in DIRECTIONS} for name in names}
    for way, pair in zip(DIRECTIONS, (fresh, fresh.swap()), strict=True):
        for method in ("none", *maps):
            moved = there = back = pair.source
            if method != "none":
                each = maps[method]
                moves = [each.transform, each.inverse_transform]
                forward, inverse = moves if way == "china" else moves[::-1]
                moved = forward(pair.source)
                there = np.clip(moved, 0.0, 1.0).astype(np.float32)
                back = inverse(there)
                picture = recoloured[method][way]
                found["roughness"][way][method] = roughness(picture) / roughness(images[way])
                found["round_trip"][way][method] = float(np.abs(back - pair.source).mean())
            outside = (moved < 0.0) | (moved > 1.0)
            found["out_of_gamut"][way][method] = float(outside.mean())
            for name in ("energy_distance", "sliced_wasserstein"):
                distance = getattr(lt.divergences, name)(there, pair.target)
                found[name][way][method] = float(distance)
    return found


def roughness(image: Image) -> float:
    """Return the mean length of the gradient, in standard deviations of the colours.

    More contrast alone does not make a picture rougher.
    """
    values = image.astype(np.float64)
    rows, columns = np.gradient(values, axis=(0, 1))
    lengths = np.sqrt(np.sum(rows**2 + columns**2, axis=2))
    spread = np.sqrt(values.reshape(-1, 3).var(axis=0).sum())
    return float(lengths.mean() / spread)
