"""The pictures of the experiments that the library does not draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

__all__ = ["add_ellipse", "add_ellipses", "add_normal_curves", "plot_gaps", "plot_grids"]

Array = NDArray[np.floating[Any]]
_SOURCE, _TARGET = "#D55E00", "#0072B2"
_GAP_LOOKS = (("#0072B2", "-"), ("#E69F00", "--"), ("#009E73", "-."), ("#CC79A7", ":"))


def add_normal_curves(figure: Figure, *clouds: tuple[Array, Array]) -> None:
    """Draw the fitted normal densities of (source, target) `[N, 1]` on each panel of a figure."""
    for axes, pair in zip(figure.axes, clouds, strict=True):
        left, right = axes.get_xlim()
        grid = np.linspace(left, right, 400)
        for values, color in zip(pair, (_SOURCE, _TARGET), strict=True):
            mean, std = float(values.mean()), float(values.std())
            density = np.exp(-0.5 * ((grid - mean) / std) ** 2) / (std * np.sqrt(2.0 * np.pi))
            axes.plot(grid, density, color=color, linewidth=1.8)
    figure.suptitle("samples (steps) and the normal densities fitted to them", fontsize=10)


def add_ellipses(figure: Figure, *clouds: tuple[Array, Array]) -> None:
    """Draw 1- and 2-sigma ellipses of (source, target) `[N, 2]` on each panel of a figure."""
    for axes, pair in zip(figure.axes, clouds, strict=True):
        for points, color, dashes in zip(pair, (_SOURCE, _TARGET), ("-", "--"), strict=True):
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
    axes.axhline(1e-6, color="#444444", linestyle="--", linewidth=0.8)
    place = {"transform": axes.get_yaxis_transform(), "ha": "right", "fontsize": 9}
    axes.text(0.99, 1.5e-6, "goal: 1e-6 nats", **place)
    axes.set_yscale("log")
    axes.set_xlabel("training step")
    axes.set_ylabel("L above its minimum 0, nats")
    axes.grid(color="#E4E4E4", linewidth=0.6)
    axes.legend(frameon=False)
    return figure


def plot_grids(
    grids: Mapping[str, Array], *, rows: Sequence[str], columns: Sequence[str]
) -> Figure:
    """Draw label accuracies `[R, C, K]` of K seeds as one coloured table a method.

    A cell shows the mean as its colour and number, and below it the lowest and the highest.
    """
    figure = Figure(figsize=(3.6 * len(grids) + 0.6, 0.62 * len(rows) + 1.3), dpi=150)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(grids), squeeze=False, sharey=True)[0]
    image = None
    for axes, (name, values) in zip(panels, grids.items(), strict=True):
        means = values.mean(axis=2)
        image = axes.imshow(means, cmap="viridis", vmin=0.5, vmax=1.0, aspect="auto")
        for (row, column), mean in np.ndenumerate(means):
            low, high = values[row, column].min(), values[row, column].max()
            color = "black" if mean > 0.75 else "white"
            text = f"{mean:.2f}\n{low:.2f} to {high:.2f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
        axes.set_title(name, fontsize=11, fontweight="bold")
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xlabel("batch size")
    panels[0].set_ylabel("learning rate")
    bar = figure.colorbar(image, ax=list(panels), shrink=0.9)
    bar.set_label("label accuracy, mean over seeds")
    return figure


def add_ellipse(
    axes: Axes, mean: Array, cov: Array, *, sigma: float, color: str, ls: str, lw: float = 1.5
) -> Ellipse:
    """Draw the ellipse of a mean `[2]` and a covariance `[2, 2]`, `sigma` deviations wide."""
    values, vectors = np.linalg.eigh(cov)
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    width, height = 2.0 * sigma * np.sqrt(values[::-1])
    place = (float(mean[0]), float(mean[1]))
    ellipse = Ellipse(
        place, width, height, angle=angle, fill=False, color=color, linestyle=ls, linewidth=lw
    )
    axes.add_patch(ellipse)
    return ellipse


def _widened(bounds: tuple[float, float], values: Array) -> tuple[float, float]:
    """Return bounds that also hold a 2-sigma ellipse."""
    mean, reach = float(values.mean()), 2.1 * float(values.std())
    return min(bounds[0], mean - reach), max(bounds[1], mean + reach)
