"""The critic of an f-divergence: a network trained to the highest lower bound (level 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Samples, Tensor
from lrmf_tfp._validation import (
    as_pair,
    as_samples,
    check_fraction,
    check_positive_ints,
    check_seed,
)
from lrmf_tfp.divergences import DonskerVaradhan, VariationalBound
from lrmf_tfp.divergences.f_divergence.table import guarded_exp
from lrmf_tfp.divergences.f_divergence.variational import log_mean_exp
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import VariationalObjective
from lrmf_tfp.samples.split import common_moments, hold_out
from lrmf_tfp.training import FitConfig, FitResult, fit

__all__ = ["LearnedCritic", "fit_critic"]

Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class LearnedCritic:
    """A trained network v, and what it estimates of `D_f(p || q)` at a point x.

    * `output` is v(x), what the network returns; what it tells depends on the divergence.
    * `value` is the critic `T(x) = g(v(x))`, an estimate of `f'(p / q)`.
    * `log_ratio`, from v, is one of `log(p / q)`.
    * `ratio`, its exponential, is one of `p / q`.

    `value_gradient`, `log_ratio_gradient` and `ratio_gradient` are the gradients in x of the last
    three. They differ: for the KL `T = 1 + log(p / q)`, so that `value_gradient` is
    `log_ratio_gradient`, and `ratio_gradient` is that times the ratio. Where neither sample set
    has points the network extrapolates, and all of this tells about the network alone.

    All methods take `x` `[B, D]` as an array or a tensor, also inside a `tf.function`, and are
    differentiable.
    """

    objective: VariationalObjective
    """The network, which standardises its inputs, and the bound it was trained to."""
    fit: FitResult
    """The record of the training; `fit.history["validation_loss"]` is minus the held-out bound."""
    held_out_bound: float
    """The bound on held-out samples. They chose which weights were kept, so that it is a little
    optimistic; `bound` on fresh samples is not."""
    offset: Tensor
    """Scalar taken off the network's output: `log(mean(exp(v(y))))` over the training rows of q
    for Donsker and Varadhan's bound, which leaves a constant free, and else 0."""
    num_dims: int
    """D."""

    @property
    def divergence(self) -> VariationalBound:
        """The bound that was maximised."""
        return self.objective.divergence

    def output(self, x: Samples) -> Tensor:
        """Return the raw output v `[B]`.

        Raises:
            TypeError: If `x` is not numeric.
            ValueError: If `x` is not finite or of another width.
        """
        return self.objective.outputs(self._points(x)) - self.offset

    def value(self, x: Samples) -> Tensor:
        """Return the critic `T = g(v)` `[B]`, an estimate of `f'(p / q)`; errors as `output`."""
        return self.divergence.activation(self.output(x))

    def log_ratio(self, x: Samples) -> Tensor:
        """Return the estimate of `log(p / q)` `[B]`, nats.

        Raises:
            TypeError: As `output`.
            ValueError: As `output`; or if the divergence's critic does not tell the ratio.
        """
        told = self.divergence.log_ratio_of_output
        if told is None:
            raise ValueError(
                "`divergence` must be one whose critic tells the ratio; "
                f"got {self.divergence.name!r}, which tells only where p > q."
            )
        return told(self.output(x))

    def ratio(self, x: Samples) -> Tensor:
        """Return the estimate of `p / q` `[B]`, >= 0; errors as `log_ratio`.

        Above `exp(40)` the exponential goes on as its tangent.
        """
        return guarded_exp(self.log_ratio(x))

    def value_gradient(self, x: Samples) -> Tensor:
        """Return `dT/dx` `[B, D]`, what a generator trained against the critic would follow."""
        return self._gradient(self.value, x)

    def log_ratio_gradient(self, x: Samples) -> Tensor:
        """Return `d log(p / q) / dx` `[B, D]` of the estimate; errors as `log_ratio`."""
        return self._gradient(self.log_ratio, x)

    def ratio_gradient(self, x: Samples) -> Tensor:
        """Return `d (p / q) / dx` `[B, D]` of the estimate; errors as `log_ratio`."""
        return self._gradient(self.ratio, x)

    def bound(self, numerator: Samples, denominator: Samples) -> Tensor:
        """Return the lower bound of the divergence on samples.

        On samples that the training did not see it is unbiased for a number that is at most
        the divergence (up to `DonskerVaradhan`'s own bias); on those that it saw it is too high.

        Args:
            numerator: Samples `[N, D]` of p.
            denominator: Samples `[M, D]` of q.

        Returns:
            Scalar, nats for the divergences made of logarithms.

        Raises:
            TypeError: As `output`.
            ValueError: As `output`.
        """
        return self.divergence.bound(self.output(numerator), self.output(denominator))

    def _points(self, x: Samples) -> Tensor:
        if not isinstance(x, (tf.Tensor, tf.Variable)):
            x = as_samples(x, "x")
        x = tf.cast(x, self.offset.dtype)
        if x.shape.rank != 2 or x.shape[1] != self.num_dims:
            raise ValueError(f"`x` must have shape [B, {self.num_dims}]; got {x.shape}.")
        return x

    def _gradient(self, function: Callable[[Tensor], Tensor], x: Samples) -> Tensor:
        points = self._points(x)
        with tf.GradientTape() as tape:
            tape.watch(points)
            total = tf.reduce_sum(function(points))  # each value depends on its own row alone
        return tape.gradient(total, points)


def fit_critic(
    numerator: Samples,
    denominator: Samples,
    *,
    divergence: str | VariationalBound = "kl",
    network: Network | None = None,
    hidden_units: Sequence[int] = (32, 32),
    config: FitConfig | None = None,
    seed: int = 0,
    validation_fraction: float = 0.2,
) -> LearnedCritic:
    """Train a critic whose output tells the density ratio of two sample sets.

    Maximises `mean(g(v(x))) - mean(f*(g(v(y))))`, x from p and y from q, over the weights of a
    network v; at the best v the value is the divergence and v tells `p / q`. Inputs are
    standardised by the training samples of both, which count one half each. Where p has samples
    that q has none near, the KL is infinite and the bound never settles: held-out samples do not
    stop that.

    Args:
        numerator: Samples `[N, D]` of p, N >= 2.
        denominator: Samples `[M, D]` of q, M >= 2.
        divergence: A name of `lrmf_tfp.divergences.VARIATIONAL_BOUNDS` or an object of it.
        network: Any network `[B, D] -> [B]` or `[B, 1]` of standardised inputs; a multilayer
            perceptron with tanh units by default, in the dtype of the samples.
        hidden_units: Widths of that perceptron.
        config: Settings of the fit; 3000 steps on batches of 500 with `seed` by default.
        seed: Seed of the split, of the perceptron's start and, without `config`, of the batches.
        validation_fraction: Share of each sample set that is held out, to choose the weights.

    Returns:
        The critic.

    Raises:
        FloatingPointError: If training stays non-finite.
        TypeError: If samples are not numbers.
        ValueError: If shapes do not fit, values are not finite, rows are too few, the divergence
            is unknown, or the network has no variables or another output.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(1.0, 1.0, [500, 1]), rng.normal(0.0, 1.0, [500, 1])
        >>> critic = fit_critic(x, y, config=FitConfig(num_steps=300, jit_compile=False))
        >>> bool(critic.log_ratio([[2.0]]) > critic.log_ratio([[-1.0]]))
        True

    References:
        [1] Nguyen, Wainwright, Jordan, Estimating divergence functionals and the likelihood
            ratio by convex risk minimization, IEEE Trans. Inf. Theory 2010, arXiv:0809.0853,
            lemma 1.
        [2] Nowozin, Cseke, Tomioka, f-GAN, NeurIPS 2016, arXiv:1606.00709,
            eq. (4)-(6).
        [3] Belghazi et al., Mutual Information Neural Estimation, ICML 2018, arXiv:1801.04062,
            theorem 1.
    """
    check_seed(seed, "seed")
    check_fraction(validation_fraction, "validation_fraction")
    widths = check_positive_ints(hidden_units, "hidden_units")
    pair = as_pair(numerator, denominator, min_rows=2, names=("numerator", "denominator"))
    dtype = _dtype_of(network, pair)
    pair = pair[0].astype(dtype), pair[1].astype(dtype)
    train, held_out = hold_out(pair, validation_fraction, seed=seed)
    num_dims = train[0].shape[1]
    if network is None:
        network = MLP(
            num_dims,
            1,
            hidden_units=widths,
            activation="tanh",
            last_gain=1.0,
            seed=seed,
            dtype=dtype,
        )
    objective = VariationalObjective(
        _Standardised(network, (train[0], train[1])), divergence=divergence
    )
    objective.outputs(tf.constant(train[0][:1]))  # makes variables, and names a wrong shape
    config = config or FitConfig(num_steps=3000, batch_size=500, seed=seed)
    result = fit(objective, train, config, validation=held_out)
    bound = -float(objective.validation_loss(*map(tf.constant, held_out)))
    return LearnedCritic(objective, result, bound, _offset(objective, train[1]), num_dims)


class _Standardised(tf.Module):
    """A network of inputs in the units that the two sample sets share."""

    def __init__(self, network: Network, samples: tuple[Array, Array]) -> None:
        super().__init__(name="standardised")
        self.network = network
        self._shift, self._scale = (
            tf.constant(moment, samples[0].dtype) for moment in common_moments(samples)
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self.network((x - self._shift) / self._scale)


def _dtype_of(network: Network | None, pair: tuple[Array, Array]) -> Any:
    """Return the dtype of the network's weights, or without any the wider of the samples'."""
    weights = list(getattr(network, "trainable_variables", ()))
    if weights:
        return weights[0].dtype.as_numpy_dtype
    return np.result_type(*pair)


def _offset(objective: VariationalObjective, denominator: Array) -> Tensor:
    """Return the constant that the bound leaves free in the output."""
    if isinstance(objective.divergence, DonskerVaradhan):
        return log_mean_exp(objective.outputs(tf.constant(denominator)))
    return tf.zeros([], denominator.dtype)
