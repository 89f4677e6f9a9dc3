"""The loss and its terms over the steps of training."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lrmf_tfp.plotting._checks import as_series
from lrmf_tfp.plotting._style import (
    SOURCE_COLOR,
    TARGET_COLOR,
    ScoreLike,
    frame,
    new_figure,
    score_text,
)

__all__ = ["plot_history"]

# name in the history -> text, colour, dashes
_TERMS = {
    "nll_source_shared": ("nll_source_shared", SOURCE_COLOR, "-"),
    "nll_target_shared": ("nll_target_shared", TARGET_COLOR, "-"),
    "mean_log_det": ("mean_log_det", "#009E73", "--"),
}
_LOSSES = {
    "loss": ("training", "#56B4E9", "-"),
    "validation_loss": ("validation", "#000000", "-"),
}
_FIRST = 3  # records that may be left out of the view
_LINEAR_BELOW = 0.1  # nats; the symmetric log scale is linear up to here


def plot_history(history: Mapping[str, ArrayLike], *, score: ScoreLike | None = None) -> Figure:
    """Draw the loss with its lower bound 0, and the terms it is made of.

    Args:
        history: `Aligner.history`: name to array `[K]`; needs `step` and `loss`. Values that are
            NaN were not recorded and are left out.
        score: an `AlignmentScore`, drawn as a band and written above the panels.

    Returns:
        The figure; it has a second panel if the history holds terms.

    Raises:
        ValueError: if `step` or `loss` is missing, or a column's length differs.

    Examples:
        >>> len(plot_history({"step": [0, 1], "loss": [2.0, 1.0]}).axes)
        1
    """
    for name in ("step", "loss"):
        if name not in history:
            raise ValueError(f"`history` must have {name!r}; got {sorted(history)}.")
    terms = [name for name in _TERMS if name in history]
    figure = new_figure(8.0 if terms else 4.4, 3.4 if score is None else 3.7)
    panels = figure.subplots(1, 2 if terms else 1, squeeze=False)[0]
    _draw_loss(panels[0], history, score=score)
    if terms:
        _draw_curves(panels[1], history, {name: _TERMS[name] for name in terms})
        frame(panels[1], title="terms of the loss", xlabel="step", ylabel="nats per sample")
        _clip_start(panels[1], [history[name] for name in terms])
    for axes in panels:
        axes.legend(fontsize=8, frameon=True, framealpha=0.85, edgecolor="none")
        axes.grid(color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
    if score is not None:
        figure.suptitle(textwrap.fill(score_text(score), 34 * len(panels)), fontsize=10)
    return figure


def _draw_loss(axes: Axes, history: Mapping[str, ArrayLike], *, score: ScoreLike | None) -> None:
    _draw_curves(axes, history, {name: _LOSSES[name] for name in _LOSSES if name in history})
    axes.axhline(0.0, color="#444444", linestyle="--", linewidth=1.0, label="lower bound")
    if score is not None:
        axes.axhspan(score.lower, score.upper, color="#009E73", alpha=0.35, label="held-out L")
    scale = ""
    if _starts_huge(np.asarray(history["loss"], dtype=np.float64)):
        axes.set_yscale("symlog", linthresh=_LINEAR_BELOW)
        axes.set_ylim(bottom=min(1.5 * axes.dataLim.y0, -0.25 * _LINEAR_BELOW))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        scale = f" (log scale above {_LINEAR_BELOW})"
    frame(axes, title="loss", xlabel="step", ylabel=f"L, nats per sample{scale}")


def _draw_curves(
    axes: Axes, history: Mapping[str, ArrayLike], looks: Mapping[str, tuple[str, str, str]]
) -> None:
    for name, (text, color, dashes) in looks.items():
        steps, values = as_series(history["step"], history[name], name)
        marker = "o" if len(steps) == 1 else ""
        line = {"color": color, "linestyle": dashes, "linewidth": 1.3, "marker": marker}
        axes.plot(steps, values, label=text, **line)


def _clip_start(axes: Axes, curves: Sequence[ArrayLike]) -> None:
    """Leave out of the view the few first values that would flatten all the others, and say so."""
    values = np.concatenate([np.asarray(curve, dtype=np.float64).ravel() for curve in curves])
    values = values[np.isfinite(values)]
    late = np.concatenate([np.asarray(curve, dtype=np.float64)[_FIRST:] for curve in curves])
    late = late[np.isfinite(late)]
    if late.size == 0:
        return
    low, high = float(late.min()), float(late.max())
    margin = 0.25 * max(high - low, 1e-3)
    if values.max() > high + 4.0 * (high - low) or values.min() < low - 4.0 * (high - low):
        axes.set_ylim(low - margin, high + margin)
        farthest = max(values.min(), values.max(), key=lambda value: abs(value - low))
        axes.set_xlabel(f"step (first values, up to {farthest:.3g}, not shown)", fontsize=9)


def _starts_huge(loss: np.ndarray) -> bool:
    """Whether the fall from the first values would flatten the rest of a linear axis."""
    finite = loss[np.isfinite(loss)]
    if len(finite) < 4:
        return False
    late = np.abs(finite[len(finite) // 2 :])
    return bool(finite.max() > 20.0 * max(float(np.median(late)), _LINEAR_BELOW / 5.0))
