"""Takes every estimate, says what is promised of it, and draws it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.kl import pictures
from experiments.kl.classifiers import (
    MATCHING_ROWS,
    Classifier,
    DensityRatio,
    classifier_metrics,
    fit_classifiers,
    fit_closed_forms,
    fit_plane,
    other_metrics,
)
from experiments.kl.config import Config
from experiments.kl.line import KL_LINE, draw_line, line_metrics, line_samples, line_tables
from experiments.kl.plane import KL_PLANE, exact_deviation, plane_laws, plane_metrics
from experiments.kl.promises import acceptance

__all__ = ["run"]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    plane, estimates = plane_metrics(config)
    report(f"kl: closed form {plane['closed_form']:.6f}, draws {plane['monte_carlo']:.4f} nats")
    line = line_metrics(config)
    fits, unequal = fit_classifiers(config)
    fresh = draw_line(config.seed + 20_000, 200_000, 200_000)
    learned = classifier_metrics(fits, unequal, fresh=fresh)
    others = fit_closed_forms(line_samples(config), seed=config.seed)
    report(f"kl: classifier {learned['classifier']:.4f} of {KL_LINE:.4f} nats")
    metrics = {**plane, **line, **learned, "others": other_metrics(others)}
    metrics["classifier_plane"] = fit_plane(config)
    metrics["acceptance"] = acceptance(metrics)
    if output is not None:
        draw(output, estimates=estimates, fits=fits, unequal=unequal, others=others, config=config)
    return metrics


def draw(
    output: Path,
    *,
    estimates: dict[str, Any],
    fits: list[Classifier],
    unequal: Classifier,
    others: dict[str, DensityRatio],
    config: Config,
) -> None:
    """Write the pictures."""
    clouds = [law.sample(500, seed=[config.seed, 7]).numpy() for law in plane_laws()]
    running, deviation_of_one = estimates["running"], exact_deviation()
    table = line_tables(np.linspace(-4.0, 5.0, 451))
    points = table.grid[:, None].astype(np.float32)
    x_p, x_q = line_samples(config)
    matched = x_q[:MATCHING_ROWS]
    figures = {
        "scatter": pictures.draw_scatter(*clouds),
        "running_mean": pictures.draw_running_mean(running, truth=KL_PLANE),
        "squared_error": pictures.draw_squared_error(
            running, truth=KL_PLANE, deviation=deviation_of_one
        ),
        "joint": pictures.draw_joint(running, truth=KL_PLANE),
        "spread": pictures.draw_spread(
            estimates["values"],
            truth=KL_PLANE,
            standard_error=deviation_of_one / math.sqrt(config.num_draws),
        ),
        "prescribed": pictures.draw_prescribed(table),
        "log_ratio": pictures.draw_log_ratios(
            table,
            learned=[fit.log_ratio(points) for fit in fits],
            raw=unequal.logits(points),
            corrected=unequal.log_ratio(points),
            samples=(x_p[:200, 0], x_q[:200, 0]),
        ),
        "estimators": pictures.draw_estimators(
            table,
            classifier=fits[0].ratio(points),
            least_squares=others["least_squares"].ratio(points),
            matched=(matched[:, 0], others["mean_matching"].ratio(matched)),
        ),
    }
    for name, figure in figures.items():
        save_figure(figure, output / f"{name}.png")
