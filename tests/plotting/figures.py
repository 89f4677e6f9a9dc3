"""What the tests of pictures ask of a figure: its texts, its points, what was painted."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from PIL import Image

SOURCE, TARGET, GREY = "#D55E00", "#0072B2", "#B8B8B8"


class Score(NamedTuple):
    """As much of an `AlignmentScore` as the pictures need."""

    value: float = 0.012
    lower: float = 0.003
    upper: float = 0.020
    verdict: str = "aligned"


def cloud(dims=2, rows=60, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dims))


def texts(figure):
    found = [axes.get_title() for axes in figure.axes]
    found += [axes.get_xlabel() for axes in figure.axes]
    return [*found, figure.get_suptitle()]


def in_order(points):
    """The same points, whatever order they are in."""
    points = np.asarray(points, float)
    return points[np.lexsort(points.T)]


def drawn(axes, color):
    """The points `[K, 2]` that a panel has in a colour."""
    found = [np.empty((0, 2))]
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            points = np.asarray(collection.get_offsets())
            colors = np.broadcast_to(collection.get_facecolors(), (len(points), 4))
            found.append(points[np.all(np.isclose(colors[:, :3], to_rgb(color)), axis=1)])
    return in_order(np.concatenate(found))


def assert_drawn(axes, color, points):
    np.testing.assert_allclose(drawn(axes, color), in_order(points), atol=1e-9)


def curve(axes, label):
    """The values of a named line, `[K, 2]`."""
    (line,) = (line for line in axes.get_lines() if line.get_label() == label)
    return line.get_xydata()


def pixels(figure):
    """The figure as it is saved, `[H, W, 3]`, row 0 at the bottom as in display coordinates."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    return np.asarray(Image.open(buffer).convert("RGB"))[::-1].astype(int)
