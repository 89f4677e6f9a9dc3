"""What the estimators of embeddings share: the fit and its settings."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import tensorflow as tf
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lrmf_tfp import __version__
from lrmf_tfp._core.spec import described
from lrmf_tfp._validation import check_fraction, check_positive_int, check_seed
from lrmf_tfp.embeddings.embedding import (
    Embedding,
    EmbeddingMethods,
    EmbeddingModule,
    EmbeddingScore,
)
from lrmf_tfp.embeddings.images import ManyImages, image_domains
from lrmf_tfp.networks import ImageDecoder, ImageEncoder
from lrmf_tfp.objectives import Objective, VAEObjective
from lrmf_tfp.objectives.autoencoders.vae import Augmentation
from lrmf_tfp.samples import Sample
from lrmf_tfp.samples.split import Holdout, hold_out
from lrmf_tfp.training import Callback, FitConfig, ProgressBar, fit
from lrmf_tfp.training.interrupts import deferred_interrupts

__all__ = ["AutoencoderEstimator", "CONFIG"]

Self = TypeVar("Self", bound="AutoencoderEstimator")

_MOST_HELD_OUT = 1000  # images of a domain: more would cost time and tell no more
_FITTED = ("embedding_", "held_out_scores_", "history", "result_")

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
        *domains: ManyImages,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Train on the images of one or several domains, each of which counts the same.

        Args:
            *domains: Images `[N, H, W]` or `[N, H, W, C]`, floats in [0, 1] or uint8, 10 at
                least, H and W divisible by 4; a `Sample` of images, whose weights say how
                often each is drawn; a folder of PNG or JPEG images; or a `DomainPair` or a
                mapping of several. Labels are not looked at.
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
        for name in _FITTED:
            self.__dict__.pop(name, None)
        samples = image_domains(domains)
        shape = samples[0].event_shape
        split = self._split(samples)
        autoencoder = self._autoencoder(shape)
        objective = self._objective(autoencoder, shape)
        metadata = self._metadata(shape)
        with deferred_interrupts():
            result = fit(
                objective,
                split.train,
                self._config(),
                validation=split.held_out if self._stops_early() else None,
                callbacks=[*callbacks, *([ProgressBar()] if self.progress else [])],
                checkpoint_dir=checkpoint_dir,
                resume=resume,
                seed=self.seed,
            )
            module = EmbeddingModule(autoencoder, shape, latent_size=metadata["latent_size"])
            embedding = Embedding(module, metadata)
            scores = tuple(embedding.score(held_out) for held_out in split.held_out)
        metadata["held_out_scores"] = [_plain(score) for score in scores]
        self.result_, self.history, self.held_out_scores_ = result, result.history, scores
        self.embedding_ = embedding
        return self

    def save(self, path: str | Path) -> None:
        """Write a SavedModel folder that plain TensorFlow loads, with `encode` and `decode`.

        Args:
            path: A new or empty folder, or an earlier embedding, which is replaced at the end.

        Raises:
            ValueError: If `path` holds something else or cannot be written.
        """
        self._embedding().save(path)

    def _embedding(self) -> Embedding:
        check_is_fitted(self, "embedding_")
        return self.embedding_

    def _stops_early(self) -> bool:
        """Whether held-out images decide which weights are kept and when to stop."""
        return False

    def _config(self) -> FitConfig:
        return self.config or self._DEFAULT_CONFIG

    def _split(self, samples: tuple[Sample, ...]) -> Holdout:
        seed = check_seed(self.seed, "seed")
        fraction = check_fraction(self.validation_fraction, "validation_fraction")
        split = hold_out(samples, fraction, seed=seed, most=_MOST_HELD_OUT)
        for held_out in split.held_out:
            if held_out.weights is not None:  # signed ones must have a mean there, too
                Sample.of(held_out, weights=held_out.weights, negative="absolute")
        return split

    def _autoencoder(self, image_shape: tuple[int, ...]) -> VAEObjective:
        """Return new networks and what is minimised by a VAE."""
        size = check_positive_int(self.latent_size, "latent_size", lowest=2)
        sizes, seed = self._sizes(), check_seed(self.seed, "seed")
        return VAEObjective(
            ImageEncoder(image_shape, 2 * size, seed=seed, **sizes),
            ImageDecoder(size, image_shape, seed=seed + 1, **sizes),
            beta=self.beta,
            augmentation=copy.deepcopy(self.augmentation),  # it may have a state
            denoising=self.denoising,
        )

    def _objective(self, autoencoder: VAEObjective, image_shape: tuple[int, ...]) -> Objective:
        """Return what is minimised."""
        raise NotImplementedError

    def _sizes(self) -> dict[str, Any]:
        return {"channels": self.channels, "hidden_units": self.hidden_units}

    def _metadata(self, image_shape: tuple[int, ...]) -> dict[str, Any]:
        """Return versions and settings as JSON reads them back.

        Made before the training: what cannot be written is not found out hours later.
        """
        settings = self.get_params(deep=False) | {"config": self._config()}
        metadata = {
            "lrmf_tfp": __version__,
            "tensorflow": tf.__version__,
            "kind": type(self).__name__,
            "image_shape": image_shape,
            **settings,
        }
        return json.loads(json.dumps(described(metadata), allow_nan=False))


def _plain(score: EmbeddingScore) -> dict[str, float | None]:
    """Return a score as JSON has it, which knows no infinity."""
    return {
        name: value if math.isfinite(value) else None for name, value in score._asdict().items()
    }
