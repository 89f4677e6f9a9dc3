"""The fits: LRMF, plain and with what brings the gradient back."""

from __future__ import annotations

from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.vanishing_gradient.config import Config
from experiments.vanishing_gradient.law import (
    DATA_STD,
    draw_mixture,
)

__all__ = ["METHODS", "draw_pair", "fit", "measure_fit"]

METHODS: dict[str, dict[str, Any]] = {
    "plain": {"start": "identity"},
    "annealed": {"start": "identity", "noise": True},
    "moments": {"start": "moments"},
    "both": {"start": "moments", "noise": True},
}
"""The aligner's options of each method by its name in the metrics."""
_ALIGNED = 0.05  # nats: of a held-out score
_PLACED = 0.1  # standard deviations: error of the moved mean, and of the logarithm of the scale


def draw_pair(config: Config, *, seed: int) -> lt.DomainPair:
    """Return one draw of the mixture, moved, and another in its place."""
    target, source = draw_mixture(config.num_samples, seed=[seed, 7])
    shift = config.separation * DATA_STD
    return lt.DomainPair(source.x[:, None] + shift, target.x[:, None], name="mixtures")


def fit(config: Config, pair: lt.DomainPair, name: str, *, seed: int) -> lt.Aligner:
    """Return the aligner of a method, fitted once from one seed."""
    options = METHODS[name]
    settings = lt.FitConfig(
        num_steps=config.num_steps,
        optimizer=lt.training.Adam(config.learning_rate),
        steps_per_call=min(100, config.num_steps),
        jit_compile=config.jit_compile,
    )
    noise = lt.Anneal(*config.noise_scales) if options.get("noise") else None
    aligner = lt.Aligner(
        lt.Affine(start=options["start"]),
        lt.LRMF(density=lt.densities.Mixture(num_components=2), noise=noise),
        num_restarts=1,
        config=settings,
        seed=seed,
    )
    return aligner.fit(pair.source, pair.target)


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
