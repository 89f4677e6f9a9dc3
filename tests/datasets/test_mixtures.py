"""Single sample sets: the mixture that was asked for, and how its modes are counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lrmf_tfp import datasets


@pytest.mark.parametrize("num_dims", [2, 3])
def test_ring_has_its_modes_where_they_belong(num_dims):
    ring = datasets.mode_ring(40_000, num_dims=num_dims, seed=1)
    assert ring.samples.shape == (40_000, num_dims)
    assert ring.samples.dtype == np.float32
    np.testing.assert_array_equal(np.bincount(ring.labels), np.full(8, 5000))
    for mode, centre in enumerate(ring.centres):
        found = ring.samples[ring.labels == mode].mean(axis=0)
        np.testing.assert_allclose(found, centre, atol=5 * 0.2 / np.sqrt(5000))
    np.testing.assert_allclose(np.linalg.norm(ring.centres, axis=1), 2.0)


def test_first_mode_is_below_and_the_second_to_its_right():
    centres = datasets.mode_ring(8).centres
    np.testing.assert_allclose(centres[0], [0.0, -2.0], atol=1e-12)
    np.testing.assert_allclose(centres[1], [np.sqrt(2.0), -np.sqrt(2.0)], atol=1e-12)


def test_spread_is_a_standard_deviation_not_a_variance():
    ring = datasets.mode_ring(80_000, std=0.2)
    rest = ring.samples - ring.centres[ring.labels]
    np.testing.assert_allclose(np.cov(rest.T), 0.04 * np.eye(2), atol=1e-3)


def test_tilted_ring_is_the_flat_one_turned_about_the_second_axis():
    ring = datasets.mode_ring(40_000, num_dims=3)
    angle = np.pi / 3
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    flat = ring.samples @ turn  # the inverse of a turn is its transpose
    assert flat[:, 2].std() == pytest.approx(0.1, rel=0.02)
    assert np.linalg.norm(flat[:, :2], axis=1).mean() == pytest.approx(2.01, abs=0.01)


def test_coverage_of_the_ring_itself_is_the_closed_form():
    ring = datasets.mode_ring(100_000, seed=2)
    found = ring.coverage(ring.samples)
    assert found.modes == 8
    assert found.high_quality == pytest.approx(stats.chi2.cdf(9.0, 2), abs=0.002)
    assert found.smallest_share == pytest.approx(found.high_quality / 8, abs=0.002)


def test_coverage_counts_modes_quality_and_shares():
    ring = datasets.mode_ring(8)
    points = np.concatenate([np.repeat(ring.centres[:3], [90, 7, 1], axis=0), [[0, 0], [9, 9]]])
    assert ring.coverage(points) == (2, 0.98, 0.0)
    assert ring.coverage(points, least_share=0.005).modes == 3
    assert ring.coverage(points, num_stds=10.0).high_quality == 0.98  # the centre is 2 away
    assert ring.coverage(points, num_stds=10.1).high_quality == 0.99


def test_gaussian_has_its_moments():
    x = datasets.correlated_gaussian(100_000, seed=3)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x.mean(axis=0), [2.0, 2.0], atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), [[1.0, 0.81], [0.81, 1.0]], atol=0.02)
    other = datasets.correlated_gaussian(100_000, mean=[0, 0], cov=[[0.25, 0.25], [0.25, 1.0]])
    np.testing.assert_allclose(np.cov(other.T), [[0.25, 0.25], [0.25, 1.0]], atol=0.02)


@pytest.mark.parametrize(
    "make",
    [lambda seed: datasets.mode_ring(9, seed=seed).samples, datasets.correlated_gaussian],
    ids=["ring", "gaussian"],
)
def test_seed_decides(make):
    first, again, other = (make(seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: datasets.mode_ring(7), "`num_samples` must be at least 8.*got 7"),
        (lambda: datasets.mode_ring(std=0.0), "`std` must be finite and above 0; got 0.0"),
        (lambda: datasets.mode_ring(num_dims=4), "`num_dims` must be 2 or 3; got 4"),
        (lambda: datasets.correlated_gaussian(0), "`num_samples` must be at least 1; got 0"),
        (
            lambda: datasets.correlated_gaussian(cov=[[1.0, 2.0], [2.0, 1.0]]),
            "`cov` must be symmetric positive definite",
        ),
        (
            lambda: datasets.mode_ring(8).coverage(np.zeros((4, 3))),
            "to match `samples`",
        ),
        (
            lambda: datasets.mode_ring(8).coverage([[np.nan, 0.0]]),
            "`samples` must be finite",
        ),
    ],
)
def test_bad_arguments_are_named(make, match):
    with pytest.raises(ValueError, match=match):
        make()
