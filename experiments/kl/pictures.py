"""The pictures, one a function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import gaussian_kde, norm

from experiments.common.style import BLUE, DARK, GREEN, VERMILLION, add_grid
from experiments.kl.line import LineTables

__all__ = [
    "draw_estimators",
    "draw_joint",
    "draw_log_ratios",
    "draw_prescribed",
    "draw_running_mean",
    "draw_scatter",
    "draw_spread",
    "draw_squared_error",
]

Array = NDArray[np.floating[Any]]
_P, _Q, _TRUTH, _THIRD = VERMILLION, BLUE, "#000000", GREEN
_RED = "#CC3311"  # of the truth in the figures of the source, and told apart by its dashes
_GOLDEN = (6.0, 3.708)
_NATS = "KL divergence, nats"


def draw_scatter(of_q: Array, of_p: Array) -> Figure:
    """Draw samples `[N, 2]` of the two laws of the plane."""
    figure, axes = _new(size=(5.2, 4.6))
    looks = ((of_p, _P, "^", "p = N([-3, 2], 2.5² I)"), (of_q, _Q, "o", "q = N([1, 4], I)"))
    for points, color, marker, label in looks:
        axes.scatter(
            *points.T, s=14, color=color, marker=marker, alpha=0.6, linewidth=0, label=label
        )
    axes.set_aspect("equal")
    axes.set_xlabel("x1")
    axes.set_ylabel("x2")
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def draw_running_mean(running: Array, *, truth: float) -> Figure:
    """Draw the mean of the first n terms `[N]` over n, within 5 percent of the truth."""
    figure, axes = _new(size=_GOLDEN)
    _add_running_mean(axes, running, truth=truth)
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    return figure


def draw_squared_error(running: Array, *, truth: float, deviation: float) -> Figure:
    """Draw the squared error of the running mean over n, with the mean that theory foretells."""
    figure, axes = _new(size=_GOLDEN)
    counts = np.arange(1, len(running) + 1)
    error = np.square(running - truth)
    axes.plot(counts, error, color=_Q, linewidth=1.4, label="squared error of this run")
    grid = np.geomspace(1.0, len(running), 400)
    foretold = deviation**2 / grid
    axes.plot(grid, foretold, "--", color=_RED, linewidth=1.2, label="its expectation, 1.2176 / n")
    axes.set_xscale("log")
    axes.set_xlim(1, len(running))
    axes.set_ylim(-0.01, 1.0)
    axes.set_xlabel("Monte Carlo samples n")
    axes.set_ylabel("squared error, nats²")
    axes.legend(frameon=False, fontsize=9)
    return figure


def draw_joint(running: Array, *, truth: float) -> Figure:
    """Draw the running mean, and in the margin the density of its values."""
    figure = Figure(figsize=_GOLDEN, dpi=150, layout="constrained")
    axes, margin = figure.subplots(1, 2, sharey=True, width_ratios=(5, 1))
    _add_running_mean(axes, running, truth=truth)
    heights = np.linspace(*axes.get_ylim(), 400)
    density = gaussian_kde(running[:: max(1, len(running) // 2000)])(heights)
    margin.fill_betweenx(heights, density, color=_Q, alpha=0.3, linewidth=0)
    margin.plot(density, heights, color=_Q, linewidth=1.2)
    margin.axhline(truth, color=_RED, linestyle="--", linewidth=1.2)
    margin.set_xlim(0.0, None)
    margin.set_xticks([])
    margin.set_xlabel("density of\nthe means", fontsize=9)
    margin.tick_params(left=False)
    for side in ("top", "right", "bottom"):
        margin.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    return figure


def draw_spread(values: Array, *, truth: float, standard_error: float) -> Figure:
    """Draw the histogram of the estimates `[S]` of many seeds, with the law theory foretells."""
    figure, axes = _new(size=_GOLDEN)
    label = f"{len(values)} seeds, standard deviation {values.std(ddof=1):.4f}"
    heights, *_ = axes.hist(values, bins=20, density=True, color=_Q, alpha=0.45, label=label)
    reach = max(4.0 * standard_error, 1.05 * np.abs(values - truth).max())
    grid = np.linspace(truth - reach, truth + reach, 400)
    curve = norm(truth, standard_error).pdf(grid)
    told = f"normal law about the truth, {standard_error:.4f}"
    axes.plot(grid, curve, color=_TRUTH, linewidth=1.5, label=told)
    axes.axvline(truth, color=_RED, linestyle="--", linewidth=1.2, label=f"truth {truth:.4f}")
    axes.set_xlabel("estimate of KL(q || p), nats")
    axes.set_ylabel("density, 1 / nat")
    axes.set_ylim(0.0, 1.08 * max(curve.max(), heights.max()))
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def draw_prescribed(table: LineTables) -> Figure:
    """Draw the two densities of the line, their log-ratio, and what each adds to the KL."""
    figure = Figure(figsize=(10.2, 3.4), dpi=150, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.plot(table.grid, table.p, color=_P, linewidth=1.6, label="p = N(1, 1)")
    left.plot(table.grid, table.q, "--", color=_Q, linewidth=1.6, label="q = N(0, 4)")
    left.set_ylabel("density")
    left.set_ylim(0.0, 0.56)
    left.legend(frameon=False, fontsize=9, loc="upper left")
    middle.plot(table.grid, table.log_ratio, color=_TRUTH, linewidth=1.6)
    top = float(table.log_ratio.max())
    middle.plot([4.0 / 3.0], [top], "o", color=_RED, markersize=5)
    middle.annotate(
        f"{top:.4f} at 4/3", (4.0 / 3.0, top), (0, 7), textcoords="offset points", ha="center"
    )
    middle.set_ylabel("log p(x) / q(x), nats")
    middle.set_ylim(-10.5, 2.6)
    terms = table.p * table.log_ratio
    right.fill_between(table.grid, terms, color=_THIRD, alpha=0.35, linewidth=0)
    right.plot(table.grid, terms, color=_THIRD, linewidth=1.2)
    right.axhline(0.0, color=DARK, linewidth=0.8)
    right.set_ylabel("p log(p / q), nats per unit of x")
    right.set_title("area: KL(p || q) = 0.4431 nats", fontsize=10)
    for axes in (left, middle, right):
        axes.set_xlabel("x")
        add_grid(axes, below=True)
    return figure


def draw_log_ratios(
    table: LineTables,
    *,
    learned: Sequence[Array],
    raw: Array,
    corrected: Array,
    samples: tuple[Array, Array],
) -> Figure:
    """Draw learned log-ratios over the true one: equal classes left, four to one right."""
    figure = Figure(figsize=(9.6, 4.0), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for index, values in enumerate(learned):
        told = f"{len(learned)} classifiers" if len(learned) > 1 else "classifier"
        left.plot(
            table.grid,
            values,
            color=_P,
            linewidth=1.0,
            alpha=0.7,
            label=told if not index else None,
        )
    left.set_title("as many samples of p as of q", fontsize=10)
    right.plot(table.grid, raw, "-.", color=_Q, linewidth=1.5, label="raw logit, log 4 too high")
    right.plot(table.grid, corrected, color=_P, linewidth=1.5, label="less log 4")
    right.set_title("four samples of p for one of q", fontsize=10)
    for axes in (left, right):
        axes.plot(table.grid, table.log_ratio, "--", color=_TRUTH, linewidth=1.5, label="truth")
        axes.set_xlabel("x")
        axes.set_xlim(-4.0, 5.0)
        axes.set_ylim(-11.6, 3.4)
        add_grid(axes, below=True)
        axes.legend(frameon=False, fontsize=9, loc="upper left")
    for values, color, height, name in zip(samples, (_P, _Q), (-10.4, -11.1), "pq", strict=True):
        left.plot(values, np.full_like(values, height), "|", color=color, alpha=0.5, markersize=6)
        left.text(4.75, height, name, color=color, fontsize=9, va="center")
    left.set_ylabel("log p(x) / q(x), nats")
    return figure


def draw_estimators(
    table: LineTables, *, classifier: Array, least_squares: Array, matched: tuple[Array, Array]
) -> Figure:
    """Draw the ratio by three estimators over the true one."""
    figure, axes = _new(size=(6.4, 4.0))
    axes.plot(
        *(values[::6] for values in matched), "o", color=_Q, markersize=4, label="mean matching"
    )
    axes.plot(table.grid, least_squares, "-.", color=_THIRD, linewidth=1.8, label="least squares")
    axes.plot(table.grid, classifier, color=_P, linewidth=1.8, label="classifier")
    axes.plot(
        table.grid, np.exp(table.log_ratio), "--", color=_TRUTH, linewidth=1.5, label="truth"
    )
    axes.axhline(0.0, color=DARK, linewidth=0.8)
    axes.set_xlim(-4.0, 5.0)
    axes.set_xlabel("x")
    axes.set_ylabel("p(x) / q(x)")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def _add_running_mean(axes: Axes, running: Array, *, truth: float) -> None:
    counts = np.arange(1, len(running) + 1)
    axes.plot(counts, running, color=_Q, linewidth=1.4, label="running mean")
    axes.axhline(truth, color=_RED, linestyle="--", linewidth=1.2, label=f"truth {truth:.4f}")
    axes.set_xlim(0, len(running))
    axes.set_ylim(0.95 * truth, 1.05 * truth)
    axes.set_xlabel("Monte Carlo samples")
    axes.set_ylabel(_NATS)
    add_grid(axes, below=True)


def _new(*, size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    axes = figure.subplots()
    add_grid(axes, below=True)
    return figure, axes
