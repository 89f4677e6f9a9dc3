"""Maximum likelihood: the fit of one density to one sample set (level 3)."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.objectives.base import Objective

__all__ = ["MaximumLikelihoodObjective", "MaximumLikelihoodTerms"]


class MaximumLikelihoodTerms(NamedTuple):
    """Terms of a density fit, in nats per sample."""

    loss: Tensor
    """`-mean(log p(x))`."""


class MaximumLikelihoodObjective(Objective):
    """Negative log-likelihood of one batch `x` `[B, D]`, or of `x` given conditions.

    The density of a `ConditionalFlow` is fitted to pairs: the data's only domain is a tuple of
    samples `[N, D]` and conditions `[N, K]`, or labels `[N]`, as in
    `lt.fit(objective, ((x, labels),))`.

    Attributes:
        density: The `tfd.Distribution` that is fitted.

    Examples:
        >>> from lrmf_tfp.densities import gaussian_density
        >>> objective = MaximumLikelihoodObjective(gaussian_density(1))
        >>> round(float(objective(tf.zeros([4, 1])).loss), 4)
        0.9189
    """

    main_stage = "density"

    def __init__(self, density: Any, *, name: str = "maximum_likelihood") -> None:
        super().__init__(name=name)
        self.density = density

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> MaximumLikelihoodTerms:
        """Return the terms on `x` `[B, D]`, or `(x, condition)`, the only batch."""
        del seed
        (x,) = batches
        if isinstance(x, tuple):
            samples, condition = x
            log_prob = self.density.log_prob(samples, condition=condition)
            return MaximumLikelihoodTerms(-tf.reduce_mean(log_prob))
        return MaximumLikelihoodTerms(-tf.reduce_mean(self.density.log_prob(x)))
