"""Probabilistic classification: a network learns the log-odds of two sample sets (level 3)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.networks import softplus
from lrmf_tfp.objectives.base import Objective

__all__ = ["ClassificationObjective", "ClassificationTerms"]


class ClassificationTerms(NamedTuple):
    """Terms of the classification of one batch of each sample set, in nats."""

    loss: Tensor
    """`2 (pi_p numerator_loss + pi_q denominator_loss)`."""
    numerator_loss: Tensor
    """`mean(softplus(-logit(x_p)))`, the cross-entropy of numerator samples."""
    denominator_loss: Tensor
    """`mean(softplus(logit(x_q)))`, the cross-entropy of denominator samples."""


class ClassificationObjective(Objective):
    """Cross-entropy of a network that tells numerator samples (1) from denominator samples (0).

    `loss = 2 (pi_p mean(softplus(-l(x_p))) + pi_q mean(softplus(l(x_q))))` of the network's raw
    logits `l`, with `pi_p = sigmoid(prior_log_odds)` and `pi_q = 1 - pi_p`. The optimum is
    `l = log(p / q) + prior_log_odds`. For balanced classes the loss is the sum of both means, at
    least `2 log 2 - 2 JSD(p, q)` in expectation on fresh samples; the `-1 / 2` of the binary
    cross-entropy of other libraries is not there.

    Attributes:
        network: Any `tf.Module` `[B, D] -> [B]` or `[B, 1]`, the logits; not their sigmoid.
        prior_log_odds: `log(pi_p / pi_q)`, which the trained logits contain.

    Examples:
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
        values = tf.convert_to_tensor(self.network(x))
        shape = values.shape
        if shape.rank == 2 and shape[1] == 1:
            return values[:, 0]
        if shape.rank != 1:
            raise ValueError(f"`network` must return shape [B] or [B, 1]; got {list(shape)}.")
        return values

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> ClassificationTerms:
        """Return the terms on `numerator` `[B, D]` and `denominator` `[B, D]`."""
        del seed
        numerator, denominator = batches
        of_numerator = tf.reduce_mean(softplus(-self.logits(numerator)))
        of_denominator = tf.reduce_mean(softplus(self.logits(denominator)))
        share = 1.0 / (1.0 + math.exp(-self.prior_log_odds))
        loss = 2.0 * (share * of_numerator + (1.0 - share) * of_denominator)
        return ClassificationTerms(loss, of_numerator, of_denominator)
