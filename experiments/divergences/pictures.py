"""The pictures: the fitted Gaussians, and the bounds over training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from experiments.common.style import (
    BLUE,
    VERMILLION,
    add_ellipse,
    add_grid,
)
from experiments.divergences import mixture

__all__ = ["draw_bounds", "draw_fits"]

Array = NDArray[np.floating[Any]]
_DATA, _EXACT, _LEARNED, _OTHER = "#B8B8B8", "#000000", VERMILLION, BLUE
_LOOKS = {"forward": (VERMILLION, "-"), "reverse": (BLUE, "--")}
_LEVELS = (1.0, 2.0)  # standard deviations


def draw_fits(
    samples: Array,
    exact: Mapping[str, mixture.Gaussian],
    learned: Mapping[str, Mapping[str, Any]],
) -> Figure:
    """Draw the mixture's contours with the exact and the learned Gaussians on top."""
    figure = Figure(figsize=(9.6, 4.9), dpi=130, layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    titles = {
        "forward": "forward KL(data || model) covers both parts",
        "reverse": "reverse KL(model || data) stays on the heavy part",
    }
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        _draw_data(axes, samples)
        fit = learned[name]
        _add_ellipses(axes, fit["mean"], fit["cov"], color=_LEARNED, dashes="-", width=3.2)
        _add_ellipses(
            axes, exact[name].mean, exact[name].cov, color=_EXACT, dashes="--", width=1.0
        )
        if name == "reverse":
            other = exact["reverse_local"]
            _add_ellipses(axes, other.mean, other.cov, color=_OTHER, dashes=":", width=2.0)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("x1", fontsize=9)
        axes.set_aspect("equal")
        text = f"exact {exact[name].divergence:.3f} nats, critic's bound {fit['bound']:.3f}"
        axes.text(0.02, 0.97, text, transform=axes.transAxes, fontsize=9, va="top")
    panels[0].set_ylabel("x2", fontsize=9)
    handles = [
        Line2D([], [], color=_DATA, marker="o", linestyle="", markersize=3, label="data"),
        Line2D(
            [], [], color=_LEARNED, linewidth=3.2, label="learned through a critic, 1 and 2 sd"
        ),
        Line2D([], [], color=_EXACT, linestyle="--", linewidth=1.0, label="exact minimum"),
        Line2D([], [], color=_OTHER, linestyle=":", label="the reverse KL's other minimum"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def draw_bounds(
    histories: Mapping[str, Mapping[str, Array]], truths: Mapping[str, float]
) -> Figure:
    """Draw the critic's bound over training, with the least divergence that a Gaussian has.

    What an untrained critic says, which may be anything below the divergence, is cut off.
    """
    figure = Figure(figsize=(5.6, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    for name, history in histories.items():
        color, dashes = _LOOKS[name]
        axes.plot(history["step"], history["loss"], dashes, color=color, label=f"{name} KL")
        axes.axhline(truths[name], color=color, linewidth=0.8)
        axes.text(
            0.99,
            truths[name] + 0.02,
            f"exact minimum {truths[name]:.3f}",
            color=color,
            fontsize=8,
            ha="right",
            transform=axes.get_yaxis_transform(),
        )
    axes.set_ylim(0.0, 2.2 * max(truths.values()))  # early batches leave this range
    axes.set_title("early values outside of the panel are cut off", fontsize=9, color="#666666")
    axes.set_xlabel("step of the critic")
    axes.set_ylabel("bound on training batches, nats")
    add_grid(axes)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _draw_data(axes: Axes, samples: Array) -> None:
    some = samples[:1000]
    axes.scatter(*some.T, s=3.0, color=_DATA, linewidths=0.0)
    x, y = np.linspace(-10.0, 16.5, 160), np.linspace(-6.0, 15.5, 140)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    density = np.exp(mixture.log_density(points))
    levels = density.max() * np.array([0.01, 0.05, 0.15, 0.4, 0.8])
    axes.contour(x, y, density, levels=levels, colors="#777777", linewidths=0.7)


def _add_ellipses(
    axes: Axes, mean: Array, cov: Array, *, color: str, dashes: str, width: float
) -> None:
    for level in _LEVELS:
        add_ellipse(axes, mean, cov, sigma=level, color=color, ls=dashes, lw=width)
    axes.plot(*mean, marker="+", color=color, markersize=7)
