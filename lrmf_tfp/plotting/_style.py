"""The look shared by all pictures: colours, sizes, limits and the drawing of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from lrmf_tfp._core.typing import Array
from lrmf_tfp.plotting._checks import as_values

__all__ = [
    "COORDINATE_MAP",
    "GREY",
    "SOURCE_COLOR",
    "ScoreLike",
    "TARGET_COLOR",
    "add_legend",
    "dots",
    "draw_domains",
    "frame",
    "label_colors",
    "limits",
    "marker_area",
    "new_figure",
    "point_colors",
    "score_text",
    "set_limits",
    "widen",
]

Limits = list[tuple[float, float]]

SOURCE_COLOR = "#D55E00"  # Okabe-Ito vermillion
TARGET_COLOR = "#0072B2"  # Okabe-Ito blue
GREY = "#B8B8B8"
COORDINATE_MAP = "viridis"
_LABEL_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#000000", "#F0E442")
_MAX_POINTS = 20_000  # drawn a cloud; more make a picture slow, not clearer


class ScoreLike(Protocol):
    """What the pictures need of an `AlignmentScore`; a `verdict` is written if it is there."""

    @property
    def value(self) -> float:
        """The loss on held-out samples, in nats."""

    @property
    def lower(self) -> float:
        """Lower end of the confidence interval."""

    @property
    def upper(self) -> float:
        """Upper end of the confidence interval."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, whose layout keeps texts apart."""
    return Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")


def frame(axes: Axes, *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Set the texts, font sizes and thin spines of a panel."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.tick_params(labelsize=8, length=3, color="#666666")
    for spine in axes.spines.values():
        spine.set(color="#666666", linewidth=0.6)


def limits(*clouds: Array, moved: Array | None = None) -> Limits:
    """Return a `(low, high)` for each column that holds all clouds and the bulk of `moved`.

    A few points thrown far away by a flow that diverged must not shrink the rest to a dot.
    """
    parts: list[ArrayLike] = list(clouds)
    if moved is not None:
        first, last = np.quantile(moved, [0.01, 0.99], axis=0)
        reach = last - first  # what lies farther than this from the bulk is far away
        parts.append([np.maximum(moved.min(axis=0), first - reach)])
        parts.append([np.minimum(moved.max(axis=0), last + reach)])
    everything = np.concatenate(parts)
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = np.where(high > low, 0.06 * (high - low), 0.5)
    return [(float(a), float(b)) for a, b in zip(low - margin, high + margin, strict=True)]


def widen(bounds: Limits, *, height_to_width: float) -> Limits:
    """Return limits of two columns, made wider at both sides until they fit a flat panel."""
    (left, right), (low, high) = bounds
    extra = 0.5 * max(0.0, (high - low) / height_to_width - (right - left))
    return [(left - extra, right + extra), (low, high)]


def set_limits(axes: Axes, bounds: Limits) -> None:
    """Apply the limits of two columns, at one scale unless the columns differ widely."""
    axes.set_xlim(bounds[0])
    axes.set_ylim(bounds[1])
    width, height = (high - low for low, high in bounds)
    if 0.25 < width / height < 4.0:
        axes.set_aspect("equal", adjustable="box")


def marker_area(num_points: int) -> float:
    """Return a marker area, in points squared, that suits the number of points."""
    return float(np.clip(6000.0 / max(num_points, 1), 1.5, 14.0))


def dots(
    axes: Axes,
    points: Array,
    *,
    color: str | Array,
    alpha: float | None = None,
    size: float | None = None,
    marker: str = "o",
) -> PathCollection:
    """Draw `[N, 2]` points as a rasterised scatter, in one colour or in `[N, 4]` colours."""
    return axes.scatter(
        points[:, 0],
        points[:, 1],
        color=color,
        alpha=alpha,
        s=marker_area(len(points)) if size is None else size,
        marker=marker,
        linewidths=0.0 if marker == "o" else 0.5,
        rasterized=True,
    )


def _coordinate_colors(values: Array) -> Array:
    """Return the colours `[N, 4]` of numbers `[N]`, from dark for the lowest to yellow."""
    low, high = float(values.min()), float(values.max())
    shares = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    return np.asarray(colormaps[COORDINATE_MAP](shares))


def point_colors(values: ArrayLike | None, *, num_rows: int) -> str | Array:
    """Return the colours of optional `colors`, one number a point; the source's without."""
    if values is None:
        return SOURCE_COLOR
    return _coordinate_colors(as_values(values, "colors", num_rows=num_rows))


def draw_domains(axes: Axes, source: Array, target: Array, *, bounds: Limits) -> None:
    """Draw source and target `[N, 2]` in mixed order, so that neither hides the other.

    Points outside the bounds are counted in a corner, never dropped in silence.
    """
    source, target = _thin(source), _thin(target)
    points = np.concatenate([source, target])
    rgba = np.repeat(
        [to_rgba(SOURCE_COLOR, 0.65), to_rgba(TARGET_COLOR, 0.65)],
        [len(source), len(target)],
        axis=0,
    )
    order = np.random.default_rng(0).permutation(len(points))
    size = marker_area(max(len(source), len(target)))
    dots(axes, points[order], color=rgba[order], size=size)
    _note_outside(axes, source, bounds)


def add_legend(figure: Figure, entries: Sequence[tuple[str, str, str]], *, columns: int) -> None:
    """Put a legend under all panels; entries are (text, colour, marker)."""
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=color, label=text, markersize=5)
        for text, color, marker in entries
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(columns, len(handles)),
        fontsize=9,
        frameon=False,
        handletextpad=0.1,
        columnspacing=1.4,
    )


def label_colors(num_labels: int) -> list[str]:
    """Return one colour a label: Okabe-Ito for a few, steps of viridis for many."""
    if num_labels <= len(_LABEL_COLORS):
        return list(_LABEL_COLORS[:num_labels])
    steps = colormaps[COORDINATE_MAP](np.linspace(0.0, 1.0, num_labels))
    return [to_hex(color) for color in steps]


def score_text(score: ScoreLike) -> str:
    """Return the score in one line: value, confidence interval and, if it has one, verdict."""
    value, lower, upper = (f"{x:.3f}" for x in (score.value, score.lower, score.upper))
    text = f"held-out L = {value} nats [{lower}, {upper}]".replace("-0.000", "0.000")
    verdict = getattr(score, "verdict", "")
    return f"{text}: {verdict}" if verdict else text


def _thin(points: Array) -> Array:
    if len(points) <= _MAX_POINTS:
        return points
    return points[np.linspace(0, len(points) - 1, _MAX_POINTS).astype(int)]


def _note_outside(axes: Axes, points: Array, bounds: Limits) -> None:
    low, high = np.array(bounds).T
    outside = int(np.sum(np.any((points < low) | (points > high), axis=1)))
    if outside:
        axes.text(
            0.98,
            0.02,
            f"{outside} of {len(points)} outside",
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            fontsize=7,
            color=SOURCE_COLOR,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
        )
