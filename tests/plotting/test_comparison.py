"""Methods side by side: the points and curves of each, one scale for one unit, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp import plotting
from tests.plotting.figures import SOURCE, TARGET, assert_drawn, cloud

LABEL_COLORS = ("#E69F00", "#56B4E9")


def column(**changes):
    points = cloud()
    fields = {
        "title": "flow",
        "moved": points,
        "colors": points[:, 0],
        "labels": points[:, 1] > 0,
        "accuracy_steps": [0, 1, 2],
        "accuracy": [0.9, 0.95, 1.0],
        "loss_steps": [0, 1, 2],
        "loss": [np.nan, 1.0, 0.1],
    }
    return plotting.ComparisonColumn(**{**fields, **changes})


def test_five_rows_hold_points_and_curves():
    moved = cloud(seed=2) + 1.0
    columns = [column(), column(title="other", moved=moved, accuracy=[0.1, 0.2, 0.3])]
    panels = np.array(plotting.plot_comparison(columns, cloud(seed=1)).axes).reshape(5, 2)
    for place, points in enumerate((cloud(), moved)):
        assert_drawn(panels[0, place], SOURCE, points)
        assert_drawn(panels[0, place], TARGET, cloud(seed=1))
        np.testing.assert_allclose(panels[1, place].collections[0].get_offsets(), points)
        for label, color in enumerate(LABEL_COLORS):
            assert_drawn(panels[2, place], color, points[(cloud()[:, 1] > 0) == label])
    drawn = panels[3, 1].get_lines()[1].get_xydata()
    np.testing.assert_array_equal(drawn, [[0, 0.1], [1, 0.2], [2, 0.3]])
    drawn = panels[4, 0].get_lines()[1].get_xydata()
    np.testing.assert_array_equal(drawn, [[1, 1.0], [2, 0.1]])  # NaN was not recorded
    assert panels[4, 0].texts[0].get_text() == "final 0.100"


def test_one_scale_for_one_unit():
    before = column(title="before", accuracy_steps=[0], accuracy=[0.9], loss_steps=[0], loss=[1.0])
    other = column(title="MMD", loss=[0.3, 0.2, 0.1], loss_label="squared MMD", loss_bound=None)
    figure = plotting.plot_comparison(
        [before, column(), column(loss=[9.0, 8.0, 7.0]), other], cloud()
    )
    panels = np.array(figure.axes).reshape(5, 4)
    assert [axes.get_title() for axes in panels[0]] == ["before", "flow", "flow", "MMD"]
    assert panels[4, 1].get_ylim() == panels[4, 2].get_ylim() != panels[4, 3].get_ylim()
    assert panels[3, 1].get_ylim() == panels[3, 3].get_ylim()
    assert panels[3, 0].texts[0].get_text() == "0.900"


def test_where_nothing_was_measured_it_is_said():
    figure = plotting.plot_comparison([column(loss_steps=[0], loss=[np.nan])], cloud())
    assert figure.axes[4].texts[0].get_text() == "not measured"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], r"^`columns` must have at least 1 entry; got none"),
        ([column(moved=cloud(3))], r"^`moved` must have shape \[N, 2\]; got \[60, 3\]"),
        ([column(labels=[1])], r"^`labels` must have shape \[60\]; got \[1\]"),
        ([column(loss=[1.0])], r"^`loss` must have one value a step; got \[1\] for steps \[3\]"),
    ],
)
def test_what_is_wrong_is_named(columns, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_comparison(columns, cloud())
