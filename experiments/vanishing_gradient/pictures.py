"""The pictures: the law, and what cures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.style import (
    AMBER,
    BLUE,
    DARK,
    GREEN,
    SOURCE,
    TARGET,
)

__all__ = ["draw_cure", "draw_law"]

Array = NDArray[np.floating[Any]]
_NOISE_COLORS = ("#000000", BLUE, GREEN, AMBER)
_TITLES = {
    "plain": "plain LRMF",
    "annealed": "annealed noise",
    "moments": "moment start",
    "both": "both",
}
_PLACE: dict[str, Any] = {"fontsize": 8.5, "ha": "right", "va": "top", "color": DARK}


def draw_law(
    shifts: Array, finite: Array, exact: Array, noisy: Mapping[float, Array], line: Any
) -> Figure:
    """Draw the law on transformed axes, and the derivative with noise of several widths.

    Args:
        shifts: Distances mu, `[K]`.
        finite: `log|dL/dmu|` on samples, `[K]`.
        exact: The same of the densities.
        noisy: The same of densities convolved with noise, by its standard deviation.
        line: `slope` and `intercept` of the line through the square roots of `-finite`.
    """
    figure = Figure(figsize=(9.2, 3.8), dpi=130, layout="constrained")
    left, right = figure.subplots(1, 2)
    fitted = line["slope"] * shifts + line["intercept"]
    left.plot(shifts, np.sqrt(-exact), color=TARGET, ls="--", lw=1.6, label="the densities")
    left.plot(shifts, np.sqrt(-finite), color=SOURCE, lw=2.2, label="samples, evenly spread")
    text = f"line {line['slope']:.3f} mu - {-line['intercept']:.3f}"
    left.plot(shifts, fitted, color="black", ls=":", lw=1.4, label=text)
    left.set_xlabel("distance mu of the mixtures")
    left.set_ylabel("sqrt(-log|dL/dmu|)")
    left.set_title("the derivative falls like exp(-(a mu - b)²)", fontsize=10)
    for (scale, values), color in zip(noisy.items(), _NOISE_COLORS, strict=True):
        name = f"noise of std {scale:g}" if scale else "no noise"
        right.plot(shifts, values / np.log(10.0), color=color, lw=1.8, label=name)
    right.set_xticks(np.arange(4, 21, 4))
    right.set_xlabel("distance mu of the mixtures")
    right.set_ylabel("log10|dL/dmu|, nats a unit")
    right.set_title("noise as wide as the distance brings it back", fontsize=10)
    left.legend(frameon=False, fontsize=9, loc="upper left")
    right.legend(frameon=False, fontsize=9, loc="lower left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return figure


def draw_cure(
    fits: Sequence[Mapping[str, Any]], moved: Mapping[str, Array], pair: lt.DomainPair
) -> Figure:
    """Draw where each method puts the source of one draw, and the scores of all draws."""
    figure = Figure(figsize=(9.2, 4.6), dpi=130, layout="constrained")
    grid = figure.add_gridspec(2, 2 * len(moved), height_ratios=(1, 1))
    first = None
    for index, (name, samples) in enumerate(moved.items()):
        axes = figure.add_subplot(grid[0, 2 * index : 2 * index + 2], sharey=first)
        first = first or axes
        _draw_histograms(axes, samples, pair)
        cured = [each[name]["cured"] for each in fits]
        axes.set_title(f"{_TITLES[name]}: {sum(cured)} of {len(cured)}", fontsize=10)
        axes.set_yticks([])
        axes.set_xlabel("x", fontsize=9)
    axes = figure.add_subplot(grid[1, :])
    for index, name in enumerate(moved):
        scores = np.array([each[name]["score"] for each in fits])
        places = index + 0.5 * (np.arange(len(scores)) + 0.5) / len(scores) - 0.25
        axes.plot(places, scores, "o", ms=5, color=SOURCE, alpha=0.8)
    axes.axhline(0.0, color="black", lw=0.9)
    axes.axhline(2.0 * np.log(2.0), color=DARK, ls="--", lw=0.9)
    axes.text(len(moved) - 0.52, 1.34, "told apart: 2 log 2", **_PLACE)
    axes.text(len(moved) - 0.52, 0.12, "the bound, 0", **_PLACE)
    axes.set_xlim(-0.5, len(moved) - 0.5)
    axes.set_xticks(range(len(moved)), [_TITLES[name] for name in moved])
    axes.set_ylabel("held-out score, nats")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    return figure


def _draw_histograms(axes: Axes, moved: Array, pair: lt.DomainPair) -> None:
    low, high = pair.target.min(), pair.target.max()
    bins = np.linspace(low - 1.0, high + 1.0, 60)
    inside = {"bins": bins, "density": True}
    axes.hist(pair.target[:, 0], color=TARGET, alpha=0.35, label="target", **inside)
    axes.hist(moved, color=SOURCE, histtype="step", lw=1.6, label="moved source", **inside)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8)
