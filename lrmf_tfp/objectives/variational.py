"""A critic trained to the highest lower bound of a divergence (level 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences import VariationalBound, as_variational_bound
from lrmf_tfp.objectives.base import Objective

__all__ = ["VariationalObjective", "VariationalTerms"]

Network = Callable[[Tensor], Tensor]


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
    the numerator p and y of the denominator q. Where p has mass that q has not, the KL and its
    like are infinite and the bound grows for as long as it is trained; exponentials go on as
    their tangents above 40, so that losses and gradients stay finite.

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

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> VariationalTerms:
        """Return the terms on `numerator` `[B, D]` and `denominator` `[B, D]`."""
        del seed
        numerator, denominator = batches
        bound = self.divergence.bound(self.outputs(numerator), self.outputs(denominator))
        return VariationalTerms(-bound, bound)

    def outputs(self, x: Tensor) -> Tensor:
        """Return the raw outputs `[B]` at `x` `[B, D]`.

        Raises:
            ValueError: If the network's output is neither `[B]` nor `[B, 1]`.
        """
        outputs = tf.convert_to_tensor(self.network(x))
        if outputs.shape.rank == 2 and outputs.shape[1] == 1:
            return outputs[:, 0]
        if outputs.shape.rank != 1:
            raise ValueError(f"`network` must return shape [B] or [B, 1]; got {outputs.shape}.")
        return outputs
