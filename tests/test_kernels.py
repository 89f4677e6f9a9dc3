"""Kernels: their formulas, their decay, their spectra and the width that fits the data."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.distance import cdist, pdist

from lrmf_tfp import kernels

FORMULAS = {
    "gaussian": (lambda: kernels.GaussianKernel(0.7), lambda r: np.exp(-(r**2) / (2 * 0.7**2))),
    "two_gaussians": (
        lambda: kernels.GaussianKernel([2.0, 0.5]),
        lambda r: np.exp(-(r**2) / 8.0) + np.exp(-2.0 * r**2),
    ),
    "laplace": (lambda: kernels.LaplaceKernel(1.3), lambda r: np.exp(-r / 1.3)),
    "inverse_multiquadric": (
        lambda: kernels.InverseMultiquadricKernel(0.9),
        lambda r: 1.0 / np.sqrt(1.0 + r**2 / 0.9**2),
    ),
    "energy": (kernels.EnergyKernel, lambda r: -r),
}


@pytest.fixture(params=FORMULAS)
def case(request):
    build, formula = FORMULAS[request.param]
    return build(), formula


def test_matrix_is_the_formula_of_the_distances(case, rng):
    kernel, formula = case
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    matrix = kernel(tf.constant(x), tf.constant(y))
    np.testing.assert_allclose(matrix, formula(cdist(x, y)), atol=1e-13)


def test_decay_is_minus_the_derivative(case):
    kernel, _ = case
    u = np.linspace(0.1, 4.0, 9)
    step = 1e-6
    above, below = (kernel.value_and_decay(tf.constant(u + s))[0] for s in (step, -step))
    decay = kernel.value_and_decay(tf.constant(u))[1]
    np.testing.assert_allclose(decay, (below - above) / (2.0 * step), rtol=1e-6)


def test_at_zero_and_just_below_nothing_is_nan(case):
    kernel, formula = case
    assert float(kernel.at_zero(tf.float64)) == pytest.approx(float(formula(0.0)))
    values = kernel.value_and_decay(tf.constant([0.0, -1e-9], tf.float64))
    assert all(np.isfinite(part).all() for part in values)


def test_another_bandwidth_costs_no_trace():
    function = tf.function(lambda kernel, u: kernel.value_and_decay(u)[0], autograph=False)
    u = tf.ones([3])
    values = [float(function(kernels.GaussianKernel(s), u)[0]) for s in (1.0, 2.0, 3.0)]
    assert function.experimental_get_tracing_count() == 1
    assert values == [pytest.approx(np.exp(-1.0))] * 3


@pytest.mark.parametrize("build", [kernels.GaussianKernel, kernels.LaplaceKernel])
def test_frequencies_have_the_kernel_as_their_transform(build):
    """Bochner: the mean of cos(w d) over frequencies w is k(d)."""
    kernel = build(0.8)
    seed = tf.constant([1, 2])
    frequencies = kernel.frequencies(200_000, 2, seed=seed, dtype=tf.float64).numpy()
    for gap in ([0.5, 0.0], [0.3, -0.9]):
        wanted = float(kernel(tf.zeros([1, 2], tf.float64), tf.constant([gap], tf.float64))[0, 0])
        found = np.cos(frequencies @ gap)
        assert found.mean() == pytest.approx(wanted, abs=5 * found.std() / np.sqrt(len(found)))


def test_median_distance_is_that_of_all_pairs(rng):
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(40, 2)) + 1.0
    wanted = np.median(pdist(np.concatenate([x, y])))
    assert kernels.median_distance(x, y) == pytest.approx(wanted)


def test_median_distance_of_many_rows_looks_at_some(rng):
    x, y = rng.normal(size=(20_000, 2)), rng.normal(size=(15_000, 2))
    some = np.median(pdist(np.concatenate([x[:1500], y[:1500]])))
    assert kernels.median_distance(x, y) == pytest.approx(some, rel=0.06)


def test_median_distance_of_equal_points_stays_positive():
    assert kernels.median_distance(np.zeros((4, 1)), np.zeros((3, 1))) == 1.0
    mostly_equal = np.array([[0.0]] * 9 + [[2.0]])
    assert kernels.median_distance(mostly_equal, mostly_equal) == 2.0


def test_kernels_by_name_are_as_wide_as_the_data():
    x, y = [[0.0], [1.0]], [[2.0], [3.0]]
    assert float(kernels.build_kernel("gaussian", x, y).bandwidth) == 1.5
    several = kernels.build_kernel("multi_gaussian", x, y)
    np.testing.assert_allclose(several.bandwidth, 1.5 * np.array([0.25, 0.5, 1.0, 2.0, 4.0]))
    assert isinstance(kernels.build_kernel("energy", x, y), kernels.EnergyKernel)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "kernel", [kernels.GaussianKernel, kernels.LaplaceKernel, kernels.InverseMultiquadricKernel]
)
def test_bad_bandwidths_are_named(kernel, bandwidth):
    with pytest.raises(ValueError, match="`bandwidth` must be finite and above 0; got"):
        kernel(bandwidth)


def test_bad_bandwidth_lists_are_named():
    with pytest.raises(ValueError, match="`bandwidth` must have at least 1 entry; got none"):
        kernels.GaussianKernel([])
    with pytest.raises(ValueError, match="`bandwidth` must be finite and above 0; got -2"):
        kernels.GaussianKernel([1.0, -2.0])


def test_unknown_kernels_and_missing_spectra_are_named():
    with pytest.raises(ValueError, match="`kernel` must be one of .* mean 'gaussian'"):
        kernels.build_kernel("gaussain", [[0.0]], [[1.0]])
    seed = tf.constant([0, 0])
    with pytest.raises(ValueError, match="`kernel` must have one bandwidth .* got 2"):
        kernels.GaussianKernel([1.0, 2.0]).frequencies(3, 2, seed=seed, dtype=tf.float32)
    with pytest.raises(ValueError, match="random Fourier features.* got EnergyKernel"):
        kernels.EnergyKernel().frequencies(3, 2, seed=seed, dtype=tf.float32)
