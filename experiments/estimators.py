"""Every estimate of the KL from samples beside its true value, by number of samples.

Four pairs whose KL is known: two normals on the line, a narrow and a wide one in the plane, two
normals in ten dimensions, and two separate bumps against one normal with the same mean and
variance, which a Gaussian fit cannot tell apart.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.runner import report, run_experiment
from experiments.common.seeds import mean_over_seeds, seeds_of, std_over_seeds
from experiments.common.style import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    PINK,
    VERMILLION,
    add_grid,
)

__all__ = ["Config", "run"]

Array = NDArray[np.floating[Any]]
Table = dict[str, dict[int, dict[str, float]]]

# Name -> (colour, marker, hollow): bounds are hollow.
_LOOKS = {
    "Gaussian fit": (GREY, "s", False),
    "nearest neighbours": (AMBER, "o", False),
    "least squares": (GREEN, "D", False),
    "classifier": (BLUE, "^", False),
    "classifier, bound": (BLUE, "^", True),
    "critic, NWJ bound": (VERMILLION, "v", True),
    "critic, Donsker-Varadhan": (PINK, "v", True),
}


class Pair(NamedTuple):
    """Two laws and the KL of the first to the second."""

    p: tfd.Distribution
    q: tfd.Distribution
    kl: float


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    sizes: tuple[int, ...] = field(default=(200, 1000, 5000), metadata={"help": "samples a set"})
    seeds: int = field(default=5, metadata={"help": "number of seeds, from `seed` on"})
    trained: bool = field(default=True, metadata={"help": "also classifier and critics"})
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seed: int = field(default=0, metadata={"help": "seed of samples and training"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(sizes=(200, 500), seeds=2, trained=False)


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the picture into `output` if it is given."""
    laws = pairs()
    means: Table = {name: {} for name in laws}
    stds: Table = {name: {} for name in laws}
    for name, pair in laws.items():
        for size in config.sizes:
            began = time.monotonic()
            per_seed = [
                estimates(*samples(pair, size, seed=seed), config, seed=seed)
                for seed in seeds_of(config)
            ]
            means[name][size] = mean_over_seeds(per_seed)
            stds[name][size] = std_over_seeds(per_seed)
            report(f"estimators: {name}, N = {size}, {time.monotonic() - began:.0f} s")
    truths = {name: pair.kl for name, pair in laws.items()}
    if output is not None:
        save_figure(draw(truths, means, stds), output / "estimators.png")
    return {"truth": truths, "mean": means, "std": stds}


def pairs() -> dict[str, Pair]:
    """Return the pairs by name."""
    line = _normal([1.0], 1.0), _normal([0.0], 2.0)
    plane = _normal([1.0, 4.0], 1.0), _normal([-3.0, 2.0], 2.5)
    many = _normal([0.0] * 10, 1.0), _normal([0.3] * 10, 1.2)
    bumps = tfd.MixtureSameFamily(
        tfd.Categorical(probs=[0.5, 0.5]), _normal([[-2.0], [2.0]], 0.5), name="bumps"
    )
    alike = _normal([0.0], 4.25**0.5)
    known = {"line, D = 1": line, "narrow in wide, D = 2": plane, "many dimensions, D = 10": many}
    exact = {name: Pair(*laws, _exact(*laws)) for name, laws in known.items()}
    kl = lt.divergences.f_divergence_quadrature(
        "kl", bumps, alike, interval=(-12.0, 12.0), tolerance=1e-6
    )
    return exact | {"equal moments, D = 1": Pair(bumps, alike, kl)}


def samples(pair: Pair, size: int, *, seed: int) -> tuple[Array, Array]:
    """Return samples `[N, D]` of both laws."""
    x = pair.p.sample(size, seed=[seed, 2 * size])
    y = pair.q.sample(size, seed=[seed, 2 * size + 1])
    return np.asarray(x), np.asarray(y)


def estimates(x: Array, y: Array, config: Config, *, seed: int) -> dict[str, float]:
    """Return every method's number for `KL(p || q)`, nats."""
    ratio = lt.ratios.LeastSquaresRatio(seed=seed).fit(x, y)
    found = {
        "Gaussian fit": lt.divergences.kl_gaussian(x, y),
        "nearest neighbours": lt.divergences.kl_nearest_neighbours(x, y, num_neighbours=5),
        "least squares": ratio.kl(),
    }
    if config.trained:
        settings = lt.FitConfig(
            num_steps=2000,
            steps_per_call=50,
            patience=400,
            optimizer=lt.training.Adam(2e-3),
            jit_compile=config.jit_compile,
        )
        classifier = lt.ratios.ClassifierRatio(config=settings, seed=seed).fit(x, y)
        found["classifier"] = classifier.kl()
        found["classifier, bound"] = classifier.kl_lower_bound()
        for name, bound in (
            ("critic, NWJ bound", "kl"),
            ("critic, Donsker-Varadhan", "donsker_varadhan"),
        ):
            critic = lt.ratios.fit_critic(x, y, divergence=bound, config=settings, seed=seed)
            found[name] = critic.held_out_bound
    return {name: float(value) for name, value in found.items()}


def draw(truths: dict[str, float], means: Table, stds: Table) -> Figure:
    """Draw mean and standard deviation of each method, one panel a pair."""
    figure = Figure(figsize=(10.0, 5.6), dpi=130, layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, (name, truth) in zip(panels, truths.items(), strict=True):
        axes.axhline(truth, color="#000000", linewidth=1.0, zorder=1)
        _draw_methods(axes, means[name], stds[name])
        axes.set_title(f"{name}: exact KL {truth:.3f}", fontsize=10)
        axes.set_xticks(range(len(means[name])), [f"{size:,}" for size in means[name]])
        axes.set_xlim(-0.5, len(means[name]) - 0.5)
        axes.set_ylim(-0.15 * truth, 1.75 * truth)  # bars that reach farther are cut off
        add_grid(axes, axis="y")
    for axes in panels[2:]:
        axes.set_xlabel("samples of each")
    for axes in panels[::2]:
        axes.set_ylabel("estimate of KL(p || q), nats")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def _draw_methods(
    axes: Axes, means: dict[int, dict[str, float]], stds: dict[int, dict[str, float]]
) -> None:
    methods = [method for method in _LOOKS if method in next(iter(means.values()))]
    for place, method in enumerate(methods):
        color, marker, hollow = _LOOKS[method]
        shift = 0.1 * (place - 0.5 * (len(methods) - 1))
        axes.errorbar(
            [index + shift for index in range(len(means))],
            [cell[method] for cell in means.values()],
            yerr=[cell[method] for cell in stds.values()],
            fmt=marker,
            color=color,
            markerfacecolor="white" if hollow else color,
            markersize=5,
            linewidth=1.2,
            label=method,
        )


def _normal(loc: Any, scale: float) -> tfd.Distribution:
    loc = tf.constant(loc, tf.float32)
    return tfd.MultivariateNormalDiag(loc, scale * tf.ones_like(loc))


def _exact(p: tfd.Distribution, q: tfd.Distribution) -> float:
    return float(lt.divergences.kl_closed_form(p, q))


if __name__ == "__main__":
    sys.exit(run_experiment("estimators", Config, run))
