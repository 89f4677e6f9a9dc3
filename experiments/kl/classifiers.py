"""Two laws on the line, and the classifiers that learn their ratio, for the experiment `kl`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import simpson
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from experiments.kl.pictures import LineTables

__all__ = [
    "MATCHING_ROWS",
    "classifier_metrics",
    "deviation",
    "draw_line",
    "fit_classifier",
    "fit_closed_forms",
    "line_laws",
    "line_tables",
    "other_metrics",
]

Array = NDArray[np.floating[Any]]
Classifier = lt.ratios.ClassifierRatio
DensityRatio = lt.ratios.DensityRatio

MATCHING_ROWS = 1000
"""Samples for kernel mean matching, which solves a system of that many equations."""


def line_laws() -> tuple[tfd.Distribution, tfd.Distribution]:
    """Return p, the numerator, and q, the denominator, of the line."""
    one, two = np.float64(1.0), np.float64(2.0)
    return tfd.Normal(one, one), tfd.Normal(np.float64(0.0), two)


def line_tables(grid: Array) -> LineTables:
    """Return densities and true log-ratio `[G]` of the line on a grid."""
    p, q = line_laws()
    log_p, log_q = p.log_prob(grid).numpy(), q.log_prob(grid).numpy()
    return LineTables(grid, np.exp(log_p), np.exp(log_q), log_p - log_q)


def deviation(values: Array, density: Array, grid: Array) -> float:
    """Return the standard deviation of a function of a random number, by quadrature."""
    mean, square = (simpson(power * density, x=grid) for power in (values, values**2))
    return float(np.sqrt(square - mean**2))


def draw_line(seed: int, rows_p: int, rows_q: int) -> tuple[Array, Array]:
    """Return float32 samples of p `[N, 1]` and q `[M, 1]` of the line."""
    pair = zip(line_laws(), (rows_p, rows_q), (0, 1), strict=True)
    p, q = (law.sample([rows, 1], seed=[seed, side]).numpy() for law, rows, side in pair)
    return p.astype(np.float32), q.astype(np.float32)


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
    table = line_tables(np.linspace(-2.0, 3.0, 501))
    points = table.grid[:, None].astype(np.float32)
    corrected = unequal.log_ratio(points) - table.log_ratio
    return {
        "classifier": rows[0]["kl"],
        "classifier_detail": {
            name: {
                "first": rows[0][name],
                "mean": float(np.mean([row[name] for row in rows])),
                "lowest": min(row[name] for row in rows),
                "highest": max(row[name] for row in rows),
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
