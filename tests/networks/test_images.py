"""Image networks: shapes, what a vector and a pixel depend on, and bad shapes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.networks import ImageDecoder, ImageEncoder

SHAPES = [(8, 8, 1), (12, 4, 1), (4, 8, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_encoder_and_decoder_have_mirrored_shapes(rng, shape):
    images = rng.uniform(size=(3, *shape)).astype(np.float32)
    encoder = ImageEncoder(shape, 5, channels=4, hidden_units=(8, 4))
    assert tuple(encoder.image_shape) == shape
    vectors = encoder(images)
    assert vectors.shape == [3, 5]
    assert ImageDecoder(5, shape, channels=4, hidden_units=(4, 8))(vectors).shape == [3, *shape]


def test_without_hidden_layers_the_vectors_are_linear_in_the_features(rng):
    network = ImageEncoder((8, 8, 1), 3, channels=4, hidden_units=())
    images = tf.constant(rng.uniform(size=(5, 8, 8, 1)), tf.float32)
    (layer,) = network.head.layers
    wanted = network.features(images) @ layer.kernel + layer.bias
    np.testing.assert_allclose(network(images), wanted, rtol=1e-5, atol=1e-6)


def test_the_convolution_is_one_of_stride_4(rng):
    """A 3x3 convolution of 4x4 cells is a 12x12 one of pixels with stride 4."""
    network = ImageEncoder((8, 12, 2), 3, channels=5, activation="relu")
    network.conv.bias.assign(rng.normal(size=5))
    images = tf.constant(rng.normal(size=(2, 8, 12, 2)), tf.float32)
    kernel = tf.reshape(network.conv.kernel, [3, 3, 4, 4, 2, 5])
    kernel = tf.reshape(tf.transpose(kernel, [0, 2, 1, 3, 4, 5]), [12, 12, 2, 5])
    padded = tf.pad(images, [[0, 0], [4, 4], [4, 4], [0, 0]])
    wanted = tf.nn.relu(tf.nn.conv2d(padded, kernel, 4, "VALID") + network.conv.bias)
    found = network.features(images)
    np.testing.assert_allclose(found, tf.reshape(wanted, [2, -1]), rtol=1e-4, atol=1e-4)


def test_the_seed_decides_and_all_variables_are_trained(rng):
    images = rng.uniform(size=(2, 8, 8, 1)).astype(np.float32)
    sizes = {"channels": 4, "hidden_units": (8,)}
    first, same, other = (
        ImageEncoder((8, 8, 1), 3, seed=seed, **sizes)(images) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3
    decoder = ImageDecoder(3, (8, 8, 1), **sizes)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(decoder(first) ** 2)
    slopes = tape.gradient(loss, decoder.trainable_variables)
    assert all(np.abs(slope).max() > 0.0 for slope in slopes)


@pytest.mark.parametrize("shape", [(10, 16, 1), (16, 18, 1), (16, 16), (0, 4, 1)])
@pytest.mark.parametrize(
    "build", [lambda s: ImageEncoder(s, 3), lambda s: ImageDecoder(3, s)], ids=["encoder", "deco"]
)
def test_a_shape_that_is_no_multiple_of_four_is_named(build, shape):
    with pytest.raises(ValueError, match=r"`image_shape` must be \(H, W, C\) .* divisible by 4"):
        build(shape)


def test_widths_are_checked():
    with pytest.raises(ValueError, match="`channels` must be at least 1; got 0"):
        ImageEncoder((8, 8, 1), 3, channels=0)
    with pytest.raises(ValueError, match="`hidden_units` must be at least 1; got 0"):
        ImageDecoder(3, (8, 8, 1), hidden_units=(0,))
