"""Optimisers that tests of the engine do not cover, against their recursions in NumPy."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.objectives import Objective, VariableGroup
from lrmf_tfp.optimizers import ConstantSchedule, PolyakSGD, RMSProp, StepContext
from lrmf_tfp.training import FitConfig, fit


def context(step=0, *, loss=1.0, squared_norm=1.0, scale=1.0, shrink=1.0):
    values = (0.0, loss, squared_norm, scale, shrink)
    return StepContext(tf.constant(step), *(tf.constant(value, tf.float64) for value in values))


def test_rmsprop_divides_by_the_running_root_mean_square(rng):
    optimizer = RMSProp(0.01, decay=0.8, epsilon=1e-3, schedule=ConstantSchedule())
    slots = [tf.zeros([3], tf.float64)]
    square = np.zeros(3)
    for step, gradient in enumerate(rng.normal(size=(5, 3))):
        change, slots = optimizer.update(tf.constant(gradient), slots, context(step))
        square = 0.8 * square + 0.2 * gradient**2
        np.testing.assert_allclose(slots[0], square, rtol=1e-12)
        np.testing.assert_allclose(change, -0.01 * gradient / (np.sqrt(square) + 1e-3), rtol=1e-12)


def test_rmsprop_is_written_into_the_settings():
    config = FitConfig(optimizer=RMSProp(0.02))
    described = config.to_json()["optimizer"]
    assert (described["name"], described["learning_rate"]) == ("RMSProp", 0.02)
    assert config.optimizer_for(VariableGroup("all", ())) == RMSProp(0.02)


def test_bad_rate_is_named():
    with pytest.raises(ValueError, match="`learning_rate` must be finite and above 0; got 0.0"):
        RMSProp(0.0)


class QuadraticTerms(NamedTuple):
    """What `Quadratic` says of a batch."""

    loss: tf.Tensor


class Quadratic(Objective):
    """`0.5 * sum(curvature * weights**2) + lowest`, the same for every batch."""

    def __init__(self, start, *, curvature, lowest=0.0):
        super().__init__(name="quadratic")
        self.weights = tf.Variable(tf.constant(start, tf.float64))
        self.curvature = tf.constant(curvature, tf.float64)
        self.lowest = lowest

    def __call__(self, *batches, seed=None):
        squares = self.curvature * tf.square(self.weights)
        return QuadraticTerms(0.5 * tf.reduce_sum(squares) + self.lowest)


def minimise(objective, optimizer, *, num_steps=1, **settings):
    config = FitConfig(
        num_steps=num_steps,
        steps_per_call=1,
        optimizer=optimizer,
        average_decay=0.0,
        jit_compile=False,
        **settings,
    )
    return fit(objective, (np.zeros((1, 1)),), config)


@pytest.mark.parametrize(("c", "left"), [(0.5, 0.0), (1.0, 0.5), (2.0, 0.75)])
@pytest.mark.parametrize("clip_norm", [1e-3, 1e9])
def test_polyak_step_on_a_round_bowl_is_known(c, left, clip_norm):
    """The gap is `a r^2 / 2` and the gradient `a r`, so that `r` becomes `(1 - 1 / (2 c)) r`."""
    start = np.array([3.0, -4.0])
    bowl = Quadratic(start, curvature=0.7, lowest=-11.0)
    optimizer = PolyakSGD(-11.0, c=c, max_rate=100.0)
    history = minimise(bowl, optimizer, num_steps=2, clip_norm=clip_norm).history
    assert history["learning_rate"][0] == pytest.approx(1.0 / (2.0 * c * 0.7), rel=1e-12)
    assert history["loss"][1] + 11.0 == pytest.approx(0.35 * (5.0 * left) ** 2, abs=1e-12)


def test_polyak_steps_converge_as_fast_as_they_must(rng):
    """`|w|**2` falls by `4 (gap / norm)**2` a step, by at least the share lowest to highest."""
    curvature, start = np.geomspace(0.1, 2.0, 5), rng.normal(size=5)
    bowl = Quadratic(start, curvature=curvature, lowest=2.0)
    history = minimise(bowl, PolyakSGD(2.0, max_rate=1e6), num_steps=200).history
    assert np.all(np.isfinite(history["learning_rate"]))
    left = np.sum(np.square(bowl.weights)) / np.sum(np.square(start))
    assert 0.0 < left <= (1.0 - 0.1 / 2.0) ** 200


def test_polyak_step_is_the_formula_up_to_its_largest():
    optimizer = PolyakSGD(1.0, c=0.25, max_rate=3.0)
    for loss, squared_norm in [(5.0, 64.0), (5.0, 1e-3), (1.5, 0.2), (1.5, 4.0)]:
        rate = optimizer.rate(context(loss=loss, squared_norm=squared_norm, scale=0.5))
        wanted = 0.5 * min((loss - 1.0) / (0.25 * squared_norm), 3.0)
        assert float(rate) == pytest.approx(wanted, rel=1e-12)


def test_polyak_step_goes_along_the_gradient_before_clipping():
    gradient = np.array([3.0, 4.0])
    given = context(loss=2.0, squared_norm=25.0, shrink=0.1)
    change, slots = PolyakSGD(c=1.0).update(tf.constant(0.1 * gradient), [], given)
    np.testing.assert_allclose(change, -2.0 / 25.0 * gradient, rtol=1e-12)
    assert slots == []


@pytest.mark.parametrize("loss", [-7.0, 0.0])
def test_polyak_step_is_never_negative(loss):
    given = context(loss=loss, squared_norm=2.0)
    assert float(PolyakSGD().rate(given)) == 0.0


@pytest.mark.parametrize("loss", [-1.0, 0.0, 1.0])
def test_polyak_step_without_a_gradient_changes_nothing(loss):
    given = context(loss=loss, squared_norm=0.0)
    change, _ = PolyakSGD().update(tf.zeros([3]), [], given)
    np.testing.assert_array_equal(change, np.zeros(3))
    assert np.isfinite(PolyakSGD().rate(given))


def test_polyak_settings_are_written_as_json():
    described = FitConfig(optimizer=PolyakSGD(-1.0, max_rate=0.2)).to_json()["optimizer"]
    wanted = {"name": "PolyakSGD", "lower_bound": -1.0, "c": 0.5, "max_rate": 0.2}
    assert json.loads(json.dumps(described)) == wanted


@pytest.mark.parametrize("name", ["c", "max_rate"])
def test_bad_polyak_setting_is_named(name):
    with pytest.raises(ValueError, match=f"`{name}` must be finite and above 0; got -1.0"):
        PolyakSGD(**{name: -1.0})


def test_bad_lower_bound_is_named():
    with pytest.raises(ValueError, match="`lower_bound` must be finite; got -inf"):
        PolyakSGD(-np.inf)
