"""Measures the law of the gradient, and fits far mixtures by every method on each seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.common.seeds import mean_over_seeds, seeds_of, std_over_seeds
from experiments.vanishing_gradient.config import Config
from experiments.vanishing_gradient.cure import METHODS, draw_pair, fit, measure_fit
from experiments.vanishing_gradient.law import (
    DATA_STD,
    draw_mixture,
    exact_mixture,
    fit_line,
    spread_mixture,
    total_derivative,
)
from experiments.vanishing_gradient.pictures import draw_cure, draw_law

__all__ = ["run"]

Array = NDArray[np.floating[Any]]
_NOISES = (0.0, 2.0, 4.0, 8.0)  # that the picture of the law shows


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    metrics = measure_law(config, output=output)
    report(f"vanishing_gradient: slope {metrics['slope']:.4f}, r {metrics['r']:.5f}")
    fits, moved = [], {}
    for seed in seeds_of(config):
        pair = draw_pair(config, seed=seed)
        aligners = {name: fit(config, pair, name, seed=seed) for name in METHODS}
        fits.append({"seed": seed} | {
            name: measure_fit(aligner, pair) for name, aligner in aligners.items()
        })  # fmt: skip
        scores = {name: round(fits[-1][name]["score"], 4) for name in METHODS}
        report(f"vanishing_gradient: seed {seed}, scores in nats {scores}")
        if seed == config.seed:
            moved = {name: each.transform(pair.source)[:, 0] for name, each in aligners.items()}
    if output is not None:
        first = draw_pair(config, seed=config.seed)
        save_figure(draw_cure(fits, moved, first), output / "cure.png")
    cured = {name: float(np.mean([each[name]["cured"] for each in fits])) for name in METHODS}
    scores = {name: spread([each[name]["score"] for each in fits]) for name in METHODS}
    return metrics | {
        "cured_fraction": cured["both"],
        "cured": cured,
        "score": scores,
        "per_seed": fits,
    }


def measure_law(config: Config, *, output: Path | None) -> dict[str, Any]:
    """Return the fit of the law on samples, evenly spread and drawn, and of the densities."""
    shifts = np.round(np.arange(4.0, 20.05, 0.1), 10)
    points, density = spread_mixture(config.law_samples), exact_mixture()
    finite, exact = (total_derivative(shifts, each, each) for each in (points, density))
    lines = [
        fit_line(shifts, total_derivative(shifts, *draw_mixture(config.law_samples, seed=[seed])))
        for seed in range(config.seed, config.seed + config.draws)
    ]
    metrics: dict[str, Any] = dict(fit_line(shifts, finite))
    metrics["exact"] = fit_line(shifts, exact)
    metrics["drawn"] = {key: spread([line[key] for line in lines]) for key in lines[0]}
    metrics["autodiff_error"] = autodiff_error()
    if output is not None:
        noisy = {}
        for scale in _NOISES:
            nodes = exact_mixture(noise=scale)
            noisy[scale] = total_derivative(shifts, nodes, nodes)
        save_figure(draw_law(shifts, finite, exact, noisy, metrics), output / "law.png")
    return metrics


def autodiff_error(shift: float = 4.0) -> float:
    """Return how far the library's own gradient is from the law's formula, relative.

    The objective is differentiated in float64, along the path on which the map and the component
    of the shared density move together.
    """
    target, source = draw_mixture(500, seed=[0])
    flow = lt.flows.affine_flow(1, dtype=tf.float64)
    shared, *private = (
        lt.densities.mixture_density(1, num_components=2, dtype=tf.float64) for _ in range(3)
    )
    parts = shared.components_distribution
    parts.parameters["scale_diag"].assign(np.full((2, 1), DATA_STD))
    parts.loc.assign([[0.0], [shift]])
    objective = lt.objectives.LRMFObjective(
        flow, shared, private_source=private[0], private_target=private[1]
    )
    layer = flow.layers[0]
    layer.shift.assign([shift])
    with tf.GradientTape() as tape:
        loss = objective(source.x[:, None], target.x[:, None]).loss
    by_shift, by_place = tape.gradient(loss, (layer.shift, parts.loc))
    wanted = np.exp(total_derivative(np.array([shift]), target, source)[0])
    return float(abs((by_shift[0] + by_place[1, 0]) / wanted - 1.0))


def spread(values: list[float]) -> dict[str, float]:
    """Return mean, standard deviation and extremes over seeds."""
    return {
        "mean": mean_over_seeds(values),
        "std": std_over_seeds(values),
        "min": min(values),
        "max": max(values),
    }
