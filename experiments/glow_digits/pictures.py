"""The pictures: the panel of digits, the loss curves and the trade."""

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
    GREY,
    PINK,
    SKY,
    SOURCE,
    TARGET,
    VERMILLION,
    add_grid,
)
from experiments.glow_digits.data import Digits, to_pixels
from experiments.glow_digits.parts import Outcome

__all__ = ["draw_losses", "draw_panel", "draw_trade"]

Array = NDArray[np.floating[Any]]
_BOUND = GREEN
_LOOKS = (
    ("#000000", "-"),
    (VERMILLION, "--"),
    (BLUE, "-."),
    (PINK, ":"),
    (AMBER, "-"),
    (SKY, "--"),
    ("#7F7F7F", "-."),
)
_TILE = 0.46  # inches
_LABEL = 1.55  # inches for the names of the rows
_LINEAR_BELOW = 10.0  # nats
_MARKERS = "os^Dv*PXd"


def draw_panel(outcomes: Sequence[Outcome], digits: Digits, *, num_columns: int = 14) -> Figure:
    """Draw test digits and what each method makes of them, both ways, a column a digit.

    Shown in the paper's manner, ink dark on white.
    """
    chosen = [_one_of_each(test.labels, num_columns) for test in digits[2:4]]
    blocks = [
        [("A (USPS)", digits.source_test.rows, SOURCE)]
        + [(f"{each.title} T(A)", each.moved, "black") for each in outcomes],
        [("B (MNIST)", digits.target_test.rows, TARGET)]
        + [(f"{each.title} T⁻¹(B)", each.back, "black") for each in outcomes],
    ]
    num_rows = len(outcomes) + 1
    figure = _figure(_LABEL + _TILE * num_columns, _TILE * (2 * num_rows + 0.5))
    heights = [1.0] * num_rows + [0.35] + [1.0] * num_rows
    grid = figure.add_gridspec(len(heights), num_columns, height_ratios=heights)
    for block, (lines, columns) in enumerate(zip(blocks, chosen, strict=True)):
        for line, (title, rows, color) in enumerate(lines):
            images = to_pixels(rows[columns], digits)
            for column, image in enumerate(images):
                axes = figure.add_subplot(grid[block * (num_rows + 1) + line, column])
                _draw_digit(axes, image)
                if column == 0:
                    axes.set_ylabel(
                        title, fontsize=9, rotation=0, ha="right", va="center", color=color
                    )
    return figure


def draw_losses(
    histories: Mapping[str, tuple[Array, Array]],
    *,
    score: lt.AlignmentScore,
    measured: str,
) -> Figure:
    """Draw held-out losses over steps, with the bound 0 and the gap that is left.

    Args:
        histories: steps and losses, by title.
        score: score of the method whose gap is marked.
        measured: title of that method.
    """
    figure = _figure(6.4, 3.7)
    axes = figure.subplots()
    last = max(steps[-1] for steps, _ in histories.values())
    for (title, (steps, losses)), (color, dashes) in zip(histories.items(), _LOOKS, strict=False):
        axes.plot(steps, losses, color=color, linestyle=dashes, linewidth=1.4, label=title)
    axes.axhline(0.0, color=_BOUND, linewidth=2.0)
    axes.annotate(
        "bound 0: nothing is lost by one shared density",
        (0.02 * last, 0.0),
        xytext=(0, -11),
        textcoords="offset points",
        color=_BOUND,
        fontsize=8,
    )
    _mark_gap(axes, score, measured=measured, last=last)
    axes.set_xlim(0.0, 1.3 * last)
    axes.set_yscale("symlog", linthresh=_LINEAR_BELOW)
    axes.set_ylim(bottom=-0.4 * _LINEAR_BELOW)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("step", fontsize=9)
    axes.set_ylabel(f"held-out L, nats (log scale above {_LINEAR_BELOW:g})", fontsize=9)
    add_grid(axes, below=True)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=True, framealpha=0.85, edgecolor="none")
    return figure


def draw_trade(
    scores: Mapping[str, lt.AlignmentScore], accuracies: Mapping[str, float], *, ceiling: float
) -> Figure:
    """Draw label accuracy of the moved source against the score, a point a method."""
    figure = _figure(6.6, 3.7)
    axes = figure.subplots()
    for index, (title, score) in enumerate(scores.items()):
        color, marker = _LOOKS[index % len(_LOOKS)][0], _MARKERS[index % len(_MARKERS)]
        errors = [[score.value - score.lower], [score.upper - score.value]]
        axes.errorbar(
            score.value,
            accuracies[title],
            xerr=errors,
            fmt=marker,
            color=color,
            markersize=7,
            linestyle="",
            label=title,
        )
    axes.axvline(0.0, color=_BOUND, linewidth=2.0, label="bound 0")
    axes.axhline(ceiling, color="#888888", linestyle="--", linewidth=1.0, label="MNIST itself")
    axes.axhline(0.1, color="#888888", linestyle=":", linewidth=1.0, label="guessing")
    axes.set_ylim(0.0, 1.02)
    axes.set_xscale("symlog", linthresh=1.0)
    highest = max(score.upper for score in scores.values())
    axes.set_xlim(min(-1.0, *(2.0 * score.lower for score in scores.values())), 2.5 * highest)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("held-out score, nats an image (log scale above 1)", fontsize=9)
    axes.set_ylabel("moved USPS digits that keep their class", fontsize=9)
    axes.tick_params(labelsize=8)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def _mark_gap(axes: Axes, score: lt.AlignmentScore, *, measured: str, last: float) -> None:
    """Draw an arrow from the bound to a score beyond the last step, and say what it is."""
    ends = {"arrowstyle": "<->", "color": DARK, "linewidth": 1.0}
    axes.annotate("", (1.03 * last, 0.0), (1.03 * last, score.value), arrowprops=ends)
    told = "converged" if score.converged else "not converged"
    axes.annotate(
        f"{measured}:\n{score.value:.0f} nats left,\n{told}",
        (1.05 * last, 0.5 * score.value),
        fontsize=8,
        va="center",
        color=DARK,
    )


def _one_of_each(labels: NDArray[np.integer[Any]], number: int) -> list[int]:
    """Return the first rows of each label in turn, `number` of them."""
    ranks = np.zeros(len(labels), int)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        ranks[rows] = np.arange(len(rows))
    return np.lexsort((labels, ranks))[:number].tolist()


def _draw_digit(axes: Axes, image: Array) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0.0, vmax=1.05, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=GREY, linewidth=0.5)


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
