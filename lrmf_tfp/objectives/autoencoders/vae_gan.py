"""Variational autoencoder whose reconstructions a discriminator judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice, check_not_negative
from lrmf_tfp.networks import softplus
from lrmf_tfp.objectives.autoencoders.vae import (
    VAEObjective,
    cross_entropy,
    drawn,
    kl_to_standard,
    per_image,
)
from lrmf_tfp.objectives.base import Objective, VariableGroup
from lrmf_tfp.optimizers import Adam, ConstantSchedule
from lrmf_tfp.samples.batch import Batch

__all__ = ["GAN_LOSSES", "VAEGANObjective", "VAEGANTerms"]

_AUTOENCODER_OPTIMIZER = Adam(1e-3, beta_1=0.5)
_DISCRIMINATOR_OPTIMIZER = Adam(5e-4, beta_1=0.5, schedule=ConstantSchedule())

GAN_LOSSES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "hinge": (lambda logits: tf.nn.relu(1.0 - logits), lambda logits: -logits),
    "non_saturating": (lambda logits: softplus(-logits), lambda logits: softplus(-logits)),
}
"""Name -> the discriminator's loss where "this is data" is right, and the decoder's loss."""


class VAEGANTerms(NamedTuple):
    """Terms of the game, nats an image; every domain has the same weight."""

    loss: Tensor
    """What the encoder minimises, `feature_error + pixel_weight * reconstruction + beta * kl`."""
    decoder_loss: Tensor
    """What the decoder minimises: its share of the errors, and to be taken for data."""
    discriminator_loss: Tensor
    """What the discriminator minimises; log 2 where it can tell nothing, non-saturating."""
    feature_error: Tensor
    """Half the squared distance of the discriminator's features, summed over them."""
    reconstruction: Tensor
    """Cross-entropy of pixels, as that of `VAETerms`."""
    kl: Tensor
    """`KL(q(z | x) || N(0, I))`."""


class VAEGANObjective(Objective):
    """Autoencoder that compares images by what a discriminator sees in them.

    The error of a pixel is replaced by that of the discriminator's features F, a Gaussian of unit
    scale around those of the reconstruction, and the decoder is to be taken for data, both on
    reconstructions and on decoded draws of the prior::

        feature_error = sum((F(x) - F(decoded(z))) ** 2) / 2
        loss = mean(feature_error + pixel_weight * reconstruction + beta * kl)
        decoder_loss = feature_weight * (loss - beta * mean(kl)) + fooling
        discriminator_loss = (right(x) + (right(decoded(z)) + right(decoded(prior))) / 2) / 2

    Encoder, decoder and discriminator are three groups of variables with one term each; all move
    at once. The loss of a game says nothing about how good the images are, so that without
    held-out images the last weights are kept; with some, the autoencoder's own loss decides.

    Attributes:
        autoencoder: Encoder, decoder, beta and augmentation, as a `VAEObjective`.
        discriminator: What tells data from decoded images.

    Examples:
        >>> from lrmf_tfp.networks import ImageDecoder, ImageEncoder
        >>> vae = VAEObjective(ImageEncoder((8, 8, 1), 4), ImageDecoder(2, (8, 8, 1)))
        >>> objective = VAEGANObjective(vae, ImageEncoder((8, 8, 1), 1, seed=1))
        >>> [group.name for group in objective.groups()]
        ['encoder', 'decoder', 'discriminator']

    References:
        [1] Larsen et al., Autoencoding beyond pixels using a learned similarity metric,
            ICML 2016, arXiv:1512.09300, eq. (7) to (9) and algorithm 1.
        [2] Miyato et al., Spectral Normalization for GANs, ICLR 2018, arXiv:1802.05957,
            eq. (16) and (17), the hinge loss.
    """

    main_stage = "embedding"
    loss_ranks_weights = False
    takes_weights = True

    def __init__(
        self,
        autoencoder: VAEObjective,
        discriminator: tf.Module,
        *,
        feature_weight: float = 1.0,
        pixel_weight: float = 0.1,
        gan_loss: str = "non_saturating",
        name: str = "vae_gan",
    ) -> None:
        """Join the autoencoder and its judge.

        Args:
            autoencoder: What holds encoder and decoder; both are trained in place.
            discriminator: Module with `features(images)` `[B, F]` and `head(features)` `[B, 1]`,
                the logits of "this is data", such as `ImageEncoder`.
            feature_weight: Weight of the errors in the decoder's loss, >= 0; gamma of [1].
            pixel_weight: Weight of the cross-entropy of pixels beside the feature error, >= 0;
                none in [1].
            gan_loss: A name of `GAN_LOSSES`.
            name: Name of the module.

        Raises:
            TypeError: If a weight is no number.
            ValueError: If a weight is negative or the name of the loss unknown.
        """
        super().__init__(name=name)
        self.autoencoder = autoencoder
        self.discriminator = discriminator
        self._feature_weight = check_not_negative(feature_weight, "feature_weight")
        self._pixel_weight = check_not_negative(pixel_weight, "pixel_weight")
        self._gan_loss = check_choice(gan_loss, "gan_loss", GAN_LOSSES)

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the three players."""
        encoder, decoder, discriminator = (
            tuple(player.trainable_variables)
            for player in (self.autoencoder.encoder, self.autoencoder.decoder, self.discriminator)
        )
        quick, slow = _AUTOENCODER_OPTIMIZER, _DISCRIMINATOR_OPTIMIZER
        return (
            VariableGroup("encoder", encoder, "loss", optimizer=quick),
            VariableGroup("decoder", decoder, "decoder_loss", optimizer=quick),
            VariableGroup("discriminator", discriminator, "discriminator_loss", optimizer=slow),
        )

    def validation_loss(self, *batches: Tensor | Batch) -> Tensor:
        """Return the autoencoder's loss, in pixels; the discriminator's features keep moving."""
        return self.autoencoder.validation_loss(*batches)

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> VAEGANTerms:
        """Return the terms on images `[B, H, W, C]` of each domain, or on rows `[B, H W C]`."""
        images, weights = self.autoencoder.pooled(*batches)
        seen, wanted, noise = self.autoencoder.prepare(images, seed)
        loc, log_scale = self.autoencoder.posterior(seen)
        logits, made = self._decode(loc, log_scale, noise)
        shown = tf.concat([wanted, tf.sigmoid(logits), tf.sigmoid(made)], axis=0)
        features = self.discriminator.features(shown)
        real, rebuilt, _ = tf.split(features, 3)
        verdicts = tf.split(self.discriminator.head(features)[:, 0], 3)

        def mean(values: Tensor) -> Tensor:
            return tf.reduce_sum(weights * values)

        feature_error = mean(0.5 * per_image(tf.math.squared_difference(real, rebuilt)))
        reconstruction = mean(cross_entropy(wanted, logits))
        kl = mean(kl_to_standard(loc, log_scale))
        errors = feature_error + self._pixel_weight * reconstruction
        fooling, right = self._play(verdicts, mean)
        return VAEGANTerms(
            loss=errors + self.autoencoder.beta * kl,
            decoder_loss=self._feature_weight * errors + fooling,
            discriminator_loss=right,
            feature_error=feature_error,
            reconstruction=reconstruction,
            kl=kl,
        )

    def _decode(self, loc: Tensor, log_scale: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of draws of the posteriors and of as many draws of the prior."""
        first, second = tf.unstack(tf.random.split(seed, 2, alg="philox"))
        prior = seeded_normal(tf.shape(loc), second, dtype=loc.dtype)
        vectors = tf.concat([drawn(loc, log_scale, seed=first), prior], axis=0)
        logits, made = tf.split(self.autoencoder.decoder(vectors), 2)
        return logits, made

    def _play(
        self, verdicts: list[Tensor], mean: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the decoder's and the discriminator's loss on data, rebuilt and made images."""
        right, fooling = GAN_LOSSES[self._gan_loss]
        real, rebuilt, made = verdicts
        wrong = 0.5 * (mean(right(-rebuilt)) + mean(right(-made)))
        fooled = 0.5 * (mean(fooling(rebuilt)) + mean(fooling(made)))
        return fooled, 0.5 * (mean(right(real)) + wrong)
