"""What the pictures of experiments have in common: colours (Okabe-Ito), grids, ellipses."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

__all__ = [
    "AMBER",
    "BLUE",
    "DARK",
    "GREEN",
    "GREY",
    "PINK",
    "SKY",
    "SOURCE",
    "TARGET",
    "VERMILLION",
    "add_ellipse",
    "add_grid",
]

Array = NDArray[np.floating[Any]]

VERMILLION, BLUE, GREEN = "#D55E00", "#0072B2", "#009E73"
PINK, AMBER, SKY, GREY = "#CC79A7", "#E69F00", "#56B4E9", "#999999"
DARK = "#444444"
"""Of what is said beside the data: bounds, goals, notes."""
SOURCE, TARGET = VERMILLION, BLUE
"""Of the domain that is moved and the one that stays."""


def add_grid(axes: Axes, *, axis: str = "both", below: bool = False) -> None:
    """Draw light lines; `below` puts them behind everything else."""
    axes.grid(axis=axis, color="#E4E4E4", linewidth=0.6)
    if below:
        axes.set_axisbelow(True)


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
