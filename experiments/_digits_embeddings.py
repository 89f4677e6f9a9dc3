"""The embeddings of the digits experiment, and what ranks them without the moved labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

import lrmf_tfp as lt

__all__ = ["CANDIDATES", "EmbeddingSettings", "changed", "make_autoencoder", "retrieval"]

Array = NDArray[np.floating[Any]]

_CHANGE = lt.embeddings.RandomAffine(shift=0.1, rotation=10.0, log_scale=0.2, shear=0.2)


class EmbeddingSettings(NamedTuple):
    """What is tried of an embedding; the defaults are what is used."""

    autoencoder: str = "vae"
    latent_size: int = 16
    beta: float = 0.1
    augment: bool = True
    early_stopping: bool = False


CANDIDATES = {
    "as used": EmbeddingSettings(),
    "early stopping": EmbeddingSettings(early_stopping=True),
    "no augmentation": EmbeddingSettings(augment=False),
    "beta 1": EmbeddingSettings(beta=1.0),
    "8 numbers": EmbeddingSettings(latent_size=8),
    "32 numbers": EmbeddingSettings(latent_size=32),
}
"""Embeddings that `--compare-embeddings` compares."""


def make_autoencoder(settings: EmbeddingSettings, *, num_steps: int, seed: int) -> Any:
    """Return the estimator of an embedding, not fitted."""
    common: dict[str, Any] = {
        "latent_size": settings.latent_size,
        "beta": settings.beta,
        "hidden_units": (512, 256),
        "augmentation": _CHANGE if settings.augment else None,
        "seed": seed,
    }
    fit = {"num_steps": num_steps, "batch_size": 128, "jit_compile": False}
    fit["steps_per_call"] = min(100, num_steps)
    if settings.autoencoder == "vae_gan":
        return lt.embeddings.VAEGAN(config=lt.FitConfig(**fit), **common)
    config = lt.FitConfig(optimizer=lt.training.Adam(2e-3), **fit)
    return lt.embeddings.VAE(config=config, early_stopping=settings.early_stopping, **common)


def changed(images: Array, *, seed: int) -> Array:
    """Return images `[N, H, W, C]`, each moved, turned, stretched and slanted at random."""
    found = _CHANGE(tf.convert_to_tensor(images), tf.constant([seed, 3], tf.int64)).numpy()
    return np.clip(found, 0.0, 1.0)


def retrieval(autoencoder: Any, images: Array, *, seed: int) -> float:
    """Return how often the nearest vector to that of a changed image is its original's.

    The share says how far an embedding tells what an image shows from how it lies, and asks for no
    label; it rewards telling one image from another of the same digit, too.
    """
    originals = autoencoder.encode(images)
    queries = autoencoder.encode(changed(images, seed=seed))
    nearest = NearestNeighbors(n_neighbors=1).fit(originals).kneighbors(queries)[1][:, 0]
    return float(np.mean(nearest == np.arange(len(images))))
