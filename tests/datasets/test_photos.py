"""The two photographs: as they come, and made smaller."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp import datasets


def test_photographs_are_those_of_scikit_learn():
    from sklearn.datasets import load_sample_images

    found = datasets.photographs()
    china, flower = load_sample_images().images
    np.testing.assert_array_equal(found["china"], china)
    np.testing.assert_array_equal(found["flower"], flower)


def test_smaller_ones_keep_proportions_and_colours():
    whole, small = datasets.photographs(), datasets.photographs(width=160)
    for name, image in small.items():
        assert image.shape == (107, 160, 3)
        assert image.dtype == np.uint8
        means = [each.mean(axis=(0, 1)) for each in (whole[name], image)]
        np.testing.assert_allclose(means[1], means[0], atol=0.5)
    np.testing.assert_array_equal(datasets.photographs(width=640)["china"], whole["china"])


@pytest.mark.parametrize(
    ("width", "error", "message"),
    [
        (1, ValueError, "`width` must be at least 2; got 1"),
        (641, ValueError, "`width` must be at most 640; got 641"),
        (10.5, TypeError, "`width` must be a whole number; got 10.5"),
    ],
)
def test_bad_widths_refused(width, error, message):
    with pytest.raises(error, match=message):
        datasets.photographs(width=width)
