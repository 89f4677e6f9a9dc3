"""Images side by side, such as samples of two domains before and after a move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from lrmf_tfp import _validation
from lrmf_tfp._core.typing import Array
from lrmf_tfp.plotting._style import SOURCE_COLOR, TARGET_COLOR, frame, new_figure

__all__ = ["plot_images"]

Labels = NDArray[np.integer[Any]]

_TILE = 0.45  # inches
_TITLE = 0.28  # inches for the title of a set
_HEADER = 0.27  # inches for the labels above the columns
_GAP = 0.08  # between images, as a share of their height
_EMPTY = -1


def plot_images(
    images: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike | Mapping[str, ArrayLike] | None = None,
    *,
    num_columns: int = 10,
    max_rows: int = 5,
    limits: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """Draw images in a grid, or several sets of them under each other.

    With labels there is one column a label, in increasing order over all sets, filled with the
    first images of the label: sets can be compared column by column. Without, images fill the
    rows in the order given. The title says how many are shown of how many.

    Args:
        images: `[N, H, W]`, gray `[N, H, W, 1]` or coloured `[N, H, W, 3]`; or a set for each
            title. Of two sets the first title is in the source's colour, the second in the
            target's.
        labels: one whole number an image, `[N]`; or those of each title.
        num_columns: images a row, without labels.
        max_rows: rows a set at most.
        limits: values shown as black and as white; others are shown as the nearer of the two.

    Returns:
        The figure.

    Raises:
        TypeError: if images or labels are not numbers.
        ValueError: if shapes do not fit, a value is not finite, or limits do not increase.

    Examples:
        >>> figure = plot_images(np.zeros((12, 4, 4)), num_columns=6)
        >>> figure.axes[0].get_title(loc="left")
        '12 images'
    """
    _validation.check_positive_int(num_columns, "num_columns")
    _validation.check_positive_int(max_rows, "max_rows")
    if not limits[0] < limits[1]:
        raise ValueError(f"`limits` must increase; got {limits}.")
    sets, marks = _as_sets(images, labels)
    kinds = sorted({int(mark) for column in marks.values() for mark in column})
    grids = {
        title: _by_label(marks[title], kinds, max_rows=max_rows)
        if title in marks
        else _in_rows(len(pixels), num_columns=num_columns, max_rows=max_rows)
        for title, pixels in sets.items()
    }
    tops = [_TITLE + _HEADER * (title in marks) for title in sets]
    panels = _panels(list(grids.values()), tops=tops)
    colors = (SOURCE_COLOR, TARGET_COLOR) if len(sets) == 2 else ("black",) * len(sets)
    for axes, color, (title, grid) in zip(panels, colors, grids.items(), strict=True):
        _draw(axes, sets[title], grid, limits=limits, kinds=kinds if title in marks else [])
        shown, number = int(np.sum(grid != _EMPTY)), len(sets[title])
        count = f"{number} images" if shown == number else f"{shown} of {number} images"
        text = f"{title}: {count}" if title else count
        axes.set_title(text, loc="left", fontsize=10, color=color)
    return panels[0].get_figure()


def _as_sets(
    images: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike | Mapping[str, ArrayLike] | None,
) -> tuple[dict[str, Array], dict[str, Labels]]:
    """Return the images `[N, H, W, C]` and the labels `[N]` of each title."""
    given = images if isinstance(images, Mapping) else {"": images}
    named = given is images
    if not given:
        raise ValueError("`images` must have at least 1 set; got none.")
    sets = {
        title: _as_images(value, f"images[{title!r}]" if named else "images")
        for title, value in given.items()
    }
    if labels is None:
        return sets, {}
    columns = labels if isinstance(labels, Mapping) else {"": labels}
    if set(columns) - set(sets):
        raise ValueError(
            f"`labels` must have the titles of `images`, {list(sets)}; got {list(columns)}."
        )
    marks: dict[str, Labels] = {}
    for title, value in columns.items():
        name = f"labels[{title!r}]" if named else "labels"
        column = _validation.as_labels(value, name, num_rows=len(sets[title]))
        if column is not None:
            marks[title] = column
    return sets, marks


def _as_images(value: ArrayLike, name: str) -> Array:
    rows, shape = _validation.as_events(value, name)
    shape = (*shape, 1) if len(shape) == 2 else shape
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(
            f"`{name}` must have shape [N, H, W] or [N, H, W, C] with C of 1 or 3; "
            f"got {[len(rows), *shape]}."
        )
    return rows.reshape(-1, *shape)


def _in_rows(number: int, *, num_columns: int, max_rows: int) -> Labels:
    """Return which image stands where, `[R, C]`, row by row."""
    width = min(number, num_columns)
    grid = np.full((min(-(-number // width), max_rows), width), _EMPTY)
    shown = min(number, grid.size)
    grid.flat[:shown] = np.arange(shown)
    return grid


def _by_label(marks: Labels, kinds: list[int], *, max_rows: int) -> Labels:
    """Return which image stands where, `[R, C]`, a column for each kind."""
    columns = [np.flatnonzero(marks == kind)[:max_rows] for kind in kinds]
    grid = np.full((max(map(len, columns)), len(kinds)), _EMPTY)
    for index, column in enumerate(columns):
        grid[: len(column), index] = column
    return grid


def _panels(grids: list[Labels], *, tops: list[float]) -> list[Axes]:
    heights = [_TILE * len(grid) + top for grid, top in zip(grids, tops, strict=True)]
    width = max(_TILE * max(grid.shape[1] for grid in grids) + 0.3, 2.4)
    figure = new_figure(width, sum(heights))
    return list(figure.subplots(len(grids), 1, squeeze=False, height_ratios=heights)[:, 0])


def _draw(
    axes: Axes, pixels: Array, grid: Labels, *, limits: tuple[float, float], kinds: list[int]
) -> None:
    """Draw all images of a set as one, on white, with the labels above the columns."""
    height, width, channels = pixels.shape[1:]
    gap = max(1, round(_GAP * height))
    shape = (len(grid) * (height + gap) - gap, grid.shape[1] * (width + gap) - gap, channels)
    canvas = np.ones(shape)
    for (row, column), index in np.ndenumerate(grid):
        if index != _EMPTY:
            top, left = row * (height + gap), column * (width + gap)
            shown = (pixels[index] - limits[0]) / (limits[1] - limits[0])
            canvas[top : top + height, left : left + width] = np.clip(shown, 0.0, 1.0)
    axes.imshow(np.repeat(canvas, 3 // channels, axis=2), interpolation="nearest")
    frame(axes)
    centres = np.arange(len(kinds)) * (width + gap) + 0.5 * (width - 1)
    axes.set_xticks(centres, [str(kind) for kind in kinds])
    axes.set_yticks([])
    axes.tick_params(top=False, bottom=False, labeltop=True, labelbottom=False, pad=1)
    axes.spines[:].set_visible(False)
