"""What all density-ratio estimators promise, over a table of named constructors."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from lrmf_tfp.kernels import GaussianKernel
from lrmf_tfp.networks import MLP
from lrmf_tfp.ratios import (
    ClassifierRatio,
    KernelMeanMatching,
    LeastSquaresRatio,
    PointwiseRatio,
)
from lrmf_tfp.samples import Sample
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
CLOSED_FORMS = ["least_squares", "mean_matching"]


def draw(dtype=np.float64):
    rng = np.random.default_rng(0)
    samples = rng.normal(1.0, 1.0, (60, 2)), rng.normal(0.0, 2.0, (45, 2))
    return tuple(x.astype(dtype) for x in samples)


@pytest.fixture
def samples():
    return draw()


@pytest.fixture(scope="module")
def fits():
    """One fit of each estimator on the samples, made when it is first asked for."""
    made = {}

    def get(name):
        if name not in made:
            estimator = ESTIMATORS[name]()
            assert estimator.fit(*draw()) is estimator
            made[name] = estimator
        return made[name]

    return get


@pytest.fixture(params=ESTIMATORS)
def name(request):
    return request.param


@pytest.fixture
def build(name):
    return ESTIMATORS[name]


@pytest.fixture
def fitted(fits, name):
    return fits(name)


@pytest.fixture(params=FUNCTIONS)
def fitted_function(fits, request):
    return fits(request.param)


@pytest.fixture(params=CLOSED_FORMS)
def closed_form(request):
    return ESTIMATORS[request.param]


def test_ratios_are_the_exponentials_of_log_ratios(fitted, samples):
    ratios, log_ratios = fitted.ratio(samples[1]), fitted.log_ratio(samples[1])
    assert ratios.shape == log_ratios.shape == (45,)
    np.testing.assert_allclose(np.exp(log_ratios), ratios, rtol=1e-6)


def test_dtype_is_kept(build, fitted, samples):
    assert fitted.log_ratio(samples[1]).dtype == fitted.ratio(samples[1]).dtype == np.float64
    numerator, denominator = draw(np.float32)
    estimator = build().fit(numerator, denominator)
    assert estimator.log_ratio(denominator).dtype == np.float32
    assert estimator.ratio(denominator).dtype == np.float32


def test_closed_forms_are_solved_in_double_precision(closed_form, samples):
    """For a classifier the dtype also decides which weights are drawn."""
    double = closed_form().fit(*samples).ratio(samples[1])
    single = draw(np.float32)
    found = closed_form().fit(*single).ratio(single[1])
    np.testing.assert_allclose(found, double, rtol=1e-4, atol=1e-5)


def test_the_divergences_are_plain_numbers(fitted):
    values = [fitted.kl(), fitted.pearson(), fitted.jensen_shannon()]
    assert all(type(value) is float and np.isfinite(value) for value in values)
    assert fitted.jensen_shannon() <= np.log(2.0)


def test_equal_samples_are_hardly_apart(build, rng):
    x = rng.normal(size=(100, 2))
    estimator = build().fit(x, x)
    assert abs(estimator.kl()) < 0.2
    assert abs(estimator.jensen_shannon()) < 0.05


def test_scikit_learn_can_clone_it(build, fitted, samples):
    estimator = build()
    twin = clone(estimator.set_params(**estimator.get_params()))
    assert repr(twin) == repr(fitted)
    same = fitted.ratio(samples[1])
    np.testing.assert_array_equal(twin.fit(*samples).ratio(samples[1]), same)


def test_kernels_and_networks_are_cloned_too(samples):
    kernel = KernelMeanMatching(kernel=[GaussianKernel(0.5), GaussianKernel(2.0)])
    network = ClassifierRatio(network=MLP(2, 1, hidden_units=(3,), dtype="float64"), config=CONFIG)
    for estimator in (kernel, network):
        twin = clone(estimator).fit(*samples)
        np.testing.assert_allclose(
            twin.ratio(samples[1]), estimator.fit(*samples).ratio(samples[1]), rtol=1e-9
        )


def test_settings_inside_settings_are_parameters():
    estimator = ClassifierRatio().set_params(config__num_steps=7, seed=3)
    assert (estimator.config.num_steps, estimator.config.patience, estimator.seed) == (7, 400, 3)
    assert estimator.get_params()["config__num_steps"] == 7
    with pytest.raises(ValueError, match="`num_stps` must be a setting of FitConfig"):
        estimator.set_params(config__num_stps=7)
    with pytest.raises(ValueError, match="Invalid parameter 'settings'"):
        estimator.set_params(settings__num_steps=7)


def test_a_second_fit_replaces_the_first(build, fitted, samples):
    estimator = build().fit(samples[0] + 3.0, samples[1])
    assert estimator.kl() > fitted.kl()
    assert estimator.fit(*samples).kl() == fitted.kl()


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


def test_what_a_ratio_cannot_have_is_refused_in_one_line(build, samples):
    x, y = samples
    given = Sample.of(x, conditions=x[:, :1])
    with pytest.raises(ValueError, match="`conditions` of `numerator` must be left out") as found:
        build().fit(given, Sample.of(y, conditions=y[:, :1]))
    assert "\n" not in str(found.value)
    weights = np.r_[-0.5, np.ones(44)]
    signed = Sample.of(y, weights=weights, negative="absolute")
    match = r"`denominator` must have weights of at least 0.*; got -0\.5 in row 0"
    with pytest.raises(ValueError, match=match):
        build().fit(x, signed)
    with pytest.raises(ValueError, match="`numerator` must have at least .* rows; got 1"):
        build().fit(Sample.of(x, weights=np.r_[1.0, np.zeros(59)]), y)


def test_bad_points_are_named(fitted_function, samples):
    with pytest.raises(
        ValueError, match=r"`x` must have shape \[B, 2\] to match the fit; got \[3, 1\]"
    ):
        fitted_function.log_ratio(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="`x` must be finite"):
        fitted_function.ratio([[np.nan, 0.0]])
    with pytest.raises(ValueError, match="`conditions` of `x` must be left out"):
        fitted_function.ratio(Sample.of(samples[0], conditions=samples[0]))


def test_columns_are_compared_by_name(build, fitted, samples, caplog):
    """Another order is put right with a note, other names are refused, no names are trusted."""
    x, y = (pd.DataFrame(z, columns=["width", "height"]) for z in samples)
    assert fitted.n_features_in_ == 2
    assert not hasattr(fitted, "feature_names_in_")
    with caplog.at_level(logging.WARNING, "lrmf_tfp"):
        estimator = build().fit(x, y[["height", "width"]])
    assert "`denominator` were put in the order width, height" in caplog.text
    assert estimator.feature_names_in_.tolist() == ["width", "height"]
    wanted = fitted.ratio(samples[1])
    for points in (y, y[["height", "width"]], samples[1]):
        np.testing.assert_array_equal(estimator.ratio(points), wanted)
    with pytest.raises(ValueError, match="`x` must have the columns width, height; got a, b"):
        estimator.ratio(y.set_axis(["a", "b"], axis=1))
    with pytest.raises(ValueError, match="`denominator` must have the columns width, height"):
        build().fit(x, y.set_axis(["a", "b"], axis=1))


def test_names_go_with_a_fit_without_them(samples):
    x, y = (pd.DataFrame(z, columns=["width", "height"]) for z in samples)
    estimator = LeastSquaresRatio().fit(x, y).fit(*samples)
    assert not hasattr(estimator, "feature_names_in_")
    assert estimator.ratio(y.set_axis(["a", "b"], axis=1)).shape == (45,)


def test_swapped_sets_swap_the_sign(rng):
    """One shift apart, so that both directions are equally hard, and cut off where q ends."""
    x, y = (z[np.abs(z) < 2.0][:, None] for z in rng.normal([[0.5], [-0.5]], 1.0, (2, 400)))
    grid = np.linspace(-1.0, 1.0, 9)[:, None]
    for name in FUNCTIONS:
        pairs = ((x, y), (y, x))
        there, back = (ESTIMATORS[name]().fit(*pair).log_ratio(grid) for pair in pairs)
        assert there[0] < 0.0 < there[-1]
        assert back[-1] < 0.0 < back[0]
        assert np.abs(there + back).max() < 1.0


def test_bounds_are_those_of_the_log_ratios(fitted_function):
    log_p, log_q, *_ = fitted_function._found()
    wanted = log_p.mean() - np.exp(log_q).mean() + 1.0
    assert fitted_function.kl_lower_bound() == pytest.approx(wanted)
    bernoulli = np.mean(np.logaddexp(0.0, -log_p)) + np.mean(np.logaddexp(0.0, log_q))
    assert fitted_function.jensen_shannon() == pytest.approx(np.log(2.0) - 0.5 * bernoulli)


def test_a_program_that_makes_numpy_raise_is_served_too(build, fits, name, rng):
    x, y = rng.normal(size=(100, 2)), rng.normal(size=(90, 2)) + 1.0
    with np.errstate(all="raise"):
        estimator = build().fit(Sample.of(x, weights=np.geomspace(1e-300, 1.0, 100)), y)
        assert np.isfinite(estimator.pearson() + estimator.jensen_shannon())
        assert not np.isnan(estimator.kl())
        assert np.all(estimator.ratio(y) >= 0.0)
        if name in FUNCTIONS:
            assert not np.any(np.isnan(estimator.log_ratio(1e6 * y)))
            assert not np.isnan(estimator.kl_lower_bound())


def test_only_functions_of_x_are_pointwise(fitted, name):
    assert isinstance(fitted, PointwiseRatio) == (name in FUNCTIONS)
