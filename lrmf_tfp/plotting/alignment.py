"""Before and after, in one, two or more dimensions."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lrmf_tfp._core.typing import Array, IntArray
from lrmf_tfp._validation import as_labels, as_samples
from lrmf_tfp.plotting._checks import as_same_shape, as_same_width
from lrmf_tfp.plotting._style import (
    GREY,
    SOURCE_COLOR,
    TARGET_COLOR,
    Limits,
    ScoreLike,
    add_legend,
    dots,
    draw_domains,
    frame,
    label_colors,
    limits,
    marker_area,
    new_figure,
    score_text,
    set_limits,
    widen,
)

__all__ = ["plot_alignment"]

_NUM_BINS = 48
_MAX_NAMED_LABELS = 10


def plot_alignment(
    source: ArrayLike,
    moved: ArrayLike,
    target: ArrayLike,
    *,
    source_labels: ArrayLike | None = None,
    target_labels: ArrayLike | None = None,
    score: ScoreLike | None = None,
) -> Figure:
    """Draw the source on the target before and after the move.

    One column is drawn as histograms, two as points; more are projected on the two leading
    principal axes of the target. All panels share their limits. Labels add a third panel.

    Args:
        source: samples before the move, `[N, D]`.
        moved: the same samples after it, `[N, D]`.
        target: samples to match, `[M, D]`.
        source_labels: whole numbers, `[N]`, that colour the third panel.
        target_labels: whole numbers, `[M]`.
        score: an `AlignmentScore`, written above the panels.

    Returns:
        The figure.

    Raises:
        TypeError: if samples or labels are not numbers.
        ValueError: if the shapes do not match or a value is not finite.

    Examples:
        >>> import numpy as np
        >>> points = np.random.default_rng(0).normal(size=(50, 2))
        >>> len(plot_alignment(points + 1.0, points, points).axes)
        2
    """
    source = as_samples(source, "source", min_rows=2)
    moved = as_same_shape(moved, "moved", reference=source)
    target = as_same_width(target, "target", reference=source)
    labels = (
        as_labels(source_labels, "source_labels", num_rows=len(source)),
        as_labels(target_labels, "target_labels", num_rows=len(target)),
    )
    (source, moved, target), names = _project(source, moved, target)
    num_panels = 2 if all(each is None for each in labels) else 3
    known = np.unique(np.concatenate([np.empty(0, int), *(k for k in labels if k is not None)]))
    num_panels = 3 if len(known) else 2
    heading = [] if score is None else textwrap.wrap(score_text(score), 35 * num_panels)
    figure = new_figure(3.1 * num_panels, 3.75 + 0.2 * (len(known) // 6 + len(heading)))
    panels = figure.subplots(1, num_panels, sharex=True, sharey=True)
    bounds = limits(source, target, moved=moved)
    if len(bounds) == 2:
        bounds = widen(bounds, height_to_width=1.0)
    for axes, points, title in zip(panels, (source, moved), ("before", "after"), strict=False):
        _draw_pair(axes, points, target, bounds=bounds)
        frame(axes, title=title, xlabel=names[0], ylabel=names[1] if axes is panels[0] else "")
    if num_panels == 3:
        _draw_labels(panels[2], moved, target, labels=labels, colors=_paint(known), bounds=bounds)
        marks = "filled: moved, line: target" if len(bounds) == 1 else "• moved, × target"
        frame(panels[2], title=f"after, by label ({marks})", xlabel=names[0])
    _add_legend(figure, known)
    if heading:
        figure.suptitle("\n".join(heading), fontsize=10)
    return figure


def _project(*clouds: Array) -> tuple[list[Array], tuple[str, str]]:
    """Return the clouds in at most two columns, with the names of the axes."""
    target = clouds[-1]
    if target.shape[1] == 1:
        return list(clouds), ("value", "density")
    if target.shape[1] == 2:
        return list(clouds), ("dimension 1", "dimension 2")
    center = target.mean(axis=0)
    _, singular, axes = np.linalg.svd(target - center, full_matrices=False)
    percent = 100.0 * singular**2 / max(float(np.sum(singular**2)), np.finfo(float).tiny)
    signs = np.sign(axes[:2, np.abs(axes[:2]).argmax(axis=1)].diagonal())
    basis = (axes[:2] * signs[:, None]).T  # [D, 2], the largest entry of each axis positive
    names = [f"target's principal axis {k + 1} ({percent[k]:.0f} % of variance)" for k in (0, 1)]
    return [(cloud - center) @ basis for cloud in clouds], (names[0], names[1])


def _draw_pair(axes: Axes, points: Array, target: Array, *, bounds: Limits) -> None:
    if target.shape[1] > 1:
        draw_domains(axes, points, target, bounds=bounds)
        set_limits(axes, bounds)
        return
    for values, color in ((target, TARGET_COLOR), (points, SOURCE_COLOR)):
        _histogram(axes, values, bounds=bounds, color=color)
    axes.set_xlim(bounds[0])


def _paint(known: IntArray) -> dict[int, str]:
    return dict(zip(known.tolist(), label_colors(len(known)), strict=True))


def _add_legend(figure: Figure, known: IntArray) -> None:
    entries = [("source", SOURCE_COLOR, "o"), ("target", TARGET_COLOR, "o")]
    if len(known) <= _MAX_NAMED_LABELS:
        entries += [(f"label {name}", color, "s") for name, color in _paint(known).items()]
    add_legend(figure, entries, columns=6)


def _draw_labels(
    axes: Axes,
    moved: Array,
    target: Array,
    *,
    labels: tuple[IntArray | None, IntArray | None],
    colors: dict[int, str],
    bounds: Limits,
) -> None:
    for points, own, moves in ((target, labels[1], False), (moved, labels[0], True)):
        groups = {None: GREY} if own is None else colors
        for name, color in groups.items():
            chosen = points if own is None else points[own == name]
            if points.shape[1] == 1:
                share = len(chosen) / len(points)
                _histogram(axes, chosen, bounds=bounds, color=color, share=share, filled=moves)
            else:
                marker, size = "o" if moves else "x", marker_area(len(points))
                dots(axes, chosen, color=color, alpha=0.6, size=size, marker=marker)
    if target.shape[1] > 1:
        set_limits(axes, bounds)


def _histogram(
    axes: Axes,
    values: Array,
    *,
    bounds: Limits,
    color: str,
    share: float = 1.0,
    filled: bool = True,
) -> None:
    """Draw a density that integrates to `share`."""
    bins = np.linspace(*bounds[0], _NUM_BINS + 1)
    weights = np.full(len(values), share / max(len(values), 1) / (bins[1] - bins[0]))
    shared: dict[str, Any] = {"bins": bins, "weights": weights, "color": color}
    if filled:
        axes.hist(values[:, 0], histtype="stepfilled", alpha=0.3, **shared)
    axes.hist(values[:, 0], histtype="step", linewidth=1.2, **shared)
