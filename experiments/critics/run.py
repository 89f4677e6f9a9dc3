"""Critics of two Beta distributions: what W1, MMD and f-divergences see of a gap between them.

p is Beta(3, 5), q is Beta(2, 3) moved to the right. Once the supports part, KL, Jensen-Shannon
and total variation stand still at +inf, log 2 and 1 while W1 goes on; the critics of W1 and MMD
and a learned one of the KL show why. The original adds the shift to samples that already have it,
plots T as the ratio and dT/dx as its gradient, and divides the witness by the squared MMD; here
the shift counts once, each function goes by its name, and the witness is divided by its norm.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import beta

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment, save_figure
from experiments.critics import pictures
from experiments.critics.pictures import Fit

__all__ = ["Config", "REFERENCE", "main", "population", "run"]

Array = NDArray[np.floating[Any]]
HEIGHT, WIDTH = 2.2, 0.1  # the kernel 2.2 exp(-d^2 / 0.1)
_P, _Q = (3.0, 5.0), (2.0, 3.0)
_METHODS = ("sorting", "neighbours", "all_pairs", "cross")
_FRESH = 1_000_003  # added to the seed of samples that no fit has seen

REFERENCE = {  # shift: Jensen-Shannon, total variation, W1, squared MMD
    0.0: (0.015994, 0.124925, 0.0373788, 0.02536700),
    0.25: (0.238705, 0.511843, 0.275000, 0.75856247),
    0.5: (0.535870, 0.851445, 0.525000, 1.96943470),
    1.0: (0.693147, 1.0, 1.025000, 2.84788100),
    1.2: (0.693147, 1.0, 1.225000, 2.87023957),
    2.0: (0.693147, 1.0, 2.025000, 2.87285915),
    2.4: (0.693147, 1.0, 2.425000, 2.87285915),
}


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    shift: float = field(default=2.0, metadata={"help": "of q, for the critics"})
    num_samples: int = field(default=15, metadata={"help": "samples a side of W1 and MMD"})
    num_shifts: int = field(default=25, metadata={"help": "points of the curves over the shift"})
    num_training: int = field(default=200_000, metadata={"help": "samples a side of learned ones"})
    num_steps: int = field(default=3000, metadata={"help": "steps where the supports are one"})
    num_apart_steps: int = field(default=1000, metadata={"help": "steps where they are apart"})
    jit_compile: bool = field(default=True, metadata={"help": "compile the fits with XLA"})
    seed: int = field(default=1, metadata={"help": "seed of samples, networks and batches"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_shifts=7, num_training=5000, num_steps=600, num_apart_steps=400, jit_compile=False
        )


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    table = sweep()
    report(f"critics: sweep within {table['max_abs_error']:.1e} of the reference")
    x, y = samples(config.num_samples, config.shift, seed=config.seed)
    metrics, critic = wasserstein(x, y, config.shift)
    report(f"critics: W1 {metrics['w1_lp']:.6f} by linear program")
    kernel = lt.kernels.GaussianKernel(math.sqrt(0.5 * WIDTH))
    witness = lt.ratios.mmd_critic(x, y, kernel=kernel, height=HEIGHT)
    metrics |= of_witness(witness, config.shift)
    together, apart = fit_overlapping(config), fit_apart(config, num_steps=config.num_apart_steps)
    learned = {"overlapping": of_overlapping(together, config), "disjoint": of_apart(apart)}
    report(
        f"critics: bound of the KL {learned['overlapping']['bound']:.4f} nats, and apart "
        f"{learned['disjoint']['bound']['last']:.0f} and growing"
    )
    if output is not None:
        early = fit_apart(config, num_steps=min(200, config.num_apart_steps))
        save_figure(pictures.draw_sweep(curves(config.num_shifts)), output / "non_overlap.png")
        save_figure(
            pictures.draw_critics(critic, witness, shift=config.shift), output / "critics.png"
        )
        save_figure(pictures.draw_learned(together, early, apart), output / "learned.png")
    return {**metrics, "sweep": table, "learned": learned}


def laws(shift: float) -> tuple[Any, Any]:
    """Return p and q as distributions in float64."""
    return (
        lt.densities.shifted_beta(*_P, dtype=tf.float64),
        lt.densities.shifted_beta(*_Q, shift=shift, dtype=tf.float64),
    )


def samples(num_rows: int, shift: float, *, seed: int) -> tuple[Array, Array]:
    """Return draws `[N, 1]` of p and of q; the shift is added once."""
    rng = np.random.default_rng(seed)
    return rng.beta(*_P, [num_rows, 1]), rng.beta(*_Q, [num_rows, 1]) + shift


def population(shift: float) -> dict[str, float]:
    """Return what divergences say of p and q themselves, by quadrature; nats or units of x."""
    return {
        "kl": f_divergence("kl", shift),
        "jensen_shannon": f_divergence("jensen_shannon", shift),
        "total_variation": f_divergence("total_variation", shift),
        "w1": w1(shift),
        "mmd_squared": mmd_squared(shift),
    }


def f_divergence(name: str, shift: float) -> float:
    """Return an f-divergence of p and q; +inf where q does not cover p."""
    ends = (0.0, 1.0, shift, 1.0 + shift)
    return lt.divergences.f_divergence_quadrature(
        name, *laws(shift), interval=(-0.5, 1.5 + shift), breaks=ends
    )


def w1(shift: float) -> float:
    """Return W1 of p and q, the integral of `|F_p - F_q|`."""

    def gap(z: float) -> float:
        return abs(beta.cdf(z, *_P) - beta.cdf(z - shift, *_Q))

    ends = sorted({0.0, 0.5, 1.0, shift, 0.5 + shift, 1.0 + shift})
    pieces = zip(ends[:-1], ends[1:], strict=True)
    return sum(quad(gap, *piece, limit=200, epsabs=1e-12)[0] for piece in pieces)


def mmd_squared(shift: float) -> float:
    """Return the squared MMD of p and q; their densities are polynomials, so Gauss is exact."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    a, b = weights * beta.pdf(nodes, *_P), weights * beta.pdf(nodes, *_Q)

    def mean(v: Array, w: Array, apart: float) -> float:
        distances = nodes[:, None] - nodes - apart
        return float(HEIGHT * v @ np.exp(-(distances**2) / WIDTH) @ w)

    return mean(a, a, 0.0) + mean(b, b, 0.0) - 2.0 * mean(a, b, shift)


def sweep() -> dict[str, Any]:
    """Return the table over the shift, its errors, and the slopes once the supports part."""
    rows = {shift: population(shift) for shift in REFERENCE}
    names = ("jensen_shannon", "total_variation", "w1", "mmd_squared")
    errors = {
        shift: {
            name: abs(row[name] - value)
            for name, value in zip(names, REFERENCE[shift], strict=True)
        }
        for shift, row in rows.items()
    }
    step, parted = 1e-3, [shift for shift in rows if shift > 1.0]
    slopes = {
        name: [(function(s + step) - function(s - step)) / (2.0 * step) for s in parted]
        for name, function in (
            ("jensen_shannon", lambda shift: f_divergence("jensen_shannon", shift)),
            ("w1", w1),
            ("mmd_squared", mmd_squared),
        )
    }
    return {
        "rows": rows,
        "abs_error": errors,
        "max_abs_error": max(max(each.values()) for each in errors.values()),
        "slopes_once_apart": {"shift": parted, **slopes},
    }


def curves(num_shifts: int) -> dict[str, Array]:
    """Return the divergences at shifts from 0 to 2.4; the KL is infinite at all but the first."""
    shifts = np.linspace(0.0, 2.4, num_shifts)
    rows = [population(shift) for shift in shifts]
    return {"shift": shifts} | {name: np.array([row[name] for row in rows]) for name in rows[0]}


def wasserstein(x: Array, y: Array, shift: float) -> tuple[dict[str, Any], Any]:
    """Return W1 by every method, and the critic of the linear program over all pairs."""
    critics = {name: lt.ratios.wasserstein_critic(x, y, method=name) for name in _METHODS}
    exact = float(lt.divergences.wasserstein_1d(x, y))
    critic = critics["all_pairs"]
    gap = np.linspace(x.max(), y.min(), 20)
    slopes = np.diff(critic.midpoint(gap)) / np.diff(gap)
    return {
        "w1_lp": critic.distance,
        "w1_exact": exact,
        "w1_by_method": {name: each.distance for name, each in critics.items()},
        "w1_difference_of_means": float(y.mean() - x.mean()),
        "w1_population": w1(shift),
        "w1_slope_on_gap": [float(slopes.min()), float(slopes.max())],
    }, critic


def of_witness(critic: lt.ratios.MMDCritic, shift: float) -> dict[str, float]:
    """Return the MMD of the samples and how well its critic attains it."""
    attained = tf.reduce_mean(critic(critic.source)) - tf.reduce_mean(critic(critic.target))
    unbiased = lt.divergences.mmd_squared(
        critic.source, critic.target, kernel=critic.kernel, unbiased=True
    )
    grid = np.linspace(-1.0, 3.5, 1001)[:, None]
    return {
        "mmd_squared": critic.mmd_squared,
        "mmd_squared_unbiased": critic.height * float(unbiased),
        "mmd_squared_population": mmd_squared(shift),
        "witness_identity_error": abs(float(attained) - critic.mmd),
        "critic_sup_norm": float(np.max(np.abs(critic(grid)))),
        "critic_sup_norm_limit": math.sqrt(HEIGHT),
    }


def fit_overlapping(config: Config) -> Fit:
    """Train a critic of the KL where q is not moved: the KL is finite."""
    settings = lt.FitConfig(
        num_steps=config.num_steps,
        batch_size=500,
        optimizer=lt.training.Adam(5e-3),
        steps_per_call=50,
        jit_compile=config.jit_compile,
        seed=config.seed,
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
        seed=config.seed,
    )
    return _fit(config.shift, settings, config)


def _fit(shift: float, settings: lt.FitConfig, config: Config) -> Fit:
    x, y = samples(config.num_training, shift, seed=config.seed)
    critic = lt.ratios.fit_critic(
        x.astype(np.float32), y.astype(np.float32), config=settings, seed=config.seed
    )
    history = critic.fit.history
    return Fit(shift, critic, history["step"], -history["validation_loss"])


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
    slopes = np.asarray(fit.critic.value_gradient(gap))
    at = {int(step): float(bound) for step, bound in zip(fit.steps, fit.bounds, strict=True)}
    return {
        "bound": {str(step): at[step] for step in (50, 100, 200, 500) if step in at}
        | {"last": float(fit.bounds[-1])},
        "grows_at_every_step": bool(np.all(np.diff(fit.bounds) > 0.0)),
        "slope_on_gap": [float(slopes.min()), float(slopes.max())],
    }


def main() -> int:
    """Run from the command line."""
    return run_experiment("critics", Config, run)


if __name__ == "__main__":
    sys.exit(main())
