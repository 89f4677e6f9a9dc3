"""Forward and reverse KL: what a Gaussian makes of a mixture of two, exactly and by a critic.

Three fits of one Gaussian to a mixture in the plane. (1) Maximum likelihood, which is the forward
KL and has the mixture's moments. (2) The forward KL by a critic: it covers both parts. (3) The
reverse KL by a critic: it stays on the heavy part. The truth beside them is computed by
quadrature, the reverse KL's second, worse minimum included.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment, save_figure
from experiments.divergences import mixture
from experiments.divergences.pictures import draw_bounds, draw_fits

__all__ = ["Config", "main", "run"]

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


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    num_samples: int = field(default=640_000, metadata={"help": "samples of the mixture"})
    num_steps: int = field(default=2500, metadata={"help": "steps of the generator"})
    critic_steps: int = field(default=4, metadata={"help": "steps of the critic for one of it"})
    warmup: int = field(default=300, metadata={"help": "steps of the critic alone, at first"})
    batch_size: int = field(default=256, metadata={"help": "samples in a step"})
    seeds: int = field(default=1, metadata={"help": "number of seeds, from `seed` on"})
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seed: int = field(default=0, metadata={"help": "seed of data, start and batches"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(num_samples=20_000, num_steps=300, warmup=100)


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    exact = exact_fits()
    first_samples = mixture.draw(config.num_samples, seed=config.seed)
    fits: dict[str, list[dict[str, Any]]] = {"forward": [], "reverse": []}
    histories: dict[str, dict[str, Array]] = {}
    for seed in range(config.seed, config.seed + config.seeds):
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
        seed=seed,
    )
    history = lt.fit(objective, (_scaled(samples),), settings).history
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


def summary(fits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over seeds, and standard deviations where there are several."""
    names = ("mean", "cov", "bound", "divergence")
    stacked = {name: np.array([fit[name] for fit in fits], np.float64) for name in names}
    means: dict[str, Any] = {name: values.mean(axis=0) for name, values in stacked.items()}
    if len(fits) > 1:
        means["std"] = {name: values.std(axis=0, ddof=1) for name, values in stacked.items()}
    return means


def _scaled(samples: Array) -> Array:
    return ((samples - mixture.MEAN) / _SCALE).astype(np.float32)


def main() -> int:
    """Run from the command line."""
    return run_experiment("divergences", Config, run)


if __name__ == "__main__":
    sys.exit(main())
