"""What all density-ratio estimators promise, over a table of named constructors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from lrmf_tfp.kernels import GaussianKernel
from lrmf_tfp.networks import MLP
from lrmf_tfp.ratios import ClassifierRatio, KernelMeanMatching, LeastSquaresRatio
from lrmf_tfp.training import FitConfig

CONFIG = FitConfig(num_steps=100, steps_per_call=50, jit_compile=False)
ESTIMATORS = {
    "classifier": lambda **options: ClassifierRatio(
        **{"hidden_units": (4,), "config": CONFIG, **options}
    ),
    "least_squares": lambda **options: LeastSquaresRatio(**{"num_centres": 10, **options}),
    "mean_matching": KernelMeanMatching,
}
FUNCTIONS = ["classifier", "least_squares"]


@pytest.fixture(params=ESTIMATORS)
def build(request):
    return ESTIMATORS[request.param]


@pytest.fixture(params=FUNCTIONS)
def build_function(request):
    return ESTIMATORS[request.param]


@pytest.fixture
def samples(rng):
    return rng.normal(1.0, 1.0, (60, 2)), rng.normal(0.0, 2.0, (45, 2))


def test_fit_returns_the_estimator(build, samples):
    estimator = build()
    assert estimator.fit(*samples) is estimator


def test_ratios_are_the_exponentials_of_log_ratios(build, samples):
    estimator = build().fit(*samples)
    ratios, log_ratios = estimator.ratio(samples[1]), estimator.log_ratio(samples[1])
    assert ratios.shape == log_ratios.shape == (45,)
    np.testing.assert_allclose(np.exp(log_ratios), np.maximum(ratios, 0.0), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(build, samples, dtype):
    numerator, denominator = (x.astype(dtype) for x in samples)
    estimator = build().fit(numerator, denominator)
    assert estimator.log_ratio(denominator).dtype == dtype
    assert estimator.ratio(denominator).dtype == dtype


@pytest.mark.parametrize("name", ["least_squares", "mean_matching"])
def test_closed_forms_are_solved_in_double_precision(samples, name):
    """For a classifier the dtype also decides which weights are drawn."""
    build = ESTIMATORS[name]
    double = build().fit(*samples).ratio(samples[1])
    single = [x.astype(np.float32) for x in samples]
    np.testing.assert_allclose(build().fit(*single).ratio(single[1]), double, rtol=1e-4, atol=1e-5)


def test_the_divergences_are_plain_numbers(build, samples):
    estimator = build().fit(*samples)
    values = [estimator.kl(), estimator.pearson(), estimator.jensen_shannon()]
    assert all(type(value) is float and np.isfinite(value) for value in values)
    assert estimator.jensen_shannon() <= np.log(2.0)


def test_equal_samples_are_hardly_apart(build, rng):
    x = rng.normal(size=(100, 2))
    estimator = build().fit(x, x)
    assert abs(estimator.kl()) < 0.2
    assert abs(estimator.jensen_shannon()) < 0.05


def test_scikit_learn_can_clone_it(build, samples):
    estimator = build()
    twin = clone(estimator.set_params(**estimator.get_params()))
    assert repr(twin) == repr(estimator)
    same = estimator.fit(*samples).ratio(samples[1])
    np.testing.assert_array_equal(twin.fit(*samples).ratio(samples[1]), same)


def test_kernels_and_networks_are_cloned_too(samples):
    kernel = KernelMeanMatching(kernel=[GaussianKernel(0.5), GaussianKernel(2.0)])
    network = ClassifierRatio(network=MLP(2, 1, hidden_units=(3,), dtype="float64"), config=CONFIG)
    for estimator in (kernel, network):
        twin = clone(estimator).fit(*samples)
        np.testing.assert_allclose(
            twin.ratio(samples[1]), estimator.fit(*samples).ratio(samples[1]), rtol=1e-9
        )


def test_a_second_fit_replaces_the_first(build, samples):
    estimator = build().fit(*samples)
    first = estimator.kl()
    estimator.fit(samples[0] + 3.0, samples[1])
    assert estimator.kl() > first
    assert estimator.fit(*samples).kl() == first


def test_a_fit_that_fails_leaves_no_half_of_one(build, samples):
    estimator = build()
    with pytest.raises(ValueError, match="`denominator` must be finite"):
        estimator.fit(samples[0], np.full((45, 2), np.nan))
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        estimator.kl()


@pytest.mark.parametrize("method", ["kl", "pearson", "jensen_shannon"])
def test_nothing_is_known_before_a_fit(build, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(build(), method)()


@pytest.mark.parametrize("method", ["ratio", "log_ratio"])
def test_no_ratio_is_known_before_a_fit(build, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(build(), method)([[0.0, 0.0]])


def test_bad_samples_are_named(build, samples):
    x, y = samples
    with pytest.raises(ValueError, match=r"`denominator` must have shape \[M, 2\] to match"):
        build().fit(x, y[:, :1])
    with pytest.raises(ValueError, match="`numerator` must have at least .* rows; got 0"):
        build().fit(x[:0], y)
    with pytest.raises(ValueError, match="`denominator` must have at least .* rows; got 1"):
        build().fit(x, y[:1])
    with pytest.raises(ValueError, match=r"`numerator` must have shape \[N, D\]; got \[60\]"):
        build().fit(x[:, 0], y)
    with pytest.raises(TypeError, match="`numerator` must be numeric"):
        build().fit(x.astype(str), y)
    with pytest.raises(ValueError, match="must be at most 1e.150 in size, .* got 1e.200"):
        build().fit(1e200 * np.sign(x), y)
    x[4, 1] = np.inf
    with pytest.raises(ValueError, match="`numerator` must be finite; got 1 non-finite value"):
        build().fit(x, y)


def test_bad_points_are_named(build_function, samples):
    estimator = build_function().fit(*samples)
    with pytest.raises(
        ValueError, match=r"`x` must have shape \[B, 2\] to match the fit; got \[3, 1\]"
    ):
        estimator.log_ratio(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="`x` must be finite"):
        estimator.ratio([[np.nan, 0.0]])


def test_swapped_sets_swap_the_sign(build_function, rng):
    """One shift apart, so that both directions are equally hard."""
    x, y = rng.normal(size=(300, 1)) + 0.5, rng.normal(size=(300, 1)) - 0.5
    grid = np.linspace(-1.0, 1.0, 9)[:, None]
    there, back = (build_function().fit(*pair).log_ratio(grid) for pair in ((x, y), (y, x)))
    assert there[0] < 0.0 < there[-1]
    assert back[-1] < 0.0 < back[0]
    assert np.abs(there + back).max() < 1.0


def test_bounds_are_those_of_the_log_ratios(build_function, samples):
    estimator = build_function().fit(*samples)
    log_p, log_q = estimator._found()
    assert estimator.kl_lower_bound() == pytest.approx(log_p.mean() - np.exp(log_q).mean() + 1.0)
    bernoulli = np.mean(np.logaddexp(0.0, -log_p)) + np.mean(np.logaddexp(0.0, log_q))
    assert estimator.jensen_shannon() == pytest.approx(np.log(2.0) - 0.5 * bernoulli)
