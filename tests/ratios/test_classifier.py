"""The classifier ratio: the prior's correction, scaling, held-out rows, networks of one's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.networks import MLP
from lrmf_tfp.ratios import ClassifierRatio
from lrmf_tfp.samples import Sample
from lrmf_tfp.training import FitConfig

KL, PEARSON, JSD = 0.4431471806, 0.7440263415, 0.1281749731  # N(1, 1) against N(0, 4)
SHORT = FitConfig(num_steps=100, steps_per_call=50, jit_compile=False)


def pair_a(seed, rows_p, rows_q=None):
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 1.0, (rows_p, 1)), rng.normal(0.0, 2.0, (rows_q or rows_p, 1))


def true_log_ratio(x):
    return math.log(2.0) + 0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2


def rms_error(estimator, *, low=-1.0, high=3.0):
    grid = np.linspace(low, high, 81)[:, None]
    return float(np.sqrt(np.mean((estimator.log_ratio(grid) - true_log_ratio(grid)) ** 2)))


class Flat(tf.Module):
    """A network that answers `[B]`, or what its function makes of that."""

    def __init__(self, function=lambda logits: logits):
        super().__init__()
        self.slope = tf.Variable([[0.1]], dtype=tf.float64)
        self.function = function

    def __call__(self, x):
        return self.function(tf.matmul(x, self.slope)[:, 0])


@pytest.fixture(scope="module")
def plain():
    """A short fit of 100 rows of each."""
    return ClassifierRatio(hidden_units=(8,), config=SHORT).fit(*pair_a(0, 100))


class Fixed(tf.Module):
    """A network without weights."""

    def __call__(self, x):
        return x


def test_the_defaults_find_a_known_ratio():
    estimator = ClassifierRatio().set_params(config__jit_compile=False).fit(*pair_a(0, 5000))
    assert rms_error(estimator) < 0.2
    assert estimator.kl() == pytest.approx(KL, abs=0.06)
    assert estimator.kl_lower_bound() == pytest.approx(KL, abs=0.12)
    assert estimator.jensen_shannon() == pytest.approx(JSD, abs=0.03)
    assert estimator.pearson() == pytest.approx(PEARSON, abs=0.3)


def test_few_samples_are_not_learned_by_heart(rng):
    """Both sets of 60 rows from one law in 5 dimensions: there is nothing to find."""
    x, y = rng.normal(size=(2, 60, 5))
    config = FitConfig(num_steps=2000, steps_per_call=20, patience=100, jit_compile=False)
    estimator = ClassifierRatio(config=config).fit(x, y)
    assert estimator.result_.stopped_early
    fresh_x, fresh_y = rng.normal(size=(2, 20_000, 5))
    of_x, of_y = estimator.log_ratio(fresh_x), estimator.log_ratio(fresh_y)
    entropy = 0.5 * (np.logaddexp(0.0, -of_x).mean() + np.logaddexp(0.0, of_y).mean())
    assert entropy < math.log(2.0) + 0.1
    assert estimator.kl_lower_bound() < 0.3


def test_logits_hold_the_classes_frequencies_and_ratios_do_not():
    x, y = pair_a(0, 2000, 500)
    estimator = ClassifierRatio().set_params(config__jit_compile=False).fit(x, y)
    grid = np.linspace(-1.0, 3.0, 41)[:, None]
    shift = estimator.logits(grid) - estimator.log_ratio(grid)
    np.testing.assert_allclose(shift, math.log(4.0), atol=1e-5)
    assert rms_error(estimator) < 0.4
    assert np.mean(estimator.logits(grid) - true_log_ratio(grid)) > 1.0


@pytest.mark.parametrize("unit", [1e3, 1e-140])
def test_units_do_not_matter(plain, unit):
    x, y = pair_a(0, 100)
    estimator = ClassifierRatio(hidden_units=(8,), config=SHORT)
    scaled = estimator.fit(unit * (10.0 + x), unit * (10.0 + y))
    grid = np.linspace(-3.0, 3.0, 9)[:, None]
    found = scaled.log_ratio(unit * (10.0 + grid))
    np.testing.assert_allclose(found, plain.log_ratio(grid), atol=1e-6)


def test_float32_samples_far_from_the_origin_keep_what_they_have(plain):
    """1e5 + N(0, 1) in float32 has steps of 1 / 128; the moments are float64."""
    x, y = (np.round(128.0 * z) / 128.0 for z in pair_a(0, 100))
    near, far = (
        ClassifierRatio(hidden_units=(8,), config=SHORT).fit(
            *(np.float32(z + shift) for z in (x, y))
        )
        for shift in (0.0, 1e5)
    )
    grid = np.linspace(-3.0, 3.0, 9)[:, None]
    found = far.log_ratio(np.float32(grid + 1e5))
    np.testing.assert_allclose(found, near.log_ratio(np.float32(grid)), atol=1e-4)


def test_weights_estimate_the_law_that_they_make():
    """Rows of N(0, 4) by weights p / q stand for p = N(1, 1)."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.0, 2.0, (2, 4000, 1))
    weighted = Sample.of(x, weights=5.0 * np.exp(true_log_ratio(x)))
    settings = {"config__num_steps": 600, "config__jit_compile": False}
    estimator = ClassifierRatio(hidden_units=(16,)).set_params(**settings).fit(weighted, y)
    assert rms_error(estimator) < 0.25
    assert estimator.kl() == pytest.approx(KL, abs=0.1)
    assert estimator.pearson() == pytest.approx(PEARSON, abs=0.3)
    effective = weighted.num_effective
    assert effective == pytest.approx(4000.0 / (1.0 + PEARSON), rel=0.05)
    assert estimator.log_prior_ratio_ == pytest.approx(math.log(effective / 4000.0))
    held_out = estimator.held_out_
    assert held_out.denominator_weights is None
    wanted = np.average(held_out.numerator, weights=held_out.numerator_weights)
    assert estimator.kl() == pytest.approx(wanted)
    assert abs(np.mean(held_out.numerator) - wanted) > 0.2
    squares = np.mean(np.exp(2.0 * held_out.denominator))
    gain = np.average(np.exp(held_out.numerator), weights=held_out.numerator_weights)
    assert estimator.pearson() == pytest.approx(2.0 * gain - squares - 1.0)


def test_rows_without_mass_are_absent(plain):
    x, y = (
        Sample.of(np.vstack([z, np.full((30, 1), 1e9)]), weights=np.r_[np.ones(100), np.zeros(30)])
        for z in pair_a(0, 100)
    )
    estimator = ClassifierRatio(hidden_units=(8,), config=SHORT).fit(x, y)
    grid = np.linspace(-3.0, 3.0, 9)[:, None]
    np.testing.assert_array_equal(estimator.log_ratio(grid), plain.log_ratio(grid))


def test_a_constant_column_does_no_harm():
    x, y = (np.concatenate([z, np.full_like(z, 7.0)], axis=1) for z in pair_a(0, 100))
    estimator = ClassifierRatio(hidden_units=(8,), config=SHORT).fit(x, y)
    assert np.all(np.isfinite(estimator.log_ratio(x)))


def test_held_out_rows_are_the_fraction_that_was_asked_for():
    estimator = ClassifierRatio(hidden_units=(4,), config=SHORT, validation_fraction=0.3)
    estimator.fit(*pair_a(0, 50, 20))
    assert [len(values) for values in estimator.held_out_[:2]] == [15, 6]
    wanted = np.mean(estimator.held_out_.numerator)
    assert estimator.kl() == pytest.approx(wanted)


def test_seed_decides_all():
    first, same, other = (
        ClassifierRatio(hidden_units=(4,), config=SHORT, seed=seed).fit(*pair_a(0, 50)).kl()
        for seed in (0, 0, 1)
    )
    assert first == same != other


def test_callbacks_see_the_stage():
    seen = []
    estimator = ClassifierRatio(hidden_units=(4,), config=SHORT)
    estimator.fit(*pair_a(0, 50), callbacks=[lambda event: seen.append(event.stage)])
    assert seen == ["classifier", "classifier"]


@pytest.mark.parametrize(
    "network",
    [
        Flat,
        lambda: MLP(1, 1, hidden_units=(4,), activation=("tanh",), dtype=tf.float64),
        lambda: MLP(1, 1, hidden_units=(4,)),
    ],
    ids=["flat", "column", "float32"],
)
def test_a_copy_of_a_network_of_ones_own_is_trained(network):
    """A parameter stays what it was, so that a second fit is the first again."""
    given = network()
    before = [variable.numpy() for variable in given.variables]
    estimator = ClassifierRatio(network=given, config=SHORT).fit(*pair_a(0, 100))
    trained = estimator.saved_.module.network.variables
    assert estimator.network is given
    assert estimator.log_ratio([[0.0]]).dtype == np.float64  # that of the samples
    for variable, value, new in zip(given.variables, before, trained, strict=True):
        np.testing.assert_array_equal(variable, value)
        assert np.any(new != value)


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (lambda: 3, TypeError, "`network` must be a tf.Module that can be called; got 3"),
        (lambda: abs, TypeError, "`network` must be a tf.Module that can be called"),
        (
            lambda: MLP(1, 2, hidden_units=(4,), dtype=tf.float64),
            ValueError,
            r"`network` must return shape \[B\] or \[B, 1\]; got \[20, 2\]",
        ),
        (
            lambda: Flat(lambda logits: logits[:3]),
            ValueError,
            "`network` must return one output a row; got 3 for 20 rows",
        ),
        (
            lambda: MLP(2, 1, hidden_units=(4,), dtype=tf.float64),
            ValueError,
            r"`network` must take samples \[B, 1\] of float64",
        ),
        (tf.Module, TypeError, "`network` must be a tf.Module that can be called"),
        (Fixed, ValueError, "`network` must have trainable variables; got none"),
    ],
)
def test_a_network_that_does_not_fit_is_named(network, error, message):
    with pytest.raises(error, match=message) as caught:
        ClassifierRatio(network=network(), config=SHORT).fit(*pair_a(0, 100))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_fraction": 1.0}, ValueError, "`validation_fraction` must lie strictly"),
        ({"hidden_units": (0,)}, ValueError, "`hidden_units` must be at least 1; got 0"),
        ({"activation": "rellu"}, ValueError, "did you mean 'relu'"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0; got -1"),
    ],
)
def test_bad_settings_are_named(options, error, message):
    with pytest.raises(error, match=message):
        ClassifierRatio(**options).fit(*pair_a(0, 20))
