"""Fits the three maps for every form and seed, and measures them by bins of c."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.common.runner import report
from experiments.common.seeds import mean_over_seeds, seeds_of
from experiments.conditional.config import Config
from experiments.conditional.data import Pair, distances, draw_pair, edges_of, floor_of
from experiments.conditional.methods import METHODS, Moved, move
from experiments.conditional.pictures import draw

__all__ = ["run"]

_FRESH = 1_000_003  # added to the seed of rows that no fit has seen


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = {}
    for seed in seeds_of(config):
        per_seed[seed] = {}
        for form in config.forms:
            fresh = draw_pair(form, config.num_samples, seed=seed + _FRESH)
            moved = _move_all(form, fresh, config, seed=seed)
            per_seed[seed][form] = found = measure(fresh, moved, config, seed=seed)
            told = ", ".join(f"{name} {found['worst_ratio'][name]:.2f}" for name in METHODS)
            report(f"conditional: seed {seed}, {form}, W1 over that of halves at worst: {told}")
            if output is not None and seed == config.seed:
                draw(output, form, fresh, moved, found)
    everything = list(per_seed.values())
    worst = {
        name: max(found["worst_ratio"][name] for each in everything for found in each.values())
        for name in METHODS
    }
    return {"worst_ratio": worst, **mean_over_seeds(everything), "per_seed": per_seed}


def measure(fresh: Pair, moved: dict[str, Moved], config: Config, *, seed: int) -> dict[str, Any]:
    """Return the distances by bin of c, before and after every map, and what else is to tell."""
    edges = edges_of(fresh.target, config.num_bins)
    floor = floor_of(fresh.target, edges, num_halvings=config.num_halvings, seed=seed)
    w1 = {"none": distances(fresh.source.rows, fresh.source, fresh.target, edges)}
    w1 |= {name: distances(each.y, *fresh, edges) for name, each in moved.items()}
    return {
        "edges": edges,
        "w1_of_halves": floor,
        "w1": w1,
        "worst_ratio": {name: float(np.max(each / floor)) for name, each in w1.items()},
        "condition_moved": {name: each.condition_moved for name, each in moved.items()},
        "score": {name: each.score["value"] for name, each in moved.items()},
    }


def _move_all(form: str, fresh: Pair, config: Config, *, seed: int) -> dict[str, Moved]:
    train = draw_pair(form, config.num_samples, seed=seed)
    return {name: move(name, train, fresh, config, seed=seed) for name in METHODS}
