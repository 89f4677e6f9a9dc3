"""KL in closed form, from Monte Carlo draws, and from samples alone by a classifier.

(1) Two Gaussians in the plane, `q = N([1, 4], I)` and `p = N([-3, 2], 2.5^2 I)`: the closed form
of `KL(q || p)` against draws of q, their running mean, and the spread over many seeds; the other
direction is another number. (2) `p = N(1, 1)` and `q = N(0, 4)` on the line, with every number
known by quadrature. (3) For the same two a classifier learns the log-ratio from samples, with
equal and with unequal class sizes, beside two estimators in closed form.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment, save_figure
from experiments.kl import classifiers as ratios
from experiments.kl import pictures

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]

_PLANE = ((1.0, 4.0), 1.0), ((-3.0, 2.0), 2.5)  # means and standard deviation of q and p
_KL_PLANE, _KL_PLANE_REVERSE = 2.5925814637, 13.4174185363
_KL_LINE, _JSD_LINE = 0.4431471806, 0.1281749731
_SD_UNDER_P, _SD_UNDER_Q = 0.5863020, 0.824961  # of log r, and of r log r
_MAX_LOG_RATIO = 0.85981385


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    num_draws: int = field(default=10_000, metadata={"help": "Monte Carlo samples an estimate"})
    num_seeds: int = field(default=200, metadata={"help": "estimates whose spread is measured"})
    num_samples: int = field(default=5000, metadata={"help": "samples a class of each ratio"})
    num_fits: int = field(default=10, metadata={"help": "classifiers, each on samples of its own"})
    num_steps: int = field(default=2000, metadata={"help": "largest number of steps of each"})
    seed: int = field(default=0, metadata={"help": "seed of the draws, the samples and the fits"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(num_seeds=40, num_samples=2000, num_fits=1, num_steps=600)


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    plane, estimates = plane_metrics(config)
    report(f"kl: closed form {plane['closed_form']:.6f}, draws {plane['monte_carlo']:.4f} nats")
    line = line_metrics(config)
    fits, unequal = fit_classifiers(config)
    fresh = ratios.draw_line(config.seed + 20_000, 200_000, 200_000)
    learned = ratios.classifier_metrics(fits, unequal, fresh=fresh)
    others = ratios.fit_closed_forms(line_samples(config), seed=config.seed)
    report(f"kl: classifier {learned['classifier']:.4f} of {_KL_LINE:.4f} nats")
    metrics = {**plane, **line, **learned, "others": ratios.other_metrics(others)}
    metrics["classifier_plane"] = fit_plane(config)
    metrics["acceptance"] = acceptance(metrics)
    if output is not None:
        draw(output, estimates=estimates, fits=fits, unequal=unequal, others=others, config=config)
    return metrics


def plane_laws(dtype: type = np.float64) -> tuple[tfd.Distribution, tfd.Distribution]:
    """Return q and p of the plane."""
    normals = (tfd.Normal(np.asarray(loc, dtype), np.asarray(std, dtype)) for loc, std in _PLANE)
    q, p = (tfd.Independent(normal, reinterpreted_batch_ndims=1) for normal in normals)
    return q, p


def plane_metrics(config: Config) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metrics of the plane, and the estimates for the pictures."""
    q, p = plane_laws()
    single = float(lt.divergences.kl_closed_form(*plane_laws(np.float32)))
    first = lt.divergences.estimate_kl(q, p, num_samples=config.num_draws, seed=config.seed)
    values = [
        float(lt.divergences.kl_monte_carlo(q, p, num_samples=config.num_draws, seed=seed))
        for seed in range(config.seed, config.seed + config.num_seeds)
    ]
    wrong = lt.divergences.estimate_kl(p, q, num_samples=config.num_draws, seed=config.seed)
    running = first.running_mean.numpy()
    metrics = {
        "closed_form": float(lt.divergences.kl_closed_form(q, p)),
        "closed_form_float32": single,
        "monte_carlo": float(first.value),
        "monte_carlo_detail": {
            "standard_error": float(first.standard_error),
            "exact_standard_error": exact_deviation() / math.sqrt(config.num_draws),
            "last_running_mean_minus_value": float(running[-1] - first.value),
            "seeds": config.num_seeds,
            "mean_over_seeds": float(np.mean(values)),
            "sd_over_seeds": float(np.std(values, ddof=1)),
        },
        "other_direction": {
            "closed_form": float(lt.divergences.kl_closed_form(p, q)),
            "monte_carlo": float(wrong.value),
            "standard_error": float(wrong.standard_error),
        },
    }
    return metrics, {"running": running, "values": np.asarray(values)}


def exact_deviation() -> float:
    """Return the standard deviation of `log q - log p` under q in the plane, nats."""
    (mean_q, std_q), (mean_p, std_p) = _PLANE
    gaps = np.subtract(mean_q, mean_p)
    share = (std_q / std_p) ** 2
    return float(np.sqrt(np.sum(0.5 * (1.0 - share) ** 2 + gaps**2 * std_q**2 / std_p**4)))


def line_metrics(config: Config) -> dict[str, Any]:
    """Return the metrics of the prescribed example on the line."""
    p, q = ratios.line_laws()
    table = ratios.line_tables(np.linspace(-24.0, 24.0, 400_001))
    log_ratio, grid = table.log_ratio, table.grid
    product = np.exp(log_ratio) * log_ratio
    draws = {"num_samples": config.num_draws, "seed": config.seed}
    by_quadrature = {
        name: lt.divergences.f_divergence_quadrature(
            name, p, q, interval=(-24.0, 24.0), breaks=(0.0, 1.0)
        )
        for name in lt.divergences.F_DIVERGENCES
        if name != "neyman"  # infinite for this pair
    }
    return {
        "line": {
            "closed_form": float(lt.divergences.kl_closed_form(p, q)),
            "draws_of_p": float(lt.divergences.kl_monte_carlo(p, q, **draws)),
            "draws_of_q": float(lt.divergences.f_divergence_monte_carlo("kl", p, q, **draws)),
            "sd_of_log_ratio_under_p": ratios.deviation(log_ratio, table.p, grid),
            "sd_of_ratio_log_ratio_under_q": ratios.deviation(product, table.q, grid),
            "max_log_ratio": float(log_ratio.max()),
            "argmax_log_ratio": float(grid[np.argmax(log_ratio)]),
            "jensen_shannon_draws": float(
                lt.divergences.jensen_shannon_monte_carlo(p, q, **draws)
            ),
            "quadrature": by_quadrature,
        }
    }


def line_samples(config: Config) -> tuple[Array, Array]:
    """Return the samples of the first fits."""
    return ratios.draw_line(config.seed, config.num_samples, config.num_samples)


def fit_classifiers(
    config: Config,
) -> tuple[list[ratios.Classifier], ratios.Classifier]:
    """Return classifiers of equal class sizes, and one of four samples of p for one of q."""
    fits, rows = [], config.num_samples
    for seed in range(config.seed, config.seed + config.num_fits):
        samples = ratios.draw_line(seed, rows, rows)
        fits.append(ratios.fit_classifier(samples, num_steps=config.num_steps, seed=seed))
        report(f"kl: classifier {seed}, {fits[-1].kl():.4f} nats")
    samples = ratios.draw_line(config.seed + 10_000, rows, rows // 4)
    return fits, ratios.fit_classifier(samples, **fit_settings(config))


def fit_plane(config: Config) -> dict[str, float]:
    """Return what a classifier of the plane's samples tells of `KL(q || p)`, nats."""
    samples = [
        law.sample(config.num_samples, seed=[config.seed, side]).numpy().astype(np.float32)
        for side, law in enumerate(plane_laws())
    ]
    fit = ratios.fit_classifier((samples[0], samples[1]), **fit_settings(config))
    return {"kl": fit.kl(), "kl_lower_bound": fit.kl_lower_bound()}


def fit_settings(config: Config) -> dict[str, int]:
    """Return how long and from which seed a classifier is trained."""
    return {"num_steps": config.num_steps, "seed": config.seed}


def acceptance(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return for every promise its value, its limits and whether it is kept."""
    plane, line = metrics["monte_carlo_detail"], metrics["line"]
    first = {name: each["first"] for name, each in metrics["classifier_detail"].items()}
    limits = {
        "closed_form": (metrics["closed_form"], _KL_PLANE, 1e-10),
        "closed_form_float32": (metrics["closed_form_float32"], _KL_PLANE, 5e-7),
        "other_direction": (
            metrics["other_direction"]["closed_form"],
            _KL_PLANE_REVERSE,
            1e-9,
        ),
        "monte_carlo": (metrics["monte_carlo"], _KL_PLANE, 0.045),
        "mean_over_seeds": (plane["mean_over_seeds"], _KL_PLANE, 0.003),
        "sd_over_seeds": (plane["sd_over_seeds"], 0.01105, 0.00155),
        "running_mean_ends_at_the_mean": (plane["last_running_mean_minus_value"], 0.0, 1e-12),
        "line": (line["closed_form"], _KL_LINE, 1e-9),
        "line_sd_under_p": (line["sd_of_log_ratio_under_p"], _SD_UNDER_P, 1e-6),
        "line_sd_under_q": (line["sd_of_ratio_log_ratio_under_q"], _SD_UNDER_Q, 1e-5),
        "line_max_log_ratio": (line["max_log_ratio"], _MAX_LOG_RATIO, 1e-7),
        "line_jensen_shannon": (line["quadrature"]["jensen_shannon"], _JSD_LINE, 1e-8),
        "classifier": (first["kl"], _KL_LINE, 0.04),
        "classifier_fresh_kl": (first["fresh_kl"], _KL_LINE, 0.04),
        "classifier_bound": (first["fresh_kl_lower_bound"], 0.5 * (0.42 + 0.4532), 0.0166),
        "classifier_loss": (first["fresh_loss"], 1.12994, 0.01),
        "classifier_rms": (first["rms_error"], 0.25, 0.25),
        "imbalance_shift": (metrics["imbalance"]["raw_shift"], 1.375, 0.175),
        "imbalance_rms": (metrics["imbalance"]["corrected_rms"], 0.075, 0.075),
    }
    return {
        name: {"value": value, "low": middle - reach, "high": middle + reach}
        | {"passed": bool(abs(value - middle) <= reach)}
        for name, (value, middle, reach) in limits.items()
    }


def draw(
    output: Path,
    *,
    estimates: dict[str, Any],
    fits: list[ratios.Classifier],
    unequal: ratios.Classifier,
    others: dict[str, ratios.DensityRatio],
    config: Config,
) -> None:
    """Write the pictures."""
    clouds = [law.sample(500, seed=[config.seed, 7]).numpy() for law in plane_laws()]
    running, deviation_of_one = estimates["running"], exact_deviation()
    table = ratios.line_tables(np.linspace(-4.0, 5.0, 451))
    points = table.grid[:, None].astype(np.float32)
    x_p, x_q = line_samples(config)
    matched = x_q[: ratios.MATCHING_ROWS]
    figures = {
        "scatter": pictures.draw_scatter(*clouds),
        "running_mean": pictures.draw_running_mean(running, truth=_KL_PLANE),
        "squared_error": pictures.draw_squared_error(
            running, truth=_KL_PLANE, deviation=deviation_of_one
        ),
        "joint": pictures.draw_joint(running, truth=_KL_PLANE),
        "spread": pictures.draw_spread(
            estimates["values"],
            truth=_KL_PLANE,
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


def main() -> int:
    """Run from the command line."""
    return run_experiment("kl", Config, run)


if __name__ == "__main__":
    sys.exit(main())
