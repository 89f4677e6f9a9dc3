"""A map of y given c by bins of c: which rows are counted where, with which weight; bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp import plotting
from lrmf_tfp.samples import Sample
from tests.plotting.figures import cloud, texts


def given(y, c, **options):
    return Sample.of(np.reshape(y, [-1, 1]), conditions=np.reshape(c, [-1, 1]), **options)


def areas(axes):
    """The area under each line that is drawn, and the mean of what it stands for."""
    found = []
    for patch in axes.patches[1::2]:
        x, height = patch.get_xy().T
        bars = height[1:-1:2] * np.diff(x)[1::2][: len(height[1:-1:2])]
        middles = (x[1:-1:2] + x[2::2][: len(bars)]) / 2.0
        found.append((bars.sum(), np.average(middles, weights=bars)))
    return found


def test_each_panel_shows_the_rows_of_its_bin_before_and_after():
    c = np.linspace(0.0, 3.0, 301)
    bins = np.minimum(c.astype(int), 2)
    source, target = given(10.0 * bins + 1.0, c), given(np.zeros(301), c)
    figure = plotting.plot_conditional(source, np.zeros((301, 1)), target, num_bins=3)
    panels = np.reshape(figure.axes, [2, 3])
    for index in range(3):
        theirs, ours = areas(panels[0, index])
        assert ours == pytest.approx((1.0, 10.0 * index + 1.0), abs=0.6)
        assert theirs == pytest.approx((1.0, 0.0), abs=0.6)
        _, moved = areas(panels[1, index])
        assert moved == pytest.approx((1.0, 0.0), abs=0.6)
    assert "0 to 1" in panels[0, 0].get_title()
    assert "column 0" in texts(figure)


def test_bins_hold_equal_shares_of_the_weighted_target_and_rows_count_by_weight():
    c = np.r_[np.zeros(10), np.ones(10)]
    target = given(np.zeros(20), c, weights=np.r_[np.full(10, 3.0), np.ones(10)])
    y = np.tile([0.0, 8.0], 10)
    source = given(y, c, weights=np.tile([3.0, 1.0], 10))
    figure = plotting.plot_conditional(source, y[:, None], target, num_bins=2)
    assert "0 to 0" in figure.axes[0].get_title()  # the median of c lies among the heavy rows
    (_, (area, mean)) = areas(figure.axes[0])
    assert (area, mean) == pytest.approx((1.0, 2.0), abs=0.3)


def test_what_cannot_be_drawn_is_named():
    c = np.zeros(60)
    sample, plain = given(cloud(1), c), Sample.of(cloud(1))
    for source, target, options, match in (
        (plain, sample, {}, "`condition` must be the number of one of `source`'s 0 conditions"),
        (sample, plain, {}, "`condition` must be the number of one of `target`'s 0 conditions"),
        (sample, sample, {"column": 1}, "`column` must be the number of one of `source`'s 1"),
        (sample, sample, {"num_bins": 1}, "`num_bins` must be at least 2; got 1"),
    ):
        with pytest.raises(ValueError, match=match):
            plotting.plot_conditional(source, cloud(1), target, **options)
    with pytest.raises(ValueError, match="`moved` must have"):
        plotting.plot_conditional(sample, cloud(1)[:5], sample)
