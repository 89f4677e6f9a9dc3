"""How close a moved source came, and what became of neighbourhoods."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness

import lrmf_tfp as lt
from experiments.surfaces.config import Config

__all__ = ["measure", "neighbourhoods", "scores"]

Array = NDArray[np.floating[Any]]


def measure(moved: dict[str, Array], pair: lt.DomainPair, config: Config) -> dict[str, Any]:
    """Return how close the moved source came, and what became of neighbourhoods, by method."""
    surface = lt.datasets.SURFACES[config.target]
    metrics: dict[str, dict[str, float]] = {
        "energy_distance": {},
        "sliced_wasserstein": {},
        "surface_distance": {"target": float(surface.distances(pair.target).mean())},
        "neighbours_kept": {},
        "trustworthiness": {},
        "continuity": {},
    }
    for name, points in moved.items():
        points = points.astype(np.float32)
        found = {
            "energy_distance": lt.divergences.energy_distance(points, pair.target),
            "sliced_wasserstein": lt.divergences.sliced_wasserstein(points, pair.target),
            "surface_distance": surface.distances(points).mean(),
        } | neighbourhoods(pair.source, points, config)
        for measured, value in found.items():
            metrics[measured][name] = float(value)
    return metrics


def neighbourhoods(before: Array, after: Array, config: Config) -> dict[str, float]:
    """Return the share of neighbours kept, trustworthiness and continuity."""
    trust = partial(trustworthiness, n_neighbors=config.num_neighbors)
    return {
        "neighbours_kept": lt.evaluation.neighbourhood_preservation(
            before, after, num_neighbours=config.num_neighbors
        ),
        "trustworthiness": float(trust(before, after)),
        "continuity": float(trust(after, before)),  # new strangers there are lost friends here
    }


def scores(maps: dict[str, Any], fresh: lt.DomainPair, config: Config) -> dict[str, Any]:
    """Return the score of each map whose densities were fitted."""
    return {
        name: dict(each.score(fresh.source, fresh.target)._asdict())
        for name, each in maps.items()
        if name.startswith("lrmf") or (config.score_others and name != "emd")
    }
