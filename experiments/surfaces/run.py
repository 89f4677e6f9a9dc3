"""Moves the surface by every method on each seed and measures what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.common.seeds import mean_over_seeds, seeds_of, std_over_seeds
from experiments.surfaces.config import Config
from experiments.surfaces.measures import measure, neighbourhoods, scores
from experiments.surfaces.methods import exact_map, fit_maps
from experiments.surfaces.pictures import draw_measures, draw_surfaces

__all__ = ["run"]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = []
    for seed in seeds_of(config):
        pair, fresh = draw_pairs(config, seed)
        maps, seconds = fit_maps(pair, config, seed=seed)
        moved = {name: np.asarray(each.transform(fresh.source)) for name, each in maps.items()}
        moved["exact"] = exact_map(fresh, config)
        training = {
            name: neighbourhoods(pair.source, np.asarray(each.transform(pair.source)), config)
            for name, each in maps.items()
        }
        rest = {"training": training, "score_of": scores(maps, fresh, config)}
        per_seed.append(measure(moved, fresh, config) | rest | {"seconds_of": seconds})
        report_seed(per_seed[-1], seed=seed)
        if output is not None and seed == config.seed:
            colors = fresh.source_parameters[:, 0]
            figure = draw_surfaces(fresh, moved, colors=colors)
            save_figure(figure, output / "surfaces.png")
    metrics = mean_over_seeds(per_seed) | {"std": std_over_seeds(per_seed)}
    if output is not None:
        save_figure(draw_measures(metrics), output / "neighbourhoods.png")
    return metrics | {"score": metrics["score_of"].get("lrmf"), "per_seed": per_seed}


def draw_pairs(config: Config, seed: int) -> tuple[lt.DomainPair, lt.DomainPair]:
    """Return the pair to train on and a fresh pair."""
    total = config.num_samples + config.num_fresh
    everything = lt.datasets.surfaces(
        total, source=config.source, target=config.target, noise=config.noise, seed=seed
    )
    return everything.split(config.num_fresh / total, seed=seed)


def report_seed(metrics: dict[str, Any], *, seed: int) -> None:
    """Say on standard error how a seed went."""
    for name, kept in metrics["neighbours_kept"].items():
        distance, score = metrics["energy_distance"][name], metrics["score_of"].get(name)
        scored = "" if score is None else f", score {score['value']:.3f} nats"
        report(
            f"surfaces: seed {seed}, {name}: neighbours kept {kept:.3f}, "
            f"energy distance {distance:.4f}{scored}"
        )
