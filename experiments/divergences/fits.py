"""The Gaussians that are closest to the mixture: exactly, by moments, and by a critic."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.divergences import mixture
from experiments.divergences.config import Config

__all__ = ["exact_fits", "fit_by_critic", "maximum_likelihood", "sigmoid_bounds"]

Array = NDArray[np.floating[Any]]
_SCALE = 4.0  # the critic sees (x - mean) / 4
_FRESH = 200_000
# Descents of the reverse KL from here end in its two minima.
_STARTS = {
    "heavy": (np.array([0.5, 2.0]), np.diag([4.0, 1.5])),
    "moments": (mixture.MEAN, mixture.COVARIANCE),
    "unit": (mixture.MEAN, np.eye(2)),
    "between": (np.array([6.0, 6.0]), np.eye(2)),
    "light": (np.array([9.0, 9.0]), np.diag([1.0, 3.0])),
}


def exact_fits() -> dict[str, mixture.Gaussian]:
    """Return the minimum of the forward KL, and both minima of the reverse one."""
    moments = mixture.MEAN, mixture.COVARIANCE
    found = {"forward": mixture.Gaussian(*moments, mixture.forward_kl(*moments))}
    ends = {name: mixture.closest_in_reverse(*start) for name, start in _STARTS.items()}
    found["reverse"] = min(ends.values(), key=lambda each: each.divergence)
    found["reverse_local"] = max(ends.values(), key=lambda each: each.divergence)
    return found


def sigmoid_bounds() -> dict[str, dict[str, float]]:
    """Return what a critic that ends in a sigmoid can tell of the moments' Gaussian at best."""
    moments = mixture.MEAN, mixture.COVARIANCE
    found = {}
    for name, exact, direction in (
        ("forward", mixture.forward_kl, "kl"),
        ("reverse", mixture.reverse_kl, "reverse_kl"),
    ):
        divergence = lt.divergences.F_DIVERGENCES[direction]
        bound = mixture.confined_bound(divergence, *moments, log_ratios=(-1.0, 0.0))
        found[name] = {"bound": bound, "exact": exact(*moments)}
    return found


def maximum_likelihood(samples: Array) -> dict[str, Any]:
    """Return the Gaussian of the samples' moments, and its divergence from the mixture."""
    mean, cov = samples.mean(axis=0), np.cov(samples.T, bias=True)
    return {
        "mean": mean,
        "cov": cov,
        "divergence": mixture.forward_kl(mean, cov),
        "mean_error": float(np.abs(mean - mixture.MEAN).max()),
        "cov_relative_error": float(np.abs(cov / mixture.COVARIANCE - 1.0).max()),
    }


def fit_by_critic(
    samples: Array, direction: str, config: Config, *, seed: int
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Fit a Gaussian by the bound of a critic; return it, in raw coordinates, and the history."""
    began = time.monotonic()
    model = lt.densities.gaussian_density(2)
    critic = lt.networks.MLP(2, 1, hidden_units=(64, 64), activation="tanh", seed=seed)
    objective = lt.objectives.FGANObjective(
        model,
        critic,
        divergence={"forward": "kl", "reverse": "reverse_kl"}[direction],
        critic_steps=config.critic_steps,
        warmup=config.warmup,
    )
    settings = lt.FitConfig(
        num_steps=config.warmup + config.critic_steps * config.num_steps,
        batch_size=config.batch_size,
        clip_norm=1.0,
        average_decay=1.0 - 10.0 / config.num_steps,
        jit_compile=config.jit_compile,
    )
    history = lt.fit(objective, (_scaled(samples),), settings, seed=seed).history
    mean = _SCALE * model.mean().numpy() + mixture.MEAN
    cov = _SCALE**2 * model.covariance().numpy()
    # Samples that the critic never saw make its bound an unbiased one.
    fresh = _scaled(mixture.draw(_FRESH, seed=seed + 1_000_003))
    divergence = {"forward": mixture.forward_kl, "reverse": mixture.reverse_kl}[direction]
    fitted = {
        "mean": mean,
        "cov": cov,
        "bound": float(objective.bound(fresh)),
        "divergence": divergence(mean, cov),
        "seconds": time.monotonic() - began,
    }
    return fitted, history


def _scaled(samples: Array) -> Array:
    return ((samples - mixture.MEAN) / _SCALE).astype(np.float32)
