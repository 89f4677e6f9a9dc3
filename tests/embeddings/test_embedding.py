"""An embedding without a fit: what it computes, saved, loaded, pickled, and bad input."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

import lrmf_tfp as lt
from lrmf_tfp.embeddings import Embedding, EmbeddingModule
from lrmf_tfp.networks import ImageDecoder, ImageEncoder
from lrmf_tfp.objectives import VAEObjective
from lrmf_tfp.samples import Sample
from tests.cases import perturb

SHAPE = (4, 8, 1)
PLAIN_TENSORFLOW = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder = sys.argv[1]
    model = tf.saved_model.load(folder + "/model")
    images = np.load(folder + "/images.npy")
    vectors = model.encode(images).numpy()
    np.save(folder + "/vectors.npy", vectors)
    np.save(folder + "/decoded.npy", model.decode(vectors).numpy())
    loaded = [name for name in sys.modules if name.split(".")[0] in
              ("lrmf_tfp", "tensorflow_probability", "tf_keras")]
    assert not loaded, loaded
"""


class Counted(tf.Module):
    """A network that counts how often it is called."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return self.network(x)


@pytest.fixture(scope="module")
def autoencoder():
    sizes = {"channels": 2, "hidden_units": (4,)}
    encoder = perturb(ImageEncoder(SHAPE, 4, **sizes), scale=0.3)
    return VAEObjective(Counted(encoder), perturb(ImageDecoder(2, SHAPE, **sizes), scale=0.3))


@pytest.fixture(scope="module")
def embedding(autoencoder):
    module = EmbeddingModule(autoencoder, SHAPE, latent_size=2)
    return Embedding(module, {"image_shape": list(SHAPE), "latent_size": 2, "beta": 0.5})


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(30, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(embedding, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    embedding.save(path)
    return path


def test_encodes_to_means_and_decodes_to_probabilities(embedding, autoencoder, images):
    loc, _ = autoencoder.posterior(images)
    vectors = embedding.encode(images)
    assert (vectors.shape, vectors.dtype) == ((30, 2), np.float32)
    np.testing.assert_allclose(vectors, loc, rtol=1e-5, atol=1e-6)
    rebuilt = embedding.reconstruct(images[..., 0])
    assert (rebuilt.shape, rebuilt.dtype) == ((30, *SHAPE), np.float32)
    wanted = 1.0 / (1.0 + np.exp(-autoencoder.decoder(loc).numpy()))
    np.testing.assert_allclose(rebuilt, wanted, rtol=1e-5)


def test_score_is_the_bound_and_the_error_of_the_means(embedding, autoencoder, images):
    loc, log_scale = (part.numpy().astype(float) for part in autoencoder.posterior(images))
    kl = 0.5 * np.sum(np.exp(2.0 * log_scale) + loc**2 - 1.0 - 2.0 * log_scale, axis=1)
    errors = np.mean((embedding.reconstruct(images) - images) ** 2, axis=(1, 2, 3))
    terms = autoencoder.evaluate(images, images, seed=tf.constant([0, 0]))
    found = embedding.score(images)
    assert found.kl == pytest.approx(kl.mean(), rel=1e-5)
    assert found.squared_error == pytest.approx(errors.mean(), rel=1e-5)
    assert found.reconstruction == pytest.approx(np.mean(terms.reconstruction), rel=1e-5)
    assert found.elbo == pytest.approx(-(found.reconstruction + found.kl), rel=1e-12)


def test_means_of_a_weighted_sample_are_weighted(embedding, images, rng):
    weights = rng.uniform(size=30) * (np.arange(30) % 3 > 0)  # every third is 0
    found = embedding.score(Sample.of(images, weights=weights))
    errors = np.mean((embedding.reconstruct(images) - images) ** 2, axis=(1, 2, 3))
    assert found.squared_error == pytest.approx(np.average(errors, weights=weights), rel=1e-5)
    plain = embedding.score(images).squared_error
    assert abs(found.squared_error - plain) > 1e-3 * plain
    assert len(embedding.encode(Sample.of(images, weights=weights))) == 30  # one vector a row


def test_an_image_is_encoded_once_for_its_score(autoencoder):
    module = EmbeddingModule(autoencoder, SHAPE, latent_size=2)
    before = autoencoder.encoder.calls
    module.terms.get_concrete_function()
    assert autoencoder.encoder.calls == before + 1


def test_samples_are_decoded_normals_and_the_seed_decides(embedding):
    first, same, other = (embedding.sample(400, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1
    wide = embedding.decode(np.random.default_rng(5).normal(size=(4000, 2)))
    np.testing.assert_allclose(first.mean(axis=0), wide.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(first.std(axis=0), wide.std(axis=0), atol=0.05)


def test_load_gives_the_same_embedding(embedding, folder, images):
    loaded = lt.embeddings.load(folder)
    assert isinstance(loaded, Embedding)
    for value in (loaded, pickle.loads(pickle.dumps(loaded)), copy.deepcopy(embedding)):
        np.testing.assert_allclose(value.encode(images), embedding.encode(images), rtol=1e-5)
        np.testing.assert_allclose(value.sample(3), embedding.sample(3), rtol=1e-5)
        np.testing.assert_allclose(value.score(images), embedding.score(images), rtol=1e-5)
        assert value.metadata == embedding.metadata
    text = (folder / "assets.extra" / "embedding.json").read_text()
    assert json.loads(text) == embedding.metadata


def test_what_is_served_takes_any_number_of_images(embedding, folder, images):
    served = tf.saved_model.load(str(folder)).signatures
    assert set(served) == {"encode", "decode"}
    for number in (1, 7):
        (vectors,) = served["encode"](images=tf.constant(images[:number])).values()
        np.testing.assert_allclose(vectors, embedding.encode(images[:number]), rtol=1e-5)
        (decoded,) = served["decode"](vectors=vectors).values()
        np.testing.assert_allclose(decoded, embedding.reconstruct(images[:number]), rtol=1e-5)


@pytest.mark.slow
def test_plain_tensorflow_answers_the_same(embedding, images, tmp_path):
    embedding.save(tmp_path / "model")
    np.save(tmp_path / "images.npy", images)
    command = [sys.executable, "-c", textwrap.dedent(PLAIN_TENSORFLOW), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    vectors, decoded = (np.load(tmp_path / f"{name}.npy") for name in ("vectors", "decoded"))
    np.testing.assert_allclose(vectors, embedding.encode(images), rtol=1e-5)
    np.testing.assert_allclose(decoded, embedding.reconstruct(images), rtol=1e-5)


class FirstRelease(tf.Module):
    """What release 0.1 saved, with functions that are known: a mean, and its logistic."""

    def __init__(self):
        super().__init__()
        images, vectors = tf.TensorSpec([None, *SHAPE]), tf.TensorSpec([None, 2])
        images, vectors = (
            tf.TensorSpec(spec.shape, tf.float32, name)
            for spec, name in ((images, "images"), (vectors, "vectors"))
        )
        self.encode = tf.function(self._encode, input_signature=[images])
        self.decode = tf.function(self._decode, input_signature=[vectors])
        self.terms = tf.function(self._terms, input_signature=[images])

    def _encode(self, images):
        return tf.stack([tf.reduce_mean(images, axis=[1, 2, 3])] * 2, axis=1)

    def _decode(self, vectors):
        return tf.ones([1, *SHAPE]) * tf.sigmoid(vectors[:, :1, None, None])

    def _terms(self, images):
        return tf.stack([self._encode(images)[:, 0] * scale for scale in (1.0, 2.0, 3.0)], axis=1)


def test_a_folder_of_the_first_release_is_read(images, tmp_path):
    module = FirstRelease()
    signatures = {"encode": module.encode, "decode": module.decode}
    tf.saved_model.save(module, str(tmp_path), signatures=signatures)
    metadata = {"kind": "VAE", "image_shape": list(SHAPE), "latent_size": 2, "augmentation": "f()"}
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "embedding.json").write_text(json.dumps(metadata))
    loaded = lt.embeddings.load(tmp_path)
    mean = images.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(loaded.encode(images)[:, 1], mean, rtol=1e-5)
    logistic = 1.0 / (1.0 + np.exp(-mean))
    np.testing.assert_allclose(loaded.reconstruct(images)[:, 3, 7, 0], logistic, rtol=1e-5)
    assert loaded.score(images).elbo == pytest.approx(-3.0 * mean.mean(), rel=1e-5)
    loaded.save(tmp_path / "again")
    again = lt.embeddings.load(tmp_path / "again")
    np.testing.assert_allclose(again.encode(images), loaded.encode(images))


@pytest.mark.parametrize("name", ["encode", "sample"])
def test_a_forked_child_is_told_so(embedding, images, name, monkeypatch):
    """TensorFlow would hang there; the process is another one for the embedding only."""
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="must be called in the process that fitted or loaded"):
        getattr(embedding, name)({"encode": images, "sample": 3}[name])


def test_saving_over_and_loading_something_else_are_named(embedding, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="`path` must be new, empty or an earlier embedding"):
        embedding.save(tmp_path)
    with pytest.raises(ValueError, match="`path` must be a folder of an embedding written by"):
        lt.embeddings.load(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("encode", np.zeros((5, 4, 4)), r"`images` must have shape \[N, 4, 8, 1\]; got \[5, 4, 4"),
        ("reconstruct", np.full((5, 4, 8), 2.0), r"`images` must lie in \[0, 1\], or be an array"),
        ("score", np.full((5, 4, 8), np.nan), "`images` must be finite; got 160 non-finite"),
        ("decode", np.zeros((5, 3)), r"`vectors` must have shape \[N, 2\]; got \[5, 3\]"),
        ("decode", np.full((5, 2), np.nan), "`vectors` must be finite"),
        ("sample", 0, "`num_samples` must be at least 1; got 0"),
    ],
)
def test_bad_images_and_vectors_are_named(embedding, name, value, match):
    with pytest.raises(ValueError, match=match) as caught:
        getattr(embedding, name)(value)
    assert "\n" not in str(caught.value)


def test_a_bad_seed_is_named(embedding):
    with pytest.raises(ValueError, match="`seed` must be at least 0; got -1"):
        embedding.sample(3, seed=-1)
