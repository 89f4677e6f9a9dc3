"""The made-up pairs: shapes, seeds, and the map that relates the two domains."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp import datasets

MAKERS = {
    "gaussians": datasets.gaussians,
    "moons": datasets.moons,
    "circles": datasets.circles,
    "blobs": datasets.blobs,
    "rings": datasets.rings,
}
LABELLED = {"moons": 2, "circles": 2, "blobs": 3, "rings": 8}


@pytest.mark.parametrize("name", MAKERS)
def test_shapes_dtype_and_name(name):
    pair = MAKERS[name](101)
    assert pair.source.shape == pair.target.shape == (101, 2)
    assert pair.source.dtype == pair.target.dtype == np.float32
    assert pair.name == name


@pytest.mark.parametrize("name", MAKERS)
def test_seed_decides_and_domains_are_independent(name):
    first, again, other = (MAKERS[name](50, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.source, again.source)
    np.testing.assert_array_equal(first.target, again.target)
    assert not np.allclose(first.source, other.source)
    assert not np.allclose(first.source, first.target)


@pytest.mark.parametrize("name", MAKERS)
def test_global_random_state_is_left_alone(name):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    MAKERS[name](20)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(("name", "num_parts"), LABELLED.items())
def test_labels_are_balanced(name, num_parts):
    pair = MAKERS[name](800)
    for labels in (pair.source_labels, pair.target_labels):
        counts = np.bincount(labels)
        assert len(counts) == num_parts
        assert np.ptp(counts) <= 1


@pytest.mark.parametrize("name", MAKERS)
def test_bad_sizes_refused(name):
    with pytest.raises(ValueError, match="`num_samples` must be at least 1; got 0"):
        MAKERS[name](0)


@pytest.mark.parametrize(("name", "num_parts"), LABELLED.items())
def test_fewer_samples_than_parts_refused(name, num_parts):
    with pytest.raises(ValueError, match=f"`num_samples` must be at least {num_parts}, the num"):
        MAKERS[name](num_parts - 1)


def nearest_neighbour_accuracy(pair):
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(1).fit(pair.target, pair.target_labels)
    return classifier.score(pair.source, pair.source_labels)


@pytest.mark.parametrize("seed", range(4))
def test_moons_start_where_the_paper_starts(seed):
    # lrmf, fig. 4: a classifier of the target's arms is right on .96 of the unmoved source.
    assert nearest_neighbour_accuracy(datasets.moons(seed=seed)) == pytest.approx(0.96, abs=0.015)


@pytest.mark.parametrize("standardize", [True, False])
def test_moons_turned_back_agree_with_the_target(standardize):
    pair = datasets.moons(2000, rotation=-50.0, standardize=standardize)
    centre = pair.source.mean(axis=0)
    turned = rotate(pair.source - centre, 50.0) + centre
    np.testing.assert_allclose(turned.mean(axis=0), pair.target.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(np.cov(turned.T), np.cov(pair.target.T), atol=0.02)


def test_moons_are_standardized_per_axis():
    target = datasets.moons(500).target
    np.testing.assert_allclose(target.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(target.std(axis=0), 1.0, rtol=1e-5)


def test_negative_rotation_is_clockwise():
    pair = datasets.moons(500, rotation=-90.0, noise=0.01, standardize=False)
    # Upright, label 0 is the upper arm; a quarter turn clockwise puts it on the right.
    right, left = (pair.source[pair.source_labels == arm, 0].mean() for arm in (0, 1))
    assert right > left


def test_circles_are_scaled_and_shifted():
    pair = datasets.circles(2000, factor=0.25, noise=0.01, scale=3.0, shift=(10.0, -4.0))
    radii = np.linalg.norm(pair.source - np.array([10.0, -4.0]), axis=1)
    np.testing.assert_allclose(radii[pair.source_labels == 0].mean(), 3.0, rtol=0.01)
    np.testing.assert_allclose(radii[pair.source_labels == 1].mean(), 0.75, rtol=0.01)
    radii = np.linalg.norm(pair.target, axis=1)
    np.testing.assert_allclose(radii[pair.target_labels == 0].mean(), 1.0, rtol=0.01)


def test_blobs_share_their_centres():
    pair = datasets.blobs(3000, num_blobs=4, num_dims=3, std=0.1, rotation=90.0, scale=2.0)
    for blob in range(4):
        x, y, z = pair.target[pair.target_labels == blob].mean(axis=0)
        centre = pair.source[pair.source_labels == blob].mean(axis=0)
        np.testing.assert_allclose(centre, [-2 * y, 2 * x, 2 * z], atol=0.05)


def test_rings_are_turned_and_shifted():
    pair = datasets.rings(2000, num_modes=5, radius=3.0, std=0.05, rotation=20.0, shift=(1.0, 2.0))
    for mode in range(5):
        centre = pair.source[pair.source_labels == mode].mean(axis=0) - np.array([1.0, 2.0])
        angle = np.deg2rad(72.0 * mode + 20.0)
        np.testing.assert_allclose(centre, [3 * np.cos(angle), 3 * np.sin(angle)], atol=0.03)


@pytest.mark.parametrize(
    ("maker", "arguments", "error", "message"),
    [
        (datasets.moons, {"noise": 0.0}, ValueError, "`noise` must be finite and above 0"),
        (datasets.circles, {"factor": 1.0}, ValueError, "`factor` must lie strictly between"),
        (datasets.circles, {"noise": -1.0}, ValueError, "`noise` must be finite and above 0"),
        (datasets.circles, {"scale": 0.0}, ValueError, "`scale` must be finite and above 0"),
        (datasets.blobs, {"num_blobs": 0}, ValueError, "`num_blobs` must be at least 1; got 0"),
        (datasets.blobs, {"num_dims": 1}, ValueError, "`num_dims` must be at least 2; got 1"),
        (datasets.blobs, {"std": "wide"}, TypeError, "`std` must be a number; got 'wide'"),
        (datasets.rings, {"num_modes": 2.5}, TypeError, "`num_modes` must be a whole number"),
        (datasets.rings, {"radius": np.inf}, ValueError, "`radius` must be finite and above 0"),
    ],
)
def test_bad_arguments_refused(maker, arguments, error, message):
    with pytest.raises(error, match=message):
        maker(100, **arguments)


def test_gaussians_moments_are_those_asked_for():
    mean, cov = [1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]]
    pair = datasets.gaussians(
        50_000,
        source_mean=mean,
        source_cov=cov,
        target_mean=[0.0, 0.0],
        target_cov=np.eye(2),
        dtype=np.float64,
    )
    assert pair.source.dtype == np.float64
    np.testing.assert_allclose(pair.source.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(pair.source.T), cov, atol=0.05)
    np.testing.assert_allclose(np.cov(pair.target.T), np.eye(2), atol=0.05)


def test_gaussians_given_moments_do_not_change_the_others():
    plain = datasets.gaussians(20, num_dims=3)
    given = datasets.gaussians(20, num_dims=3, target_mean=np.zeros(3))
    np.testing.assert_array_equal(plain.source, given.source)
    assert plain.source_labels is None


@pytest.mark.parametrize("num_dims", [1, 2, 50])
def test_gaussians_random_moments_are_well_conditioned(num_dims):
    pair = datasets.gaussians(2000, num_dims=num_dims, seed=3)
    assert pair.source.std(axis=0).min() > 0.3
    assert not np.allclose(pair.source.mean(axis=0), pair.target.mean(axis=0), atol=0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_dims": 0}, ValueError, "`num_dims` must be at least 1; got 0"),
        ({"source_mean": [0.0]}, ValueError, r"`source_mean` must be finite, of shape \[2\]"),
        ({"target_mean": [0.0, np.nan]}, ValueError, r"`target_mean` must be finite, of shape"),
        (
            {"source_cov": np.eye(3)},
            ValueError,
            r"`source_cov` must be symmetric positive definite, of shape \[2, 2\]; got shape",
        ),
        (
            {"target_cov": [[1.0, 0.5], [0.0, 1.0]]},
            ValueError,
            r"`target_cov` must be symmetric positive definite, .*; got \[\[1.0, 0.5\], \[0.0, 1",
        ),
        (
            {"target_cov": [[1.0, 2.0], [2.0, 1.0]]},
            ValueError,
            r"`target_cov` must be symmetric positive definite, .*; got \[\[1.0, 2.0\], \[2.0, 1",
        ),
    ],
)
def test_gaussians_bad_arguments_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        datasets.gaussians(100, **arguments)


def rotate(samples, degrees):
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return samples @ np.array([[cos, -sin], [sin, cos]]).T
