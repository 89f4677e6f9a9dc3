"""The original game: a discriminator tells generated samples from data."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.networks import softplus
from lrmf_tfp.objectives.base import VariableGroup
from lrmf_tfp.objectives.generative.generators import Generator, GeneratorObjective
from lrmf_tfp.optimizers import Adam, ConstantSchedule
from lrmf_tfp.samples.batch import Batch

__all__ = ["GANObjective", "GANTerms"]

_OPTIMIZER = Adam(1e-4, beta_1=0.5, beta_2=0.999, schedule=ConstantSchedule())


class GANTerms(NamedTuple):
    """Terms of the game on one batch of generated samples and one of data."""

    loss: Tensor
    """What the generator minimises, `mean(softplus(-logits(generated)))`."""
    discriminator_loss: Tensor
    """What the discriminator minimises, in nats; log 2 where it can tell nothing."""


class GANObjective(GeneratorObjective):
    """Non-saturating GAN on logits.

    With the logits l::

        discriminator_loss = (mean(softplus(-l(data))) + mean(softplus(l(generated)))) / 2
        loss = mean(softplus(-l(generated)))

    Both losses are of one forward pass and both players move at once. The loss of a game says
    nothing about how good the samples are.

    Attributes:
        generator: What makes the samples.
        discriminator: Logits of "this is data", `[B, D] -> [B, 1]` or `[B]`.

    Examples:
        >>> from lrmf_tfp.networks import MLP
        >>> from lrmf_tfp.objectives import implicit_generator
        >>> generator = implicit_generator(2, hidden_units=(8,))
        >>> objective = GANObjective(generator, MLP(2, 1, hidden_units=(8,)))  # starts at logits 0
        >>> round(float(objective(tf.eye(2), seed=[0, 1]).discriminator_loss), 4)
        0.6931

    References:
        [1] Goodfellow et al., Generative Adversarial Nets, NeurIPS 2014, arXiv:1406.2661,
            eq. (1), and section 3 on the loss of the generator.
    """

    takes_weights = True

    def __init__(
        self,
        generator: Generator,
        discriminator: tf.Module,
        *,
        discriminator_steps: int = 1,
        name: str = "gan",
    ) -> None:
        """Join the two players.

        Args:
            generator: A flow or an `ImplicitGenerator`.
            discriminator: Module `[B, D] -> [B, 1]` or `[B]`.
            discriminator_steps: Steps of the discriminator for one of the generator.
            name: Name of the module.

        Raises:
            TypeError: If `discriminator_steps` is not a whole number.
            ValueError: If it is below 1.
        """
        super().__init__(generator, name=name)
        self.discriminator = discriminator
        self._steps = check_positive_int(discriminator_steps, "discriminator_steps")

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the two players."""
        generator = tuple(self.generator.trainable_variables)
        critic = tuple(self.discriminator.trainable_variables)
        return (
            VariableGroup("generator", generator, "loss", self._steps, _OPTIMIZER),
            VariableGroup("discriminator", critic, "discriminator_loss", 1, _OPTIMIZER),
        )

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> GANTerms:
        """Return the terms on `(start, data)` or `(data,)`, `[B, ...]` each."""
        generated, data = self.generate(batches, seed)
        of_generated, of_data = self._logits(generated), self._logits(data)
        loss = weighted_mean(softplus(-of_generated), generated.weights)
        right = (
            weighted_mean(softplus(-of_data), data.weights),
            weighted_mean(softplus(of_generated), generated.weights),
        )
        return GANTerms(loss, 0.5 * (right[0] + right[1]))

    def _logits(self, batch: Batch) -> Tensor:
        return tf.reshape(self.discriminator(batch.values), [-1])
