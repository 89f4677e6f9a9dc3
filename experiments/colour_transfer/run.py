"""Exchanges the colours by every method on each seed and measures the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lrmf_tfp as lt
from experiments.colour_transfer.config import Config
from experiments.colour_transfer.measures import measure
from experiments.colour_transfer.methods import fit_maps, score_closed_form, scored
from experiments.colour_transfer.pictures import draw_measures, draw_recoloured
from experiments.colour_transfer.pixels import draw_pixels, recolour, spread
from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.common.seeds import mean_over_seeds, seeds_of, std_over_seeds

__all__ = ["run"]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    images = lt.datasets.photographs(width=config.width)
    per_seed, pictures = [], []
    for seed in seeds_of(config):
        train, fresh = draw_pixels(images, config, seed=seed)
        maps, seconds = fit_maps(spread(train, config, seed=seed), config, seed=seed)
        pictures.append({name: recolour(each, images) for name, each in maps.items()})
        metrics = measure(maps, pictures[-1], images, fresh)
        score = scored(maps["lrmf"], spread(fresh, config, seed=seed))
        per_seed.append(metrics | {"score": score, "seconds_of": seconds})
        report_seed(per_seed[-1], seed=seed)
    metrics = mean_over_seeds(per_seed) | {"std": std_over_seeds(per_seed)}
    metrics["score_of"] = {"lrmf": per_seed[0]["score"]}
    if config.score_others:
        metrics["score_of"] |= score_closed_form(images, config)
    if output is not None:
        figure = draw_recoloured(images, pictures[0])
        save_figure(figure, output / "recoloured.png", num_colors=128)
        save_figure(draw_measures(metrics), output / "measures.png")
    return metrics | {"per_seed": per_seed}


def report_seed(metrics: dict[str, Any], *, seed: int) -> None:
    """Say on standard error how a seed went."""
    for way, found in metrics["energy_distance"].items():
        told = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
        report(f"colour_transfer: seed {seed}, {way}, energy distance: {told}")
    report(f"colour_transfer: seed {seed}: score {metrics['score']['value']:.3f} nats")
