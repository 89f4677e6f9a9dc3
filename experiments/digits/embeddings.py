"""The embeddings, and what ranks them without the moved labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

import lrmf_tfp as lt
from experiments.digits.config import Config
from experiments.digits.domains import Images

__all__ = ["changed", "fit_autoencoder", "retrieval"]

Array = NDArray[np.floating[Any]]

_CHANGE = lt.embeddings.RandomAffine(shift=0.1, rotation=10.0, log_scale=0.2, shear=0.2)


def fit_autoencoder(config: Config, images: Images, *, seed: int) -> Any:
    """Return the autoencoder, trained on the images of both domains."""
    autoencoder = _autoencoder(config, seed=seed)
    return autoencoder.fit(*(splits["train"].images for splits in images.values()))


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


def _autoencoder(config: Config, *, seed: int) -> Any:
    """Return the estimator of an embedding, not fitted."""
    common: dict[str, Any] = {
        "latent_size": config.latent_size,
        "beta": config.beta,
        "hidden_units": (512, 256),
        "augmentation": _CHANGE if config.augment else None,
        "seed": seed,
    }
    fit = {"num_steps": config.vae_steps, "batch_size": 128, "jit_compile": False}
    fit["steps_per_call"] = min(100, config.vae_steps)
    if config.autoencoder == "vae_gan":
        return lt.embeddings.VAEGAN(config=lt.FitConfig(**fit), **common)
    settings = lt.FitConfig(optimizer=lt.training.Adam(2e-3), **fit)
    return lt.embeddings.VAE(config=settings, early_stopping=config.early_stopping, **common)
