"""Fits the Gaussian in both directions, by a critic and exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.common.seeds import mean_over_seeds, seeds_of, std_over_seeds
from experiments.divergences import mixture
from experiments.divergences.config import Config
from experiments.divergences.fits import (
    exact_fits,
    fit_by_critic,
    maximum_likelihood,
    sigmoid_bounds,
)
from experiments.divergences.pictures import draw_bounds, draw_fits

__all__ = ["run"]

Array = NDArray[np.floating[Any]]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    exact = exact_fits()
    first_samples = mixture.draw(config.num_samples, seed=config.seed)
    fits: dict[str, list[dict[str, Any]]] = {"forward": [], "reverse": []}
    histories: dict[str, dict[str, Array]] = {}
    for seed in seeds_of(config):
        samples = mixture.draw(config.num_samples, seed=seed)
        for direction in fits:
            fitted, history = fit_by_critic(samples, direction, config, seed=seed)
            fits[direction].append(fitted)
            histories.setdefault(direction, history)
            report(
                f"divergences: seed {seed}, {direction} KL, bound {fitted['bound']:.4f} nats, "
                f"mean {np.round(fitted['mean'], 3)}"
            )
    first = {name: each[0] for name, each in fits.items()}
    if output is not None:
        save_figure(draw_fits(first_samples, exact, first), output / "fits.png")
        truths = {name: exact[name].divergence for name in fits}
        save_figure(draw_bounds(histories, truths), output / "bounds.png")
    return {
        "forward": summary(fits["forward"]),
        "reverse": summary(fits["reverse"]),
        "exact": {name: each._asdict() for name, each in exact.items()},
        "maximum_likelihood": maximum_likelihood(first_samples),
        "sigmoid_critic": sigmoid_bounds(),
        "per_seed": fits,
    }


def summary(fits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over seeds, and standard deviations where there are several."""
    names = ("mean", "cov", "bound", "divergence")
    chosen = [{name: fit[name] for name in names} for fit in fits]
    spread = {"std": std_over_seeds(chosen)} if len(fits) > 1 else {}
    return mean_over_seeds(chosen) | spread
