"""Measures of single experiments against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.digits.measures import mcnemar_p
from experiments.glow_digits.data import Digits, bits_per_dim, to_pixels


def test_glow_digits_count_bits_against_gray_values():
    """A uniform density on [0, 1] is as long as the gray values, eight bits."""
    digits = Digits(*[None] * 5, loc=0.1, scale=0.25)
    assert bits_per_dim(-256.0 * np.log(0.25), digits) == pytest.approx(8.0, rel=1e-12)
    images = np.linspace(0.0, 1.0, 256)[None]
    np.testing.assert_allclose(
        to_pixels((images - 0.1) / 0.25, digits)[0], images.reshape(16, 16), atol=1e-12
    )


def test_exact_mcnemar_by_hand():
    first = np.array([True] * 8 + [False] * 2 + [True] * 5)
    second = np.array([False] * 8 + [True] * 2 + [True] * 5)
    # Two-sided binomial: 2 (C(10, 0) + C(10, 1) + C(10, 2)) / 2^10.
    assert mcnemar_p(first, second) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert mcnemar_p(first, first) == 1.0
