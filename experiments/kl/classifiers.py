"""The classifiers that learn a log-ratio from samples, and two closed forms beside them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.runner import report
from experiments.common.seeds import mean_over_seeds, over_seeds
from experiments.kl.config import Config
from experiments.kl.line import draw_line, line_tables
from experiments.kl.plane import plane_laws

__all__ = [
    "Classifier",
    "DensityRatio",
    "MATCHING_ROWS",
    "classifier_metrics",
    "fit_classifiers",
    "fit_closed_forms",
    "fit_plane",
    "other_metrics",
]

Array = NDArray[np.floating[Any]]
Classifier = lt.ratios.ClassifierRatio
DensityRatio = lt.ratios.DensityRatio
MATCHING_ROWS = 1000
"""Samples for kernel mean matching, which solves a system of that many equations."""


def fit_classifiers(config: Config) -> tuple[list[Classifier], Classifier]:
    """Return classifiers of equal class sizes, and one of four samples of p for one of q."""
    fits, rows = [], config.num_samples
    for seed in range(config.seed, config.seed + config.num_fits):
        samples = draw_line(seed, rows, rows)
        fits.append(fit_classifier(samples, num_steps=config.num_steps, seed=seed))
        report(f"kl: classifier {seed}, {fits[-1].kl():.4f} nats")
    samples = draw_line(config.seed + 10_000, rows, rows // 4)
    return fits, fit_classifier(samples, num_steps=config.num_steps, seed=config.seed)


def fit_plane(config: Config) -> dict[str, float]:
    """Return what a classifier of the plane's samples tells of `KL(q || p)`, nats."""
    samples = [
        law.sample(config.num_samples, seed=[config.seed, side]).numpy().astype(np.float32)
        for side, law in enumerate(plane_laws())
    ]
    fit = fit_classifier((samples[0], samples[1]), num_steps=config.num_steps, seed=config.seed)
    return {"kl": fit.kl(), "kl_lower_bound": fit.kl_lower_bound()}


def fit_classifier(samples: tuple[Array, Array], *, num_steps: int, seed: int) -> Classifier:
    """Return a classifier trained on samples of p and q."""
    settings = lt.FitConfig(
        num_steps=num_steps,
        steps_per_call=50,
        patience=400,
        optimizer=lt.training.Adam(2e-3),
        jit_compile=False,  # compiling takes longer than such a small network's training
    )
    return lt.ratios.ClassifierRatio(config=settings, seed=seed).fit(*samples)


def fit_closed_forms(samples: tuple[Array, Array], *, seed: int) -> dict[str, DensityRatio]:
    """Return least squares and kernel mean matching, fitted on samples of p and q."""
    few = [x[:MATCHING_ROWS] for x in samples]
    return {
        "least_squares": lt.ratios.LeastSquaresRatio(seed=seed).fit(*samples),
        "mean_matching": lt.ratios.KernelMeanMatching().fit(*few),
    }


def classifier_metrics(
    fits: list[Classifier], unequal: Classifier, *, fresh: tuple[Array, Array]
) -> dict[str, Any]:
    """Return what the classifiers tell, the first one's KL before all."""
    rows = [fit_metrics(each, fresh) for each in fits]
    means, lowest, highest = mean_over_seeds(rows), over_seeds(rows, min), over_seeds(rows, max)
    table = line_tables(np.linspace(-2.0, 3.0, 501))
    points = table.grid[:, None].astype(np.float32)
    corrected = unequal.log_ratio(points) - table.log_ratio
    return {
        "classifier": rows[0]["kl"],
        "classifier_detail": {
            name: {
                "first": rows[0][name],
                "mean": means[name],
                "lowest": lowest[name],
                "highest": highest[name],
            }
            for name in rows[0]
        },
        "imbalance": {
            "numerator_samples_to_one": 4,
            "theory": math.log(4.0),
            "raw_shift": float(np.mean(unequal.logits(points) - table.log_ratio)),
            "corrected_rms": rms(corrected),
            "balanced_rms": rms(fits[0].log_ratio(points) - table.log_ratio),
        },
    }


def fit_metrics(fit: Classifier, fresh: tuple[Array, Array]) -> dict[str, float]:
    """Return the estimates of one classifier, held out and on fresh samples, nats."""
    of_p, of_q = (fit.log_ratio(x).astype(np.float64) for x in fresh)
    table = line_tables(np.linspace(-3.0, 4.0, 701))
    found = fit.log_ratio(table.grid[:, None].astype(np.float32))
    entropy = np.logaddexp(0.0, -of_p).mean() + np.logaddexp(0.0, of_q).mean()
    return {
        "kl": fit.kl(),
        "kl_lower_bound": fit.kl_lower_bound(),
        "jensen_shannon": fit.jensen_shannon(),
        "pearson": fit.pearson(),
        "fresh_kl": float(of_p.mean()),
        "fresh_kl_lower_bound": float(of_p.mean() - np.exp(of_q).mean() + 1.0),
        "fresh_jensen_shannon": float(math.log(2.0) - 0.5 * entropy),
        "fresh_loss": float(entropy),
        "rms_error": rms(found - table.log_ratio),
        "kept_step": fit.result_.best_step,
    }


def other_metrics(others: dict[str, DensityRatio]) -> dict[str, Any]:
    """Return the in-sample estimates of the closed forms."""
    metrics: dict[str, Any] = {
        name: {
            "kl": each.kl(),
            "pearson": each.pearson(),
            "jensen_shannon": each.jensen_shannon(),
        }
        for name, each in others.items()
    }
    metrics["mean_matching"]["mean_ratio"] = others["mean_matching"].mean_ratio
    return metrics


def rms(values: Array) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
