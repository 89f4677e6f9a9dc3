"""A flow of the plane seen as a displacement field, a moved grid, or step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from lrmf_tfp._core.typing import Array
from lrmf_tfp.plotting._checks import as_frames, as_plane, as_same_shape
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
    point_colors,
    set_limits,
    widen,
)

__all__ = ["plot_displacement", "plot_flow_steps"]

_NUM_CELLS = 20  # arrows along the longer side
_REFINE = 6  # points a cell on a line of the moved grid
_MAX_COLUMNS = 5


def plot_displacement(
    source: ArrayLike,
    moved: ArrayLike,
    target: ArrayLike,
    *,
    transform: Callable[[Array], ArrayLike],
) -> Figure:
    """Draw where a flow of the plane sends points, and what it does to a square grid.

    Left: arrows from a grid over the source's region, coloured by the distance moved; all are
    shortened by one factor, so that they do not cross. Right: the same grid's lines after the
    move, with moved source and target. Where no sample is near, nothing is drawn.

    Args:
        source: samples before the move, `[N, 2]`.
        moved: the same samples after it, `[N, 2]`.
        target: samples to match, `[M, 2]`.
        transform: the flow, `[K, 2]` to `[K, 2]`, such as `aligner.transform`.

    Returns:
        The figure.

    Raises:
        TypeError: if samples are not numbers.
        ValueError: if samples are not in the plane, or the flow changes the shape.
    """
    source, target = as_plane(source, "source"), as_plane(target, "target")
    moved = as_same_shape(moved, "moved", reference=source)
    figure = new_figure(8.4, 4.4)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    starts = _draw_arrows(figure, left, source, transform=transform)
    bounds = widen(limits(source, target, starts, moved=moved), height_to_width=1.0)
    frame(left, title="where each point goes", xlabel="dimension 1", ylabel="dimension 2")
    _draw_grid(right, source, moved, target, transform=transform)
    frame(right, title="a square grid after the move", xlabel="dimension 1")
    for axes in (left, right):
        set_limits(axes, bounds)
    entries = [("source (moved at the right)", SOURCE_COLOR, "o"), ("target", TARGET_COLOR, "o")]
    add_legend(figure, entries, columns=2)
    return figure


def plot_flow_steps(
    steps: Sequence[ArrayLike],
    target: ArrayLike,
    *,
    colors: ArrayLike | None = None,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Draw the way from source to target in a sequence of panels.

    Args:
        steps: the points after each step, `[N, 2]` each; the first is the source.
        target: samples to match, `[M, 2]`, in grey.
        colors: one number a point, `[N]`, shown in viridis; vermillion when None.
        titles: one text a panel; "source", "step 1", ... when None.

    Returns:
        The figure.

    Raises:
        TypeError: if samples are not numbers.
        ValueError: if there are no steps, shapes differ, or the titles are not one a step.
    """
    target = as_plane(target, "target")
    clouds = as_frames(steps, "steps")
    if titles is None:
        titles = ["source", *(f"step {k}" for k in range(1, len(clouds)))]
    if len(titles) != len(clouds):
        raise ValueError(f"`titles` must have {len(clouds)} entries; got {len(titles)}.")
    paint = point_colors(colors, num_rows=len(clouds[0]))
    columns = min(len(clouds), _MAX_COLUMNS)
    rows = -(-len(clouds) // columns)
    figure = new_figure(2.1 * columns, 2.2 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    bounds = limits(clouds[0], clouds[-1], target, moved=np.concatenate(clouds))
    for axes, points, title in zip(panels, clouds, titles, strict=False):
        dots(axes, target, color=GREY, alpha=0.6)
        dots(axes, points, color=paint)
        set_limits(axes, bounds)
        frame(axes, title=title)
    for axes in panels[len(clouds) :]:
        axes.set_axis_off()
    for axes in panels[len(clouds) - columns :]:
        axes.tick_params(labelbottom=True)
    return figure


def _lattice(source: Array, *, refine: int = 1) -> tuple[Array, NDArray[np.bool_]]:
    """Return grid points `[R, C, 2]` over the source, and which lie near a sample `[R, C]`."""
    bounds = limits(source)
    cell = max(high - low for low, high in bounds) / _NUM_CELLS
    columns, rows = (np.arange(low, high + cell / refine, cell / refine) for low, high in bounds)
    lattice = np.stack(np.meshgrid(columns, rows), axis=-1).astype(source.dtype)
    some = source[:: max(1, len(source) // 2000)]
    nearest = [np.min(np.sum((row[:, None] - some) ** 2, axis=-1), axis=1) for row in lattice]
    return lattice, np.stack(nearest) < (1.3 * cell) ** 2


def _move(points: Array, transform: Callable[[Array], ArrayLike]) -> Array:
    return as_same_shape(transform(points), "transform(points)", reference=points)


def _draw_arrows(
    figure: Figure,
    axes: Axes,
    source: Array,
    *,
    transform: Callable[[Array], ArrayLike],
) -> Array:
    """Draw the arrows and return where they start, `[K, 2]`."""
    lattice, near = _lattice(source)
    starts = lattice[near]
    step = _move(starts, transform) - starts
    lengths = np.linalg.norm(step, axis=1)
    longest = max(float(lengths.max()), 1e-6)
    shorten = min(1.0, 1.3 * float(lattice[0, 1, 0] - lattice[0, 0, 0]) / longest)
    dots(axes, source, color=SOURCE_COLOR, alpha=0.25)
    look = {"angles": "xy", "scale_units": "xy", "scale": 1.0 / shorten, "width": 0.006}
    arrows = axes.quiver(*starts.T, *step.T, lengths, cmap=COORDINATE_MAP, **look)
    arrows.set_clim(0.0, longest)
    bar = figure.colorbar(arrows, ax=axes, location="right", shrink=0.8, pad=0.02)
    bar.set_label(f"distance moved (arrows drawn at ×{shorten:.2g})", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return starts


def _draw_grid(
    axes: Axes,
    source: Array,
    moved: Array,
    target: Array,
    *,
    transform: Callable[[Array], ArrayLike],
) -> None:
    lattice, near = _lattice(source, refine=_REFINE)
    grid = np.full(lattice.shape, np.nan)
    grid[near] = _move(lattice[near], transform)  # far from samples the flow only extrapolates
    dots(axes, target, color=TARGET_COLOR, alpha=0.35)
    dots(axes, moved, color=SOURCE_COLOR, alpha=0.35)
    for line in (*grid[::_REFINE], *grid.transpose(1, 0, 2)[::_REFINE]):
        axes.plot(*line.T, color="#333333", linewidth=0.6)
