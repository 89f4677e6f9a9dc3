"""A critic of the KL that is trained: where the supports are one, and where they are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.critics.config import Config
from experiments.critics.population import f_divergence, laws, samples

__all__ = ["Fit", "fit_apart", "fit_overlapping", "of_apart", "of_overlapping"]

Array = NDArray[np.floating[Any]]
_FRESH = 1_000_003  # added to the seed of samples that no fit has seen


@dataclass(frozen=True, eq=False)
class Fit:
    """A learned critic of the KL, and what is true of it."""

    shift: float
    critic: lt.ratios.LearnedCritic
    steps: Array
    bounds: Array  # held out, nats, one for each entry of `steps`


def fit_overlapping(config: Config) -> Fit:
    """Train a critic of the KL where q is not moved: the KL is finite."""
    settings = lt.FitConfig(
        num_steps=config.num_steps,
        batch_size=500,
        optimizer=lt.training.Adam(5e-3),
        steps_per_call=50,
        jit_compile=config.jit_compile,
    )
    return _fit(0.0, settings, config)


def fit_apart(config: Config, *, num_steps: int) -> Fit:
    """Train one where q is moved, with the original's optimiser; the bound never settles."""
    constant = lt.training.Adam(5e-4, schedule=lt.training.ConstantSchedule())
    settings = lt.FitConfig(
        num_steps=num_steps,
        batch_size=100,
        optimizer=constant,
        average_decay=0.0,
        steps_per_call=50,
        jit_compile=config.jit_compile,
    )
    return _fit(config.shift, settings, config)


def of_overlapping(fit: Fit, config: Config) -> dict[str, float]:
    """Return the bound on fresh samples beside the KL, and the log-ratio's error under p."""
    x, y = samples(200_000, fit.shift, seed=config.seed + _FRESH)
    p, q = laws(fit.shift)
    errors = np.asarray(fit.critic.log_ratio(x[:20_000]))
    errors = errors - np.asarray(p.log_prob(x[:20_000]) - q.log_prob(x[:20_000]))
    return {
        "kl": f_divergence("kl", fit.shift),
        "bound": float(fit.critic.bound(x, y)),
        "bound_held_out": fit.critic.held_out_bound,
        "log_ratio_rmse": float(np.sqrt(np.mean(errors**2))),
    }


def of_apart(fit: Fit) -> dict[str, Any]:
    """Return how the bound grows, and the critic's slope between the supports."""
    gap = np.linspace(1.01, fit.shift - 0.01, 100)[:, None]
    slopes = np.asarray(fit.critic.gradient(gap))
    at = {int(step): float(bound) for step, bound in zip(fit.steps, fit.bounds, strict=True)}
    return {
        "bound": {str(step): at[step] for step in (50, 100, 200, 500) if step in at}
        | {"last": float(fit.bounds[-1])},
        "grows_at_every_step": bool(np.all(np.diff(fit.bounds) > 0.0)),
        "slope_on_gap": [float(slopes.min()), float(slopes.max())],
    }


def _fit(shift: float, settings: lt.FitConfig, config: Config) -> Fit:
    x, y = samples(config.num_training, shift, seed=config.seed)
    critic = lt.ratios.fit_critic(
        x.astype(np.float32), y.astype(np.float32), config=settings, seed=config.seed
    )
    history = critic.result.history
    return Fit(shift, critic, history["step"], -history["validation_loss"])
