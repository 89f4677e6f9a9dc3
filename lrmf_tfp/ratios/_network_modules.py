"""Trained networks as they are saved: functions of samples as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences.f_divergence.table import guarded_exp
from lrmf_tfp.objectives import ClassificationObjective, VariationalObjective
from lrmf_tfp.ratios._module import PointwiseModule, gradient_of
from lrmf_tfp.samples import Standardizer

__all__ = ["ClassifierModule", "LearnedModule"]


class ClassifierModule(PointwiseModule):
    """What is saved of a classifier: `log_ratio` of samples as they come.

    Attributes:
        network: The trained network, on standardised samples.
    """

    def __init__(
        self, objective: ClassificationObjective, standardizer: Standardizer, *, dtype: Any
    ) -> None:
        super().__init__(len(standardizer.loc), name="classifier_ratio")
        self.network = objective.network
        logits = _standardised(objective.logits, standardizer, dtype)
        prior = objective.prior_log_odds
        self._provide({"log_ratio": lambda x: logits(x) - prior})


class LearnedModule(PointwiseModule):
    """What is saved of a learned critic: its functions of samples as they come.

    Attributes:
        network: The trained network, on standardised samples.
        divergence: The bound that it was trained to.
    """

    def __init__(
        self,
        objective: VariationalObjective,
        standardizer: Standardizer,
        *,
        offset: float,
        dtype: Any,
    ) -> None:
        super().__init__(len(standardizer.loc), name="learned_critic")
        self.network = objective.network
        self.divergence = bound = objective.divergence
        raw = _standardised(objective.outputs, standardizer, dtype)

        def output(x: Tensor) -> Tensor:
            return raw(x) - tf.cast(offset, dtype)

        def value(x: Tensor) -> Tensor:
            return bound.activation(output(x))

        functions = {"value": value, "gradient": gradient_of(value), "output": output}
        told = bound.log_ratio_of_output
        if told is not None:

            def log_ratio(x: Tensor) -> Tensor:
                return told(output(x))

            def ratio(x: Tensor) -> Tensor:
                return guarded_exp(log_ratio(x))

            functions |= {"log_ratio": log_ratio, "log_ratio_gradient": gradient_of(log_ratio)}
            functions |= {"ratio": ratio, "ratio_gradient": gradient_of(ratio)}
        self._provide(functions)


def _standardised(
    function: Callable[[Tensor], Tensor], standardizer: Standardizer, dtype: Any
) -> Callable[[Tensor], Tensor]:
    """Return a function of samples as they come from one of standardised samples.

    Float32 samples far from the origin lose no more than they have lost already: the moments are
    float64.
    """
    loc, scale = (tf.constant(part, tf.float64) for part in standardizer)
    return lambda x: function(tf.cast((tf.cast(x, tf.float64) - loc) / scale, dtype))
