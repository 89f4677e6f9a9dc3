"""Variational autoencoder of images of one or several domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_not_negative
from lrmf_tfp.networks import softplus
from lrmf_tfp.objectives.base import Objective, VariableGroup
from lrmf_tfp.samples.batch import Batch, as_batch

__all__ = ["Augmentation", "VAEObjective", "VAETerms", "per_image"]

Augmentation = Callable[[Tensor, Tensor], Tensor]
"""A function of images `[B, H, W, C]` and a seed `[2]` that returns changed images."""


class VAETerms(NamedTuple):
    """Terms of a variational autoencoder, nats an image; every domain has the same weight."""

    loss: Tensor
    """`reconstruction + beta * kl`; with `beta = 1` minus the evidence lower bound."""
    reconstruction: Tensor
    """Cross-entropy between pixels and reconstructed pixels, summed over the image."""
    kl: Tensor
    """`KL(q(z | x) || N(0, I))`."""


class VAEObjective(Objective):
    """Variational autoencoder with a Gaussian posterior and Bernoulli pixels.

    With `loc, log_scale = encoder(x)` and `z = loc + exp(log_scale) * noise`::

        reconstruction = sum(softplus(decoder(z)) - x * decoder(z))
        kl = sum(exp(2 * log_scale) + loc ** 2 - 1) / 2 - sum(log_scale)
        loss = mean(reconstruction + beta * kl)

    The mean is first over the images of a domain, by their weights if they have any, then over
    the domains, so that a domain of few images counts as much as one of many. Gray pixels between
    0 and 1 are taken for the probability of white, so that the reconstruction's least value is
    their entropy, not 0.

    An augmentation changes what the encoder sees in training. With `denoising` the image as it
    was is to be reconstructed, so that the vector forgets what was changed; without, the changed
    one.

    Attributes:
        encoder: What maps images `[B, H, W, C]` to means and log-scales `[B, 2 L]`.
        decoder: What maps vectors `[B, L]` to logits `[B, H, W, C]`.
        beta: Weight of the KL term.

    Examples:
        >>> from lrmf_tfp.networks import ImageDecoder, ImageEncoder
        >>> objective = VAEObjective(ImageEncoder((8, 8, 1), 4), ImageDecoder(2, (8, 8, 1)))
        >>> terms = objective(tf.zeros([5, 8, 8, 1]), seed=tf.constant([0, 1]))
        >>> bool(terms.loss == terms.reconstruction + terms.kl)
        True

    References:
        [1] Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, arXiv:1312.6114,
            eq. (10) and appendices B and C.1.
        [2] Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained
            Variational Framework, ICLR 2017, eq. (4).
        [3] Im et al., Denoising Criterion for Variational Auto-Encoding Framework, AAAI 2017,
            arXiv:1511.06406.
    """

    main_stage = "embedding"
    takes_weights = True

    def __init__(
        self,
        encoder: tf.Module,
        decoder: tf.Module,
        *,
        beta: float = 1.0,
        augmentation: Augmentation | None = None,
        denoising: bool = True,
        name: str = "vae",
    ) -> None:
        """Join the two networks.

        Args:
            encoder: Module `[B, H, W, C] -> [B, 2 L]`.
            decoder: Module `[B, L] -> [B, H, W, C]`, any real numbers.
            beta: Weight of the KL term, >= 0.
            augmentation: Function of images and a seed `[2]`, which is not trained; none by
                default.
            denoising: Reconstruct the image as it was before the augmentation.
            name: Name of the module.

        Raises:
            TypeError: If `beta` is no number or `augmentation` cannot be called.
            ValueError: If `beta` is negative.
        """
        if augmentation is not None and not callable(augmentation):
            raise TypeError(f"`augmentation` must be callable or None; got {augmentation!r}.")
        super().__init__(name=name)
        self.encoder = encoder
        self.decoder = decoder
        self.beta = check_not_negative(beta, "beta")
        self._augmentation = augmentation
        self._denoising = denoising

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the variables of both networks in one group."""
        variables = {
            variable.ref(): variable
            for network in (self.decoder, self.encoder)
            for variable in network.trainable_variables
        }
        return (VariableGroup("all", tuple(variables.values())),)

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> VAETerms:
        """Return the terms on images `[B, H, W, C]` of each domain, or on rows `[B, H W C]`."""
        images, weights = self.pooled(*batches)
        seen, wanted, noise = self.prepare(images, seed)
        return _weighted(self.evaluate(seen, wanted, seed=noise), weights)

    def validation_loss(self, *batches: Tensor | Batch) -> Tensor:
        """Return the loss on images as they are, without augmentation."""
        images, weights = self.pooled(*batches)
        return _weighted(self.evaluate(images, images, seed=tf.constant([0, 0])), weights).loss

    def pooled(self, *batches: Tensor | Batch) -> tuple[Tensor, Tensor]:
        """Return all images `[N, H, W, C]` and weights `[N]` by which domains count the same."""
        images, weights = [], []
        for batch in map(as_batch, batches):
            values = self._as_images(tf.convert_to_tensor(batch.values))
            shares = tf.ones_like(values[:, 0, 0, 0])
            if batch.weights is not None:
                largest = tf.reduce_max(batch.weights)
                shares = tf.cast(batch.weights / largest, values.dtype)
            images.append(values)
            weights.append(shares / (len(batches) * tf.reduce_sum(shares)))
        return tf.concat(images, axis=0), tf.concat(weights, axis=0)

    def prepare(self, images: Tensor, seed: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the encoder sees, what is to be reconstructed, and the seed of the noise."""
        seed = tf.constant([0, 0]) if seed is None else tf.convert_to_tensor(seed)
        if self._augmentation is None:
            return images, images, seed
        noise, change = tf.unstack(tf.random.split(seed, 2, alg="philox"))
        seen = self._augmentation(images, change)
        return seen, images if self._denoising else seen, noise

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-scales `[B, L]` of the vectors of images `[B, H, W, C]`."""
        loc, log_scale = tf.split(self.encoder(images), 2, axis=-1)
        return loc, log_scale

    def evaluate(self, seen: Tensor, wanted: Tensor, *, seed: Tensor) -> VAETerms:
        """Return the terms `[B]` of each image, with one draw of each vector."""
        return self.terms_of(*self.posterior(seen), wanted, seed=seed)

    def terms_of(
        self, loc: Tensor, log_scale: Tensor, wanted: Tensor, *, seed: Tensor
    ) -> VAETerms:
        """Return the terms `[B]` of images whose posteriors are known."""
        logits = self.decoder(drawn(loc, log_scale, seed=seed))
        reconstruction = cross_entropy(wanted, logits)
        kl = kl_to_standard(loc, log_scale)
        return VAETerms(reconstruction + self.beta * kl, reconstruction, kl)

    def _as_images(self, values: Tensor) -> Tensor:
        """Return images; the rows of a `Sample` get the shape of what the encoder takes."""
        if values.shape.rank == 4:
            return values
        shape = getattr(self.encoder, "image_shape", None)
        if values.shape.rank != 2 or shape is None:
            raise ValueError(f"`batches` must be images [B, H, W, C]; got shape {values.shape}.")
        return tf.reshape(values, [-1, *shape])


def _weighted(terms: VAETerms, weights: Tensor) -> VAETerms:
    return VAETerms(*(tf.reduce_sum(weights * term) for term in terms))


def per_image(values: Tensor) -> Tensor:
    """Return the sum `[B]` over all but the first axis."""
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def drawn(loc: Tensor, log_scale: Tensor, *, seed: Tensor) -> Tensor:
    """Return one draw `[B, L]` of each Gaussian."""
    return loc + tf.exp(log_scale) * seeded_normal(tf.shape(loc), seed, dtype=loc.dtype)


def cross_entropy(images: Tensor, logits: Tensor) -> Tensor:
    """Return the cross-entropy `[B]` of pixels in [0, 1] and logits, summed over the image."""
    return per_image(softplus(logits) - images * logits)


def kl_to_standard(loc: Tensor, log_scale: Tensor) -> Tensor:
    """Return `KL(N(loc, exp(log_scale)^2) || N(0, I))` `[B]`."""
    return per_image(0.5 * (tf.exp(2.0 * log_scale) + tf.square(loc) - 1.0) - log_scale)
