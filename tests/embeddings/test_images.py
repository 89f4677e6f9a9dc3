"""What counts as images: arrays, bytes, folders, pairs, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import lrmf_tfp as lt
from lrmf_tfp.embeddings.images import as_domains, as_images


@pytest.fixture
def bytes_(rng):
    return rng.integers(0, 256, size=(12, 8, 8), dtype=np.uint8)


def test_bytes_floats_and_folders_are_the_same_images(bytes_, tmp_path):
    for index, pixels in enumerate(bytes_):
        Image.fromarray(pixels).save(tmp_path / f"{index:02}.png")
    wanted = bytes_[..., None] / np.float32(255.0)
    for value in (bytes_, bytes_[..., None], wanted, wanted.astype(np.float64), tmp_path):
        found = as_images(value, "images")
        assert (found.shape, found.dtype) == ((12, 8, 8, 1), np.float32)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    small = as_images(str(tmp_path), "images", shape=(4, 4, 3))
    assert small.shape == (12, 4, 4, 3)


def test_a_pair_is_two_domains(bytes_):
    gray = bytes_ / 255.0
    pair = lt.DomainPair(gray, gray[:11])
    assert [len(domain) for domain in as_domains([pair, gray])] == [12, 11, 12]


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (np.zeros((5, 16)), ValueError, r"must have shape \[N, H, W\] .* got \[5, 16\]"),
        (np.zeros((5, 8, 6)), ValueError, r"H and W divisible by 4; got \[5, 8, 6\]"),
        (np.zeros((5, 8, 8, 1, 1)), ValueError, r"`images` must have shape .* got \[5, 8, 8, 1"),
        (np.zeros((0, 8, 8)), ValueError, "`images` must have at least 1 row; got 0"),
        (np.full((5, 8, 8), np.nan), ValueError, "`images` must be finite"),
        (np.full((5, 8, 8), 1.5), ValueError, r"must lie in \[0, 1\], or be uint8; got values fr"),
        (np.full((5, 8, 8), -0.5), ValueError, r"must lie in \[0, 1\], .* from -0.5 to -0.5"),
        (np.full((5, 8, 8), 255), ValueError, r"must lie in \[0, 1\], .* from 255 to 255"),
        (np.full((5, 8, 8), "a"), TypeError, "`images` must be numeric"),
        ("no such folder", FileNotFoundError, "`images` must be an existing folder"),
    ],
)
def test_what_is_no_image_is_named(value, error, match):
    with pytest.raises(error, match=match) as caught:
        as_images(value, "images")
    assert "\n" not in str(caught.value)


def test_domains_must_be_of_one_shape_and_not_too_small(bytes_):
    with pytest.raises(ValueError, match=r"`domains\[1\]` must have shape \[N, 8, 8, 1\]; got"):
        as_domains([bytes_, bytes_[:, :4]])
    with pytest.raises(ValueError, match=r"`domains\[0\]` must have at least 10 rows; got 9"):
        as_domains([bytes_[:9]])
    with pytest.raises(ValueError, match="`domains` must hold at least 1 set of images; got non"):
        as_domains([])
    wide = lt.DomainPair(np.full((12, 8, 8), 2.0), bytes_ / 255.0)
    with pytest.raises(ValueError, match=r"`source` must lie in \[0, 1\]"):
        as_domains([wide])
