"""The classifier ratio: the prior's correction, scaling, held-out rows, networks of one's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.networks import MLP
from lrmf_tfp.ratios import ClassifierRatio
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


def test_the_defaults_find_a_known_ratio():
    estimator = ClassifierRatio().fit(*pair_a(0, 5000))
    assert rms_error(estimator) < 0.2
    assert estimator.kl() == pytest.approx(KL, abs=0.06)
    assert estimator.kl_lower_bound() == pytest.approx(KL, abs=0.12)
    assert estimator.jensen_shannon() == pytest.approx(JSD, abs=0.03)
    assert estimator.pearson() == pytest.approx(PEARSON, abs=0.3)


def test_few_samples_are_not_learned_by_heart(rng):
    """Both sets of 60 rows from one law in 5 dimensions: there is nothing to find."""
    x, y = rng.normal(size=(2, 60, 5))
    config = FitConfig(num_steps=3000, steps_per_call=20, patience=200, jit_compile=False)
    estimator = ClassifierRatio(config=config).fit(x, y)
    assert estimator.result_.stopped_early
    fresh_x, fresh_y = rng.normal(size=(2, 20_000, 5))
    of_x, of_y = estimator.log_ratio(fresh_x), estimator.log_ratio(fresh_y)
    entropy = 0.5 * (np.logaddexp(0.0, -of_x).mean() + np.logaddexp(0.0, of_y).mean())
    assert entropy < math.log(2.0) + 0.1
    assert estimator.kl_lower_bound() < 0.3


def test_logits_hold_the_classes_frequencies_and_ratios_do_not():
    x, y = pair_a(0, 2000, 500)
    estimator = ClassifierRatio().fit(x, y)
    grid = np.linspace(-1.0, 3.0, 41)[:, None]
    shift = estimator.logits(grid) - estimator.log_ratio(grid)
    np.testing.assert_allclose(shift, math.log(4.0), atol=1e-5)
    assert rms_error(estimator) < 0.4
    assert np.mean(estimator.logits(grid) - true_log_ratio(grid)) > 1.0


def test_units_do_not_matter():
    x, y = pair_a(0, 100)
    plain = ClassifierRatio(hidden_units=(8,), config=SHORT).fit(x, y)
    scaled = ClassifierRatio(hidden_units=(8,), config=SHORT).fit(1e4 + 1e3 * x, 1e4 + 1e3 * y)
    grid = np.linspace(-3.0, 3.0, 9)[:, None]
    found = scaled.log_ratio(1e4 + 1e3 * grid)
    np.testing.assert_allclose(found, plain.log_ratio(grid), atol=1e-6)


def test_a_constant_column_does_no_harm():
    x, y = (np.concatenate([z, np.full_like(z, 7.0)], axis=1) for z in pair_a(0, 100))
    estimator = ClassifierRatio(hidden_units=(8,), config=SHORT).fit(x, y)
    assert np.all(np.isfinite(estimator.log_ratio(x)))


def test_held_out_rows_are_the_fraction_that_was_asked_for():
    estimator = ClassifierRatio(hidden_units=(4,), config=SHORT, validation_fraction=0.3)
    estimator.fit(*pair_a(0, 50, 20))
    assert [len(values) for values in estimator.held_out_] == [15, 6]
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
    [Flat, lambda: MLP(1, 1, hidden_units=(4,), activation=("tanh",), dtype=tf.float64)],
    ids=["flat", "column"],
)
def test_a_network_of_ones_own_is_trained_in_place(network):
    given = network()
    before = [variable.numpy() for variable in given.variables]
    estimator = ClassifierRatio(network=given, config=SHORT).fit(*pair_a(0, 100))
    assert estimator.network_ is given
    assert any(np.abs(v - b).max() > 1e-3 for v, b in zip(given.variables, before, strict=True))


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
            "`network` must return one logit a row; got 3 for 20 rows",
        ),
        (
            lambda: MLP(1, 1, hidden_units=(4,)),
            ValueError,
            r"`network` must take samples \[B, 1\] of float64",
        ),
        (
            lambda: MLP(2, 1, hidden_units=(4,), dtype=tf.float64),
            ValueError,
            r"`network` must take samples \[B, 1\] of float64",
        ),
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
