"""The critic of the MMD: unit norm, heights, populations and biases, errors."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import roots_jacobi

from lrmf_tfp.divergences import mmd_squared
from lrmf_tfp.kernels import (
    EnergyKernel,
    GaussianKernel,
    InverseMultiquadricKernel,
    LaplaceKernel,
)
from lrmf_tfp.ratios import DifferentiableCritic, mmd_critic
from lrmf_tfp.samples import Sample
from tests.reference import finite_differences, gaussian_kernel_mean, gaussian_mmd_squared

HEIGHT, WIDTH = 2.2, 0.1  # the kernel 2.2 exp(-d^2 / 0.1)
# MMD^2 of Beta(3, 5) and Beta(2, 3) + shift under it.
POPULATION = {
    0.0: 0.02536700,
    0.25: 0.75856247,
    0.5: 1.96943470,
    1.0: 2.84788100,
    1.2: 2.87023957,
    2.0: 2.87285915,
    2.4: 2.87285915,
}


def kernel():
    return GaussianKernel(np.sqrt(0.5 * WIDTH))


def betas(num_rows, shift, rng):
    return rng.beta(3, 5, [num_rows, 1]), rng.beta(2, 3, [num_rows, 1]) + shift


def nodes(concentration1, concentration0):
    """Gauss-Jacobi nodes and weights of a Beta distribution."""
    places, weights = roots_jacobi(120, concentration0 - 1, concentration1 - 1)
    return 0.5 * (places + 1.0), weights / weights.sum()


def population_terms(shift):
    """`E k(x, x')`, `E k(y, y')` and `E k(x, y)` by quadrature."""
    (x, a), (y, b) = nodes(3, 5), nodes(2, 3)

    def mean(p, v, q, w):
        return HEIGHT * v @ np.exp(-((p[:, None] - q) ** 2) / WIDTH) @ w

    return mean(x, a, x, a), mean(y, b, y, b), mean(x, a, y + shift, b)


def unbiased_estimates(shift, *, num_rows, num_draws):
    """Those of fresh draws, without a critic: there is none where they fall below 0."""
    rng = np.random.default_rng(3)
    draws = (betas(num_rows, shift, rng) for _ in range(num_draws))
    found = [float(mmd_squared(x, y, kernel=kernel(), unbiased=True)) for x, y in draws]
    return HEIGHT * np.array(found)


def biased_ones(shift, *, num_rows, num_draws):
    """What the critics of the same draws say."""
    rng = np.random.default_rng(3)
    draws = (betas(num_rows, shift, rng) for _ in range(num_draws))
    return np.array([mmd_critic(*d, kernel=kernel(), height=HEIGHT).mmd_squared for d in draws])


def standard_error(values):
    return np.std(values, ddof=1) / np.sqrt(len(values))


@pytest.fixture(params=["gaussian", "several", "laplace", "inverse_multiquadric"])
def any_kernel(request):
    return {
        "gaussian": lambda: GaussianKernel(0.7),
        "several": lambda: GaussianKernel([0.3, 1.0]),
        "laplace": lambda: LaplaceKernel(0.9),
        "inverse_multiquadric": lambda: InverseMultiquadricKernel(1.1),
    }[request.param]()


@pytest.mark.parametrize("height", [1.0, 2.2])
def test_critic_has_unit_norm_and_attains_the_mmd(any_kernel, height, rng):
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(25, 2)) + 0.5
    critic = mmd_critic(x, y, kernel=any_kernel, height=height)
    assert np.mean(critic(x)) - np.mean(critic(y)) == pytest.approx(critic.mmd, abs=1e-12)
    points = tf.constant(np.concatenate([x, y]))
    gram = height * any_kernel(points, points).numpy()
    weights = np.concatenate([np.full(40, 1 / 40), np.full(25, -1 / 25)]) / critic.mmd
    assert weights @ gram @ weights == pytest.approx(1.0, abs=1e-12)  # the squared norm
    np.testing.assert_allclose(critic(points), gram @ weights, atol=1e-12)


def test_weights_are_those_of_the_means(any_kernel, rng):
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(15, 2)) + 0.5
    weights = [rng.uniform(0.1, 1.0, len(z)) for z in (x, y)]
    pair = [Sample.of(z, weights=w) for z, w in zip((x, y), weights, strict=True)]
    critic = mmd_critic(*pair, kernel=any_kernel)
    signed = np.concatenate([weights[0] / weights[0].sum(), -weights[1] / weights[1].sum()])
    points = np.concatenate([x, y])
    gram = any_kernel(tf.constant(points), tf.constant(points)).numpy()
    assert critic.mmd_squared == pytest.approx(signed @ gram @ signed, abs=1e-12)
    np.testing.assert_allclose(critic.witness(points), gram @ signed, atol=1e-12)
    assert critic(points) @ signed == pytest.approx(critic.mmd, abs=1e-12)


def test_a_name_is_as_wide_as_for_the_divergence(rng):
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(50, 2)) + 0.5
    for name in ("gaussian", "laplace", "multi_gaussian", "energy"):
        wanted = float(mmd_squared(x, y, kernel=name))
        assert mmd_critic(x, y, kernel=name).mmd_squared == pytest.approx(wanted, rel=1e-9)


def test_it_is_a_critic_with_a_gradient():
    critic = mmd_critic([[0.0]], [[1.0]])
    assert isinstance(critic, DifferentiableCritic)
    assert type(critic([[0.5]])) is type(critic.gradient([[0.5]])) is np.ndarray


def test_critic_stays_below_the_root_of_the_kernel_at_zero(any_kernel, rng):
    x, y = rng.normal(size=(15, 1)), rng.normal(size=(15, 1)) + 1.0
    critic = mmd_critic(x, y, kernel=any_kernel, height=HEIGHT)
    z = np.linspace(-6.0, 6.0, 2001)[:, None]
    limit = np.sqrt(HEIGHT * float(any_kernel.at_zero(tf.float64)))
    assert np.max(np.abs(critic(z))) <= limit
    lonely = mmd_critic([[0.0]], [[1e3]], kernel=GaussianKernel(1.0))
    assert np.abs(lonely([[0.0]])) == pytest.approx(np.sqrt(0.5))


def test_height_multiplies_the_square_and_the_critic_by_its_root(rng):
    x, y = betas(15, 1.0, rng)
    plain, high = (mmd_critic(x, y, kernel=kernel(), height=h) for h in (1.0, HEIGHT))
    z = np.linspace(-1.0, 3.5, 40)[:, None]
    assert high.mmd_squared == pytest.approx(HEIGHT * plain.mmd_squared, rel=1e-14)
    np.testing.assert_allclose(high.witness(z), HEIGHT * plain.witness(z), rtol=1e-12)
    np.testing.assert_allclose(high(z), np.sqrt(HEIGHT) * plain(z), rtol=1e-12)


def test_witness_is_the_difference_of_two_means(rng):
    x, y = betas(15, 0.5, rng)
    z = np.linspace(-1.0, 3.5, 100)[:, None]
    wanted = np.mean(HEIGHT * np.exp(-((z - x.T) ** 2) / WIDTH), axis=1)
    wanted -= np.mean(HEIGHT * np.exp(-((z - y.T) ** 2) / WIDTH), axis=1)
    found = mmd_critic(x, y, kernel=kernel(), height=HEIGHT).witness(z)
    np.testing.assert_allclose(found, wanted, atol=1e-13)


def test_gradient_is_that_of_finite_differences(rng):
    critic = mmd_critic(*betas(15, 0.5, rng), kernel=kernel(), height=HEIGHT)
    z = np.linspace(-0.5, 2.0, 7)[:, None]
    wanted = finite_differences(lambda p: np.sum(critic(p)), z)
    np.testing.assert_allclose(critic.gradient(z), wanted, atol=1e-7)


@pytest.mark.parametrize("build", [lambda: LaplaceKernel(0.9), EnergyKernel])
def test_a_kink_at_a_sample_has_the_slope_of_the_others(build):
    """At x = 0 with samples at 0 and 1, only the one at 1 pulls."""
    critic = mmd_critic([[0.0]], [[1.0]], kernel=build())
    around = critic([[-1e-6], [1e-6]])
    assert critic.gradient([[0.0]])[0, 0] == pytest.approx(np.diff(around)[0] / 2e-6, abs=1e-5)


@pytest.mark.parametrize(
    "shift",
    [
        shift if shift in (0.25, 1.0) else pytest.param(shift, marks=pytest.mark.slow)
        for shift in POPULATION
    ],
)
def test_unbiased_estimate_meets_the_population(shift):
    within_x, within_y, between = population_terms(shift)
    truth = within_x + within_y - 2.0 * between
    assert truth == pytest.approx(POPULATION[shift], abs=1e-8)
    unbiased = unbiased_estimates(shift, num_rows=40, num_draws=60)
    assert unbiased.mean() == pytest.approx(truth, abs=3.0 * standard_error(unbiased))


def test_bias_of_the_biased_one_is_as_predicted():
    """By (k(0) - E k(x, x')) / n and the like; the unbiased one is below 0 at times."""
    unbiased = unbiased_estimates(0.0, num_rows=15, num_draws=150)
    biased = biased_ones(0.0, num_rows=15, num_draws=150)
    within_x, within_y, _ = population_terms(0.0)
    bias = (HEIGHT - within_x) / 15 + (HEIGHT - within_y) / 15
    assert bias == pytest.approx(0.1018, abs=1e-4)
    assert biased.mean() - POPULATION[0.0] == pytest.approx(bias, abs=3 * standard_error(biased))
    assert unbiased.mean() == pytest.approx(POPULATION[0.0], abs=3 * standard_error(unbiased))
    assert biased.min() > 0.0 > unbiased.min()


@pytest.mark.parametrize(
    ("law", "bandwidth", "truth"),
    [
        pytest.param("A", 0.5, 0.1106225876, marks=pytest.mark.slow),
        ("A", 1.0, 0.1594704837),
        pytest.param("A", 2.0, 0.1325675582, marks=pytest.mark.slow),
        pytest.param("C", 1.0, 0.3352703383, marks=pytest.mark.slow),
        ("C", 2.0, 0.6167443914),
        pytest.param("C", 5.0, 0.4555536746, marks=pytest.mark.slow),
    ],
)
def test_gaussians_meet_their_closed_form(law, bandwidth, truth):
    laws = {
        "A": (np.array([1.0]), np.eye(1), np.array([0.0]), 4.0 * np.eye(1)),
        "C": (np.array([1.0, 4.0]), np.eye(2), np.array([-3.0, 2.0]), 6.25 * np.eye(2)),
    }
    mean_p, cov_p, mean_q, cov_q = laws[law]
    assert gaussian_mmd_squared(*laws[law], bandwidth=bandwidth) == pytest.approx(truth, abs=1e-9)
    rng = np.random.default_rng(5)
    found = []
    for _ in range(10):
        x = mean_p + rng.normal(size=(400, len(mean_p))) * np.sqrt(cov_p[0, 0])
        y = mean_q + rng.normal(size=(400, len(mean_q))) * np.sqrt(cov_q[0, 0])
        found.append(mmd_critic(x, y, kernel=GaussianKernel(bandwidth)).mmd_squared)
    within = [
        gaussian_kernel_mean(m, c, m, c, bandwidth=bandwidth)
        for m, c in ((mean_p, cov_p), (mean_q, cov_q))
    ]
    bias = sum(1.0 - each for each in within) / 400
    assert np.mean(found) == pytest.approx(truth + bias, abs=4.0 * standard_error(found))


def test_the_energy_kernel_and_names_serve_too(rng):
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(30, 2)) + 1.0
    for given in (EnergyKernel(), "energy", "laplace", "multi_gaussian"):
        critic = mmd_critic(x, y, kernel=given)
        assert np.mean(critic(x)) - np.mean(critic(y)) == pytest.approx(critic.mmd, abs=1e-12)


@pytest.mark.parametrize("name", ["gaussian", "energy", "laplace"])
def test_samples_that_are_the_same_have_no_critic(name, rng):
    x = rng.normal(size=(20, 1))
    for y in (x[::-1], np.repeat(x, 2, axis=0)):
        with pytest.raises(
            ValueError, match="`numerator` and `denominator` must diff.*MMD of -?[0-9]"
        ):
            mmd_critic(x, y, kernel=name)
    assert mmd_critic(x, x + 1e-4, kernel=name).mmd > 0.0


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`height` must be finite and above 0; got 0"):
        mmd_critic([[0.0]], [[1.0]], height=0.0)
    with pytest.raises(
        TypeError, match="`kernel` must be a name or a RadialKernel; got <function"
    ):
        mmd_critic([[0.0]], [[1.0]], kernel=lambda x, y: x @ y)
    with pytest.raises(ValueError, match="`kernel` must be one of"):
        mmd_critic([[0.0]], [[1.0]], kernel="cubic")
    with pytest.raises(ValueError, match="`denominator` must be finite"):
        mmd_critic([[0.0]], [[np.nan]])
    critic = mmd_critic([[0.0]], [[1.0]])
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 1\].*got \[1, 2\]"):
        critic([[0.0, 1.0]])
