"""Generators trained on MMD: in the space of the data, or of a learned code."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_not_negative, check_positive_int
from lrmf_tfp.divergences import mmd_squared
from lrmf_tfp.kernels import GaussianKernel, RadialKernel
from lrmf_tfp.objectives.base import VariableGroup
from lrmf_tfp.objectives.generative.clipped import ClippedMLP, clipped
from lrmf_tfp.objectives.generative.generators import (
    Generator,
    GeneratorObjective,
    root_of_mmd,
)
from lrmf_tfp.optimizers import Adam, ConstantSchedule, RMSProp
from lrmf_tfp.samples.batch import Batch

__all__ = [
    "ClippedMLP",
    "MMDGANObjective",
    "MMDGANTerms",
    "MMDNetObjective",
    "MMDNetTerms",
    "clipped",
]

_GAN_OPTIMIZER = Adam(5e-5, beta_1=0.5, beta_2=0.999, schedule=ConstantSchedule())
_NET_OPTIMIZER = RMSProp(1e-3, schedule=ConstantSchedule())


class MMDNetTerms(NamedTuple):
    """Terms of an MMD network on one batch of generated samples and one of data."""

    loss: Tensor
    """What the generator minimises, `sqrt(mmd_squared + 1e-6)`."""
    mmd_squared: Tensor
    """Biased squared MMD of the samples."""


class MMDNetObjective(GeneratorObjective):
    """Root of the biased squared MMD of generated samples and data: nothing else is learned.

    Attributes:
        generator: What makes the samples.
        kernel: The kernel, on the samples themselves.

    Examples:
        >>> from lrmf_tfp.flows import identity_flow
        >>> objective = MMDNetObjective(identity_flow(1))
        >>> round(float(objective(tf.zeros([2, 1]), tf.ones([2, 1])).mmd_squared), 4)
        0.7869

    References:
        [1] Li, Swersky, Zemel, Generative Moment Matching Networks, ICML 2015, arXiv:1502.02761,
            eq. (3) and section 4, square root.
        [2] Dziugaite, Roy, Ghahramani, Training generative neural networks via Maximum Mean
            Discrepancy optimization, UAI 2015, arXiv:1505.03906.
    """

    takes_weights = True

    def __init__(
        self, generator: Generator, *, kernel: RadialKernel | None = None, name: str = "mmd_net"
    ) -> None:
        """Join a generator and a kernel, by default Gaussian of bandwidth 1."""
        super().__init__(generator, name=name)
        self.kernel = GaussianKernel(1.0) if kernel is None else kernel

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the generator."""
        generator = tuple(self.generator.trainable_variables)
        return (VariableGroup("generator", generator, "loss", 1, _NET_OPTIMIZER),)

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> MMDNetTerms:
        """Return the terms on `(start, data)` or `(data,)`, `[B, ...]` each."""
        squared = _mmd_squared(*self.generate(batches, seed), self.kernel)
        return MMDNetTerms(root_of_mmd(squared), squared)


class MMDGANTerms(NamedTuple):
    """Terms of the game on one batch of generated samples and one of data."""

    loss: Tensor
    """What the generator minimises, `mmd + side_weight * one_side`."""
    code_loss: Tensor
    """What encoder and decoder minimise, `-loss + code_weight * (both reconstruction errors)`."""
    mmd_squared: Tensor
    """Biased squared MMD of the codes."""
    one_side: Tensor
    """`-mean(relu(mean code of data - mean code of generated))`, <= 0."""
    reconstruction: Tensor
    """Mean squared distance of data and what the decoder makes of their codes."""


class MMDGANObjective(GeneratorObjective):
    """A game over the kernel: an encoder makes MMD large, the generator small.

    With the encoder E and the decoder D::

        mmd = sqrt(MMD^2 of E(generated), E(data))
        one_side = -mean(relu(mean(E(data)) - mean(E(generated))))
        loss = mmd + side_weight * one_side
        code_loss = -loss + code_weight * (|data - D(E(data))|^2 + |generated - D(E(generated))|^2)

    The encoder's weights are kept in a box, which is what `ClippedMLP` is for. It takes
    `code_steps` steps for one of the generator.

    Attributes:
        generator: What makes the samples.
        encoder: Codes, `[B, D] -> [B, F]`.
        decoder: Samples from codes, `[B, F] -> [B, D]`.

    References:
        [1] Li, Chang, Cheng, Yang, Poczos, MMD GAN, NeurIPS 2017, arXiv:1705.08584, eq. (3) and
            algorithm 1.
    """

    takes_weights = True

    def __init__(
        self,
        generator: Generator,
        encoder: tf.Module,
        decoder: tf.Module,
        *,
        kernel: RadialKernel | None = None,
        code_weight: float = 8.0,
        side_weight: float = 16.0,
        code_steps: int = 5,
        name: str = "mmd_gan",
    ) -> None:
        """Join the players.

        Args:
            generator: A flow or an `ImplicitGenerator`.
            encoder: Module `[B, D] -> [B, F]`, such as `ClippedMLP`.
            decoder: Module `[B, F] -> [B, D]`.
            kernel: Kernel on codes, by default Gaussian of bandwidth 1.
            code_weight: Weight of the reconstruction errors, >= 0.
            side_weight: Weight of `one_side`, >= 0.
            code_steps: Steps of encoder and decoder for one of the generator.
            name: Name of the module.

        Raises:
            TypeError: If a number is none.
            ValueError: If a number is out of its range.
        """
        super().__init__(generator, name=name)
        self.encoder = encoder
        self.decoder = decoder
        self.kernel = GaussianKernel(1.0) if kernel is None else kernel
        self._code_weight = check_not_negative(code_weight, "code_weight")
        self._side_weight = check_not_negative(side_weight, "side_weight")
        self._code_steps = check_positive_int(code_steps, "code_steps")

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the generator, and encoder and decoder together."""
        generator = tuple(self.generator.trainable_variables)
        parts = (self.encoder, self.decoder)
        code = tuple(variable for part in parts for variable in part.trainable_variables)
        return (
            VariableGroup("generator", generator, "loss", self._code_steps, _GAN_OPTIMIZER),
            VariableGroup("code", code, "code_loss", 1, _GAN_OPTIMIZER),
        )

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> MMDGANTerms:
        """Return the terms on `(start, data)` or `(data,)`, `[B, ...]` each."""
        generated, data = self.generate(batches, seed)
        u, v = (part._replace(values=self.encoder(part.values)) for part in (generated, data))
        squared = _mmd_squared(u, v, self.kernel)
        one_side = -tf.reduce_mean(tf.nn.relu(_centre(v) - _centre(u)))
        loss = root_of_mmd(squared) + self._side_weight * one_side
        errors = [self._error(data, v), self._error(generated, u)]
        code_loss = self._code_weight * (errors[0] + errors[1]) - loss
        return MMDGANTerms(loss, code_loss, squared, one_side, errors[0])

    def _error(self, samples: Batch, codes: Batch) -> Tensor:
        """Return the mean squared distance of samples and what is decoded of their codes."""
        squares = tf.math.squared_difference(samples.values, self.decoder(codes.values))
        return weighted_mean(tf.reduce_sum(squares, axis=1), samples.weights)


def _mmd_squared(generated: Batch, data: Batch, kernel: RadialKernel) -> Tensor:
    return mmd_squared(
        generated.values,
        data.values,
        kernel=kernel,
        source_weights=generated.weights,
        target_weights=data.weights,
    )


def _centre(codes: Batch) -> Tensor:
    """Return the mean `[F]` of codes `[N, F]`."""
    values, shares, _ = codes
    if shares is None:
        return tf.reduce_mean(values, axis=0)
    return tf.linalg.matvec(values, tf.cast(shares, values.dtype), transpose_a=True)
