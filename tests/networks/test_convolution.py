"""Convolutions as products: value and derivatives are those of `tf.nn.conv2d`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.networks import Conv, ConvNet
from tests.cases import perturb


def _derivatives(function, x, kernel):
    """Value, gradients, and the gradients of a function of a gradient."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(x)
            loss = tf.reduce_sum(y**3)
        gradients = inner.gradient(loss, [x, kernel])
        penalty = tf.reduce_sum(gradients[0] ** 2)
    return [y, *gradients, *outer.gradient(penalty, [x, kernel])]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("in_channels", "out_channels"), [(2, 6), (6, 2), (3, 3)])
def test_is_the_convolution_of_tensorflow(rng, size, in_channels, out_channels):
    layer = Conv(in_channels, out_channels, size=size, seed=(0, 1), dtype=tf.float64)
    layer.bias.assign(rng.normal(size=out_channels))
    x = tf.constant(rng.normal(size=(2, 5, 4, in_channels)))
    found = _derivatives(layer, x, layer.kernel)
    wanted = _derivatives(
        lambda x: tf.nn.conv2d(x, layer.kernel, 1, "SAME") + layer.bias, x, layer.kernel
    )
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


def test_network_starts_at_zero_and_sees_the_neighbours(rng):
    network = ConvNet(2, 4, hidden_units=(8, 8), seed=0, dtype=tf.float64)
    x = rng.normal(size=(3, 7, 7, 2))
    np.testing.assert_array_equal(network(x), np.zeros((3, 7, 7, 4)))
    perturb(network)
    moved = x.copy()
    moved[:, 3, 3] += 1.0
    changed = np.max(np.abs(network(moved) - network(x)), axis=(0, 3)) > 1e-12
    assert np.all(changed[1:6, 1:6])
    assert not np.any(changed[[0, 6]])
    assert not np.any(changed[:, [0, 6]])


def test_network_without_hidden_layers_is_one_convolution():
    assert len(ConvNet(2, 4, hidden_units=()).layers) == 1
