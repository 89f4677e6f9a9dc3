"""What counts as images: arrays, bytes, samples, folders, pairs, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import lrmf_tfp as lt
from lrmf_tfp.embeddings.images import as_image_sample, image_domains
from lrmf_tfp.samples import Sample


@pytest.fixture
def bytes_(rng):
    return rng.integers(0, 256, size=(12, 8, 8), dtype=np.uint8)


def test_bytes_floats_samples_and_folders_are_the_same_images(bytes_, tmp_path):
    for index, pixels in enumerate(bytes_):
        Image.fromarray(pixels).save(tmp_path / f"{index:02}.png")
    wanted = bytes_[..., None] / np.float32(255.0)
    doubles = wanted.astype(np.float64)
    for value in (bytes_, bytes_[..., None], wanted, doubles, Sample.of(doubles), tmp_path):
        found = as_image_sample(value, "images").values
        assert (found.shape, found.dtype) == ((12, 8, 8, 1), np.float32)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    small = as_image_sample(str(tmp_path), "images", shape=(4, 4, 3))
    assert small.values.shape == (12, 4, 4, 3)


def test_a_memory_map_is_read(bytes_, tmp_path):
    np.save(tmp_path / "images.npy", bytes_)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    found = as_image_sample(mapped, "images").values
    np.testing.assert_array_equal(found, as_image_sample(bytes_, "images").values)


def test_weights_and_labels_stay_with_their_images(bytes_):
    gray, weights = bytes_ / 255.0, np.arange(12.0)
    given = Sample.of(gray, weights=weights, labels=np.arange(12))
    found = as_image_sample(given, "images")
    np.testing.assert_array_equal(found.weights, weights)
    (fitted,) = image_domains([given])
    assert fitted.labels.tolist() == list(range(1, 12))  # the image of weight 0 is in no law
    np.testing.assert_array_equal(fitted.values, found.values[1:])


def test_a_pair_and_a_mapping_are_several_domains(bytes_):
    gray = bytes_ / 255.0
    pair = lt.DomainPair(gray, gray[:11], source_labels=np.arange(12))
    found = image_domains([pair, gray, {"a": bytes_, "b": gray[:10]}])
    assert [len(domain) for domain in found] == [12, 11, 12, 12, 10]
    assert found[0].labels.tolist() == list(range(12))


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (np.zeros((5, 16)), ValueError, r"must have shape \[N, H, W\] .* got \[5, 16\]"),
        (np.zeros((5, 8, 6)), ValueError, r"H and W divisible by 4; got \[5, 8, 6\]"),
        (np.zeros((5, 8, 8, 1, 1)), ValueError, r"`images` must have shape .* got \[5, 8, 8, 1"),
        (np.zeros((0, 8, 8)), ValueError, "`images` must have at least 1 row; got 0"),
        (np.full((5, 8, 8), np.nan), ValueError, "`images` must be finite"),
        (np.full((5, 8, 8), 1.5), ValueError, r"lie in \[0, 1\], or be an array of uint8; got va"),
        (np.full((5, 8, 8), -0.5), ValueError, r"must lie in \[0, 1\], .* from -0.5 to -0.5"),
        (np.full((5, 8, 8), 255), ValueError, r"must lie in \[0, 1\], .* from 255 to 255"),
        (np.full((5, 8, 8), "a"), TypeError, "`images` must be numeric"),
        ("no such folder", FileNotFoundError, "`images` must be an existing folder"),
        (
            Sample.of(np.zeros((5, 8, 8)), conditions=np.zeros((5, 2))),
            ValueError,
            "`conditions` of `images` must be left out, since an embedding takes none; got 2",
        ),
    ],
)
def test_what_is_no_image_is_named(value, error, match):
    with pytest.raises(error, match=match) as caught:
        as_image_sample(value, "images")
    assert "\n" not in str(caught.value)


def test_domains_must_be_of_one_shape_and_not_too_small(bytes_):
    with pytest.raises(ValueError, match=r"`domains\[1\]` must have shape \[N, 8, 8, 1\]; got"):
        image_domains([bytes_, bytes_[:, :4]])
    with pytest.raises(ValueError, match=r"`domains\[0\]` must have at least 10 rows; got 9"):
        image_domains([bytes_[:9]])
    with pytest.raises(ValueError, match="`domains` must hold at least 1 set of images; got non"):
        image_domains([])
    with pytest.raises(ValueError, match=r"`b` must have shape \[N, 8, 8, 1\]; got \[12, 4, 8\]"):
        image_domains([{"a": bytes_, "b": bytes_[:, :4]}])
    wide = lt.DomainPair(np.full((12, 8, 8), 2.0), bytes_ / 255.0)
    with pytest.raises(ValueError, match=r"`source` must lie in \[0, 1\]"):
        image_domains([wide])
    few = Sample.of(bytes_ / 255.0, weights=np.arange(12) < 9)
    with pytest.raises(ValueError, match=r"`domains\[0\]` must have at least 10 rows; got 9"):
        image_domains([few])
