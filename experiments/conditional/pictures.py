"""The pictures: y by bins of c, and the distances by bin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.style import AMBER, BLUE, DARK, GREY, PINK, add_grid
from experiments.conditional.data import Pair
from experiments.conditional.methods import METHODS, Moved

__all__ = ["draw"]

_COLORS = {"none": GREY, "conditional": BLUE, "unconditional": AMBER, "joint": PINK}


def draw(
    output: Path, form: str, fresh: Pair, moved: dict[str, Moved], found: dict[str, Any]
) -> None:
    """Write both pictures of one form."""
    given = moved["conditional"]
    figure = lt.plotting.plot_conditional(
        fresh.source, given.y, fresh.target, num_bins=len(found["w1_of_halves"])
    )
    save_figure(figure, output / f"{form}_by_c.png")
    save_figure(plot_distances(found), output / f"{form}_w1.png")


def plot_distances(found: dict[str, Any]) -> Figure:
    """Draw the W1 distance in each bin of c, before and after every map, and that of halves."""
    figure = Figure(figsize=(6.0, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    edges = found["edges"]
    middles = (edges[1:] + edges[:-1]) / 2.0
    for name, values in found["w1"].items():
        label = "before" if name == "none" else f"map {METHODS[name]}"
        axes.plot(middles, values, "o-", color=_COLORS[name], linewidth=1.5, label=label)
    floor = np.append(found["w1_of_halves"], found["w1_of_halves"][-1])
    axes.step(edges, floor, where="post", color=DARK, linewidth=1.0, label="halves of the target")
    axes.step(edges, 1.5 * floor, where="post", color=DARK, linestyle=":", label="1.5 times that")
    axes.set_yscale("log")
    axes.set_xlabel("c, middle of the bin")
    axes.set_ylabel("W1 of y in the bin")
    add_grid(axes)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure
