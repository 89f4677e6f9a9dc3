"""A flow of the plane: arrows and moved grid against the map itself, steps, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.quiver import Quiver

from lrmf_tfp import plotting
from tests.plotting.figures import GREY, SOURCE, TARGET, assert_drawn, cloud

TURN = np.array([[1.5, 0.4], [-0.7, 1.0]])


def turn(points):
    return points @ TURN + 0.5


def turn_back(points):
    return (points - 0.5) @ np.linalg.inv(TURN)


def stay(points):
    return points


@pytest.mark.parametrize(("transform", "back"), [(turn, turn_back), (stay, stay)])
def test_arrows_and_grid_are_those_of_the_map(transform, back):
    points, target = cloud(), cloud(seed=1)
    figure = plotting.plot_displacement(points, transform(points), target, transform=transform)
    left, right, bar = figure.axes
    (arrows,) = (each for each in left.collections if isinstance(each, Quiver))
    starts, moves = np.stack([arrows.X, arrows.Y], 1), np.stack([arrows.U, arrows.V], 1)
    assert len(starts) > 60
    np.testing.assert_allclose(moves, transform(starts) - starts, atol=1e-9)
    np.testing.assert_allclose(arrows.get_array(), np.linalg.norm(moves, axis=1), atol=1e-9)
    assert "distance moved" in bar.get_ylabel()
    assert_drawn(left, SOURCE, points)
    assert_drawn(right, SOURCE, transform(points))
    assert_drawn(right, TARGET, target)
    lines = [back(line.get_xydata()) for line in right.get_lines()]
    spans = np.array(
        [np.nanmax(line, 0) - np.nanmin(line, 0) for line in lines if not _empty(line)]
    )
    assert len(spans) > 20
    np.testing.assert_allclose(spans.min(axis=1), 0.0, atol=1e-9)  # they were rows and columns
    assert spans.max() > 1.0


def _empty(line):
    return np.all(np.isnan(line))


def test_displacement_needs_the_plane_and_a_flow_that_keeps_the_shape():
    with pytest.raises(ValueError, match=r"^`source` must have shape \[N, 2\]; got \[60, 3\]"):
        plotting.plot_displacement(cloud(3), cloud(3), cloud(3), transform=lambda x: x)
    with pytest.raises(ValueError, match=r"^`transform\(points\)` must have shape"):
        plotting.plot_displacement(cloud(), cloud(), cloud(), transform=lambda x: x[:1])


@pytest.mark.parametrize("count", [1, 4, 9])
def test_flow_steps_have_a_panel_a_step(count):
    steps, target, values = [cloud() + k for k in range(count)], cloud(seed=1), cloud()[:, 0]
    figure = plotting.plot_flow_steps(steps, target, colors=values)
    panels = [axes for axes in figure.axes if axes.axison]
    titles = ["source", *(f"step {k}" for k in range(1, count))]
    assert [axes.get_title() for axes in panels] == titles
    wanted = colormaps["viridis"]((values - values.min()) / np.ptp(values))
    for axes, points in zip(panels, steps, strict=True):
        assert_drawn(axes, GREY, target)
        dots = axes.collections[-1]
        np.testing.assert_allclose(dots.get_offsets(), points)
        np.testing.assert_allclose(dots.get_facecolors(), wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": []}, r"^`steps` must have at least 1 array; got none"),
        ({"steps": [cloud(), cloud(rows=5)]}, r"^`steps\[1\]` must have shape \[60, 2\] to match"),
        ({"titles": ["one"]}, r"^`titles` must have 2 entries; got 1"),
        ({"colors": [1.0]}, r"^`colors` must have shape \[60\]; got \[1\]"),
        ({"colors": np.full(60, np.nan)}, r"^`colors` must be finite; got 60"),
    ],
)
def test_flow_steps_name_what_is_wrong(change, message):
    arguments = {"steps": [cloud(), cloud()], **change}
    with pytest.raises(ValueError, match=message):
        plotting.plot_flow_steps(arguments.pop("steps"), cloud(), **arguments)
