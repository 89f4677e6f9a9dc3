"""The pictures: samples in time and over the grid, traces, digits, and the animation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.style import BLUE, DARK, GREEN, PINK, VERMILLION, add_grid
from experiments.gram.config import TITLES
from experiments.gram.models import Run, Watch

__all__ = ["animate_ring", "plot_digits", "plot_grid", "plot_snapshots", "plot_traces"]

Array = NDArray[np.floating[Any]]
_DATA, _SAMPLES = BLUE, VERMILLION
_LOOKS = {
    "gram": (VERMILLION, "-"),
    "mmd_net": (BLUE, "--"),
    "mmd_gan": (GREEN, "-."),
    "gan": (PINK, ":"),
}
_NUM_DOTS = 400
_NUM_MOVING = 600
_REACH = 3.2  # half the side of a panel of the ring


def plot_snapshots(
    watches: Mapping[str, Watch], data: Array, *, steps: Sequence[int], path: Path
) -> None:
    """Draw each model in time: samples over data, and below them what it compares."""
    rows = []
    for name, watch in watches.items():
        rows.append((name, False))
        rows += [(name, True)] * bool(watch.projected)
    figure = _figure(1.5 * len(steps) + 0.5, 1.5 * len(rows) + 0.5)
    panels = figure.subplots(len(rows), len(steps), squeeze=False)
    for (name, projected), line in zip(rows, panels, strict=True):
        watch = watches[name]
        for axes, step in zip(line, steps, strict=True):
            index = watch.seen.index(step)
            if projected:
                _draw_features(axes, *watch.projected[index])
            else:
                _draw_ring(axes, watch.frames[index], data)
        what = {"gram": "features", "mmd_gan": "codes"}[name] if projected else "samples"
        line[0].set_ylabel(f"{TITLES[name]}\n{what}", fontsize=9)
    for axes, step in zip(panels[0], steps, strict=True):
        axes.set_title(f"step {step:,}", fontsize=9)
    _legend(figure)
    save_figure(figure, path)


def plot_grid(
    runs: Mapping[tuple[int, int], Run],
    data: Array,
    *,
    title: str,
    path: Path,
) -> None:
    """Draw samples over data, a row for each width and a column for each size of the noise."""
    sizes = sorted({size for size, _ in runs})
    widths = sorted({width for _, width in runs})
    figure = _figure(1.7 * len(sizes) + 0.4, 1.85 * len(widths) + 0.5)
    panels = figure.subplots(len(widths), len(sizes), squeeze=False)
    for line, width in zip(panels, widths, strict=True):
        for axes, size in zip(line, sizes, strict=True):
            run = runs[size, width]
            _draw_ring(axes, run.samples, data)
            found = run.metrics
            axes.set_title(
                f"{found['modes']:.0f} modes, {found['high_quality']:.0%} near", fontsize=8
            )
        line[0].set_ylabel(f"{width} units", fontsize=9)
    for axes, size in zip(panels[-1], sizes, strict=True):
        axes.set_xlabel(f"noise of {size}", fontsize=9)
    figure.suptitle(title, fontsize=11)
    _legend(figure)
    save_figure(figure, path)


def plot_traces(
    histories: Mapping[str, Mapping[str, Array]],
    distances: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    *,
    floor: float,
    path: Path,
) -> None:
    """Draw GRAM's estimates and every model's distance to the data over the steps.

    Args:
        histories: The history of each GRAM run by label.
        distances: Steps and squared MMDs in the space of the data, by model.
        floor: Squared MMD of two sets of data.
        path: File to write.
    """
    figure = _figure(8.2, 5.6)
    panels = figure.subplots(2, 2).ravel()
    for history in histories.values():
        steps = history["step"]
        panels[0].plot(steps, np.sqrt(history["mmd_squared"]), color=_SAMPLES, linewidth=0.8)
        panels[1].plot(steps, history["pearson"], color=_SAMPLES, linewidth=0.8)
        panels[2].plot(steps, history["mean_ratio"], color=_SAMPLES, linewidth=0.8)
    panels[2].axhline(1.0, color=DARK, linestyle="--", linewidth=0.8)
    for name, (steps, values) in distances.items():
        color, dashes = _LOOKS[name]
        panels[3].plot(steps, values, dashes, color=color, linewidth=1.4, label=TITLES[name])
    panels[3].axhline(floor, color=DARK, linestyle="--", linewidth=0.8, label="data")
    panels[3].legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 0.1))
    titles = ("GRAM: MMD of the features", "GRAM: Pearson estimate", "GRAM: mean ratio")
    for axes, title in zip(panels, (*titles, "squared MMD of the samples"), strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_xscale("log")
        axes.set_xlabel("generator step", fontsize=9)
        add_grid(axes)
        axes.tick_params(labelsize=8, which="both")
    for index in (0, 1, 3):
        panels[index].set_yscale("log")
    save_figure(figure, path)


def plot_digits(clouds: Mapping[str, Array], *, rows: int, columns: int, path: Path) -> None:
    """Draw the first images `[N, 784]` of each cloud as one sheet."""
    figure = _figure(2.6 * len(clouds), 2.9)
    for axes, (title, images) in zip(
        figure.subplots(1, len(clouds), squeeze=False)[0], clouds.items(), strict=True
    ):
        sheet = images[: rows * columns].reshape(rows, columns, 28, 28)
        sheet = sheet.transpose(0, 2, 1, 3).reshape(28 * rows, 28 * columns)
        axes.imshow(sheet, cmap="gray_r", vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
    save_figure(figure, path)


def animate_ring(watches: Mapping[str, Watch], data: Array, path: Path) -> None:
    """Write all models in motion, side by side; what is thrown far away lies on the edge."""
    watched = list(watches.values())
    lt.plotting.animate_comparison(
        [[np.clip(x[:_NUM_MOVING, :2], -_REACH, _REACH) for x in each.frames] for each in watched],
        data[:_NUM_MOVING, :2],
        path,
        names=[TITLES[name] for name in watches],
        titles=[[f"step {step:5d}" for step in watch.seen] for watch in watched],
    )


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=110, layout="constrained", facecolor="white")


def _draw_ring(axes: Axes, samples: Array, data: Array) -> None:
    _scatter(axes, samples, data)
    axes.set_xlim(-_REACH, _REACH)
    axes.set_ylim(-_REACH, _REACH)
    axes.set_aspect("equal")
    outside = np.mean(np.any(np.abs(samples[:, :2]) > _REACH, axis=1))
    if outside >= 0.005:
        place = {"transform": axes.transAxes, "ha": "center", "va": "bottom", "fontsize": 7}
        axes.text(0.5, 0.01, f"{outside:.0%} outside", color=_SAMPLES, **place)


def _draw_features(axes: Axes, samples: Array, data: Array) -> None:
    """Draw the first two principal axes of the data's features."""
    centre = data.mean(axis=0)
    _, _, axes_of_data = np.linalg.svd(data - centre, full_matrices=False)
    turned = [(cloud - centre) @ axes_of_data[:2].T for cloud in (samples, data)]
    _scatter(axes, *turned)
    low, high = np.quantile(np.concatenate(turned), [0.01, 0.99], axis=0)
    margin = 0.25 * (high - low) + 1e-9
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])


def _scatter(axes: Axes, samples: Array, data: Array) -> None:
    for cloud, color in ((data, _DATA), (samples, _SAMPLES)):
        points = cloud[:_NUM_DOTS]
        axes.scatter(points[:, 0], points[:, 1], s=2.0, c=color, linewidths=0.0, alpha=0.7)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color="#666666", linewidth=0.6)


def _legend(figure: Figure) -> None:
    handles = [
        Axes.scatter(figure.axes[0], [], [], s=14.0, c=color, label=text)
        for text, color in (("data", _DATA), ("samples", _SAMPLES))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
