"""Paths of points: where they come from and go, and what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp import plotting
from tests.plotting.figures import GREY, SOURCE, TARGET, assert_drawn, cloud, texts


def test_paths_go_from_where_points_come_from_to_where_they_go():
    start = cloud(rows=300)
    paths = [start + share * np.array([4.0, 0.0]) for share in np.linspace(0.0, 1.0, 5)]
    figure = plotting.plot_trajectories({"straight": paths, "short": paths[:2]}, cloud(seed=1))
    assert texts(figure)[:2] == ["straight", "short"]
    left, right = figure.axes[:2]
    (lines,) = left.collections[1:2]
    pieces = np.array(lines.get_segments())
    assert len(pieces) == 4 * 100  # every third of the 300 points
    np.testing.assert_allclose(pieces[:, 1] - pieces[:, 0], [[1.0, 0.0]] * 400, atol=1e-12)
    assert left.get_xlim() == right.get_xlim()
    for axes, end in ((left, paths[-1]), (right, paths[1])):
        assert_drawn(axes, GREY, cloud(seed=1))
        assert_drawn(axes, SOURCE, start[::3])
        assert_drawn(axes, TARGET, end[::3])


@pytest.mark.parametrize(
    ("paths", "match"),
    [
        ({}, "`paths` must have at least 1 entry of at least 2 times"),
        ({"one": [cloud()]}, "`paths` must have at least 1 entry of at least 2 times"),
        ({"deep": [cloud(3), cloud(3)]}, r"`paths\[0\]` must have shape \[N, 2\]"),
    ],
)
def test_what_cannot_be_drawn_is_named(paths, match):
    with pytest.raises(ValueError, match=match):
        plotting.plot_trajectories(paths, cloud())
