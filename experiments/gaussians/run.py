"""Makes every check and draws the fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.common.runner import report
from experiments.gaussians.config import Config
from experiments.gaussians.fits import closed_form_error, fit_affine, fit_rich, moments_apart
from experiments.gaussians.pictures import draw

__all__ = ["run"]


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
