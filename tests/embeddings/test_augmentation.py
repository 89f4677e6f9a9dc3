"""Random affine changes against SciPy's interpolation and known moves."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates

from lrmf_tfp._core.seeds import seeded_uniform
from lrmf_tfp.embeddings import RandomAffine

SEED = [2, 5]


def by_scipy(images, change):
    """The same move of each image, by matrices and SciPy's bilinear interpolation."""
    draws = np.asarray(seeded_uniform([len(images), 6], SEED, dtype=tf.float32), np.float64)
    height, width, channels = images.shape[1:]
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    centre = np.array([height - 1, width - 1]) / 2
    places = np.stack([y.ravel(), x.ravel()]) - centre[:, None]
    moved = np.empty(images.shape)
    for index, (turn, slant, tall, wide, down, right) in enumerate(draws):
        angle = turn * np.radians(change.rotation)
        rotation = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        shear = [[1.0, 0.0], [slant * change.shear, 1.0]]
        stretch = np.diag(np.exp(change.log_scale * np.array([tall, wide])))
        shift = change.shift * np.array([down * height, right * width])
        at = np.array(shear) @ rotation @ stretch @ places + (centre + shift)[:, None]
        for channel in range(channels):
            plane = np.pad(images[index, :, :, channel], 1)
            found = map_coordinates(plane, at + 1.0, order=1, mode="constant")
            moved[index, :, :, channel] = found.reshape(height, width)
    return moved


@pytest.mark.parametrize("shape", [(8, 8, 1), (6, 10, 3)])
def test_is_the_interpolation_of_scipy(rng, shape):
    images = rng.uniform(size=(4, *shape)).astype(np.float32)
    change = RandomAffine(shift=0.2, rotation=40.0, log_scale=0.3, shear=0.3)
    np.testing.assert_allclose(change(images, SEED), by_scipy(images, change), atol=1e-4)


def test_each_image_moves_in_its_own_way_and_the_seed_decides(rng):
    images = np.repeat(rng.uniform(size=(1, 8, 8, 1)), 2, axis=0).astype(np.float32)
    first, same, other = (RandomAffine()(images, [0, k]) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first[0] - first[1]).max() > 0.01
    assert np.abs(first - other).max() > 0.01


def test_black_comes_in_from_outside():
    moved = RandomAffine(shift=2.0, rotation=0.0, log_scale=0.0, shear=0.0)(
        tf.ones([200, 4, 4, 1]), SEED
    )
    shares = np.mean(moved, axis=(1, 2, 3))
    assert shares.min() == 0.0
    assert shares.max() > 0.8
    assert np.all((moved >= 0.0) & (moved <= 1.0))


@pytest.mark.parametrize("name", ["shift", "rotation", "log_scale", "shear"])
def test_negative_sizes_are_named(name):
    with pytest.raises(ValueError, match=f"`{name}` must be finite and at least 0; got -1"):
        RandomAffine(**{name: -1.0})
