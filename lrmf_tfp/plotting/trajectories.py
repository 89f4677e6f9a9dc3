"""The paths that a continuous flow of the plane takes from source to target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lrmf_tfp._core.typing import Array
from lrmf_tfp.plotting._checks import as_frames, as_plane
from lrmf_tfp.plotting._style import (
    COORDINATE_MAP,
    GREY,
    SOURCE_COLOR,
    TARGET_COLOR,
    add_legend,
    dots,
    frame,
    limits,
    new_figure,
    set_limits,
    widen,
)

__all__ = ["plot_trajectories"]

_MAX_PATHS = 120


def plot_trajectories(paths: Mapping[str, Sequence[ArrayLike]], target: ArrayLike) -> Figure:
    """Draw where points go on their way, coloured by time, a panel for each flow.

    Args:
        paths: places of the source at equal times from 0 to 1, `[T, N, 2]`, T >= 2, such as
            `FFJORDLayer.trajectory` returns, by the name to show above them. Of many points,
            120 paths are drawn.
        target: samples to match, `[M, 2]`, in grey.

    Returns:
        The figure.

    Raises:
        TypeError: if samples are not numbers.
        ValueError: if there is nothing to draw, or samples are not in the plane.
    """
    target = as_plane(target, "target")
    walks = {name: np.stack(as_frames(walk, "paths")) for name, walk in paths.items()}
    if not walks or any(len(walk) < 2 for walk in walks.values()):
        raise ValueError("`paths` must have at least 1 entry of at least 2 times.")
    figure = new_figure(4.2 * len(walks) + 0.6, 4.6)
    panels = figure.subplots(1, len(walks), sharex=True, sharey=True, squeeze=False)[0]
    clouds = [np.concatenate(walk) for walk in walks.values()]
    bounds = widen(limits(target, *clouds, moved=clouds[0]), height_to_width=1.0)
    for axes, (name, walk) in zip(panels, walks.items(), strict=True):
        dots(axes, target, color=GREY, alpha=0.5)
        lines = _draw_paths(axes, walk)
        set_limits(axes, bounds)
        frame(axes, title=name, xlabel="dimension 1")
    panels[0].set_ylabel("dimension 2")
    bar = figure.colorbar(lines, ax=panels, location="right", shrink=0.7, pad=0.02)
    bar.set_label("time", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    entries = [
        ("source, time 0", SOURCE_COLOR, "o"),
        ("moved, time 1", TARGET_COLOR, "o"),
        ("target", GREY, "o"),
    ]
    add_legend(figure, entries, columns=3)
    return figure


def _draw_paths(axes: Axes, walk: Array) -> LineCollection:
    """Draw some of the paths `[T, N, 2]` with their ends."""
    some = walk[:, :: -(-walk.shape[1] // _MAX_PATHS)]
    pieces = np.stack([some[:-1], some[1:]], axis=2).reshape(-1, 2, 2)
    times = np.repeat(np.linspace(0.0, 1.0, len(some) - 1), some.shape[1])
    lines = LineCollection(pieces, cmap=COORDINATE_MAP, array=times, linewidths=0.8, alpha=0.8)
    lines.set_clim(0.0, 1.0)
    axes.add_collection(lines)
    dots(axes, some[0], color=SOURCE_COLOR)
    dots(axes, some[-1], color=TARGET_COLOR)
    return lines
