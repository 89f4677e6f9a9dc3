"""Gaussian LRMF against its closed form, in 1 to 50 dimensions, and where it stops short.

Four checks. (1) The library's objective, minimised over the shared Gaussian, equals the closed
form of the log-likelihood-ratio distance in float64. (2) Trained jointly with an affine flow it
falls to its bound 0. (3) On moons the affine flow matches the first two moments, not the shape.
(4) A RealNVP flow with a RealNVP density, far more than Gaussians need, also gets there.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment, save_figure
from experiments.gaussians import pictures as plotting

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]
_FLOOR = 1e-16  # gaps below the rounding of float64 are drawn here


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dims: tuple[int, ...] = field(default=(1, 2, 10, 50), metadata={"help": "dimensions"})
    num_samples: int = field(default=1000, metadata={"help": "samples a domain"})
    num_steps: int = field(default=4000, metadata={"help": "joint steps of each affine flow"})
    learning_rate: float = field(default=0.04, metadata={"help": "of the affine flows"})
    num_rich_samples: int = field(default=10_000, metadata={"help": "samples for RealNVP"})
    num_rich_steps: int = field(default=4000, metadata={"help": "steps of each RealNVP stage"})
    jit_compile: bool = field(default=True, metadata={"help": "compile RealNVP's fit with XLA"})
    seed: int = field(default=0, metadata={"help": "seed of data, start and batches"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            dims=(1, 2, 10),
            num_samples=500,
            num_steps=1500,
            learning_rate=0.1,
            num_rich_samples=2000,
            num_rich_steps=400,
            jit_compile=False,
        )


class AffineFit(NamedTuple):
    """One affine flow trained against one Gaussian, on all samples at once."""

    moved: Array  # [N, D]
    gap: float  # L on the same samples, nats; its minimum is 0
    steps: Array  # [K]
    losses: Array  # [K]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    pairs = {
        dim: lt.datasets.gaussians(
            max(config.num_samples, 4 * dim), num_dims=dim, seed=config.seed, dtype=np.float64
        )
        for dim in config.dims
    }
    errors = {dim: closed_form_error(pair) for dim, pair in pairs.items()}
    fits = {}
    for dim, pair in pairs.items():
        fits[dim] = fit_affine(pair, config)
        report(f"gaussians: D = {dim}, trained to {fits[dim].gap:.1e} nats above the minimum")
    moons = lt.datasets.moons(config.num_samples, seed=config.seed)
    moons_fit = fit_affine(moons, config)
    moment_error = moments_apart(moons_fit.moved, moons.target)
    report(f"gaussians: moons, moments within {moment_error:.1e}")
    rich = fit_rich(config)
    report(f"gaussians: RealNVP, held-out L = {rich['value']:.4f} nats")
    if output is not None:
        draw(output, pairs=pairs, fits=fits, moons=(moons, moons_fit))
    return {
        "max_abs_error": max(errors.values()),
        "abs_error": errors,
        "trained_gap": {dim: each.gap for dim, each in fits.items()},
        "max_trained_gap": max(each.gap for each in fits.values()),
        "moons_moment_error": moment_error,
        "over_parameterised": rich,
    }


def closed_form_error(pair: lt.DomainPair) -> float:
    """Return |L minimised over the shared Gaussian - closed form|, nats; no flow."""
    objective = gaussian_objective(
        pair, flow=lt.flows.identity_flow(pair.num_dims, dtype=tf.float64)
    )
    value = float(objective(*as_float64(pair)).loss)
    return abs(value - lt.objectives.gaussian_lrmf_distance(*as_float64(pair)))


def gaussian_objective(
    pair: lt.DomainPair, *, flow: Any, start_from_target: bool = False
) -> lt.objectives.LRMFObjective:
    """Return the objective with Gaussian densities whose private fits are exact.

    The shared Gaussian starts at the moments of both domains together, where the objective has
    its minimum over it for a flow that does nothing; or at the target's, the better start for
    training.
    """
    source, target = as_float64(pair)
    shared = target if start_from_target else np.concatenate([source, target])
    density, private_source, private_target = (
        lt.densities.gaussian_density(
            pair.num_dims, loc=mean, scale_tril=np.linalg.cholesky(cov), dtype=tf.float64
        )
        for mean, cov in map(moments, (shared, source, target))
    )
    objective = lt.objectives.LRMFObjective(
        flow, density, private_source=private_source, private_target=private_target
    )
    objective.private_nll_source.assign(-np.mean(private_source.log_prob(source)))
    objective.private_nll_target.assign(-np.mean(private_target.log_prob(target)))
    return objective


def fit_affine(pair: lt.DomainPair, config: Config) -> AffineFit:
    """Train an affine flow and the shared Gaussian jointly, on all samples in each step."""
    source, target = as_float64(pair)
    flow = lt.flows.affine_flow(pair.num_dims, dtype=tf.float64)
    objective = gaussian_objective(pair, flow=flow, start_from_target=True)
    result = lt.fit(
        objective,
        (source, target),
        lt.FitConfig(
            num_steps=config.num_steps,
            batch_size=max(len(source), len(target)),
            optimizer=lt.training.Adam(
                learning_rate=config.learning_rate, schedule=lt.training.CosineSchedule(final=0.0)
            ),
            steps_per_call=50,
            jit_compile=False,  # XLA solves triangular systems slowly on CPUs
            seed=config.seed,
        ),
    )
    gap = float(objective(source, target).loss)
    moved = np.asarray(flow.forward(source))
    return AffineFit(moved, gap, result.history["step"], result.history["loss"])


def fit_rich(config: Config) -> dict[str, Any]:
    """Return the held-out score of RealNVP, flow and density, between two Gaussians."""
    law: dict[str, Any] = {
        "source_mean": [1.5, -1.0],
        "source_cov": [[1.5, 0.9], [0.9, 1.0]],
        "target_mean": [0.0, 0.0],
        "target_cov": [[0.8, -0.5], [-0.5, 1.2]],
    }
    train, fresh = (
        lt.datasets.gaussians(config.num_rich_samples, num_dims=2, seed=seed, **law)
        for seed in (config.seed, config.seed + 1_000_003)
    )
    settings = lt.FitConfig(num_steps=config.num_rich_steps, jit_compile=config.jit_compile)
    aligner = lt.Aligner(flow="real_nvp", config=settings, seed=config.seed)
    aligner.fit(train.source, train.target)
    return dict(aligner.score(fresh.source, fresh.target)._asdict())


def moments(samples: Array) -> tuple[Array, Array]:
    """Return mean `[D]` and covariance `[D, D]` of samples, as maximum likelihood has them."""
    return samples.mean(axis=0), np.cov(samples.T, bias=True).reshape(2 * samples.shape[1:])


def moments_apart(first: Array, second: Array) -> float:
    """Return the largest difference between the first two moments of two sample sets."""
    parts = zip(moments(first.astype(np.float64)), moments(second.astype(np.float64)), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in parts)


def as_float64(pair: lt.DomainPair) -> tuple[Array, Array]:
    """Return source and target in double precision."""
    return pair.source.astype(np.float64), pair.target.astype(np.float64)


def draw(
    output: Path,
    *,
    pairs: dict[int, lt.DomainPair],
    fits: dict[int, AffineFit],
    moons: tuple[lt.DomainPair, AffineFit],
) -> None:
    """Write the pictures: 1-D densities, 2-D ellipses, moons, and the gaps over steps."""
    for dim, decorate in ((1, plotting.add_normal_curves), (2, plotting.add_ellipses)):
        if dim in pairs:
            source, target = pairs[dim].source, pairs[dim].target
            figure = lt.plotting.plot_alignment(source, fits[dim].moved, target)
            decorate(figure, (source, target), (fits[dim].moved, target))
            save_figure(figure, output / f"gaussians_{dim}d.png")
    pair, fitted = moons
    figure = lt.plotting.plot_alignment(pair.source, fitted.moved, pair.target)
    plotting.add_ellipses(figure, (pair.source, pair.target), (fitted.moved, pair.target))
    figure.set_figheight(figure.get_figheight() + 0.3)
    figure.suptitle("affine flow, Gaussian density: equal ellipses, unequal shapes", fontsize=10)
    save_figure(figure, output / "affine_moons.png")
    curves = {f"D = {dim}": (each.steps, each.losses) for dim, each in fits.items()}
    save_figure(plotting.plot_gaps(curves, floor=_FLOOR), output / "gaps.png")


def main() -> int:
    """Run from the command line."""
    return run_experiment("gaussians", Config, run)


if __name__ == "__main__":
    sys.exit(main())
