"""Generators trained on MMD: in the space of the data, or of a learned code (level 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_not_negative, check_positive, check_positive_int
from lrmf_tfp.divergences import mmd_squared
from lrmf_tfp.kernels import GaussianKernel, RadialKernel
from lrmf_tfp.networks import MLP, Dense
from lrmf_tfp.objectives.base import VariableGroup
from lrmf_tfp.objectives.generative.generators import GeneratorObjective, root_of_mmd
from lrmf_tfp.optimizers import Adam, ConstantSchedule, RMSProp

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

    def __init__(
        self, generator: Any, *, kernel: RadialKernel | None = None, name: str = "mmd_net"
    ) -> None:
        """Join a generator and a kernel, by default Gaussian of bandwidth 1."""
        super().__init__(generator, name=name)
        self.kernel = GaussianKernel(1.0) if kernel is None else kernel

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the generator."""
        generator = tuple(self.generator.trainable_variables)
        return (VariableGroup("generator", generator, "loss", 1, _NET_OPTIMIZER),)

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> MMDNetTerms:
        """Return the terms on `(start, data)` or `(data,)`, `[B, ...]` each."""
        squared = mmd_squared(*self.generate(batches, seed), kernel=self.kernel)
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

    def __init__(
        self,
        generator: Any,
        encoder: Callable[[Tensor], Tensor],
        decoder: Callable[[Tensor], Tensor],
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
        code = tuple(variable for part in parts for variable in part.trainable_variables)  # type: ignore[attr-defined]
        return (
            VariableGroup("generator", generator, "loss", self._code_steps, _GAN_OPTIMIZER),
            VariableGroup("code", code, "code_loss", 1, _GAN_OPTIMIZER),
        )

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> MMDGANTerms:
        """Return the terms on `(start, data)` or `(data,)`, `[B, ...]` each."""
        generated, data = self.generate(batches, seed)
        u, v = self.encoder(generated), self.encoder(data)
        squared = mmd_squared(u, v, kernel=self.kernel)
        gap = tf.reduce_mean(v, axis=0) - tf.reduce_mean(u, axis=0)
        one_side = -tf.reduce_mean(tf.nn.relu(gap))
        loss = root_of_mmd(squared) + self._side_weight * one_side
        errors = [_squared_error(x, self.decoder(e)) for x, e in ((data, v), (generated, u))]
        code_loss = self._code_weight * (errors[0] + errors[1]) - loss
        return MMDGANTerms(loss, code_loss, squared, one_side, errors[0])


class ClippedMLP(MLP):
    """Multilayer perceptron whose weights are kept in [-bound, bound].

    What is used is `clipped(weights)`. Its gradient is 0 where a step would lead farther out, so
    that a weight at the wall stays there until the loss wants it back: clamping before each step,
    without touching variables in a forward pass.

    Attributes:
        layers: The layers, input first.
        bound: Half the width of the box.

    Examples:
        >>> network = ClippedMLP(1, 1, hidden_units=(), bound=0.1)
        >>> round(abs(float(network([[1.0]])[0, 0])), 3) <= 0.1
        True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        hidden_units: Sequence[int],
        activation: str = "relu",
        bound: float = 0.1,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = "clipped_mlp",
    ) -> None:
        super().__init__(
            in_features,
            out_features,
            hidden_units=hidden_units,
            activation=activation,
            last_gain=1.0,
            seed=seed,
            dtype=dtype,
            name=name,
        )
        self.bound = check_positive(bound, "bound")
        self.layers: list[Any] = [_ClippedDense(layer, self.bound) for layer in self.layers]


class _ClippedDense(tf.Module):
    """A `Dense` layer seen through `clipped`."""

    def __init__(self, dense: Dense, bound: float) -> None:
        super().__init__(name=dense.name)
        self.dense = dense
        self._bound = bound
        for variable in dense.trainable_variables:
            variable.assign(tf.clip_by_value(variable, -bound, bound))

    def __call__(self, x: Tensor) -> Tensor:
        kernel, bias = (clipped(w, self._bound) for w in (self.dense.kernel, self.dense.bias))
        return tf.linalg.matmul(x, kernel) + bias


def clipped(weights: Tensor, bound: float) -> Tensor:
    """Return weights clipped to [-bound, bound], with the slope that leads inwards only."""

    @tf.custom_gradient
    def clip(values: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        def gradient(slope: Tensor) -> Tensor:
            outwards = tf.logical_or(
                tf.logical_and(values >= bound, slope < 0.0),
                tf.logical_and(values <= -bound, slope > 0.0),
            )
            return tf.where(outwards, tf.zeros_like(slope), slope)

        return tf.clip_by_value(values, -bound, bound), gradient

    return clip(tf.convert_to_tensor(weights))


def _squared_error(x: Tensor, y: Tensor) -> Tensor:
    return tf.reduce_mean(tf.reduce_sum(tf.math.squared_difference(x, y), axis=1))
