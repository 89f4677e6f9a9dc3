"""Embeds the digits, moves them by every method, and asks the judge, on each seed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.common.seeds import seeds_of
from experiments.digits.comparison import compare_embeddings
from experiments.digits.config import DIRECTIONS, Config
from experiments.digits.domains import Domain, make_domain, read_images
from experiments.digits.embeddings import fit_autoencoder
from experiments.digits.maps import Fitted, fit_map
from experiments.digits.measures import SCORED, Judge, measure, summary
from experiments.digits.pictures import draw_accuracies, draw_images, draw_moved, draw_projection

__all__ = ["run"]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = []
    for seed in seeds_of(config):
        began, worked = time.monotonic(), time.process_time()
        drawn = output if seed == config.seed else None
        found = run_seed(config, seed=seed, output=drawn)
        found["seconds"] = round(time.monotonic() - began, 1)
        found["cpu_seconds"] = round(time.process_time() - worked, 1)
        per_seed.append({"seed": seed, **found})
    metrics = {name: summary([each[name] for each in per_seed]) for name in config.directions}
    first = metrics.pop(config.directions[0])
    metrics = {"direction": config.directions[0], **first, "others": metrics}
    metrics["cpu_seconds"] = [each["cpu_seconds"] for each in per_seed]
    if config.compare_embeddings:
        metrics["embeddings"] = compare_embeddings(config)
    if output is not None:
        for name in config.directions:
            figure = draw_accuracies([each[name] for each in per_seed], config.methods, name)
            save_figure(figure, output / f"accuracy_{name}.png")
    return metrics | {"per_seed": per_seed}


def run_seed(config: Config, *, seed: int, output: Path | None) -> dict[str, Any]:
    """Embed the images once, then move them in each direction."""
    images = read_images(config)
    autoencoder = fit_autoencoder(config, images, seed=seed)
    domains = {
        name: make_domain(config, autoencoder, splits, seed=seed)
        for name, splits in images.items()
    }
    scores = dict(zip(images, autoencoder.held_out_scores_, strict=True))
    found: dict[str, Any] = {"embedding": {name: each._asdict() for name, each in scores.items()}}
    report(f"digits: seed {seed}, embedded, {found['embedding']}")
    if output is not None:
        shown = {name.upper(): domain.test for name, domain in domains.items()}
        save_figure(draw_images(autoencoder, shown, seed=seed), output / "embedding.png")
    for direction in config.directions:
        found[direction] = run_direction(
            config, autoencoder, domains, direction, seed=seed, output=output
        )
    return found


def run_direction(
    config: Config,
    autoencoder: Any,
    domains: dict[str, Domain],
    direction: str,
    *,
    seed: int,
    output: Path | None,
) -> dict[str, Any]:
    """Move the vectors of one domain onto those of the other by every method."""
    source, target = (domains[name] for name in DIRECTIONS[direction])
    maps = {
        name: fit_map(name, source.fitted, target.fitted, config, seed=seed)
        for name in config.methods
    }
    judge = Judge(target.train_vectors, target.train.labels)
    score = maps["lrmf"].map.score(source.fitted, target.fitted)
    told = score._asdict()
    found = {
        **measure(maps, source.test_vectors, source.test.labels, judge=judge),
        "score": {key: told[key] for key in (*SCORED, "verdict")},
        "cpu_seconds_of": {name: round(each.seconds, 1) for name, each in maps.items()},
    }
    report(f"digits: seed {seed}, {direction}: 1-NN {found['accuracy_1nn']}")
    if output is not None:
        draw(maps, autoencoder, source, target, direction=direction, output=output)
        figure = lt.plotting.plot_history(maps["lrmf"].map.history, score=score)
        save_figure(figure, output / f"loss_{direction}.png")
    return found


def draw(
    maps: dict[str, Fitted],
    autoencoder: Any,
    source: Domain,
    target: Domain,
    *,
    direction: str,
    output: Path,
) -> None:
    """Write the decoded digits and the projections of one direction."""
    names = [name.upper() for name in DIRECTIONS[direction]]
    figure = draw_moved(maps, autoencoder, source.test, target.test, names=names)
    save_figure(figure, output / f"moved_{direction}.png")
    figure = draw_projection(maps, source, target, names=names)
    save_figure(figure, output / f"projection_{direction}.png", num_colors=128)
