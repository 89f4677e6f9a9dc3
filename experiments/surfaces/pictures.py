"""The pictures: the moved surfaces, and what became of neighbourhoods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.style import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    PINK,
    SKY,
    add_grid,
)

__all__ = ["draw_measures", "draw_surfaces"]

Array = NDArray[np.floating[Any]]
_MOST_POINTS = 1500
_STEPS = 15  # of the colours
_VIEW = {"elev": 18.0, "azim": -70.0}

TITLES = {
    "none": "none",
    "gaussian_ot": "Gaussian OT",
    "emd": "exact EMD",
    "mmd": "RealNVP on MMD",
    "lrmf": "RealNVP LRMF",
    "lrmf_spline": "spline LRMF",
    "exact": "exact map",
}
# Okabe-Ito and a marker each.
_LOOKS = {
    "none": (GREY, "X"),
    "gaussian_ot": (AMBER, "s"),
    "emd": (PINK, "v"),
    "mmd": (GREEN, "D"),
    "lrmf": (BLUE, "o"),
    "lrmf_spline": (SKY, "^"),
    "exact": ("#000000", "*"),
}
_MEASURES = {
    "neighbours_kept": "share of the nearest neighbours kept",
    "continuity": "continuity",
    "trustworthiness": "trustworthiness",
}


def draw_surfaces(pair: lt.DomainPair, moved: Mapping[str, Array], *, colors: Array) -> Figure:
    """Draw source, target and the moved source, coloured by where each point came from."""
    shown = [name for name in TITLES if name in moved and name != "none"]
    columns = (len(shown) + 3) // 2
    figure = Figure(figsize=(2.5 * columns, 5.0), dpi=110, facecolor="white")
    figure.subplots_adjust(left=0.0, right=1.0, bottom=0.0, top=0.95, wspace=0.0, hspace=0.06)
    clouds = [("source", pair.source), ("target", pair.target)]
    clouds += [(TITLES[name], moved[name]) for name in shown]
    # The two given clouds at the left, one above the other.
    places = [1, columns + 1, *(p for p in range(2, 2 * columns + 1) if p != columns + 1)]
    centre, reach = _box(pair)
    for (title, points), place in zip(clouds, places, strict=False):
        axes = figure.add_subplot(2, columns, place, projection="3d")
        shades = "#8A8A8A" if title == "target" else colormaps["viridis"](_shares(colors))
        _draw_cloud(axes, points, shades)
        axes.set_title(title, fontsize=11, y=0.97)
        for axis, middle in zip("xyz", centre, strict=True):
            getattr(axes, f"set_{axis}lim")(middle - reach, middle + reach)
    return figure


def draw_measures(metrics: Mapping[str, Any]) -> Figure:
    """Draw what became of neighbourhoods over the distance that was left, with its spread."""
    figure = Figure(figsize=(10.0, 3.7), dpi=120, layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, (measure, label) in zip(panels, _MEASURES.items(), strict=True):
        for name in (name for name in TITLES if name in metrics[measure]):
            color, marker = _LOOKS[name]
            axes.errorbar(
                metrics["energy_distance"][name],
                metrics[measure][name],
                xerr=metrics["std"]["energy_distance"][name],
                yerr=metrics["std"][measure][name],
                fmt=marker,
                color=color,
                markersize=10 if marker == "*" else 7,
                label=TITLES[name],
            )
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("energy distance to the target", fontsize=9)
        axes.set_ylabel(label, fontsize=9)
        axes.tick_params(labelsize=8)
        add_grid(axes)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7, frameon=False, fontsize=9)
    return figure


def _draw_cloud(axes: Axes, points: Array, colors: str | Array) -> None:
    some = slice(None, _MOST_POINTS)
    shades = colors if isinstance(colors, str) else colors[some]
    x, y, z = np.asarray(points[some]).T
    looks = {"s": 6.0, "linewidths": 0.0, "depthshade": False, "antialiased": False}
    axes.scatter(x, y, z, c=shades, clip_on=False, **looks)
    axes.view_init(**_VIEW)
    axes.set_box_aspect((1.0, 1.0, 1.0), zoom=1.6)
    axes.set_axis_off()


def _box(pair: lt.DomainPair) -> tuple[Array, float]:
    """Return the middle and half the width of a cube that holds both clouds."""
    both = np.concatenate([pair.source, pair.target])
    low, high = both.min(axis=0), both.max(axis=0)
    return 0.5 * (low + high), 0.5 * float((high - low).max())


def _shares(values: Array) -> Array:
    """Return values in [0, 1], in steps, which makes the file small."""
    return np.round(_STEPS * (values - values.min()) / np.ptp(values)) / _STEPS
