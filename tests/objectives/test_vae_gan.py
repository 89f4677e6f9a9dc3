"""The VAE-GAN's terms by hand, its three groups, and a decoder that learns by features alone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.networks import ImageDecoder, ImageEncoder
from lrmf_tfp.objectives import VAEGANObjective, VAEObjective
from lrmf_tfp.samples import Batch
from tests.cases import perturb

SHAPE, SIZES = (4, 8, 1), {"channels": 2, "hidden_units": (4,)}


def build(*, beta=1.0, **settings):
    encoder = perturb(ImageEncoder(SHAPE, 6, **SIZES))
    autoencoder = VAEObjective(encoder, perturb(ImageDecoder(3, SHAPE, **SIZES)), beta=beta)
    discriminator = perturb(ImageEncoder(SHAPE, 1, seed=1, **SIZES), seed=1)
    return VAEGANObjective(autoencoder, discriminator, **settings)


def draw(rng, number):
    return tf.constant(rng.uniform(size=(number, *SHAPE)), tf.float32)


def test_terms_are_sums_of_their_parts(rng):
    objective = build(beta=0.5, feature_weight=0.2, pixel_weight=0.3)
    batches = draw(rng, 3), draw(rng, 9)
    terms = objective(*batches, seed=tf.constant([0, 1]))
    errors = terms.feature_error + 0.3 * terms.reconstruction
    np.testing.assert_allclose(terms.loss, errors + 0.5 * terms.kl, rtol=1e-5)
    plain = build(beta=0.5, feature_weight=0.0)(*batches, seed=tf.constant([0, 1]))
    np.testing.assert_allclose(terms.decoder_loss - plain.decoder_loss, 0.2 * errors, rtol=1e-4)
    np.testing.assert_allclose(terms.discriminator_loss, plain.discriminator_loss, rtol=1e-5)
    vae = objective.autoencoder(*batches, seed=tf.constant([0, 1]))
    np.testing.assert_allclose(terms.kl, vae.kl, rtol=1e-5)
    np.testing.assert_allclose(objective.validation_loss(*batches), float(vae.loss), rtol=0.2)


@pytest.mark.parametrize(("name", "blind"), [("non_saturating", np.log(2.0)), ("hinge", 1.0)])
def test_a_discriminator_that_knows_nothing_has_the_known_loss(rng, name, blind):
    objective = build(gan_loss=name)
    for variable in objective.discriminator.head.variables:
        variable.assign(tf.zeros_like(variable))
    terms = objective(draw(rng, 6), seed=tf.constant([0, 1]))
    np.testing.assert_allclose(terms.discriminator_loss, blind, rtol=1e-6)


def test_an_image_that_is_reconstructed_has_no_feature_error(rng):
    objective = build()
    objective.autoencoder.decoder.conv.kernel.assign(tf.zeros([3, 3, 2, 16]))
    gray = tf.fill([4, *SHAPE], 0.5)
    objective.autoencoder.decoder.conv.bias.assign(tf.zeros([16]))
    assert float(objective(gray, seed=tf.constant([0, 1])).feature_error) < 1e-10
    assert float(objective(draw(rng, 4), seed=tf.constant([0, 1])).feature_error) > 0.01


def test_every_player_has_variables_of_its_own_and_a_slope(rng):
    objective, images = build(), draw(rng, 6)
    groups = objective.groups()
    assert [(group.name, group.loss) for group in groups] == [
        ("encoder", "loss"),
        ("decoder", "decoder_loss"),
        ("discriminator", "discriminator_loss"),
    ]
    owned = [id(variable) for group in groups for variable in group.variables]
    assert sorted(owned) == sorted({id(variable) for variable in objective.trainable_variables})
    for group in groups:
        with tf.GradientTape() as tape:
            loss = getattr(objective(images, seed=tf.constant([0, 1])), group.loss)
        slopes = tape.gradient(loss, group.variables)
        assert all(np.abs(slope).max() > 0.0 for slope in slopes)


@pytest.mark.parametrize("name", ["hinge", "non_saturating"])
def test_weights_are_those_of_the_images(rng, name):
    """An image of weight 0 changes nothing; equal weights are none."""
    objective, images, seed = build(gan_loss=name), draw(rng, 6), tf.constant([0, 1])
    weights = tf.constant([0.0, 1.0, 2.0, 0.5, 1.0, 3.0], tf.float64)
    other = tf.concat([1.0 - images[:1], images[1:]], axis=0)
    first, second = (objective(Batch(part, weights), seed=seed) for part in (images, other))
    np.testing.assert_allclose(first, second, rtol=1e-5)
    equal = objective(Batch(images, tf.fill([6], tf.constant(7.0, tf.float64))), seed=seed)
    np.testing.assert_allclose(equal, objective(images, seed=seed), rtol=1e-5)
    assert np.all(np.abs(np.subtract(first, equal)) > 1e-6)


@pytest.mark.slow
def test_xla_gives_the_same_terms_on_average(rng):
    objective, seed = build(), tf.constant([0, 1])
    batch = tf.repeat(draw(rng, 1), 2000, axis=0)
    compiled = tf.function(objective, autograph=False, jit_compile=True)
    np.testing.assert_allclose(compiled(batch, seed=seed), objective(batch, seed=seed), rtol=0.03)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="`gan_loss` must be one of 'hinge', 'non_saturating'; g"):
        build(gan_loss="wasserstein")
    with pytest.raises(ValueError, match="`feature_weight` must be finite and at least 0; got -1"):
        build(feature_weight=-1.0)
    with pytest.raises(ValueError, match="`pixel_weight` must be finite and at least 0; got -1"):
        build(pixel_weight=-1.0)
