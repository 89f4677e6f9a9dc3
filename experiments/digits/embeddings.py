"""The embeddings of the digits experiment, and what ranks them without the moved labels."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

import lrmf_tfp as lt

__all__ = ["CANDIDATES", "changed", "make_autoencoder", "retrieval"]

Array = NDArray[np.floating[Any]]

_CHANGE = lt.embeddings.RandomAffine(shift=0.1, rotation=10.0, log_scale=0.2, shear=0.2)


CANDIDATES: dict[str, dict[str, Any]] = {
    "as used": {},
    "early stopping": {"early_stopping": True},
    "no augmentation": {"augment": False},
    "beta 1": {"beta": 1.0},
    "8 numbers": {"latent_size": 8},
    "32 numbers": {"latent_size": 32},
}
"""What `--compare-embeddings` changes of the configuration."""


class Settings(Protocol):
    """What an embedding needs of the experiment's configuration."""

    @property
    def autoencoder(self) -> str:
        """`vae` or `vae_gan`."""

    @property
    def latent_size(self) -> int:
        """Length of a vector."""

    @property
    def beta(self) -> float:
        """Weight of the KL term."""

    @property
    def augment(self) -> bool:
        """Train the encoder on changed images."""

    @property
    def early_stopping(self) -> bool:
        """Stop when held-out images get no better."""

    @property
    def vae_steps(self) -> int:
        """Steps of the training."""


def make_autoencoder(settings: Settings, *, seed: int) -> Any:
    """Return the estimator of an embedding, not fitted."""
    common: dict[str, Any] = {
        "latent_size": settings.latent_size,
        "beta": settings.beta,
        "hidden_units": (512, 256),
        "augmentation": _CHANGE if settings.augment else None,
        "seed": seed,
    }
    fit = {"num_steps": settings.vae_steps, "batch_size": 128, "jit_compile": False}
    fit["steps_per_call"] = min(100, settings.vae_steps)
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
