"""MMD: closed forms, gradients, weights, memory, and what the variants promise."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy.stats import energy_distance as scipy_energy_distance

from lrmf_tfp import divergences
from lrmf_tfp.divergences import mmd_squared
from lrmf_tfp.divergences.kernel import _mmd_terms, _sums
from lrmf_tfp.kernels import (
    EnergyKernel,
    GaussianKernel,
    InverseMultiquadricKernel,
    LaplaceKernel,
)
from lrmf_tfp.samples import Sample
from tests.reference import finite_difference, gaussian_mmd_squared, gradients

KERNELS = {
    "gaussian": lambda: GaussianKernel(0.7),
    "three_gaussians": lambda: GaussianKernel([0.5, 1.0, 2.0]),
    "laplace": lambda: LaplaceKernel(0.9),
    "inverse_multiquadric": lambda: InverseMultiquadricKernel(1.1),
    "energy": EnergyKernel,
}
# Truths: N(1, 1) against N(0, 4), and N([1, 4], I) against N([-3, 2], 6.25 I); by quadrature.
PAIR_A = {0.5: 0.1106225876, 1.0: 0.1594704837, 2.0: 0.1325675582}
PAIR_C = {1.0: 0.3352703383, 2.0: 0.6167443914, 5.0: 0.4555536746}


@pytest.fixture(params=KERNELS)
def kernel(request):
    return KERNELS[request.param]()


@pytest.fixture
def clouds(rng):
    return rng.normal(size=(7, 3)), rng.normal(size=(5, 3)) + 0.4


def by_hand(x, y, kernel, *, a, b, unbiased):
    """The definition, term by term, with distances taken from differences."""

    def gram(p, q):
        squares = np.sum((p[:, None] - q[None]) ** 2, axis=-1)
        return kernel.value_and_decay(squares / kernel.scale(tf.float64).numpy())[0].numpy()

    def within(p, w):
        products = np.outer(w, w)
        if unbiased:
            np.fill_diagonal(products, 0.0)
        return np.sum(products * gram(p, p)) / products.sum()

    return within(x, a) + within(y, b) - 2.0 * a @ gram(x, y) @ b


@pytest.mark.parametrize(
    ("case", "truths"), [((1.0, 1.0, 0.0, 4.0), PAIR_A), ("two_dimensions", PAIR_C)]
)
def test_reference_is_the_table(case, truths):
    if case == "two_dimensions":
        case = ([1.0, 4.0], np.eye(2), [-3.0, 2.0], 6.25 * np.eye(2))
    for bandwidth, truth in truths.items():
        assert gaussian_mmd_squared(*case, bandwidth=bandwidth) == pytest.approx(truth, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("bandwidth", PAIR_A)
def test_estimates_meet_the_closed_form(bandwidth):
    """Mean over 40 draws of n = 200 within 4 standard errors; the biased one has its bias."""
    rng = np.random.default_rng(1)
    kernel = GaussianKernel(bandwidth)
    unbiased, biased = [], []
    for _ in range(40):
        x, y = rng.normal(1.0, 1.0, (200, 1)), rng.normal(0.0, 2.0, (200, 1))
        unbiased.append(float(mmd_squared(x, y, kernel=kernel, unbiased=True)))
        biased.append(float(mmd_squared(x, y, kernel=kernel)))
    error = 4.0 * np.std(unbiased, ddof=1) / np.sqrt(len(unbiased))
    assert np.mean(unbiased) == pytest.approx(PAIR_A[bandwidth], abs=error)
    within = [
        gaussian_mmd_squared_within(variance, bandwidth=bandwidth) for variance in (1.0, 4.0)
    ]
    bias = sum(1.0 - each for each in within) / 200
    assert np.mean(biased) == pytest.approx(PAIR_A[bandwidth] + bias, abs=error)


def gaussian_mmd_squared_within(variance, *, bandwidth):
    """`E k(x, x')` of one normal distribution."""
    return (1.0 + 2.0 * variance / bandwidth**2) ** -0.5


@pytest.mark.parametrize("unbiased", [False, True])
def test_value_is_the_definition(kernel, clouds, rng, unbiased):
    x, y = clouds
    a, b = rng.dirichlet(np.ones(7)), rng.dirichlet(np.ones(5))
    found = mmd_squared(x, y, kernel=kernel, unbiased=unbiased, source_weights=a, target_weights=b)
    wanted = by_hand(x, y, kernel, a=a, b=b, unbiased=unbiased)
    assert float(found) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("unbiased", [False, True])
def test_gradient_is_that_of_finite_differences(kernel, clouds, unbiased):
    x, y = clouds
    value = functools.partial(mmd_squared, kernel=kernel, unbiased=unbiased)
    found = gradients(value, x, y)
    for index in [(0, 0), (4, 2)]:
        assert found[0][index] == pytest.approx(
            finite_difference(lambda p: value(p, y), x, index), abs=1e-8
        )
        assert found[1][index] == pytest.approx(
            finite_difference(lambda q: value(x, q), y, index), abs=1e-8
        )


@pytest.mark.slow
def test_strips_give_what_the_whole_gives(kernel, rng, monkeypatch):
    x, y = rng.normal(size=(53, 2)), rng.normal(size=(31, 2))
    value = functools.partial(mmd_squared, kernel=kernel, unbiased=True)
    whole, whole_gradients = value(x, y), gradients(value, x, y)
    monkeypatch.setattr(_sums, "_WHOLE_ENTRIES", 0)
    monkeypatch.setattr(_sums, "_STRIP_ENTRIES", 200)
    monkeypatch.setattr(_mmd_terms, "radial_mmd", _mmd_terms.radial_mmd.traced.python_function)
    assert float(value(x, y)) == pytest.approx(float(whole), abs=1e-13)
    for found, wanted in zip(gradients(value, x, y), whole_gradients, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-14)


def test_a_function_serves_as_kernel(clouds):
    x, y = clouds

    def rational(p, q):
        return 1.0 / (1.0 + tf.reduce_sum((p[:, None] - q) ** 2, axis=-1))

    equal = {"a": np.full(7, 1 / 7), "b": np.full(5, 1 / 5)}
    for unbiased in (False, True):
        found = mmd_squared(x, y, kernel=rational, unbiased=unbiased)
        matrices = [rational(tf.constant(p), tf.constant(q)).numpy() for p, q in pairs(x, y)]
        assert float(found) == pytest.approx(combined(*matrices, unbiased=unbiased, **equal))
    slope = gradients(functools.partial(mmd_squared, kernel=rational), x, y)[0][1, 1]
    wanted = finite_difference(lambda p: mmd_squared(p, y, kernel=rational), x, (1, 1))
    assert slope == pytest.approx(wanted, abs=1e-8)


def pairs(x, y):
    return [(x, x), (y, y), (x, y)]


def combined(xx, yy, xy, *, a, b, unbiased):
    if unbiased:
        n, m = len(xx), len(yy)
        within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (
            m * (m - 1)
        )
    else:
        within = a @ xx @ a + b @ yy @ b
    return within - 2.0 * a @ xy @ b


def test_energy_distance_is_scipys_square_on_the_line(rng):
    x, y = rng.normal(size=80), rng.normal(1.0, 2.0, size=50)
    a, b = rng.dirichlet(np.ones(80)), rng.dirichlet(np.ones(50))
    found = divergences.energy_distance(x[:, None], y[:, None], source_weights=a, target_weights=b)
    assert float(found) == pytest.approx(scipy_energy_distance(x, y, a, b) ** 2, abs=1e-12)


def test_linear_time_estimate_is_unbiased():
    rng = np.random.default_rng(2)
    kernel = GaussianKernel(1.0)
    x, y = rng.normal(1.0, 1.0, (40_000, 1)), rng.normal(0.0, 2.0, (40_001, 1))
    found = float(divergences.mmd_squared_linear_time(x, y, kernel=kernel))
    assert found == pytest.approx(PAIR_A[1.0], abs=4.0 / np.sqrt(20_000))
    few = float(divergences.mmd_squared_linear_time(x[:2], y[:2], kernel=kernel))
    within = [x[0] - x[1], y[0] - y[1]]
    across = [[x[0] - y[1], x[1] - y[0]], [x[0] - y[0], x[1] - y[1]]]  # as the seed draws them
    sums = [sum(np.exp(-0.5 * float(gap[0]) ** 2) for gap in gaps) for gaps in (within, *across)]
    assert min(abs(few - (sums[0] - sums[1])), abs(few - (sums[0] - sums[2]))) < 1e-12


def test_linear_time_estimate_needs_no_random_order():
    """Sorted rows: pairs of neighbours would be as like as they can be."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(1.0, 1.0, (20_000, 1)), rng.normal(0.0, 2.0, (20_000, 1))
    value = functools.partial(divergences.mmd_squared_linear_time, kernel=GaussianKernel(1.0))
    in_order = float(value(np.sort(x, axis=0), np.sort(y, axis=0)))
    assert in_order == float(value(x, y))
    assert in_order == pytest.approx(PAIR_A[1.0], abs=4.0 / np.sqrt(10_000))
    assert float(value(x, y, seed=1)) != in_order


def test_linear_time_estimate_takes_weights_of_importance():
    """Draws of N(0, 4) that stand for N(1, 1) by their weights, against N(0, 4)."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(0.0, 2.0, (40_000, 1)), rng.normal(0.0, 2.0, (40_000, 1))
    weights = np.exp(0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2)
    found = divergences.mmd_squared_linear_time(
        x, y, kernel=GaussianKernel(1.0), source_weights=weights
    )
    assert float(found) == pytest.approx(PAIR_A[1.0], abs=8.0 / np.sqrt(20_000))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_random_features_approach_the_biased_mmd(name, rng):
    kernel = KERNELS[name]()
    x, y = rng.normal(size=(300, 2)), rng.normal(size=(200, 2)) + 1.0
    wanted = float(mmd_squared(x, y, kernel=kernel))
    approximate = functools.partial(divergences.mmd_squared_random_features, x, y, kernel=kernel)
    few, many = (
        np.abs([float(approximate(num_features=count, seed=seed)) - wanted for seed in range(5)])
        for count in (50, 20_000)
    )
    assert many.max() < 0.02 * wanted
    assert many.mean() < few.mean()
    assert float(approximate(seed=tf.constant([3, 4]))) == float(
        approximate(seed=tf.constant([3, 4]))
    )


def test_witness_is_high_where_the_source_is():
    x, y = np.array([[0.0], [0.1]]), np.array([[3.0], [3.1]])
    kernel = GaussianKernel(0.5)
    witness = divergences.mmd_witness([[0.0], [1.5], [3.0]], x, y, kernel=kernel).numpy()
    assert witness[0] > 0.9
    assert witness[2] < -0.9
    assert abs(witness[1]) < 0.02


@pytest.mark.slow
def test_witness_gap_is_the_squared_mmd(kernel, rng):
    """The identity behind the critic: mean over x minus mean over y of w is the biased MMD^2."""
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(30, 2)) + 0.5
    at_x, at_y = (divergences.mmd_witness(z, x, y, kernel=kernel).numpy() for z in (x, y))
    gap = at_x.mean() - at_y.mean()
    assert gap == pytest.approx(float(mmd_squared(x, y, kernel=kernel)), abs=1e-12)


def test_witness_takes_weights_units_and_names(clouds):
    x, y = clouds
    z, a = x[:4] + 0.1, np.array([1, 2, 0, 1, 1, 0, 3])
    far = np.where(a[:, None] > 0, x, 1e12)
    wanted = divergences.mmd_witness(z, np.repeat(x, a, axis=0), y).numpy()
    found = divergences.mmd_witness(z, far, y, source_weights=1e-5 * a)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    np.testing.assert_allclose(divergences.mmd_witness(z, Sample.of(far, a), y), found, rtol=1e-9)
    for kernel, power in (("gaussian", 0), ("energy", 1)):
        plain = divergences.mmd_witness(z, x, y, kernel=kernel)
        tiny = divergences.mmd_witness(1e-150 * z, 1e-150 * x, 1e-150 * y, kernel=kernel)
        np.testing.assert_allclose(tiny * 1e150**power, plain, rtol=1e-7)
    names = ["a", "b", "c"]
    points = pd.DataFrame(z, columns=names)[["c", "a", "b"]]
    named = divergences.mmd_witness(points, pd.DataFrame(x, columns=names), y)
    np.testing.assert_allclose(named, divergences.mmd_witness(z, x, y))


@pytest.mark.parametrize("distance", [1e4, 1e8, 1e12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_far_row_on_both_sides_leaves_the_rest_as_it_was(rng, dtype, distance):
    x, y = rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) + 0.5
    far = distance * np.array([[0.3, -1.0]])
    kernel = GaussianKernel(1.0)
    wanted = (50 / 51) ** 2 * float(mmd_squared(x, y, kernel=kernel))
    pair = [np.concatenate([rows, far]).astype(dtype) for rows in (x, y)]
    assert float(mmd_squared(*pair, kernel=kernel)) == pytest.approx(wanted, rel=1e-5)


def test_a_far_offset_costs_no_precision(rng):
    x = rng.normal(size=(300, 2)).astype(np.float32)
    y = (rng.normal(size=(300, 2)) + 0.5).astype(np.float32)
    kernel = GaussianKernel(1.0)
    near = float(mmd_squared(x, y, kernel=kernel))
    far = float(mmd_squared(x + np.float32(2**12), y + np.float32(2**12), kernel=kernel))
    assert far == pytest.approx(near, abs=2e-4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kernel": None}, TypeError, "`kernel` must be a name, a kernel or a function; got None"),
        (
            {"kernel": lambda x, y: tf.zeros([3, 3], tf.float64)},
            ValueError,
            r"`kernel` must return shape \[5, 5\]; got \[3, 3\]",
        ),
        (
            {"unbiased": True, "source_weights": [1.0, 0.0, 0.0, 0.0, 0.0]},
            ValueError,
            "`source_weights` must spread over 2 rows for the unbiased form; got one row",
        ),
    ],
)
def test_what_cannot_be_computed_is_named(rng, options, error, message):
    with pytest.raises(error, match=message):
        mmd_squared(rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), **options)


def test_a_narrow_kernel_in_wide_data_is_computed_in_float64(rng):
    """Two tight clusters 10,000 apart: float32 distances would err by more than the kernel."""
    offset = np.repeat([0.0, 1e4], 100)[:, None]
    x = (rng.normal(size=(200, 1)) + offset).astype(np.float32)
    y = (rng.normal(size=(200, 1)) + 1.0 + offset).astype(np.float32)
    kernel = GaussianKernel(0.5)
    wanted = by_hand(
        x.astype(np.float64),
        y.astype(np.float64),
        kernel,
        a=np.full(200, 1 / 200),
        b=np.full(200, 1 / 200),
        unbiased=False,
    )
    found = mmd_squared(x, y, kernel=kernel)
    assert found.dtype == tf.float32
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_second_derivatives_are_refused(clouds):
    x, y = (tf.constant(cloud) for cloud in clouds)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = mmd_squared(x, y, kernel=GaussianKernel(1.0))
        slope = tf.reduce_sum(inner.gradient(value, x))
    with pytest.raises(NotImplementedError, match="second derivatives are not made"):
        outer.gradient(slope, x)


def test_names_become_kernels_outside_a_function_only(clouds):
    x, y = (tf.constant(cloud) for cloud in clouds)
    assert float(mmd_squared(x, y, kernel="laplace")) > 0.0
    with pytest.raises(ValueError, match=r"must be a kernel, not a name, inside a tf.function"):
        tf.function(lambda p, q: mmd_squared(p, q), autograph=False)(x, y)


def test_bad_arguments_are_named(clouds):
    x, y = clouds
    with pytest.raises(ValueError, match="`source` must have at least 2 rows; got 1"):
        mmd_squared(x[:1], y, unbiased=True)
    with pytest.raises(ValueError, match="`target` must have at least 2 rows; got 1"):
        divergences.mmd_squared_linear_time(x, y[:1])
    with pytest.raises(TypeError, match="`kernel` must be a name or a RadialKernel; got"):
        divergences.mmd_witness(x, x, y, kernel=lambda p, q: p @ q)
    with pytest.raises(ValueError, match=r"`points` must have shape \[G, 3\].* got \[7, 2\]"):
        divergences.mmd_witness(x[:, :2], x, y)
    with pytest.raises(ValueError, match="`num_features` must be at least 1; got 0"):
        divergences.mmd_squared_random_features(x, y, num_features=0)
    with pytest.raises(ValueError, match="`seed` must be at least 0; got -1"):
        divergences.mmd_squared_random_features(x, y, seed=-1)


MEMORY = """
import resource, numpy as np, tensorflow as tf
from lrmf_tfp.divergences import mmd_squared
from lrmf_tfp.kernels import GaussianKernel

def measure(rows):
    x = tf.random.stateless_normal([rows, 2], [0, 1])
    y = tf.random.stateless_normal([rows, 2], [0, 2]) + 0.5
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        value = mmd_squared(x, y, kernel=GaussianKernel(1.0))
    assert all(np.isfinite(part).all() for part in tape.gradient(value, [x, y]))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

small = measure(2000)
print(measure(12000) - small)
"""


@pytest.mark.slow
def test_memory_stays_flat():
    """One matrix of 12,000 x 12,000 float32 is 550 MB; nothing of the kind is held."""
    run = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 100.0
