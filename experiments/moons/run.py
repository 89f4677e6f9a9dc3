"""Runs every method on each seed and measures where the points end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.common.seeds import mean_over_seeds, seeds_of, std_over_seeds
from experiments.moons.config import Config
from experiments.moons.methods import run_methods
from experiments.moons.pictures import draw_comparison, draw_flow
from experiments.moons.record import Track, accuracy
from experiments.moons.stability import measure_stability

__all__ = ["run"]

_PANEL = ("mmd", "emd", "back_to_back", "lrmf")


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = []
    for seed in seeds_of(config):
        drawn = output is not None and seed == config.seed
        pair, fresh = draw_pairs(config, seed)
        tracks = run_methods(config, pair, seed=seed, record=drawn)
        per_seed.append(measure(tracks, pair, fresh, config, seed=seed))
        if drawn:
            draw(tracks, pair, config, output)
    metrics = mean_over_seeds(per_seed, differing=None)
    metrics["std"] = std_over_seeds(
        [each["label_accuracy"] | {"score": each["score"]["value"]} for each in per_seed]
    )
    metrics["worst"] = {
        "label_accuracy": min(each["label_accuracy"]["lrmf"] for each in per_seed),
        "score": max(each["score"]["value"] for each in per_seed),
        "score_held_out": max(each["score_held_out"]["value"] for each in per_seed),
        "fit_seconds": max(each["method_seconds"]["lrmf"] for each in per_seed),
    }
    if config.stability:
        metrics["stability"] = measure_stability(config, output=output)
    numbered = zip(seeds_of(config), per_seed, strict=True)
    return metrics | {"per_seed": [{"seed": seed, **each} for seed, each in numbered]}


def measure(
    tracks: dict[str, Track],
    pair: lt.DomainPair,
    fresh: lt.DomainPair,
    config: Config,
    *,
    seed: int,
) -> dict[str, Any]:
    """Return the metrics of one draw, on the training source and on fresh samples."""
    maps = {name: track.aligner for name, track in tracks.items() if track.aligner is not None}
    aligner = maps["lrmf"]
    metrics: dict[str, Any] = {
        "label_accuracy": {"none": accuracy(pair.source, pair)}
        | {name: accuracy(track.moved, pair) for name, track in tracks.items()},
        "label_accuracy_fresh": {"none": accuracy(fresh.source, fresh, fitted=pair)}
        | {
            name: accuracy(np.asarray(each.transform(fresh.source)), fresh, fitted=pair)
            for name, each in maps.items()
        },
        "score": dict(aligner.score(fresh.source, fresh.target)._asdict()),
        "score_held_out": dict(aligner.score(pair.source, pair.target)._asdict()),
        "method_seconds": {name: track.seconds for name, track in tracks.items()},
        "kept_step": {name: track.kept_step for name, track in tracks.items()},
        "energy_distance": {
            name: float(lt.divergences.energy_distance(track.moved, pair.target))
            for name, track in tracks.items()
        },
    }
    if config.score_others:
        before = lt.Aligner(flow="identity", config=aligner.config, seed=seed)
        maps = {"none": before.fit(pair.source, pair.target), **maps}
        metrics["score_of"] = {
            name: each.score(fresh.source, fresh.target).value for name, each in maps.items()
        }
    return metrics


def draw_pairs(config: Config, seed: int) -> tuple[lt.DomainPair, lt.DomainPair]:
    """Return the pair to train on and a fresh pair, in the same coordinates."""
    total = config.num_samples + config.num_fresh
    everything = lt.datasets.moons(
        total, rotation=config.rotation, standardize=not config.raw, seed=seed
    )
    return everything.split(config.num_fresh / total, seed=seed)


def draw(tracks: dict[str, Track], pair: lt.DomainPair, config: Config, output: Path) -> None:
    """Write the pictures of one draw: the paper's panel, the other flows, and what LRMF does."""
    if set(_PANEL) <= set(tracks):
        panel = [tracks[name] for name in _PANEL]
        draw_comparison(panel, pair, rotation=config.rotation, path=output / "comparison.png")
    others = [track for name, track in tracks.items() if name not in _PANEL]
    if others:
        path = output / "flows.png"
        draw_comparison([*others, tracks["lrmf"]], pair, rotation=config.rotation, path=path)
    draw_flow(tracks["lrmf"], pair, rotation=config.rotation, output=output)
