"""Adversarial alignment: a critic learns to tell the moved source from the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.log_det import forward_and_log_det
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive, check_positive_int
from lrmf_tfp.divergences import energy_distance
from lrmf_tfp.networks import Dense
from lrmf_tfp.objectives.base import Objective, VariableGroup
from lrmf_tfp.objectives.scored import ScoredSpec
from lrmf_tfp.objectives.spec import Parts
from lrmf_tfp.optimizers import Adam

__all__ = [
    "Adversarial",
    "AdversarialObjective",
    "AdversarialTerms",
    "Critic",
    "REGULARISERS",
]

REGULARISERS = ("spectral_norm", "gradient_penalty")
"""What keeps the critic smooth."""

_POWER_ITERATIONS = 8
_OPTIMIZER = Adam(2e-4, beta_1=0.0, beta_2=0.9)  # [1] on ImageNet: momentum unsettles the game


class AdversarialTerms(NamedTuple):
    """Terms of the game on one batch of each domain."""

    loss: Tensor
    """What the flow minimises, `-mean(critic(flow(source)))`."""
    critic_loss: Tensor
    """What the critic minimises."""


class Critic(tf.Module):
    """Real-valued network `[B, D] -> [B]`, by choice of Lipschitz constant at most 1.

    Attributes:
        layers: The `Dense` layers, input first.
    """

    def __init__(
        self,
        event_size: int,
        *,
        hidden_units: Sequence[int] = (128, 128),
        spectral_norm: bool = True,
        dtype: tf.DType = tf.float32,
        seed: int = 0,
        name: str = "critic",
    ) -> None:
        super().__init__(name=name)
        widths = [event_size, *hidden_units, 1]
        self._spectral_norm = spectral_norm
        self.layers = [
            Dense(n, m, seed=(seed, 7919 + i), dtype=dtype, name=f"dense_{i}")
            for i, (n, m) in enumerate(zip(widths[:-1], widths[1:], strict=True))
        ]

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate the critic on `x` `[B, D]`."""
        for layer in self.layers[:-1]:
            x = tf.nn.leaky_relu(self._apply(layer, x))
        return self._apply(self.layers[-1], x)[:, 0]

    def _apply(self, layer: Dense, x: Tensor) -> Tensor:
        if not self._spectral_norm:
            return layer(x)
        norm = tf.maximum(spectral_norm(layer.kernel), tf.constant(1e-12, x.dtype))
        return tf.linalg.matmul(x, layer.kernel / norm) + layer.bias


def spectral_norm(matrix: Tensor) -> Tensor:
    """Return the largest singular value of `matrix` `[N, M]` by power iteration.

    The singular vectors count as constants, as in [1]; the iteration starts from a
    mixture of the matrix's own columns, so that nothing has to be remembered from step to step.

    References:
        [1] Miyato, Kataoka, Koyama, Yoshida, Spectral Normalization for GANs, ICLR 2018,
            arXiv:1802.05957, algorithm 1.
    """
    frozen = tf.stop_gradient(tf.convert_to_tensor(matrix))
    uneven = tf.cast(tf.linspace(0.5, 1.5, matrix.shape[1]), frozen.dtype)
    left = right = tf.linalg.matvec(frozen, uneven)
    for _ in range(_POWER_ITERATIONS):
        right = tf.linalg.l2_normalize(tf.linalg.matvec(frozen, left, transpose_a=True))
        left = tf.linalg.l2_normalize(tf.linalg.matvec(frozen, right))
    return tf.tensordot(left, tf.linalg.matvec(matrix, right), 1)


class AdversarialObjective(Objective):
    """A game of two: the critic scores target high and moved source low, the flow objects.

    With `"spectral_norm"` the critic is 1-Lipschitz by construction and minimises the hinge
    loss; with `"gradient_penalty"` its gradient between the two clouds is pushed towards norm 1
    and it minimises the difference of the mean scores. The flow minimises `-mean(critic)`.

    A critic's loss is no measure of alignment, so the weights that are kept are those with the
    least energy distance on held-out samples, or the last ones where nothing is held out. Both
    players move by Adam without momentum at a rate of 2e-4 unless told otherwise.

    Attributes:
        flow: The bijector T, `[D] -> [D]`.
        critic: The `Critic`.

    References:
        [1] Miyato et al., Spectral Normalization for GANs, ICLR 2018, arXiv:1802.05957,
            eq. (16)-(17).
        [2] Gulrajani et al., Improved Training of Wasserstein GANs, NeurIPS 2017,
            arXiv:1704.00028, eq. (3).
    """

    main_stage = "game"
    loss_ranks_weights = False
    most_validation_rows = 2000  # of an energy distance

    def __init__(
        self,
        flow: Any,
        critic: Critic,
        *,
        regulariser: str = "spectral_norm",
        penalty: float = 10.0,
        critic_steps: int = 5,
        name: str = "adversarial",
    ) -> None:
        """Join a flow and a critic.

        Args:
            flow: Any `tfb.Bijector` on events `[D]`.
            critic: The critic; with spectral norms for `"spectral_norm"`.
            regulariser: `"spectral_norm"` or `"gradient_penalty"`.
            penalty: Weight of the gradient penalty, > 0.
            critic_steps: Steps of the critic for one of the flow.
            name: Name of the module.

        Raises:
            ValueError: If the regulariser is unknown or a number is not positive.
        """
        super().__init__(name=name)
        self.flow = flow
        self.critic = critic
        self._regulariser = check_choice(regulariser, "regulariser", REGULARISERS)
        self._penalty = check_positive(penalty, "penalty")
        self._critic_steps = check_positive_int(critic_steps, "critic_steps")

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the two players."""
        flow = tuple(self.flow.trainable_variables)
        critic = tuple(self.critic.trainable_variables)
        return (
            VariableGroup("flow", flow, "loss", self._critic_steps, _OPTIMIZER),
            VariableGroup("critic", critic, "critic_loss", 1, _OPTIMIZER),
        )

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> AdversarialTerms:
        """Return the terms on `source` `[B, D]` and `target` `[B, D]`."""
        source, target = batches
        moved, _ = forward_and_log_det(self.flow, source)
        of_moved, of_target = self.critic(moved), self.critic(target)
        if self._regulariser == "spectral_norm":
            critic_loss = _hinge(of_target) + _hinge(-of_moved)
        else:
            slope = self._gradient_penalty(moved, target, seed=seed)
            critic_loss = tf.reduce_mean(of_moved) - tf.reduce_mean(of_target) + slope
        return AdversarialTerms(-tf.reduce_mean(of_moved), critic_loss)

    def validation_loss(self, *batches: Tensor) -> Tensor:
        """Return the energy distance of the moved source and the target."""
        source, target = batches
        return energy_distance(forward_and_log_det(self.flow, source)[0], target)

    def _gradient_penalty(self, moved: Tensor, target: Tensor, *, seed: Tensor | None) -> Tensor:
        rows = tf.minimum(tf.shape(moved)[0], tf.shape(target)[0])
        seed = tf.constant([0, 0], tf.int64) if seed is None else seed
        share = tf.random.stateless_uniform([rows, 1], seed, dtype=moved.dtype)
        between = tf.stop_gradient(share * moved[:rows] + (1.0 - share) * target[:rows])
        with tf.GradientTape() as tape:
            tape.watch(between)
            total = tf.reduce_sum(self.critic(between))
        squares = tf.reduce_sum(tf.square(tape.gradient(total, between)), axis=1)
        norms = tf.sqrt(squares + tf.constant(1e-12, moved.dtype))
        return self._penalty * tf.reduce_mean(tf.square(norms - 1.0))


def _hinge(score: Tensor) -> Tensor:
    return tf.reduce_mean(tf.nn.relu(1.0 - score))


@dataclass(frozen=True, kw_only=True)
class Adversarial(ScoredSpec):
    """A critic that learns to tell the two apart; see `AdversarialObjective` for the settings."""

    hidden_units: Sequence[int] = (128, 128)
    regulariser: str = "spectral_norm"
    penalty: float = 10.0
    critic_steps: int = 5

    def build(self, parts: Parts) -> AdversarialObjective:
        """Return a new objective around a new flow and a new critic."""
        critic = Critic(
            parts.event_size,
            hidden_units=self.hidden_units,
            spectral_norm=self.regulariser == "spectral_norm",
            dtype=parts.dtype,
            seed=parts.seed,
        )
        return AdversarialObjective(
            parts.flow(),
            critic,
            regulariser=self.regulariser,
            penalty=self.penalty,
            critic_steps=self.critic_steps,
        )
