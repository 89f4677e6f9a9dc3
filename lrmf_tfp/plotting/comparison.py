"""Methods side by side: where the points went, what moved where, and the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import as_labels
from lrmf_tfp.plotting._checks import as_plane, as_series
from lrmf_tfp.plotting._style import (
    SOURCE_COLOR,
    TARGET_COLOR,
    Limits,
    add_legend,
    dots,
    draw_domains,
    frame,
    label_colors,
    limits,
    marker_area,
    new_figure,
    point_colors,
    set_limits,
    widen,
)

__all__ = ["ComparisonColumn", "plot_comparison"]

_ROW_HEIGHTS = (1.85, 1.85, 1.85, 1.15, 1.15)  # inches
_FLATNESS = 0.74  # height to width of the panels with points, at most


@dataclass(frozen=True)
class ComparisonColumn:
    """One method in `plot_comparison`.

    A method that was not trained, such as "before", has curves of one value: the number is
    written instead of a curve.

    Attributes:
        title: name of the method.
        moved: the source after the move, `[N, 2]`.
        colors: one number a point, `[N]`, that shows which point went where.
        labels: one whole number a point, `[N]`.
        accuracy_steps: training steps of `accuracy`, `[K]`.
        accuracy: label accuracy, `[K]`, in [0, 1].
        loss_steps: training steps of `loss`, `[J]`.
        loss: the loss that the method minimises, `[J]`.
        loss_bound: the lowest value that the loss can take, if known.
        loss_label: name and unit of the loss.
        kept_step: the step whose weights were kept, marked in the curves; the last when None.
    """

    title: str
    moved: ArrayLike
    colors: ArrayLike
    labels: ArrayLike
    accuracy_steps: ArrayLike
    accuracy: ArrayLike
    loss_steps: ArrayLike
    loss: ArrayLike
    loss_bound: float | None = 0.0
    loss_label: str = "L, nats"
    kept_step: float | None = None


def plot_comparison(columns: Sequence[ComparisonColumn], target: ArrayLike) -> Figure:
    """Draw five rows a method: fit, local coordinates, labels, accuracy and loss over steps.

    Args:
        columns: the methods, from left to right.
        target: samples to match, `[M, 2]`.

    Returns:
        The figure.

    Raises:
        TypeError: if samples or labels are not numbers.
        ValueError: if there are no columns or shapes do not match.
    """
    if not columns:
        raise ValueError("`columns` must have at least 1 entry; got none.")
    target = as_plane(target, "target")
    clouds = [as_plane(column.moved, "moved") for column in columns]
    bounds = limits(target, moved=np.concatenate(clouds))
    bounds = widen(bounds, height_to_width=_FLATNESS)
    known = np.unique(np.concatenate([np.ravel(column.labels) for column in columns]))
    palette = dict(zip(known.tolist(), label_colors(len(known)), strict=True))
    figure = new_figure(2.5 * len(columns) + 0.5, sum(_ROW_HEIGHTS) + 1.2)
    panels = figure.subplots(5, len(columns), height_ratios=_ROW_HEIGHTS, squeeze=False)
    for place, column in enumerate(columns):
        _draw_points(panels[:3, place], column, target, bounds=bounds, palette=palette)
        _draw_accuracy(panels[3, place], column)
        _draw_loss(panels[4, place], column)
        if np.size(column.accuracy) > 1 and np.size(column.loss) > 1:
            panels[4, place].sharex(panels[3, place])
        panels[0, place].set_title(column.title, fontsize=11, fontweight="bold")
    _join(panels, columns)
    figure.align_ylabels(panels[:, 0])
    entries = [("source", SOURCE_COLOR, "o"), ("target", TARGET_COLOR, "o")]
    entries += [(f"label {name}", color, "o") for name, color in palette.items()]
    add_legend(figure, entries, columns=4)
    return figure


def _draw_points(
    panels: Sequence[Axes],
    column: ComparisonColumn,
    target: Array,
    *,
    bounds: Limits,
    palette: dict[int, str],
) -> None:
    moved = as_plane(column.moved, "moved")
    labels = as_labels(column.labels, "labels", num_rows=len(moved))
    draw_domains(panels[0], moved, target, bounds=bounds)
    dots(panels[1], moved, color=point_colors(column.colors, num_rows=len(moved)))
    for name, color in palette.items():
        size = marker_area(len(moved))
        dots(panels[2], moved[labels == name], color=color, alpha=0.7, size=size)
    for axes in panels:
        set_limits(axes, bounds)
        frame(axes)
        axes.tick_params(labelbottom=axes is panels[2])


def _draw_accuracy(axes: Axes, column: ComparisonColumn) -> None:
    steps, values = as_series(column.accuracy_steps, column.accuracy, "accuracy")
    frame(axes, xlabel="training step")
    if len(values) < 2:
        _write_number(axes, values)
        return
    axes.axhline(1.0, color="#666666", linestyle="--", linewidth=0.8)
    _draw_curve(axes, steps, values, kept_step=column.kept_step)


def _draw_loss(axes: Axes, column: ComparisonColumn) -> None:
    steps, values = as_series(column.loss_steps, column.loss, "loss")
    frame(axes, xlabel="training step")
    if len(values) < 2:
        _write_number(axes, values)
        return
    if column.loss_bound is not None:
        axes.axhline(column.loss_bound, color="#666666", linestyle="--", linewidth=0.8)
    _draw_curve(axes, steps, values, kept_step=column.kept_step)
    until_kept = values[steps <= (steps[-1] if column.kept_step is None else column.kept_step)]
    if until_kept.size and values.max() > 2.0 * until_kept.max() > 0.0:
        low, high = min(float(until_kept.min()), 0.0), float(until_kept.max())
        margin = 0.3 * (high - low)  # what was thrown away must not flatten the rest
        axes.set_ylim(low - margin, high + margin)


def _draw_curve(axes: Axes, steps: Array, values: Array, *, kept_step: float | None) -> None:
    kept = len(steps) - 1 if kept_step is None else int(np.abs(steps - kept_step).argmin())
    value, word = values[kept], "final" if kept_step is None else "kept"
    number = f"{value:.2g}" if abs(value) < 0.1 else f"{value:.3f}"
    axes.plot(steps, values, color="#000000", linewidth=1.0)
    axes.plot(steps[kept], value, "o", color=SOURCE_COLOR, markersize=4, clip_on=False)
    axes.grid(color="#E8E8E8", linewidth=0.5)
    axes.set_axisbelow(True)
    low, high = axes.get_ylim()
    late = float(np.mean(values[2 * len(values) // 3 :]))
    height = 0.28 if late > 0.5 * (low + high) else 0.72  # where the curve is not
    place = {"ha": "right", "va": "center", "fontsize": 9, "transform": axes.transAxes}
    back = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    axes.text(0.97, height, f"{word} {number}", color=SOURCE_COLOR, bbox=back, **place)


def _write_number(axes: Axes, values: Array) -> None:
    text = f"{values[0]:.3f}" if len(values) else "not measured"
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=13)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("no training", fontsize=9)
    axes.set_facecolor("#F6F6F6")


def _join(panels: NDArray[Any], columns: Sequence[ComparisonColumn]) -> None:
    """Name the rows at the left and give curves in the same unit the same scale."""
    names = ["source on target", "local coordinate", "label", "label accuracy"]
    for axes, name in zip(panels[:4, 0], names, strict=True):
        axes.set_ylabel(name, fontsize=9)
    for axes in panels[:3, 1:].ravel():
        axes.tick_params(labelleft=False)
    trained = [np.size(column.accuracy) > 1 for column in columns]
    accuracies = [axes for axes, curve in zip(panels[3], trained, strict=True) if curve]
    _share_y(accuracies)
    for label in {column.loss_label for column in columns}:
        same = [
            axes
            for axes, column in zip(panels[4], columns, strict=True)
            if column.loss_label == label and np.size(column.loss) > 1
        ]
        _share_y(same)
    before = ""
    for axes, column in zip(panels[4], columns, strict=True):
        if column.loss_label != before:
            axes.set_ylabel(column.loss_label, fontsize=9)
        before = column.loss_label


def _share_y(panels: Sequence[Axes]) -> None:
    if panels:
        low, high = np.array([axes.get_ylim() for axes in panels]).T
        for axes in panels:
            axes.set_ylim(low.min(), high.max())
