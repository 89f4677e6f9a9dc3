"""Images in a grid: each where it belongs, sets column by column, and errors of one line."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from lrmf_tfp import plotting
from tests.plotting.figures import pixels


def flat_images(values, side=8):
    """Images of one gray each, `[N, side, side]`."""
    return np.ones((len(values), side, side)) * np.reshape(values, (-1, 1, 1))


def canvas(axes):
    return np.asarray(axes.images[0].get_array())


def centres(axes, *, side=8):
    """The gray at the centre of each place, `[R, C]`."""
    return canvas(axes)[side // 2 :: side + 1, side // 2 :: side + 1, 0]


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_images_fill_the_rows():
    figure = plotting.plot_images(flat_images(np.arange(5) / 10), num_columns=3)
    (axes,) = figure.axes
    np.testing.assert_allclose(centres(axes), [[0.0, 0.1, 0.2], [0.3, 0.4, 1.0]])
    assert titles(figure) == ["5 images"]
    assert list(axes.get_xticks()) == []
    image = pixels(figure)
    for row, column, gray in [(4, 4, 0.0), (4, 22, 0.2), (13, 13, 0.4), (13, 22, 1.0)]:
        x, y = axes.transData.transform((column, row)).astype(int)
        np.testing.assert_allclose(image[y, x], 255 * gray, atol=1)


def test_what_does_not_fit_is_said():
    figure = plotting.plot_images(flat_images(np.zeros(9)), num_columns=2, max_rows=3)
    assert titles(figure) == ["6 of 9 images"]


def test_sets_share_their_columns():
    figure = plotting.plot_images(
        {"USPS": flat_images([0.1, 0.2, 0.3]), "MNIST": flat_images([0.4, 0.5], side=16)},
        {"USPS": [7, 1, 7], "MNIST": [3, 1]},
    )
    first, second = figure.axes
    np.testing.assert_allclose(centres(first), [[0.2, 1.0, 0.1], [1.0, 1.0, 0.3]])
    np.testing.assert_allclose(centres(second, side=16), [[0.5, 0.4, 1.0]])
    for axes, side in ((first, 9), (second, 17)):
        assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "3", "7"]
        np.testing.assert_allclose(np.diff(axes.get_xticks()), side)
    assert titles(figure) == ["USPS: 3 images", "MNIST: 2 images"]
    colors = [to_hex(axes._left_title.get_color()) for axes in figure.axes]
    assert colors == ["#d55e00", "#0072b2"]


def test_gray_and_coloured_images_and_their_range():
    gray = plotting.plot_images(flat_images([-1.0, 0.0, 3.0])[..., None], limits=(-1.0, 1.0))
    np.testing.assert_allclose(centres(gray.axes[0]), [[0.0, 0.5, 1.0]])
    color = np.zeros((1, 8, 8, 3))
    color[..., 1] = 1.0
    shown = canvas(plotting.plot_images(color).axes[0])
    np.testing.assert_array_equal(shown[4, 4], [0.0, 1.0, 0.0])


def test_one_set_may_go_without_labels():
    sets = {"a": flat_images([0.1, 0.2]), "b": flat_images([0.3, 0.4])}
    figure = plotting.plot_images(sets, {"a": [1, 0]})
    np.testing.assert_allclose(centres(figure.axes[0]), [[0.2, 0.1]])
    np.testing.assert_allclose(centres(figure.axes[1]), [[0.3, 0.4]])
    assert list(figure.axes[1].get_xticks()) == []


@pytest.mark.parametrize(
    ("images", "settings", "error", "match"),
    [
        (np.zeros((3, 4)), {}, ValueError, r"`images` must have shape \[N, H, W\] .*\[3, 4\]"),
        (np.zeros((3, 4, 4, 2)), {}, ValueError, r"C of 1 or 3; got \[3, 4, 4, 2\]"),
        (np.zeros((0, 4, 4)), {}, ValueError, "`images` must have at least 1 row"),
        ({}, {}, ValueError, "`images` must have at least 1 set"),
        ({"a": np.zeros(3)}, {}, ValueError, r"`images\['a'\]` must have shape"),
        (np.full((1, 4, 4), np.nan), {}, ValueError, "`images` must be finite"),
        (np.zeros((2, 4, 4)), {"labels": [1]}, ValueError, r"`labels` must have shape \[2\]"),
        (np.zeros((2, 4, 4)), {"labels": {"a": [1, 2]}}, ValueError, "`labels` must have the ti"),
        ({"a": np.zeros((2, 4, 4))}, {"labels": [1, 2]}, ValueError, "`labels` must have the ti"),
        (np.zeros((2, 4, 4)), {"limits": (1.0, 1.0)}, ValueError, "`limits` must increase"),
        (np.zeros((2, 4, 4)), {"num_columns": 0}, ValueError, "`num_columns` must be at least"),
        (np.zeros((2, 4, 4)), {"max_rows": 1.5}, TypeError, "`max_rows` must be a whole"),
    ],
)
def test_images_that_cannot_be_drawn_are_named(images, settings, error, match):
    with pytest.raises(error, match=match) as caught:
        plotting.plot_images(images, **settings)
    assert "\n" not in str(caught.value)
