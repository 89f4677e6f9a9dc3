"""Optimisers that tests of the engine do not cover, against their recursions in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.objectives import VariableGroup
from lrmf_tfp.optimizers import ConstantSchedule, RMSProp, StepContext
from lrmf_tfp.training import FitConfig


def context(step):
    one = tf.ones([], tf.float64)
    return StepContext(tf.constant(step), one * 0.0, one, one, one)


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
