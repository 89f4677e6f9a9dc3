"""A generator fitted by the divergence that a critic measures."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.divergences import DonskerVaradhan, VariationalBound
from lrmf_tfp.objectives.base import VariableGroup
from lrmf_tfp.objectives.generative.generators import Generator, GeneratorObjective
from lrmf_tfp.objectives.variational import VariationalObjective
from lrmf_tfp.optimizers import Adam, ConstantSchedule
from lrmf_tfp.samples.batch import Batch

__all__ = ["FGANObjective", "FGANTerms"]

_GENERATOR_OPTIMIZER = Adam(2e-3, beta_1=0.5)
_CRITIC_OPTIMIZER = Adam(2e-3, beta_1=0.5, schedule=ConstantSchedule())


class FGANTerms(NamedTuple):
    """Terms of the game on one batch of generated samples and one of data."""

    loss: Tensor
    """What the generator minimises: the critic's bound of `D_f(data || model)`."""
    critic_loss: Tensor
    """What the critic minimises: minus that bound."""


class FGANObjective(GeneratorObjective):
    """Fit a generator by `D_f(data || model)`, as far as a critic can tell it.

        bound = mean(g(v(data))) - mean(f*(g(v(generated))))

    The critic makes the bound large, the generator makes it small: two players, one number.
    With `"kl"` the generator minimises the *forward* KL(data || model), as maximum likelihood
    does, and covers all of the data; with `"reverse_kl"` it minimises KL(model || data) and
    stays where there is data. No density of the generator is needed.

    Three things decide whether that is what happens; published code often differs in each:

    - v is any real number. A sigmoid at the critic's end confines the log-ratio that it can tell
      to (-1, 0) for KL, and the bound stays far below the divergence.
    - The critic takes one step on the whole bound. Each half of it alone has no maximum.
    - The generator minimises `-mean(f*(g(v)))`, the "saturating" loss. Raising `mean(g(v))`
      instead, as a GAN's generator does, follows another divergence: with a critic for KL it
      descends KL(model || data), with one for the reverse KL half of the Pearson divergence of
      model and data.

    Attributes:
        generator: A `tfd.Distribution` that samples with gradients, an `ImplicitGenerator`, or a
            flow, which is then called on a source and the data.
        critic: Network `[B, D] -> [B, 1]` or `[B]`, without an activation at its end.

    Examples:
        >>> import tensorflow as tf
        >>> from lrmf_tfp.densities import gaussian_density
        >>> from lrmf_tfp.networks import MLP
        >>> critic = MLP(2, 1, hidden_units=(8,))  # starts at v = 0: a log-ratio of -1 for KL
        >>> objective = FGANObjective(gaussian_density(2), critic, divergence="kl")
        >>> round(float(objective(tf.eye(2), seed=tf.constant([0, 1])).loss), 4)
        -0.3679

    References:
        [1] Nowozin, Cseke, Tomioka, f-GAN, NeurIPS 2016, arXiv:1606.00709, eq. (3)-(6); section
            3.2 on the other generator loss.
    """

    main_stage = "game"
    takes_weights = True

    def __init__(
        self,
        generator: Generator,
        critic: tf.Module,
        *,
        divergence: str | VariationalBound = "kl",
        critic_steps: int = 4,
        warmup: int = 300,
        name: str = "f_gan",
    ) -> None:
        """Join the two players.

        Args:
            generator: What makes samples `[B, D]`.
            critic: Network `[B, D] -> [B, 1]` or `[B]`.
            divergence: A name of `lrmf_tfp.divergences.VARIATIONAL_BOUNDS`, or an object of it; p
                is the data, q the model.
            critic_steps: Steps of the critic for one of the generator.
            warmup: Steps of the critic before the generator moves.
            name: Name of the module.

        Raises:
            TypeError: If a count is not a whole number.
            ValueError: If `critic_steps` is below 1, `warmup` below 0 or the name is unknown.
        """
        super().__init__(generator, name=name)
        self._bound = VariationalObjective(critic, divergence=divergence)
        self._critic_steps = check_positive_int(critic_steps, "critic_steps")
        self._warmup = check_positive_int(warmup, "warmup", lowest=0)

    @property
    def critic(self) -> tf.Module:
        """The network whose outputs are v."""
        return self._bound.network

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the two players."""
        generator = tuple(self.generator.trainable_variables)
        return (
            VariableGroup(
                "generator",
                generator,
                "loss",
                self._critic_steps,
                _GENERATOR_OPTIMIZER,
                self._warmup,
            ),
            VariableGroup(
                "critic",
                tuple(self.critic.trainable_variables),
                "critic_loss",
                1,
                _CRITIC_OPTIMIZER,
            ),
        )

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> FGANTerms:
        """Return the terms on `(data,)`, or on `(source, data)` for a flow, `[B, D]` each."""
        generated, data = self.generate(batches, seed)
        bound = _bound(
            self._bound.divergence,
            data._replace(values=self._bound.outputs(data.values)),
            generated._replace(values=self._bound.outputs(generated.values)),
        )
        return FGANTerms(bound, -bound)

    def bound(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> Tensor:
        """Return the critic's bound of `D_f(data || model)`, scalar.

        On data that it was not fitted to, unbiased for a number below the divergence.
        """
        return self(*batches, seed=seed).loss


def _bound(divergence: VariationalBound, numerator: Batch, denominator: Batch) -> Tensor:
    """Return the bound of outputs `[N]` and `[M]` whose rows may have weights."""
    gain = weighted_mean(divergence.activation(numerator.values), numerator.weights)
    if isinstance(divergence, DonskerVaradhan):
        return gain - _log_mean_exp(denominator)
    cost = divergence.conjugate_of_output(denominator.values)
    return gain - weighted_mean(cost, denominator.weights)


def _log_mean_exp(outputs: Batch) -> Tensor:
    """Return `log(mean(exp(v)))` of outputs, without overflow."""
    values, shares, _ = outputs
    if shares is None:
        return tf.reduce_logsumexp(values) - tf.math.log(tf.cast(tf.size(values), values.dtype))
    return tf.reduce_logsumexp(values + tf.math.log(tf.cast(shares, values.dtype)))
