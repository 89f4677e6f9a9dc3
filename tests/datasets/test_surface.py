"""Closed surfaces: their points, distances to them, and pairs of samples near two of them."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp import datasets


@pytest.fixture
def units(rng):
    """Directions of length 1."""
    directions = rng.normal(size=(500, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_pair_has_its_parameters():
    pair = datasets.surfaces(101, noise=0.01, seed=2)
    assert pair.source.shape == pair.target.shape == (101, 3)
    assert pair.source.dtype == np.float32
    assert pair.source_labels is None
    for samples, parameters, name in (
        (pair.source, pair.source_parameters, "bumpy_sphere"),
        (pair.target, pair.target_parameters, "bean"),
    ):
        np.testing.assert_allclose(np.linalg.norm(parameters, axis=1), 1.0, rtol=1e-6)
        noise = samples - datasets.SURFACES[name].points(parameters)
        assert noise.std() == pytest.approx(0.01, rel=0.15)


def test_seed_decides_and_domains_are_independent():
    first, again, other = (datasets.surfaces(50, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.source, again.source)
    np.testing.assert_array_equal(first.target, again.target)
    assert not np.allclose(first.source, other.source)
    assert not np.allclose(first.source_parameters, first.target_parameters)


def test_directions_cover_the_sphere_evenly():
    pair = datasets.surfaces(20_000)
    np.testing.assert_allclose(pair.source_parameters.mean(axis=0), 0.0, atol=0.015)
    np.testing.assert_allclose(np.cov(pair.source_parameters.T), np.eye(3) / 3, atol=0.01)


def test_distance_from_the_sphere_is_known(units, rng):
    radii = rng.uniform(0.3, 2.0, (500, 1))
    found = datasets.SURFACES["sphere"].distances(radii * units)
    wanted = np.abs(radii - 1.0)[:, 0]
    assert np.all(found >= wanted - 1e-12)
    np.testing.assert_allclose(found, wanted, atol=0.01)
    far = wanted > 0.05
    np.testing.assert_allclose(found[far], wanted[far], atol=1e-3)


@pytest.mark.parametrize("name", datasets.SURFACES)
def test_a_surface_passes_through_its_own_points(name, units):
    surface = datasets.SURFACES[name]
    points = surface.points(units)
    assert surface.distances(points).max() < 0.02
    assert surface.name == name
    # One-to-one: what lies near in space lies near on the sphere.
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    apart = np.linalg.norm(units[:, None] - units, axis=2) > 0.5
    assert gaps[apart].min() > 0.15


def test_pieces_of_a_surface_keep_their_orientation(units):
    """No fold: the area element, seen from outside, has one sign."""
    step = 1e-5
    across = np.cross(units, [0.6, 0.0, 0.8])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    for surface in datasets.SURFACES.values():
        first, second = (
            (surface.point_fn(_unit(units + step * tangent)) - surface.point_fn(units)) / step
            for tangent in (across, np.cross(units, across))
        )
        normals = np.cross(first, second)
        assert np.linalg.norm(normals, axis=1).min() > 0.05
        if surface.name != "bean":  # star-shaped ones: normals point away from 0
            assert np.sum(normals * units, axis=1).min() > 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_samples": 0}, ValueError, "`num_samples` must be at least 1; got 0"),
        ({"source": "been"}, ValueError, "`source` must be one of .*did you mean 'bean'"),
        ({"target": "torus"}, ValueError, "`target` must be one of 'bean', 'bumpy_sphere', 'sp"),
        ({"noise": 0.0}, ValueError, "`noise` must be finite and above 0; got 0"),
        ({"noise": "thin"}, TypeError, "`noise` must be a number; got 'thin'"),
    ],
)
def test_bad_arguments_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        datasets.surfaces(**arguments)


def test_bad_points_refused():
    sphere = datasets.SURFACES["sphere"]
    with pytest.raises(ValueError, match=r"`points` must have shape \[N, 3\]; got \[1, 2\]"):
        sphere.distances([[1.0, 0.0]])
    with pytest.raises(ValueError, match=r"`directions` must have shape \[N, 3\]; got \[1, 2\]"):
        sphere.points([[1.0, 0.0]])
    with pytest.raises(ValueError, match="`directions` must have length 1; got length 2"):
        sphere.points([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
