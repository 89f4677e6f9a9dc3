"""Images to vectors and back: NumPy in and out, saved and loaded as a SavedModel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Samples, Tensor
from lrmf_tfp._validation import as_samples, check_positive_int, check_seed
from lrmf_tfp.embeddings.images import Images, as_image_sample
from lrmf_tfp.objectives import VAEObjective
from lrmf_tfp.samples import Sample
from lrmf_tfp.saved import Saved

__all__ = ["Embedding", "EmbeddingMethods", "EmbeddingModule", "EmbeddingScore", "load"]


class EmbeddingScore(NamedTuple):
    """How well images are described, means over the images, by their weights if they have any."""

    elbo: float
    """Evidence lower bound, `-(reconstruction + kl)`, nats an image."""
    reconstruction: float
    """Cross-entropy of pixels and their reconstruction from one drawn vector, nats an image."""
    kl: float
    """`KL(q(z | x) || N(0, I))`, nats an image."""
    squared_error: float
    """Squared error of a pixel, reconstructed from the posterior mean."""


class EmbeddingModule(tf.Module):
    """What is saved: functions of any number of images that need TensorFlow only.

    Attributes:
        encode: Images `[N, H, W, C]` to posterior means `[N, L]`.
        decode: Vectors `[N, L]` to images `[N, H, W, C]` in [0, 1].
        terms: Images to cross-entropy, KL and mean squared error, `[N, 3]`.
    """

    def __init__(
        self, autoencoder: VAEObjective, image_shape: tuple[int, ...], *, latent_size: int
    ) -> None:
        super().__init__(name="embedding")
        self._autoencoder = autoencoder
        images, vectors = [None, *image_shape], [None, latent_size]
        self.encode = _compiled(self._encode, images, "images")
        self.decode = _compiled(self._decode, vectors, "vectors")
        self.terms = _compiled(self._terms, images, "images")

    def serving_signatures(self) -> dict[str, Any]:
        """Return what is served by name: `encode` and `decode`."""
        return {"encode": self.encode, "decode": self.decode}

    def _encode(self, images: Tensor) -> Tensor:
        return self._autoencoder.posterior(images)[0]

    def _decode(self, vectors: Tensor) -> Tensor:
        return tf.sigmoid(self._autoencoder.decoder(vectors))

    def _terms(self, images: Tensor) -> Tensor:
        loc, log_scale = self._autoencoder.posterior(images)
        seed = tf.constant([0, 0])
        _, reconstruction, kl = self._autoencoder.terms_of(loc, log_scale, images, seed=seed)
        errors = tf.math.squared_difference(images, self._decode(loc))
        return tf.stack([reconstruction, kl, tf.reduce_mean(errors, axis=[1, 2, 3])], axis=1)


def _compiled(method: Callable[[Tensor], Tensor], shape: list[int | None], name: str) -> Any:
    spec = tf.TensorSpec(shape, tf.float32, name)
    return tf.function(method, input_signature=[spec], autograph=False)


class EmbeddingMethods:
    """What a fitted estimator and a loaded `Embedding` have in common."""

    def _embedding(self) -> Embedding:
        """Return the embedding to ask."""
        raise NotImplementedError

    def encode(self, images: Images) -> Array:
        """Return the posterior means `[N, L]`, float32, of images.

        Args:
            images: `[N, H, W]` or `[N, H, W, C]`, floats in [0, 1] or uint8; a `Sample` of
                images; or a folder of images, which are resized.

        Raises:
            ValueError: If images have another shape or values out of range.
        """
        embedding = self._embedding()
        return embedding.call("encode", embedding.images(images).values)

    def decode(self, vectors: Samples) -> Array:
        """Return the images `[N, H, W, C]`, float32 in [0, 1], of vectors `[N, L]`.

        Raises:
            ValueError: If vectors have another width or are not finite.
        """
        embedding = self._embedding()
        size = embedding.metadata["latent_size"]
        rows = as_samples(vectors, "vectors", dtype=np.float32)
        if rows.shape[1] != size:
            raise ValueError(f"`vectors` must have shape [N, {size}]; got {list(rows.shape)}.")
        return embedding.call("decode", rows)

    def reconstruct(self, images: Images) -> Array:
        """Return the decoded posterior means `[N, H, W, C]` of images; see `encode`."""
        return self.decode(self.encode(images))

    def sample(self, num_samples: int, *, seed: int = 0) -> Array:
        """Return decoded draws `[N, H, W, C]` of the prior N(0, I).

        Raises:
            TypeError: If a number is not whole.
            ValueError: If `num_samples` is below 1 or `seed` below 0.
        """
        check_positive_int(num_samples, "num_samples")
        rng = np.random.default_rng(check_seed(seed, "seed"))
        size = self._embedding().metadata["latent_size"]
        return self.decode(rng.standard_normal((num_samples, size)))

    def score(self, images: Images) -> EmbeddingScore:
        """Return how well images are described; held out only if `fit` has not seen them.

        Args:
            images: See `encode`; the means over a `Sample` with weights are weighted.

        Raises:
            ValueError: If images have another shape or values out of range; see `encode`.
        """
        embedding = self._embedding()
        sample = embedding.images(images).without_empty_rows()
        terms = embedding.call("terms", sample.values).astype(np.float64)
        reconstruction, kl, error = np.average(terms, axis=0, weights=sample.weights).tolist()
        return EmbeddingScore(-(reconstruction + kl), reconstruction, kl, error)


class Embedding(EmbeddingMethods, Saved):
    """An encoder and a decoder of images, as fitted or as `load` reads them.

    `save` writes a SavedModel that plain TensorFlow loads, with `encode` and `decode`.

    Attributes:
        module: The `EmbeddingModule` or loaded SavedModel that computes.
        metadata: Versions, settings and held-out scores, as written to
            `assets.extra/embedding.json`.
    """

    KIND: ClassVar[str] = "embedding"
    ROWS_AT_ONCE: ClassVar[int] = 1024

    def _embedding(self) -> Embedding:
        return self

    def images(self, value: Images) -> Sample:
        """Return images as those of the fit, `[N, H, W, C]` float32; see `encode`."""
        return as_image_sample(value, "images", shape=self.metadata["image_shape"])


def load(path: str | Path) -> Embedding:
    """Read an embedding that `save` wrote, ready to encode and to decode.

    Args:
        path: The folder.

    Raises:
        ValueError: If the folder holds no embedding.
    """
    return Embedding.load(path)
