"""A critic trained to the highest lower bound of a divergence."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences import DonskerVaradhan, VariationalBound
from lrmf_tfp.divergences.f_divergence.variational import as_variational_bound, log_mean_exp
from lrmf_tfp.objectives._outputs import Network, one_output
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.samples.batch import Batch, as_batch

__all__ = ["VariationalObjective", "VariationalTerms", "weighted_bound", "weighted_log_mean_exp"]


class VariationalTerms(NamedTuple):
    """Terms of a critic's fit on one batch of each domain."""

    loss: Tensor
    """`-bound`."""
    bound: Tensor
    """Lower bound of the divergence, nats for those made of logarithms; on training batches an
    optimistic one."""


class VariationalObjective(Objective):
    """Train a network's outputs v to the highest lower bound of `D_f(p || q)`.

    `mean(g(v(x))) - mean(f*(g(v(y))))`, or Donsker and Varadhan's bound of the KL, on a batch x of
    the numerator p and y of the denominator q; weighted means where batches have weights. Where
    p has mass that q has not, the KL and its like are infinite and the bound grows for as long as
    it is trained; exponentials go on as their tangents above 40, so that losses and gradients
    stay finite.

    The output needs no final non-linearity: `g` maps all numbers to where `f*` is finite. One,
    such as a sigmoid, would confine the ratio that the network can tell.

    Attributes:
        network: The network, `[B, D] -> [B]` or `[B, 1]`.
        divergence: The bound that is maximised.

    Examples:
        >>> from lrmf_tfp.networks import MLP
        >>> objective = VariationalObjective(MLP(1, 1, hidden_units=(8,)), divergence="kl")
        >>> x = tf.zeros([4, 1])
        >>> round(float(objective(x, x).bound), 4)  # v = 0 is log(p / q) = -1
        -0.3679

    References:
        [1] Nowozin, Cseke, Tomioka, f-GAN, NeurIPS 2016, arXiv:1606.00709,
            eq. (4) and (6).
        [2] Belghazi et al., Mutual Information Neural Estimation, ICML 2018, arXiv:1801.04062,
            theorem 1; without its correction of the gradient.
    """

    main_stage = "critic"
    takes_weights = True

    def __init__(
        self,
        network: Network,
        *,
        divergence: str | VariationalBound = "kl",
        name: str = "variational",
    ) -> None:
        """Join a network and a bound.

        Args:
            network: A `tf.Module`, or the like, that maps `[B, D]` to `[B]` or `[B, 1]`.
            divergence: A name of `lrmf_tfp.divergences.VARIATIONAL_BOUNDS`, or an object of it.
            name: Name of the module.

        Raises:
            ValueError: If the name of the divergence is unknown.
        """
        super().__init__(name=name)
        self.network = network
        self.divergence = as_variational_bound(divergence)

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> VariationalTerms:
        """Return the terms on `numerator` `[B, D]` and `denominator` `[B, D]`, weighted or not."""
        del seed
        numerator, denominator = map(as_batch, batches)
        outputs = self.outputs(numerator.values), self.outputs(denominator.values)
        weights = numerator.weights, denominator.weights
        bound = weighted_bound(self.divergence, outputs, weights)
        return VariationalTerms(-bound, bound)

    def outputs(self, x: Tensor) -> Tensor:
        """Return the raw outputs `[B]` at `x` `[B, D]`.

        Raises:
            ValueError: If the network's output is neither `[B]` nor `[B, 1]`.
        """
        return one_output(self.network, x)


def weighted_bound(
    divergence: VariationalBound,
    outputs: tuple[Tensor, Tensor],
    weights: tuple[Tensor | None, Tensor | None] = (None, None),
) -> Tensor:
    """Return `mean(g(v(x))) - mean(f*(g(v(y))))` with weighted means, or Donsker-Varadhan's.

    Args:
        divergence: The bound.
        outputs: Raw outputs `[N]` at samples of p and `[M]` at samples of q.
        weights: `[N]` and `[M]`, of any positive scale; None where all rows weigh the same.

    Returns:
        Scalar, nats for the divergences made of logarithms.
    """
    (of_p, of_q), (weights_p, weights_q) = outputs, weights
    if isinstance(divergence, DonskerVaradhan):
        return weighted_mean(of_p, weights_p) - weighted_log_mean_exp(of_q, weights_q)
    gain = weighted_mean(divergence.activation(of_p), weights_p)
    return gain - weighted_mean(divergence.conjugate_of_output(of_q), weights_q)


def weighted_log_mean_exp(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return `log(sum(w exp(v)) / sum(w))` of `values` `[N]`, without overflow."""
    if weights is None:
        return log_mean_exp(values)
    weights = tf.cast(weights, values.dtype)
    weights = weights / tf.reduce_max(weights)
    shares = weights / tf.reduce_mean(weights)
    # A row of weight 0 may hold anything, infinities too.
    counted = tf.where(weights > 0.0, values, tf.zeros_like(values))
    return log_mean_exp(counted + tf.math.log(shares))
