"""Kernel mean matching: its equations, known ratios, gradients, and systems that are singular."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.divergences import kernel_mean_matching, ratios_from_kernels
from lrmf_tfp.kernels import GaussianKernel, LaplaceKernel, RadialKernel
from lrmf_tfp.samples import Sample
from tests.reference import finite_differences, gradients

PEARSON = 0.7440263415  # of N(1, 1) and N(0, 4), by quadrature


class NoKernel(RadialKernel):
    """A function of distance that is no kernel: its matrix has the eigenvalues n - 1 and -1."""

    def scale(self, dtype):
        return tf.ones([], dtype)

    def value_and_decay(self, u):
        return tf.cast(u > 1e-9, u.dtype), tf.zeros_like(u)


def pair_a(seed, rows=1000):
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 1.0, (rows, 1)), rng.normal(0.0, 2.0, (rows, 1))


def true_ratio(x):
    """N(1, 1) over N(0, 4)."""
    return 2.0 * np.exp(0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2)


@pytest.fixture
def clouds(rng):
    return rng.normal(size=(9, 2)), rng.normal(size=(6, 2)) + 0.4


def test_it_solves_the_normal_equations(clouds):
    """Sets of unlike sizes: the factor N / M of the denominator's and numerator's rows."""
    x, y = clouds

    def gram(p, q):
        return np.exp(-np.sum((p[:, None] - q) ** 2, axis=-1) / (2.0 * 0.8**2))

    system = gram(y, y) + 0.01 * np.eye(6)
    wanted = 6 / 9 * np.linalg.solve(system, gram(y, x).sum(axis=1))
    found = kernel_mean_matching(x, y, kernel=GaussianKernel(0.8), ridge=0.01)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    by_hand = ratios_from_kernels(gram(y, y), gram(y, x), ridge=0.01)
    np.testing.assert_allclose(by_hand, wanted, rtol=1e-9)


@pytest.mark.parametrize(("ridge", "largest"), [(1e-3, 1e-2), (1e-6, 1e-3), (1e-9, 1e-3)])
def test_equal_samples_have_ratio_one(rng, ridge, largest):
    x = rng.normal(size=(200, 2))
    ratios = kernel_mean_matching(x, x, kernel=GaussianKernel(1.0), ridge=ridge)
    assert np.abs(ratios - 1.0).max() <= largest


@pytest.mark.parametrize("ridge", [1e-3, 1e-1, 1.0])
@pytest.mark.parametrize("bandwidths", [(1.0,), (1.0, 2.0)])
def test_known_ratio_is_found(bandwidths, ridge):
    kernel = [GaussianKernel(each) for each in bandwidths]
    found = []
    for seed in range(5):
        x, y = pair_a(seed)
        ratios, truth = (
            kernel_mean_matching(x, y, kernel=kernel, ridge=ridge).numpy(),
            true_ratio(y),
        )
        error = np.mean((ratios - truth) ** 2) / np.mean(truth**2)
        correlation = np.corrcoef(ratios, truth)[0, 1]
        found.append((correlation, error, ratios.mean(), np.mean((ratios - 1.0) ** 2)))
    correlation, error, mean, pearson = np.mean(found, axis=0)
    assert correlation >= 0.97
    assert error <= 0.03
    assert mean == pytest.approx(1.0, abs=0.01)
    assert pearson == pytest.approx(PEARSON, abs=0.15)


def test_weights_are_those_of_the_means_that_match(clouds, rng):
    """The normal equations of the docstring, by NumPy."""
    x, y = clouds
    a, b, ridge = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(9)), 0.01

    def gram(p, q):
        return np.exp(-np.sum((p[:, None] - q) ** 2, axis=-1) / (2.0 * 0.8**2))

    wanted = np.linalg.solve(gram(y, y) * a + ridge / 6 * np.eye(6), gram(y, x) @ b)
    value = functools.partial(kernel_mean_matching, kernel=GaussianKernel(0.8), ridge=ridge)
    found = value(x, y, numerator_weights=7.0 * b, denominator_weights=1e-9 * a)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    np.testing.assert_allclose(value(Sample.of(x, b), Sample.of(y, a)), wanted, rtol=1e-9)


def test_weights_of_rows_are_rows(clouds):
    x, y = clouds
    value = functools.partial(kernel_mean_matching, kernel="laplace")
    a, b = np.array([0, 1, 2, 1, 0, 3]), np.array([2, 0, 1, 1, 0, 1, 1, 1, 3])
    far_x, far_y = np.where(b[:, None] > 0, x, 1e9), np.where(a[:, None] > 0, y, -1e9)
    found = value(far_x, far_y, numerator_weights=b, denominator_weights=a, ridge=0.04).numpy()
    # The ridge is divided by the number of rows: by 4, and by 7 where they stand there as often.
    wanted = value(np.repeat(x, b, axis=0), np.repeat(y, a, axis=0), ridge=0.07)
    np.testing.assert_allclose(np.repeat(found, a), wanted, rtol=1e-7)
    np.testing.assert_array_equal(found[a == 0], 0.0)
    zeros_and_ones = value(far_x, far_y, numerator_weights=b > 0, denominator_weights=a > 0)
    np.testing.assert_allclose(zeros_and_ones.numpy()[a > 0], value(x[b > 0], y[a > 0]), rtol=1e-7)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_ratios_have_no_unit(clouds, unit):
    x, y = clouds
    np.testing.assert_allclose(
        kernel_mean_matching(unit * x, unit * y), kernel_mean_matching(x, y), rtol=1e-6
    )


def test_bad_weights_are_named(clouds):
    x, y = clouds
    with pytest.raises(ValueError, match="`numerator_weights` must not all be 0; got 9 zeros"):
        kernel_mean_matching(x, y, numerator_weights=np.zeros(9))
    with pytest.raises(ValueError, match="`denominator_weights` must be left out where"):
        kernel_mean_matching(x, Sample.of(y, np.arange(6)), denominator_weights=np.ones(6))
    with pytest.raises(ValueError, match="`numerator` must have no conditions"):
        kernel_mean_matching(Sample.of(x, conditions=x), y)


def test_some_ratios_fall_below_zero_and_stay_there():
    ratios = kernel_mean_matching(*pair_a(0), kernel=GaussianKernel(1.0)).numpy()
    assert 0.01 < np.mean(ratios < 0.0) < 0.2
    assert ratios.min() > -0.5


def test_several_kernels_are_averaged(clouds):
    narrow, wide = GaussianKernel(0.5), LaplaceKernel(2.0)
    both, *each = (
        kernel_mean_matching(*clouds, kernel=k).numpy() for k in ([narrow, wide], narrow, wide)
    )
    np.testing.assert_allclose(both, np.mean(each, axis=0), rtol=1e-12)


def test_order_of_rows_is_kept(clouds, rng):
    x, y = clouds
    order = rng.permutation(len(y))
    value = functools.partial(kernel_mean_matching, kernel=GaussianKernel(0.7))
    np.testing.assert_allclose(value(x[::-1], y[order]), value(x, y).numpy()[order], rtol=1e-9)


@pytest.mark.parametrize("kernel", [[0.6], [0.6, 1.5]], ids=str)
def test_gradients_are_those_of_finite_differences(clouds, kernel):
    x, y = clouds
    kernels = [GaussianKernel(each) for each in kernel]

    def value(p, q):
        ratios = kernel_mean_matching(p, q, kernel=kernels, ridge=0.05)
        return tf.reduce_sum(tf.square(ratios) * tf.range(1.0, 7.0, dtype=ratios.dtype))

    of_x, of_y = gradients(value, x, y)
    np.testing.assert_allclose(of_x, finite_differences(lambda p: value(p, y), x), atol=1e-6)
    np.testing.assert_allclose(of_y, finite_differences(lambda q: value(x, q), y), atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_runs_inside_a_function(clouds, jit_compile):
    value = functools.partial(kernel_mean_matching, kernel=GaussianKernel(0.7))
    inside = tf.function(value, autograph=False, jit_compile=jit_compile)
    found = inside(*map(tf.constant, clouds))
    np.testing.assert_allclose(found, value(*clouds), rtol=1e-9)


def test_dtype_is_kept_and_the_system_solved_in_float64(rng):
    x, y = (rng.normal(size=(200, 2)).astype(np.float32) for _ in range(2))
    value = functools.partial(kernel_mean_matching, kernel=GaussianKernel(1.0))
    single, double = value(x, y), value(x.astype(np.float64), y.astype(np.float64))
    assert (single.dtype, double.dtype) == (tf.float32, tf.float64)
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-6)


def test_a_singular_system_gets_a_little_more_ridge(rng):
    """Forty equal rows: the matrix has rank 1, the ridge drowns in its rounding."""
    y = np.repeat(rng.normal(size=(5, 2)), 40, axis=0)
    ratios = kernel_mean_matching(y, y, kernel=GaussianKernel(1.0), ridge=1e-18).numpy()
    assert np.all(np.isfinite(ratios))
    per_place = ratios.reshape(5, 40).mean(axis=1)
    np.testing.assert_allclose(per_place, 1.0, atol=1e-3)


def test_a_system_that_cannot_be_solved_is_told_in_one_line(clouds):
    with pytest.raises(ValueError, match="`ridge` must be large enough") as caught:
        kernel_mean_matching(*clouds, kernel=NoKernel(), ridge=1e-3)
    assert "6 rows" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"ridge": 0.0}, ValueError, "`ridge` must be finite and above 0; got 0.0"),
        ({"ridge": -1.0}, ValueError, "`ridge` must be finite and above 0; got -1.0"),
        ({"ridge": "1"}, TypeError, "`ridge` must be a number; got '1'"),
        ({"kernel": []}, TypeError, r"`kernel` must be a name, a kernel or several; got \[\]"),
        ({"kernel": 3}, TypeError, "`kernel` must be a name, a kernel or several; got 3"),
        ({"kernel": [3]}, TypeError, "`kernel` must be a name, a kernel or a function; got 3"),
        ({"kernel": "gaussia"}, ValueError, "did you mean 'gaussian'"),
        ({"kernel": "energy"}, ValueError, "`kernel` must be positive definite; got the energy"),
    ],
)
def test_bad_settings_are_named(clouds, options, error, message):
    with pytest.raises(error, match=message):
        kernel_mean_matching(*clouds, **options)


def test_bad_samples_are_named(clouds):
    x, y = clouds
    with pytest.raises(ValueError, match=r"`numerator` must have shape \[M, 2\] to match"):
        kernel_mean_matching(x[:, :1], y)
    with pytest.raises(ValueError, match=r"`denominator` must have shape \[N, D\]; got \[6\]"):
        kernel_mean_matching(x, y[:, 0])
    with pytest.raises(ValueError, match="`numerator` must have at least 1 row; got 0"):
        kernel_mean_matching(x[:0], y)
    y[3, 1] = np.nan
    with pytest.raises(ValueError, match="`denominator` must be finite; got 1 non-finite value"):
        kernel_mean_matching(x, y)
