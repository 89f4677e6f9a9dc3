"""Autoencoders as scikit-learn estimators, one for the images of all domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lrmf_tfp._validation import check_seed
from lrmf_tfp.embeddings.base import CONFIG, AutoencoderEstimator
from lrmf_tfp.networks import ImageEncoder
from lrmf_tfp.objectives import Objective, VAEGANObjective, VAEObjective
from lrmf_tfp.objectives.autoencoders.vae import Augmentation
from lrmf_tfp.training import Adam, FitConfig

__all__ = ["VAE", "VAEGAN"]


class VAE(AutoencoderEstimator):
    """Variational autoencoder of images, one for all domains.

    A tenth of each domain, 1,000 images at most, is held out and decides which weights are kept
    and when to stop, unless `early_stopping` is off. The vectors of an image are the means of
    its posterior.

    Attributes:
        embedding_: The fitted `Embedding`.
        held_out_scores_: `EmbeddingScore` of the held-out images of each domain.
        history: One array for each recorded quantity.
        result_: The `FitResult`.

    Examples:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).uniform(size=(100, 8, 8))
        >>> vae = VAE(latent_size=2, config=FitConfig(num_steps=20, jit_compile=False))
        >>> vae.fit(images).encode(images).shape
        (100, 2)

    References:
        [1] Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, arXiv:1312.6114.
    """

    _DEFAULT_CONFIG = replace(CONFIG, optimizer=Adam(2e-3))

    def __init__(  # noqa: PLR0913 (the settings of a scikit-learn estimator are its arguments)
        self,
        *,
        latent_size: int = 16,
        beta: float = 1.0,
        channels: int = 64,
        hidden_units: Sequence[int] = (128,),
        augmentation: Augmentation | None = None,
        denoising: bool = True,
        early_stopping: bool = True,
        config: FitConfig | None = None,
        validation_fraction: float = 0.1,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        """Store the settings; nothing is checked or built before `fit`.

        Args:
            latent_size: Length of a vector, at least 2.
            beta: Weight of the KL term, >= 0.
            channels: Channels of the convolution of each network.
            hidden_units: Widths of the dense layers between convolution and vectors.
            augmentation: A function of images and a seed `[2]`, such as `RandomAffine()`, that
                changes the images the encoder is trained on; none by default.
            denoising: Reconstruct an image as it was before the augmentation, not as it is after.
            early_stopping: Keep the weights that do best on held-out images, and stop when they
                get no better; otherwise train to the end. Vectors of images that were changed
                and whose original is asked for get better for long after their held-out
                reconstructions do not.
            config: Training settings; 3,000 steps of 128 images a domain with Adam at 2e-3 by
                default, without XLA, whose compiling takes longer than it saves.
            validation_fraction: Part of each domain that is held out, in (0, 1).
            seed: Seed of the split, the weights and the batches.
            progress: Show a progress bar on standard error.
        """
        self.latent_size = latent_size
        self.beta = beta
        self.channels = channels
        self.hidden_units = hidden_units
        self.augmentation = augmentation
        self.denoising = denoising
        self.early_stopping = early_stopping
        self.config = config
        self.validation_fraction = validation_fraction
        self.seed = seed
        self.progress = progress

    def _stops_early(self) -> bool:
        return self.early_stopping

    def _objective(self, autoencoder: VAEObjective, image_shape: tuple[int, ...]) -> Objective:
        del image_shape
        return autoencoder


class VAEGAN(AutoencoderEstimator):
    """Autoencoder whose errors are those that a discriminator sees; one for all domains.

    Three networks play, so that the loss ranks no weights: the last ones, averaged over steps,
    are kept, and `held_out_scores_` tells of images that the fit has not seen. The scores are in
    pixels, which a VAE-GAN does not minimise.

    Attributes:
        embedding_: The fitted `Embedding`.
        held_out_scores_: `EmbeddingScore` of the held-out images of each domain.
        history: One array for each recorded quantity.
        result_: The `FitResult`.

    Examples:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).uniform(size=(100, 8, 8))
        >>> model = VAEGAN(latent_size=2, config=FitConfig(num_steps=20, jit_compile=False))
        >>> model.fit(images).sample(3).shape
        (3, 8, 8, 1)

    References:
        [1] Larsen et al., Autoencoding beyond pixels using a learned similarity metric,
            ICML 2016, arXiv:1512.09300.
    """

    def __init__(  # noqa: PLR0913 (the settings of a scikit-learn estimator are its arguments)
        self,
        *,
        latent_size: int = 16,
        beta: float = 1.0,
        feature_weight: float = 1.0,
        pixel_weight: float = 0.1,
        gan_loss: str = "non_saturating",
        channels: int = 64,
        hidden_units: Sequence[int] = (128,),
        augmentation: Augmentation | None = None,
        denoising: bool = True,
        config: FitConfig | None = None,
        validation_fraction: float = 0.1,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        """Store the settings; nothing is checked or built before `fit`.

        Args:
            latent_size: Length of a vector, at least 2.
            beta: Weight of the KL term, >= 0.
            feature_weight: Weight of the errors in the decoder's loss, >= 0.
            pixel_weight: Weight of the cross-entropy of pixels beside the feature error, >= 0;
                none in [1].
            gan_loss: `"non_saturating"` or `"hinge"`.
            channels: Channels of the convolution of each network.
            hidden_units: Widths of the dense layers between convolution and vectors.
            augmentation: See `VAE`.
            denoising: See `VAE`.
            config: Training settings; 3,000 steps of 128 images a domain with the objective's
                optimisers by default.
            validation_fraction: Part of each domain that is held out, in (0, 1).
            seed: Seed of the split, the weights and the batches.
            progress: Show a progress bar on standard error.
        """
        self.latent_size = latent_size
        self.beta = beta
        self.feature_weight = feature_weight
        self.pixel_weight = pixel_weight
        self.gan_loss = gan_loss
        self.channels = channels
        self.hidden_units = hidden_units
        self.augmentation = augmentation
        self.denoising = denoising
        self.config = config
        self.validation_fraction = validation_fraction
        self.seed = seed
        self.progress = progress

    def _objective(self, autoencoder: VAEObjective, image_shape: tuple[int, ...]) -> Objective:
        return VAEGANObjective(
            autoencoder,
            ImageEncoder(image_shape, 1, seed=check_seed(self.seed, "seed") + 2, **self._sizes()),
            feature_weight=self.feature_weight,
            pixel_weight=self.pixel_weight,
            gan_loss=self.gan_loss,
        )
