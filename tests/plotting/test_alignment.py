"""Before and after: the points or densities of each panel, projections, labels, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from sklearn.decomposition import PCA

from lrmf_tfp import plotting
from tests.plotting.figures import (
    GREY,
    SOURCE,
    TARGET,
    Score,
    assert_drawn,
    cloud,
    drawn,
    pixels,
    texts,
)

LABEL_COLORS = ("#E69F00", "#56B4E9", "#009E73")


def outline(axes, color):
    """The heights of a histogram's bins, as drawn by its outline."""
    (path,) = (
        patch
        for patch in axes.patches
        if not patch.get_fill() and patch.get_edgecolor() == to_rgba(color)
    )
    return path.get_xy()[1:-1:2, 1]


@pytest.mark.parametrize("labelled", [False, True], ids=["plain", "labelled"])
def test_points_of_the_plane_are_in_their_panels(labelled):
    source, moved, target = cloud() + 1.0, cloud(), cloud(2, 80, 1)
    labels = np.arange(60) % 3 if labelled else None
    figure = plotting.plot_alignment(source, moved, target, source_labels=labels, score=Score())
    assert len(figure.axes) == (3 if labelled else 2)
    for axes, points in zip(figure.axes, (source, moved), strict=False):
        assert_drawn(axes, SOURCE, points)
        assert_drawn(axes, TARGET, target)
    if labelled:
        assert_drawn(figure.axes[2], GREY, target)
        for label, color in enumerate(LABEL_COLORS):
            assert_drawn(figure.axes[2], color, moved[labels == label])


@pytest.mark.parametrize("labelled", [False, True], ids=["plain", "labelled"])
def test_one_column_is_drawn_as_densities(labelled):
    source, moved, target = cloud(1) + 1.0, cloud(1), cloud(1, 80, 1)
    labels = np.arange(60) % 3 if labelled else None
    figure = plotting.plot_alignment(source, moved, target, source_labels=labels)
    assert len(figure.axes) == (3 if labelled else 2)
    bins = np.linspace(*figure.axes[0].get_xlim(), 49)
    for axes, points in zip(figure.axes, (source, moved), strict=False):
        for color, values in ((SOURCE, points), (TARGET, target)):
            wanted = np.histogram(values, bins=bins, density=True)[0]
            np.testing.assert_allclose(outline(axes, color), wanted, atol=1e-9)
    if labelled:
        for label, color in enumerate(LABEL_COLORS):
            share = np.histogram(moved[labels == label], bins=bins, density=True)[0] / 3.0
            np.testing.assert_allclose(outline(figure.axes[2], color), share, atol=1e-9)


def test_more_columns_are_projected_on_the_principal_axes_of_the_target():
    source, moved = cloud(5) + 1.0, cloud(5) * [3.0, 1.0, 1.0, 1.0, 2.0]
    target = cloud(5, 80, 1) * [3.0, 1.0, 1.0, 1.0, 2.0]
    figure = plotting.plot_alignment(source, moved, target)
    oracle = PCA(2).fit(target)
    signs = np.sign([axis[np.abs(axis).argmax()] for axis in oracle.components_])
    for axes, points in zip(figure.axes, (source, moved), strict=True):
        assert_drawn(axes, SOURCE, oracle.transform(points) * signs)
        assert_drawn(axes, TARGET, oracle.transform(target) * signs)


def test_what_is_projected_and_how_well_it_worked_is_said():
    figure = plotting.plot_alignment(cloud(5), cloud(5), cloud(5), score=Score())
    joined = " ".join(texts(figure)).replace("\n", " ")
    assert "target's principal axis 1" in joined
    assert "% of variance" in joined
    assert "held-out L = 0.012 nats [0.003, 0.020]: aligned" in joined


def test_points_are_painted_where_the_axes_say():
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    figure = plotting.plot_alignment(corners + 2.0, corners, np.full((2, 2), 1.5))
    image = pixels(figure)
    for axes, points in zip(figure.axes, (corners + 2.0, corners), strict=True):
        for x, y in axes.transData.transform(points).astype(int):
            red, _, blue = image[y, x]
            assert red > blue + 50, "the source's vermillion must be here"


def test_panels_share_their_limits():
    figure = plotting.plot_alignment(cloud() + 5.0, cloud(), cloud())
    before, after = figure.axes
    assert before.get_xlim() == after.get_xlim()
    assert before.get_ylim() == after.get_ylim()


def test_points_thrown_out_of_the_frame_are_counted():
    moved = cloud(rows=1000)
    moved[0] = 1e6
    figure = plotting.plot_alignment(cloud(rows=1000), moved, cloud())
    after = figure.axes[1]
    assert after.get_xlim()[1] < 100.0
    assert any("1 of 1000 outside" in text.get_text() for text in after.texts)


def test_labels_of_one_domain_only():
    moved, target, labels = cloud(), cloud(rows=69, seed=1), np.arange(69) % 23
    figure = plotting.plot_alignment(cloud(), moved, target, target_labels=labels)
    assert len(figure.axes) == 3
    assert_drawn(figure.axes[2], GREY, moved)
    colors = [
        collection.get_facecolor()[0]
        for collection in figure.axes[2].collections
        if len(collection.get_offsets()) == 3
    ]
    assert len(np.unique(colors, axis=0)) == 23
    for label in (0, 22):
        assert_drawn(figure.axes[2], colors[label][:3], target[labels == label])
    assert not len(drawn(figure.axes[2], SOURCE))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"moved": cloud(3)},
            r"^`moved` must have shape \[60, 2\] to match `source`; got \[60, 3\]",
        ),
        ({"target": cloud(1)}, r"^`target` must have shape \[M, 2\] to match `source`; got"),
        ({"source": [[0.0, np.nan]] * 60}, r"^`source` must be finite; got 60"),
        ({"source_labels": [1, 2]}, r"^`source_labels` must have shape \[60\]; got \[2\]"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    arguments = {"source": cloud(), "moved": cloud(), "target": cloud(), **change}
    given = [arguments.pop(name) for name in ("source", "moved", "target")]
    with pytest.raises(ValueError, match=message) as caught:
        plotting.plot_alignment(*given, **arguments)
    assert "\n" not in str(caught.value)


def test_no_picture_touches_pyplot():
    import subprocess
    import sys

    code = (
        "import sys, lrmf_tfp.plotting as p; p.plot_history({'step': [0], 'loss': [1.0]});"
        "sys.exit('matplotlib.pyplot' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
