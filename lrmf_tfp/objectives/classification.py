"""Probabilistic classification: a network learns the log-odds of two sample sets."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.networks import softplus
from lrmf_tfp.objectives._outputs import one_output
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.samples.batch import Batch, as_batch

__all__ = ["ClassificationObjective", "ClassificationTerms"]


class ClassificationTerms(NamedTuple):
    """Terms of the classification of one batch of each sample set, in nats."""

    loss: Tensor
    """`2 (pi_p numerator_loss + pi_q denominator_loss)`."""
    numerator_loss: Tensor
    """`mean(softplus(-logit(x_p)))`, the cross-entropy of numerator samples; a weighted mean."""
    denominator_loss: Tensor
    """`mean(softplus(logit(x_q)))`, the cross-entropy of denominator samples; a weighted mean."""


class ClassificationObjective(Objective):
    """Cross-entropy of a network that tells numerator samples (1) from denominator samples (0).

    `loss = 2 (pi_p mean(softplus(-l(x_p))) + pi_q mean(softplus(l(x_q))))` of the network's raw
    logits `l`, with `pi_p = sigmoid(prior_log_odds)` and `pi_q = 1 - pi_p`. The optimum is
    `l = log(p / q) + prior_log_odds`. For balanced classes the loss is the sum of both means, at
    least `2 log 2 - 2 JSD(p, q)` in expectation on fresh samples; the `-1 / 2` of the binary
    cross-entropy of other libraries is not there. Where batches have weights the means are
    weighted, so that p and q are the laws of the weighted samples.

    Attributes:
        network: Any `tf.Module` `[B, D] -> [B]` or `[B, 1]`, the logits; not their sigmoid.
        prior_log_odds: `log(pi_p / pi_q)`, which the trained logits contain.

    Examples:
        >>> import tensorflow as tf
        >>> from lrmf_tfp.networks import MLP
        >>> objective = ClassificationObjective(MLP(1, 1, hidden_units=(4,)))
        >>> round(float(objective(tf.ones([3, 1]), tf.zeros([5, 1])).loss), 4)
        1.3863

    References:
        [1] Sugiyama, Suzuki, Kanamori, Density Ratio Estimation in Machine Learning, 2012,
            section 4.1.
        [2] Goodfellow et al., Generative Adversarial Nets, NeurIPS 2014, arXiv:1406.2661,
            eq. (1), proposition 1.
    """

    main_stage = "classifier"
    takes_weights = True

    def __init__(
        self, network: Any, *, prior_log_odds: float = 0.0, name: str = "classification"
    ) -> None:
        """Wrap a network.

        Args:
            network: `tf.Module` that maps `[B, D]` to logits `[B]` or `[B, 1]`.
            prior_log_odds: Logarithm of how many numerator samples come to one denominator
                sample, `log(N_p / N_q)`; 0 weighs both sets alike, whatever their sizes.
            name: Name of the module.

        Raises:
            ValueError: If `prior_log_odds` is not finite.
        """
        super().__init__(name=name)
        if not math.isfinite(prior_log_odds):
            raise ValueError(f"`prior_log_odds` must be finite; got {prior_log_odds}.")
        self.network = network
        self.prior_log_odds = float(prior_log_odds)

    def logits(self, x: Tensor) -> Tensor:
        """Return the raw logits `[B]` at samples `[B, D]`.

        Raises:
            ValueError: If the network answers in another shape.
        """
        return one_output(self.network, x)

    def __call__(
        self, *batches: Tensor | Batch, seed: Tensor | None = None
    ) -> ClassificationTerms:
        """Return the terms on `numerator` `[B, D]` and `denominator` `[B, D]`, weighted or not."""
        del seed
        numerator, denominator = map(as_batch, batches)
        to_numerator = softplus(-self.logits(numerator.values))
        to_denominator = softplus(self.logits(denominator.values))
        of_numerator = weighted_mean(to_numerator, numerator.weights)
        of_denominator = weighted_mean(to_denominator, denominator.weights)
        share = 0.5 + 0.5 * math.tanh(0.5 * self.prior_log_odds)
        loss = 2.0 * (share * of_numerator + (1.0 - share) * of_denominator)
        return ClassificationTerms(loss, of_numerator, of_denominator)
