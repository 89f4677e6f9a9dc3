"""Images to vectors and back: NumPy in and out, saved and loaded as a SavedModel (level 5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp._validation import as_samples, check_positive_int, check_seed
from lrmf_tfp.embeddings.images import as_images
from lrmf_tfp.objectives import VAEObjective
from lrmf_tfp.saved import write_model_folder

__all__ = ["Embedding", "EmbeddingMethods", "EmbeddingModule", "EmbeddingScore", "load"]

_ROWS_AT_ONCE = 1024
_METADATA = Path("assets.extra") / "embedding.json"


class EmbeddingScore(NamedTuple):
    """How well images are described, means over the images."""

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

    def _encode(self, images: Tensor) -> Tensor:
        return self._autoencoder.posterior(images)[0]

    def _decode(self, vectors: Tensor) -> Tensor:
        return tf.sigmoid(self._autoencoder.decoder(vectors))

    def _terms(self, images: Tensor) -> Tensor:
        seed = tf.constant([0, 0])
        _, reconstruction, kl = self._autoencoder.evaluate(images, images, seed=seed)
        errors = tf.math.squared_difference(images, self._decode(self._encode(images)))
        return tf.stack([reconstruction, kl, tf.reduce_mean(errors, axis=[1, 2, 3])], axis=1)


def _compiled(method: Callable[[Tensor], Tensor], shape: list[int | None], name: str) -> Any:
    spec = tf.TensorSpec(shape, tf.float32, name)
    return tf.function(method, input_signature=[spec], autograph=False)


class EmbeddingMethods:
    """What a fitted estimator and a loaded `Embedding` have in common."""

    def _embedding(self) -> Embedding:
        """Return the embedding to ask."""
        raise NotImplementedError

    def encode(self, images: Any) -> Array:
        """Return the posterior means `[N, L]`, float32, of images.

        Args:
            images: `[N, H, W]` or `[N, H, W, C]`, floats in [0, 1] or uint8; or a folder of
                images, which are resized.

        Raises:
            ValueError: If images have another shape or values out of range.
        """
        embedding = self._embedding()
        return embedding.call("encode", embedding.images(images))

    def decode(self, vectors: Any) -> Array:
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

    def reconstruct(self, images: Any) -> Array:
        """Return the decoded posterior means `[N, H, W, C]` of images; see `encode`."""
        return self.decode(self.encode(images))

    def sample(self, num_samples: int, *, seed: int = 0) -> Array:
        """Return decoded draws `[N, H, W, C]` of the prior N(0, I).

        Raises:
            TypeError: If a number is not whole.
            ValueError: If `num_samples` is below 1 or `seed` below 0.
        """
        check_positive_int(num_samples, "num_samples")
        shape = [num_samples, self._embedding().metadata["latent_size"]]
        stateless = tf.constant([check_seed(seed, "seed"), 0], tf.int64)
        return self.decode(seeded_normal(shape, stateless, dtype=tf.float32))

    def score(self, images: Any) -> EmbeddingScore:
        """Return how well images are described; held out only if `fit` has not seen them.

        Raises:
            ValueError: If images have another shape or values out of range; see `encode`.
        """
        embedding = self._embedding()
        terms = embedding.call("terms", embedding.images(images))
        reconstruction, kl, error = terms.mean(axis=0, dtype=np.float64).tolist()
        return EmbeddingScore(-(reconstruction + kl), reconstruction, kl, error)

    def save(self, path: str | Path) -> None:
        """Write a SavedModel folder that plain TensorFlow loads, with `encode` and `decode`.

        Args:
            path: A new or empty folder, or an earlier embedding, which is replaced at the end.

        Raises:
            ValueError: If `path` holds something else or cannot be written.
        """
        embedding = self._embedding()
        write_model_folder(path, embedding.write, mark=_METADATA, kind="embedding")


class Embedding(EmbeddingMethods):
    """An encoder and a decoder of images, as fitted or as `load` reads them.

    Attributes:
        module: The `EmbeddingModule` or loaded SavedModel that computes.
        metadata: Versions, settings and held-out scores, as written to
            `assets.extra/embedding.json`.
    """

    def __init__(self, module: Any, metadata: dict[str, Any]) -> None:
        self.module = module
        self.metadata = metadata

    def _embedding(self) -> Embedding:
        return self

    def images(self, value: Any) -> Array:
        """Return images as those of the fit, `[N, H, W, C]` float32; see `encode`."""
        return as_images(value, "images", shape=tuple(self.metadata["image_shape"]))

    def call(self, name: str, rows: Array) -> Array:
        """Evaluate a function of the module on rows, block by block."""
        function = getattr(self.module, name)
        starts = range(0, len(rows), _ROWS_AT_ONCE)
        parts = [function(tf.constant(rows[i : i + _ROWS_AT_ONCE])).numpy() for i in starts]
        return np.concatenate(parts)

    def write(self, folder: Path) -> None:
        """Write the SavedModel and its JSON into a new folder."""
        module = self.module
        signatures = {name: getattr(module, name) for name in ("encode", "decode")}
        if hasattr(module, "signatures"):  # it was loaded
            signatures = module.signatures
        tf.saved_model.save(module, str(folder), signatures=signatures)
        (folder / _METADATA).parent.mkdir(exist_ok=True)
        text = json.dumps(self.metadata, indent=2, allow_nan=False)
        (folder / _METADATA).write_text(text + "\n", encoding="utf-8")


def load(path: str | Path) -> Embedding:
    """Read an embedding that `save` wrote.

    Args:
        path: The folder.

    Returns:
        The embedding, ready to encode and to decode.

    Raises:
        ValueError: If the folder holds no embedding.
    """
    path = Path(path)
    if not (path / "saved_model.pb").exists() or not (path / _METADATA).exists():
        raise ValueError(f"`path` must be a folder written by an embedding's `save`; got {path}.")
    metadata = json.loads((path / _METADATA).read_text(encoding="utf-8"))
    return Embedding(tf.saved_model.load(str(path)), metadata)
