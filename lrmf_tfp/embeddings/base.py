"""What the estimators of embeddings share: the fit and its settings (level 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import tensorflow as tf
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lrmf_tfp import __version__
from lrmf_tfp._validation import check_fraction, check_positive_int, check_seed
from lrmf_tfp.embeddings.embedding import Embedding, EmbeddingMethods, EmbeddingModule
from lrmf_tfp.embeddings.images import as_domains
from lrmf_tfp.networks import ImageDecoder, ImageEncoder
from lrmf_tfp.objectives import Objective, VAEObjective
from lrmf_tfp.objectives.autoencoders.vae import Augmentation
from lrmf_tfp.samples.split import hold_out
from lrmf_tfp.training import Callback, FitConfig, ProgressBar, deferred_interrupts, fit

__all__ = ["AutoencoderEstimator", "CONFIG", "MAX_HELD_OUT"]

Self = TypeVar("Self", bound="AutoencoderEstimator")

MAX_HELD_OUT = 1000
"""Most images of a domain that are held out: more would cost time and tell no more."""

CONFIG = FitConfig(num_steps=3000, batch_size=128, jit_compile=False)
"""Training settings by default; XLA takes longer to compile than it saves."""


class AutoencoderEstimator(EmbeddingMethods, BaseEstimator):
    """Base class: a subclass takes these settings, and maybe more, in its constructor."""

    _DEFAULT_CONFIG: FitConfig = CONFIG

    latent_size: int
    beta: float
    channels: int
    hidden_units: Sequence[int]
    augmentation: Augmentation | None
    denoising: bool
    config: FitConfig | None
    validation_fraction: float
    seed: int
    progress: bool

    def fit(
        self: Self,
        *domains: Any,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Train on the images of one or several domains, each of which counts the same.

        Args:
            *domains: Images `[N, H, W]` or `[N, H, W, C]`, floats in [0, 1] or uint8, 10 at
                least, H and W divisible by 4; a folder of PNG or JPEG images; or a `DomainPair`
                of images, which is two domains. Labels are not looked at.
            callbacks: Callables of a `TrainingEvent`.
            checkpoint_dir: Folder for checkpoints; none are written by default.
            resume: Go on from the newest checkpoint in `checkpoint_dir`.

        Returns:
            The estimator itself.

        Raises:
            FileNotFoundError: If there is no such folder.
            FloatingPointError: If training stays non-finite.
            TypeError: If images or settings are of a wrong type.
            ValueError: If images or settings break a rule; one line says which.
        """
        images = as_domains(domains)
        fraction = self._check_settings()
        split = hold_out(images, fraction, seed=self.seed, most=MAX_HELD_OUT)
        autoencoder = self._autoencoder(images[0].shape[1:])
        objective = self._objective(autoencoder, images[0].shape[1:])
        with deferred_interrupts():
            result = fit(
                objective,
                split.train,
                replace(self.config or self._DEFAULT_CONFIG, seed=self.seed),
                validation=split.held_out if self._stops_early() else None,
                callbacks=[*callbacks, *([ProgressBar()] if self.progress else [])],
                checkpoint_dir=checkpoint_dir,
                resume=resume,
            )
            embedding = self._embedding_of(autoencoder, images[0].shape[1:])
            scores = tuple(embedding.score(held_out) for held_out in split.held_out)
        embedding.metadata["held_out_scores"] = [score._asdict() for score in scores]
        self.result_, self.history, self.held_out_scores_ = result, result.history, scores
        self.embedding_ = embedding
        return self

    def _embedding(self) -> Embedding:
        check_is_fitted(self, "embedding_")
        return self.embedding_

    def _stops_early(self) -> bool:
        """Whether held-out images decide which weights are kept and when to stop."""
        return False

    def _check_settings(self) -> float:
        check_positive_int(self.latent_size, "latent_size", lowest=2)
        check_seed(self.seed, "seed")
        return check_fraction(self.validation_fraction, "validation_fraction")

    def _autoencoder(self, image_shape: tuple[int, ...]) -> VAEObjective:
        """Return new networks and what is minimised by a VAE."""
        sizes = self._sizes()
        return VAEObjective(
            ImageEncoder(image_shape, 2 * self.latent_size, seed=self.seed, **sizes),
            ImageDecoder(self.latent_size, image_shape, seed=self.seed + 1, **sizes),
            beta=self.beta,
            augmentation=self.augmentation,
            denoising=self.denoising,
        )

    def _objective(self, autoencoder: VAEObjective, image_shape: tuple[int, ...]) -> Objective:
        """Return what is minimised."""
        raise NotImplementedError

    def _sizes(self) -> dict[str, Any]:
        return {"channels": self.channels, "hidden_units": self.hidden_units}

    def _embedding_of(self, autoencoder: VAEObjective, image_shape: tuple[int, ...]) -> Embedding:
        module = EmbeddingModule(autoencoder, image_shape, latent_size=self.latent_size)
        plain = self.get_params(deep=False) | {
            "hidden_units": list(self.hidden_units),
            "augmentation": None if self.augmentation is None else repr(self.augmentation),
            "config": (self.config or self._DEFAULT_CONFIG).to_json(),
        }
        metadata = {
            "lrmf_tfp": __version__,
            "tensorflow": tf.__version__,
            "kind": type(self).__name__,
            "image_shape": list(image_shape),
            **plain,
        }
        return Embedding(module, metadata)
