"""The pictures: the photographs in new colours, and the measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.colour_transfer.config import TITLES
from experiments.colour_transfer.pixels import Image
from experiments.common.style import BLUE, VERMILLION, add_grid

__all__ = ["draw_measures", "draw_recoloured"]

# What is recoloured -> colour and marker (Okabe-Ito).
_LOOKS = {"china": (BLUE, "o"), "flower": (VERMILLION, "D")}
_MEASURES = {
    "energy_distance": "energy distance to the\nother's pixels",
    "roughness": "roughness of the picture,\n1 is the original's",
    "out_of_gamut": "share of values outside\n[0, 1], clipped",
    "round_trip": "mean error of there and\nback, 1 is black to white",
}
_NUM_DOTS = 2500
# Two axes across the grey diagonal: red against green, both against blue.
_CHROMA = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, -1.0]]).T


def draw_recoloured(
    images: Mapping[str, Image], recoloured: Mapping[str, Mapping[str, Image]]
) -> Figure:
    """Draw both photographs in every method's colours, each above its palette."""
    columns = {"original": images} | {TITLES[name]: each for name, each in recoloured.items()}
    figure = Figure(figsize=(1.75 * len(columns), 5.5), dpi=100, facecolor="white")
    ratios = [1.0, 0.85, 1.0, 0.85]
    panels = figure.subplots(4, len(columns), gridspec_kw={"height_ratios": ratios})
    figure.subplots_adjust(
        left=0.03, right=0.998, bottom=0.005, top=0.95, wspace=0.05, hspace=0.06
    )
    for column, (title, pictures) in enumerate(columns.items()):
        for row, name in enumerate(images):
            panels[2 * row, column].imshow(pictures[name], interpolation="nearest")
            _draw_palette(panels[2 * row + 1, column], pictures[name])
        panels[0, column].set_title(title, fontsize=11)
    for axes in panels.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    labels = ("china", "its palette", "flower", "its palette")
    for axes, label in zip(panels[:, 0], labels, strict=True):
        axes.set_ylabel(label, fontsize=9)
    return figure


def draw_measures(metrics: Mapping[str, Any]) -> Figure:
    """Draw every measure by method, for both photographs, with its spread."""
    figure = Figure(figsize=(11.0, 3.4), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(_MEASURES), sharey=True)
    methods = list(TITLES)
    for axes, (measure, label) in zip(panels, _MEASURES.items(), strict=True):
        for shift, (way, (color, marker)) in zip((-0.12, 0.12), _LOOKS.items(), strict=True):
            axes.errorbar(
                [metrics[measure][way][name] for name in methods],
                np.arange(len(methods)) + shift,
                xerr=[metrics["std"][measure][way][name] for name in methods],
                fmt=marker,
                color=color,
                markersize=6,
                label=f"{way} recoloured",
            )
        axes.set_xlabel(label, fontsize=9)
        if measure != "roughness":
            axes.set_xlim(left=-0.04 * axes.get_xlim()[1])
        axes.tick_params(labelsize=8)
        add_grid(axes, axis="x")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(methods)), list(TITLES.values()), fontsize=9)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _draw_palette(axes: Axes, image: Image) -> None:
    """Draw pixels across the grey diagonal of the cube of colours, each in its own colour."""
    pixels = image.reshape(-1, 3)
    some = pixels[:: max(1, len(pixels) // _NUM_DOTS)] / 255.0
    x, y = (some @ _CHROMA).T
    axes.scatter(x, -y, c=some, s=2.0, linewidths=0.0, antialiased=False)
    axes.set_xlim(-1.05, 1.05)
    axes.set_ylim(-0.85, 0.85)
    axes.set_facecolor("#F4F4F4")
