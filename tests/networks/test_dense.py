"""Networks: activations and the start of an MLP."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.networks import ACTIVATIONS, MLP, Constants
from lrmf_tfp.networks.dense import softplus


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_softplus_is_that_of_tensorflow_in_value_and_slope(dtype):
    x = tf.constant([-800.0, -40.0, -3.0, 0.0, 1e-3, 29.0, 31.0, 800.0], dtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours, theirs = softplus(x), tf.math.softplus(x)
    rounding = 2 * np.finfo(dtype.as_numpy_dtype).eps
    np.testing.assert_allclose(ours, theirs, rtol=rounding, atol=rounding)
    np.testing.assert_allclose(
        tape.gradient(ours, x), tape.gradient(theirs, x), rtol=1e-6, atol=rounding
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_mlp_starts_at_zero_and_depends_on_its_input_after_that(activation):
    network = MLP(3, 2, hidden_units=(8, 8), activation=activation, seed=1)
    x = tf.random.stateless_normal([5, 3], [0, 1])
    np.testing.assert_array_equal(network(x), np.zeros([5, 2]))
    network.layers[-1].kernel.assign(tf.ones([8, 2]))
    assert np.ptp(network(x), axis=0).min() > 1e-3


def test_constants_are_the_same_in_every_row():
    network = Constants(3)
    network.values.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(network(tf.zeros([4, 0])), [[1.0, 2.0, 3.0]] * 4)
    assert network(tf.zeros([0, 0])).shape == (0, 3)
