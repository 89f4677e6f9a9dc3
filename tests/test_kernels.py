"""Kernels: their formulas, their decay, their spectra and the width that fits the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy.spatial.distance import cdist, pdist

from lrmf_tfp import kernels
from lrmf_tfp.samples import Sample

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
    x, y = rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) + 1.0
    wanted = np.median(pdist(np.concatenate([x, y])))
    assert kernels.median_distance(x, y) == pytest.approx(wanted)


def test_each_set_counts_the_same_however_many_rows_it_has(rng):
    """The definition: half of the weight of pairs is at most so far apart, half at least."""
    x, y = rng.normal(size=(9, 2)), rng.normal(size=(4, 2)) + 1.0
    a, b = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(4))
    for first, second in ((np.full(9, 1 / 9), np.full(4, 1 / 4)), (a, b)):
        masses, gaps = np.concatenate([first, second]), pdist(np.concatenate([x, y]))
        i, j = np.triu_indices(13, 1)
        shares = masses[i] * masses[j] / np.sum(masses[i] * masses[j])
        found = kernels.median_distance(x, y, source_weights=3.0 * first, target_weights=second)
        assert np.sum(shares[gaps <= found * (1 + 1e-12)]) >= 0.5
        assert np.sum(shares[gaps >= found * (1 - 1e-12)]) >= 0.5
    assert kernels.median_distance(x, y) == pytest.approx(
        kernels.median_distance(np.tile(x, [4, 1]), np.tile(y, [9, 1]))
    )


@pytest.mark.parametrize("rows", [20, 400])
def test_median_distance_depends_on_the_two_laws_alone(rng, rows):
    """Not on order, rows of weight 0, repetition or the scale of weights; few rows and many."""
    x, y = rng.normal(size=(rows, 3)).round(1), rng.normal(size=(rows - 5, 3)) + 0.5
    repeats = rng.integers(0, 4, size=rows)
    repeated = np.repeat(x, repeats, axis=0)
    wanted = pytest.approx(kernels.median_distance(repeated, y), rel=1e-12)
    order = rng.permutation(len(repeated))
    assert kernels.median_distance(repeated[order], y[::-1]) == wanted
    far = np.where(repeats[:, None] > 0, x, 1e9)
    assert kernels.median_distance(far, y, source_weights=repeats) == wanted
    assert kernels.median_distance(Sample.of(far, 1e-200 * repeats), Sample.of(y)) == wanted


def test_rows_in_turns_are_no_other_sample_than_rows_in_blocks(rng):
    """Four classes that take turns: every fourth row would be one class."""
    x = rng.normal(size=(1000, 2)) + 10.0 * (np.arange(1000) % 4)[:, None]
    y = x + 1.0
    exact = np.median(pdist(np.concatenate([x, y])))
    found = kernels.median_distance(x, y)
    assert found == pytest.approx(exact, rel=0.06)
    order = rng.permutation(1000)
    assert kernels.median_distance(x[order], y[order]) == found


def test_median_distance_of_many_rows_looks_at_some(rng):
    x, y = rng.normal(size=(20_000, 2)), rng.normal(size=(15_000, 2))
    some = np.median(pdist(np.concatenate([x[:1500], y[:1500]])))
    assert kernels.median_distance(x, y) == pytest.approx(some, rel=0.06)


def test_median_distance_of_equal_points_stays_positive():
    assert kernels.median_distance(np.zeros((4, 1)), np.zeros((3, 1))) == 1.0
    mostly_equal = np.array([[0.0]] * 9 + [[2.0]])
    assert kernels.median_distance(mostly_equal, mostly_equal) == 2.0


@pytest.mark.parametrize("unit", [1e-200, 1e-20, 1e20, 1e200])
def test_widths_and_matrices_have_the_unit_of_the_samples(rng, unit):
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(15, 2))
    width = kernels.median_distance(unit * x, unit * y)
    assert width == pytest.approx(unit * kernels.median_distance(x, y), rel=1e-12)
    for name in ("gaussian", "laplace", "inverse_multiquadric", "multi_gaussian"):
        small, plain = (kernels.build_kernel(name, c * x, c * y) for c in (unit, 1.0))
        matrix = small(tf.constant(unit * x), tf.constant(unit * y))
        np.testing.assert_allclose(matrix, plain(tf.constant(x), tf.constant(y)), rtol=1e-9)
    matrix = kernels.EnergyKernel()(tf.constant(unit * x), tf.constant(unit * y))
    np.testing.assert_allclose(matrix / unit, -cdist(x, y), rtol=1e-7)


def test_columns_of_frames_are_told_by_their_names(rng):
    x, y = rng.normal(size=(8, 2)) * [1.0, 9.0], rng.normal(size=(8, 2)) * [1.0, 9.0]
    first, second = (pd.DataFrame(rows, columns=["height", "width"]) for rows in (x, y))
    wanted = kernels.median_distance(x, y)
    assert kernels.median_distance(first, second[["width", "height"]]) == wanted
    with pytest.raises(ValueError, match="`target` must have the columns height, width; got"):
        kernels.median_distance(first, second.rename(columns={"width": "weight"}))


def test_bad_weights_of_a_width_are_named():
    x = np.arange(3.0)[:, None]
    weighted = Sample.of(x, [1, 1, 2])
    cases = [
        ((x, x), {"source_weights": [0, 0, 0]}, "`source_weights` must not all be 0; got 3 zeros"),
        ((x, x), {"target_weights": [1, -1, 0]}, "`target_weights` must be finite and at least 0"),
        ((weighted, x), {"source_weights": [1, 1, 1]}, "`source_weights` must be left out where"),
        ((x, Sample.of(x, conditions=x)), {}, "`target` must have no conditions"),
        ((x, np.ones([3, 2])), {}, r"`target` must have shape \[M, 1\] to match `source`"),
    ]
    for samples, weights, message in cases:
        with pytest.raises(ValueError, match=message) as caught:
            kernels.build_kernel("gaussian", *samples, **weights)
        assert "\n" not in str(caught.value)


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
