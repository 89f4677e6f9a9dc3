"""Two mixtures far apart: the gradient of LRMF vanishes, and what brings it back (example 2.2).

Source and target are `1/2 N(-1, .5^2) + 1/2 N(1, .5^2)`, one moved by `mu`; the shared density is
a mixture of two Gaussians. With one component on each domain the derivative of the loss falls
like `exp(-(a mu - b)^2)`. Plain LRMF gets stuck; the aligner's options `start="moments"` and
`noise_scales=...` do not.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment, save_figure
from experiments.vanishing_gradient.law import (
    DATA_STD,
    draw_mixture,
    exact_mixture,
    fit_line,
    spread_mixture,
    total_derivative,
)
from experiments.vanishing_gradient.pictures import draw_cure, draw_law

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]

METHODS: dict[str, dict[str, Any]] = {
    "plain": {"start": "identity"},
    "annealed": {"start": "identity", "noise": True},
    "moments": {"start": "moments"},
    "both": {"start": "moments", "noise": True},
}
"""The aligner's options of each method by its name in the metrics."""

_NOISES = (0.0, 2.0, 4.0, 8.0)  # that the picture of the law shows
_ALIGNED = 0.05  # nats: of a held-out score
_PLACED = 0.1  # standard deviations: error of the moved mean, and of the logarithm of the scale


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    law_samples: int = field(default=20_000, metadata={"help": "points of the law, evenly spread"})
    draws: int = field(default=20, metadata={"help": "random samples that the law is checked on"})
    separation: float = field(default=20.0, metadata={"help": "standard deviations to overcome"})
    num_samples: int = field(default=2000, metadata={"help": "samples a domain of the fits"})
    num_steps: int = field(default=3000, metadata={"help": "largest number of steps a stage"})
    learning_rate: float = field(default=2e-2, metadata={"help": "of Adam"})
    noise_scales: tuple[float, ...] = field(
        default=(16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25),
        metadata={"help": "falling noise, in target standard deviations"},
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile the fits with XLA"})
    seeds: int = field(default=10, metadata={"help": "number of seeds of the fits"})
    seed: int = field(default=0, metadata={"help": "first seed"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        for name in ("law_samples", "draws", "num_samples", "num_steps", "seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1; got {getattr(self, name)}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            draws=2,
            num_samples=400,
            num_steps=400,
            noise_scales=(8.0, 1.0),
            jit_compile=False,
            seeds=1,
        )


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    metrics = measure_law(config, output=output)
    report(f"vanishing_gradient: slope {metrics['slope']:.4f}, r {metrics['r']:.5f}")
    fits, moved = [], {}
    for seed in range(config.seed, config.seed + config.seeds):
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


def measure_fit(aligner: lt.Aligner, pair: lt.DomainPair) -> dict[str, Any]:
    """Return the score of a map, and whether it put the source where it belongs."""
    moved = aligner.transform(pair.source)
    score = aligner.score(pair.source, pair.target)
    mean_error = float(moved.mean() - pair.target.mean()) / DATA_STD
    log_scale = float(np.log(moved.std() / pair.target.std()))
    placed = max(abs(mean_error), abs(log_scale)) < _PLACED
    return {
        "score": score.value,
        "converged": score.converged,
        "mean_error": mean_error,
        "log_scale": log_scale,
        "cured": bool(score.converged and score.value < _ALIGNED and placed),
    }


def fit(config: Config, pair: lt.DomainPair, name: str, *, seed: int) -> lt.Aligner:
    """Return the aligner of a method, fitted once from one seed."""
    options = METHODS[name]
    settings = lt.FitConfig(
        num_steps=config.num_steps,
        optimizer=lt.training.Adam(config.learning_rate),
        steps_per_call=min(100, config.num_steps),
        jit_compile=config.jit_compile,
    )
    aligner = lt.Aligner(
        flow="affine",
        density=functools.partial(lt.densities.mixture_density, num_components=2),
        start=options["start"],
        noise_scales=config.noise_scales if options.get("noise") else (),
        num_restarts=1,
        config=settings,
        seed=seed,
    )
    return aligner.fit(pair.source, pair.target)


def draw_pair(config: Config, *, seed: int) -> lt.DomainPair:
    """Return one draw of the mixture, moved, and another in its place."""
    target, source = draw_mixture(config.num_samples, seed=[seed, 7])
    shift = config.separation * DATA_STD
    return lt.DomainPair(source.x[:, None] + shift, target.x[:, None], name="mixtures")


def spread(values: list[float]) -> dict[str, float]:
    """Return mean, standard deviation and extremes over seeds."""
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }


def main() -> int:
    """Run from the command line."""
    return run_experiment("vanishing_gradient", Config, run)


if __name__ == "__main__":
    sys.exit(main())
