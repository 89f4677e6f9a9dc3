"""Maximum likelihood: the fit of one density to one sample set."""

from __future__ import annotations

from typing import NamedTuple

from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.conditions import given
from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.samples.batch import Batch, as_batch

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
        >>> import tensorflow as tf
        >>> from lrmf_tfp.densities import gaussian_density
        >>> objective = MaximumLikelihoodObjective(gaussian_density(1))
        >>> round(float(objective(tf.zeros([4, 1])).loss), 4)
        0.9189
    """

    main_stage = "density"
    takes_weights = True
    takes_conditions = True

    def __init__(self, density: tfd.Distribution, *, name: str = "maximum_likelihood") -> None:
        super().__init__(name=name)
        self.density = density

    def __call__(
        self, *batches: Tensor | Batch, seed: Tensor | None = None
    ) -> MaximumLikelihoodTerms:
        """Return the terms on the only batch, `x` `[B, D]`, weighted or with conditions."""
        del seed
        values, weights, conditions = as_batch(*batches)
        log_prob = given(self.density, conditions).log_prob(values)
        return MaximumLikelihoodTerms(-weighted_mean(log_prob, weights))
