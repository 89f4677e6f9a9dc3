"""The VAE's terms against TensorFlow Probability, domains, weights, augmentation, XLA."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import lrmf_tfp as lt
from lrmf_tfp.networks import ImageDecoder, ImageEncoder
from lrmf_tfp.objectives import VAEObjective
from lrmf_tfp.samples import Batch, Sample
from tests.cases import perturb

tfd = tfp.distributions
SHAPE, SEED = (4, 8, 1), [3, 4]


def build(**settings):
    sizes = {"channels": 2, "hidden_units": (4,)}
    encoder = perturb(ImageEncoder(SHAPE, 6, **sizes))
    return VAEObjective(encoder, perturb(ImageDecoder(3, SHAPE, **sizes)), **settings)


def draw(rng, number):
    return tf.constant(rng.uniform(size=(number, *SHAPE)), tf.float32)


def test_terms_are_those_of_probability_distributions(rng):
    objective, images = build(beta=0.3), draw(rng, 6)
    loc, log_scale = objective.posterior(images)
    posterior = tfd.MultivariateNormalDiag(loc, tf.exp(log_scale))
    kl = tfd.kl_divergence(posterior, tfd.MultivariateNormalDiag(tf.zeros(3), tf.ones(3)))
    noise = tf.random.stateless_normal([6, 3], SEED, dtype=tf.float64, alg="philox")
    logits = objective.decoder(loc + tf.exp(log_scale) * tf.cast(noise, tf.float32))
    pixels = tfd.Bernoulli(logits=logits, dtype=tf.float32)
    reconstruction = -tf.reduce_sum(pixels.log_prob(images), axis=[1, 2, 3])
    found = objective.evaluate(images, images, seed=tf.constant(SEED))
    np.testing.assert_allclose(found.kl, kl, rtol=1e-5)
    np.testing.assert_allclose(found.reconstruction, reconstruction, rtol=1e-5)
    np.testing.assert_allclose(found.loss, reconstruction + 0.3 * kl, rtol=1e-5)


def test_the_bound_is_below_the_evidence(rng):
    """With two latent dimensions the evidence is an integral over a grid."""
    sizes = {"channels": 2, "hidden_units": (4,)}
    objective = VAEObjective(ImageEncoder(SHAPE, 4, **sizes), ImageDecoder(2, SHAPE, **sizes))
    image = tf.round(draw(rng, 1))
    axis = np.linspace(-6.0, 6.0, 121)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype(np.float32)
    pixels = tfd.Bernoulli(logits=objective.decoder(grid), dtype=tf.float32)
    log_joint = tf.reduce_sum(pixels.log_prob(image), axis=[1, 2, 3])
    log_joint += tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2)).log_prob(grid)
    evidence = float(tf.reduce_logsumexp(log_joint)) + 2.0 * np.log(axis[1] - axis[0])
    many = tf.repeat(image, 2000, axis=0)
    bound = -float(tf.reduce_mean(objective.evaluate(many, many, seed=tf.constant(SEED)).loss))
    assert evidence - 10.0 < bound < evidence


def test_a_small_domain_counts_as_much_as_a_large_one(rng):
    objective, small, large = build(), draw(rng, 3), 0.2 * draw(rng, 40)
    both = objective.validation_loss(small, large)
    pooled = tf.concat([small, large], axis=0)
    seed = tf.constant([0, 0])
    each = np.asarray(objective.evaluate(pooled, pooled, seed=seed).loss)
    np.testing.assert_allclose(both, 0.5 * (each[:3].mean() + each[3:].mean()), rtol=1e-5)
    np.testing.assert_allclose(objective(small, large, seed=seed).loss, both, rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e-60, 1e300])
def test_weights_of_any_scale_make_weighted_means(rng, scale):
    objective, images, seed = build(), draw(rng, 12), tf.constant([0, 0])
    weights = rng.uniform(size=8)
    weighted = Batch(images[:8], tf.constant(scale * weights), None)
    terms = objective.evaluate(images, images, seed=seed)
    found = objective(weighted, images[8:], seed=seed)
    for name in found._fields:
        each = np.asarray(getattr(terms, name))
        wanted = 0.5 * (np.average(each[:8], weights=weights) + each[8:].mean())
        np.testing.assert_allclose(getattr(found, name), wanted, rtol=1e-5)
    np.testing.assert_allclose(objective.validation_loss(weighted, images[8:]), found.loss)


def test_a_weighted_sample_smaller_than_a_batch_is_used_whole(rng):
    """Its weights with it: what is recorded of the first step is their mean, by hand."""
    objective = build()
    sample = Sample.of(draw(rng, 10).numpy(), weights=np.arange(10.0))
    _, kl = objective.evaluate(sample.values, sample.values, seed=tf.constant([0, 0]))[1:]
    config = lt.FitConfig(num_steps=1, steps_per_call=1, average_decay=0.0, jit_compile=False)
    result = lt.fit(objective, (sample,), config)
    np.testing.assert_allclose(result.history["kl"], np.average(kl, weights=sample.weights), 1e-4)


def test_rows_of_a_sample_are_images_again(rng):
    objective, images = build(), draw(rng, 5)
    batch = Sample.of(images.numpy()).batch()
    assert batch.values.shape == (5, 32)
    wanted = objective.validation_loss(images)
    np.testing.assert_allclose(objective.validation_loss(batch), wanted, rtol=1e-6)
    plain = VAEObjective(tf.Module(), objective.decoder)  # which tells no shape
    for wrong in (objective, plain):
        with pytest.raises(
            ValueError, match=r"`batches` must be images \[B, H, W, C\]; got shape"
        ):
            wrong.validation_loss(images[..., 0] if wrong is objective else batch)


class Learned(tf.Module):
    """An augmentation with a variable."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(0.5)

    def __call__(self, images, seed):
        del seed
        return self.factor * images


def test_the_networks_are_trained_and_the_augmentation_is_not():
    objective = build(augmentation=Learned())
    (group,) = objective.groups()
    networks = (objective.encoder, objective.decoder)
    wanted = {id(variable) for part in networks for variable in part.trainable_variables}
    assert {id(variable) for variable in group.variables} == wanted
    assert len(group.variables) == len(wanted)


@pytest.mark.parametrize("denoising", [True, False])
def test_an_augmentation_changes_what_is_seen_or_also_what_is_wanted(rng, denoising):
    images = draw(rng, 5)
    seeds = []

    def inverted(images, seed):
        seeds.append(np.asarray(seed))
        return 1.0 - images

    objective = build(augmentation=inverted, denoising=denoising)
    seen, wanted, noise = objective.prepare(images, tf.constant(SEED))
    np.testing.assert_array_equal(seen, 1.0 - images)
    np.testing.assert_array_equal(wanted, images if denoising else 1.0 - images)
    assert seeds[0].tolist() not in ([SEED], np.asarray(noise).tolist())
    terms = objective(images, seed=tf.constant(SEED))
    found = tf.reduce_mean(objective.evaluate(seen, wanted, seed=noise).loss)
    np.testing.assert_allclose(terms.loss, found, rtol=1e-5)
    np.testing.assert_allclose(
        objective.validation_loss(images), build().validation_loss(images), rtol=1e-5
    )


@pytest.mark.slow
def test_xla_gives_the_same_terms_on_average(rng):
    """Its random numbers are others, so that single images differ."""
    objective = build(augmentation=lt.embeddings.RandomAffine())
    batches, seed = (tf.repeat(draw(rng, 1), 2000, axis=0), draw(rng, 2000)), tf.constant(SEED)
    compiled = tf.function(objective, autograph=False, jit_compile=True)
    np.testing.assert_allclose(
        compiled(*batches, seed=seed), objective(*batches, seed=seed), rtol=0.03
    )


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="`beta` must be finite and at least 0; got -1"):
        build(beta=-1.0)
    with pytest.raises(TypeError, match="`augmentation` must be callable or None; got 'turn'"):
        build(augmentation="turn")
