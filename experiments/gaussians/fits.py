"""The fits, with the closed form beside them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.gaussians.config import Config

__all__ = ["AffineFit", "closed_form_error", "fit_affine", "fit_rich", "moments_apart"]

Array = NDArray[np.floating[Any]]


class AffineFit(NamedTuple):
    """One affine flow trained against one Gaussian, on all samples at once."""

    moved: Array  # [N, D]
    gap: float  # L on the same samples, nats; its minimum is 0
    steps: Array  # [K]
    losses: Array  # [K]


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
        lt.objectives.Plan(objective),  # the private fits are known
        (source, target),
        lt.FitConfig(
            num_steps=config.num_steps,
            batch_size=max(len(source), len(target)),
            optimizer=lt.training.Adam(
                learning_rate=config.learning_rate, schedule=lt.training.CosineSchedule(final=0.0)
            ),
            steps_per_call=50,
            jit_compile=False,  # XLA solves triangular systems slowly on CPUs
        ),
        seed=config.seed,
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
