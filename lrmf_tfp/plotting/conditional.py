"""A map of y given c, before and after, by quantiles of a condition."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.plotting._checks import as_same_shape
from lrmf_tfp.plotting._style import (
    SOURCE_COLOR,
    TARGET_COLOR,
    ScoreLike,
    add_legend,
    frame,
    limits,
    new_figure,
    score_text,
)
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.standardize import weighted_quantiles

__all__ = ["plot_conditional"]

_NUM_BARS = 40


def plot_conditional(
    source: Sample,
    moved: ArrayLike,
    target: Sample,
    *,
    condition: int = 0,
    column: int = 0,
    num_bins: int = 5,
    score: ScoreLike | None = None,
) -> Figure:
    """Draw one column given one condition, before and after the move.

    A column of panels for each bin of the condition; the bins hold equal shares of the target.
    The upper row has the source as it came, the lower row as it was moved, each on the target;
    weights count, negative ones by their sign.

    Args:
        source: samples with conditions before the move, `[N, D]` given `[N, C]`.
        moved: the same samples after it, `[N, D]`.
        target: samples with conditions to match, `[M, D]` given `[M, C]`.
        condition: number of the condition.
        column: number of the column.
        num_bins: number of bins, at least 2.
        score: what to write above the panels.

    Returns:
        The figure.

    Raises:
        TypeError: if a number is not whole.
        ValueError: if shapes do not fit or there are no conditions.

    Examples:
        >>> rows = np.arange(40.0)[:, None]
        >>> sample = Sample.of(rows % 7, conditions=rows)
        >>> len(plot_conditional(sample, rows % 7, sample, num_bins=4).axes)
        8
    """
    check_positive_int(num_bins, "num_bins", lowest=2)
    _check(source, target, condition=condition, column=column)
    after = as_same_shape(moved, "moved", reference=source.rows)
    edges = _edges(target, condition, num_bins)
    wanted = target.rows[:, column : column + 1]
    figure = new_figure(2.1 * num_bins, 4.2)
    panels = figure.subplots(2, num_bins, sharex=True, sharey="col", squeeze=False)
    bounds = limits(wanted, moved=np.vstack([source.rows, after])[:, column : column + 1])
    for row, (name, rows) in enumerate({"before": source.rows, "after": after}.items()):
        for index, axes in enumerate(panels[row]):
            low, high = edges[index], edges[index + 1]
            for sample, values in ((target, target.rows), (source, rows)):
                chosen = _inside(sample, condition, low, high)
                color = TARGET_COLOR if sample is target else SOURCE_COLOR
                _draw(axes, values[chosen, column], sample, chosen, bounds[0], color=color)
            title = f"{_name(source, condition)}\n{low:.2g} to {high:.2g}" if row == 0 else ""
            frame(axes, title=title, ylabel=f"{name}, density" if index == 0 else "")
    panels[-1, num_bins // 2].set_xlabel(_column_name(source, column), fontsize=9)
    add_legend(figure, [("source", SOURCE_COLOR, "s"), ("target", TARGET_COLOR, "s")], columns=2)
    if score is not None:
        figure.suptitle(score_text(score), fontsize=10)
    return figure


def _check(source: Sample, target: Sample, *, condition: int, column: int) -> None:
    for name, sample in (("source", source), ("target", target)):
        if sample.condition_size <= condition or condition < 0:
            raise ValueError(
                f"`condition` must be the number of one of `{name}`'s {sample.condition_size} "
                f"conditions, from 0 on; got {condition}."
            )
        if not 0 <= column < sample.rows.shape[1]:
            raise ValueError(
                f"`column` must be the number of one of `{name}`'s {sample.rows.shape[1]} "
                f"columns, from 0 on; got {column}."
            )


def _edges(target: Sample, condition: int, num_bins: int) -> Array:
    """Return the ends of bins that hold equal shares of the target."""
    values = np.asarray(target.conditions)[:, condition]
    return weighted_quantiles(values, np.linspace(0.0, 1.0, num_bins + 1), target.training_weights)


def _inside(sample: Sample, condition: int, low: float, high: float) -> Any:
    values = np.asarray(sample.conditions)[:, condition]
    return (values >= low) & (values <= high)


def _draw(
    axes: Axes,
    values: Array,
    sample: Sample,
    chosen: NDArray[np.bool_],
    bounds: tuple[float, float],
    *,
    color: str,
) -> None:
    """Draw the density of the chosen rows, filled under a line."""
    weights = np.ones(len(values)) if sample.weights is None else sample.weights[chosen]
    bins = np.linspace(*bounds, _NUM_BARS + 1)
    total = float(weights.sum())
    if total <= 0.0:
        return
    shares = weights / (total * (bins[1] - bins[0]))
    axes.hist(values, bins, weights=shares, histtype="stepfilled", color=color, alpha=0.25)
    axes.hist(values, bins, weights=shares, histtype="step", color=color, linewidth=1.2)


def _name(sample: Sample, condition: int) -> str:
    names = sample.condition_names
    return f"condition {condition}" if names is None else names[condition]


def _column_name(sample: Sample, column: int) -> str:
    names = sample.feature_names
    return f"column {column}" if names is None else names[column]
