"""The pictures: moved Gaussians, moons of equal moments, and the gaps over training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.style import (
    AMBER,
    BLUE,
    DARK,
    GREEN,
    PINK,
    SOURCE,
    TARGET,
    add_ellipse,
    add_grid,
)
from experiments.gaussians.fits import AffineFit

__all__ = ["draw"]

Array = NDArray[np.floating[Any]]
_FLOOR = 1e-16  # gaps below the rounding of float64 are drawn here
_GAP_LOOKS = ((BLUE, "-"), (AMBER, "--"), (GREEN, "-."), (PINK, ":"))


def draw(
    output: Path,
    *,
    pairs: dict[int, lt.DomainPair],
    fits: dict[int, AffineFit],
    moons: tuple[lt.DomainPair, AffineFit],
) -> None:
    """Write the pictures: 1-D densities, 2-D ellipses, moons, and the gaps over steps."""
    for dim, decorate in ((1, add_normal_curves), (2, add_ellipses)):
        if dim in pairs:
            source, target = pairs[dim].source, pairs[dim].target
            figure = lt.plotting.plot_alignment(source, fits[dim].moved, target)
            decorate(figure, (source, target), (fits[dim].moved, target))
            save_figure(figure, output / f"gaussians_{dim}d.png")
    pair, fitted = moons
    figure = lt.plotting.plot_alignment(pair.source, fitted.moved, pair.target)
    add_ellipses(figure, (pair.source, pair.target), (fitted.moved, pair.target))
    figure.set_figheight(figure.get_figheight() + 0.3)
    figure.suptitle("affine flow, Gaussian density: equal ellipses, unequal shapes", fontsize=10)
    save_figure(figure, output / "affine_moons.png")
    curves = {f"D = {dim}": (each.steps, each.losses) for dim, each in fits.items()}
    save_figure(plot_gaps(curves, floor=_FLOOR), output / "gaps.png")


def add_normal_curves(figure: Figure, *clouds: tuple[Array, Array]) -> None:
    """Draw the fitted normal densities of (source, target) `[N, 1]` on each panel of a figure."""
    for axes, pair in zip(figure.axes, clouds, strict=True):
        left, right = axes.get_xlim()
        grid = np.linspace(left, right, 400)
        for values, color in zip(pair, (SOURCE, TARGET), strict=True):
            mean, std = float(values.mean()), float(values.std())
            density = np.exp(-0.5 * ((grid - mean) / std) ** 2) / (std * np.sqrt(2.0 * np.pi))
            axes.plot(grid, density, color=color, linewidth=1.8)
    figure.suptitle("samples (steps) and the normal densities fitted to them", fontsize=10)


def add_ellipses(figure: Figure, *clouds: tuple[Array, Array]) -> None:
    """Draw 1- and 2-sigma ellipses of (source, target) `[N, 2]` on each panel of a figure."""
    for axes, pair in zip(figure.axes, clouds, strict=True):
        for points, color, dashes in zip(pair, (SOURCE, TARGET), ("-", "--"), strict=True):
            for sigma in (1.0, 2.0):
                ellipse = add_ellipse(
                    axes,
                    points.mean(axis=0),
                    np.cov(points.T),
                    sigma=sigma,
                    color=color,
                    ls=dashes,
                )
                ellipse.set_path_effects([withStroke(linewidth=4.0, foreground="white")])
            axes.set_xlim(_widened(axes.get_xlim(), points[:, 0]))
            axes.set_ylim(_widened(axes.get_ylim(), points[:, 1]))


def plot_gaps(curves: Mapping[str, tuple[Array, Array]], *, floor: float) -> Figure:
    """Draw gap over training steps on a log axis; values below `floor` lie on it."""
    figure = Figure(figsize=(5.6, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    for (name, (steps, gaps)), (color, dashes) in zip(curves.items(), _GAP_LOOKS, strict=False):
        axes.plot(steps, np.maximum(gaps, floor), dashes, color=color, linewidth=1.5, label=name)
    axes.axhline(1e-6, color=DARK, linestyle="--", linewidth=0.8)
    place = {"transform": axes.get_yaxis_transform(), "ha": "right", "fontsize": 9}
    axes.text(0.99, 1.5e-6, "goal: 1e-6 nats", **place)
    axes.set_yscale("log")
    axes.set_xlabel("training step")
    axes.set_ylabel("L above its minimum 0, nats")
    add_grid(axes)
    axes.legend(frameon=False)
    return figure


def _widened(bounds: tuple[float, float], values: Array) -> tuple[float, float]:
    """Return bounds that also hold a 2-sigma ellipse."""
    mean, reach = float(values.mean()), 2.1 * float(values.std())
    return min(bounds[0], mean - reach), max(bounds[1], mean + reach)
