"""The ratio by probabilistic classification: a trained network's log-odds (level 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import tensorflow as tf

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import check_fraction, check_positive_ints, check_seed
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import ClassificationObjective
from lrmf_tfp.ratios.base import LogRatios, RatioFunction, as_numerator_and_denominator
from lrmf_tfp.samples.split import common_moments, hold_out
from lrmf_tfp.training import Adam, Callback, FitConfig, fit_stages

__all__ = ["ClassifierRatio", "MIN_ROWS"]

MIN_ROWS = 10
"""Fewest rows of each sample set."""

_CONFIG = FitConfig(num_steps=2000, steps_per_call=50, patience=400, optimizer=Adam(2e-3))


class ClassifierRatio(RatioFunction):
    """Ratio from a network that tells numerator from denominator samples.

    `log r(x) = l(x) - log(N_p / N_q)`: the logits `l` are trained on the pooled samples with the
    classes' real frequencies, and the last term takes those out again. Samples are standardised
    inside, a fraction of each set is held out, the weights with the best held-out loss are kept.

    `kl_lower_bound`, `jensen_shannon` and `pearson` are means over the held-out rows, which the
    weights have not seen but for the choice of the step: lower bounds in expectation up to that
    choice. `kl` is a mean over the held-out rows too and no bound.

    Attributes:
        network_: The trained network, on standardised samples.
        objective_: Its `ClassificationObjective`.
        log_prior_ratio_: `log(N_p / N_q)`, which the logits contain.
        result_: The `FitResult`.
        held_out_: Log-ratios at the held-out rows.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x_p, x_q = rng.normal(1.0, 1.0, (500, 1)), rng.normal(0.0, 2.0, (500, 1))
        >>> estimator = ClassifierRatio(config=FitConfig(num_steps=300)).fit(x_p, x_q)
        >>> estimator.log_ratio([[-3.0]]) < 0.0 < estimator.log_ratio([[1.0]])
        array([ True])

    References:
        [1] Sugiyama, Suzuki, Kanamori, Density Ratio Estimation in Machine Learning, 2012,
            section 4.1.
    """

    _FITTED = "held_out_"

    def __init__(
        self,
        *,
        network: Any = None,
        hidden_units: Sequence[int] = (32, 32),
        activation: str | Sequence[str] = "softplus",
        config: FitConfig | None = None,
        validation_fraction: float = 0.2,
        seed: int = 0,
    ) -> None:
        """Store the settings.

        Args:
            network: A `tf.Module` `[B, D] -> [B]` or `[B, 1]` in the dtype of the samples,
                trained in place; an `MLP` by default.
            hidden_units: Widths of that MLP.
            activation: Its activation, one name or one for each hidden layer.
            config: Training settings; 2,000 steps of Adam at 2e-3 with a patience of 400 by
                default. Its seed is `seed`.
            validation_fraction: Part of each sample set that is held out, in (0, 1).
            seed: Seed of the split, the weights and the batches.
        """
        self.network = network
        self.hidden_units = hidden_units
        self.activation = activation
        self.config = config
        self.validation_fraction = validation_fraction
        self.seed = seed

    def fit(
        self, numerator: Samples, denominator: Samples, *, callbacks: Sequence[Callback] = ()
    ) -> ClassifierRatio:
        """Train the classifier.

        Args:
            numerator: Samples of p, `[N, D]`, N >= 10.
            denominator: Samples of q, `[M, D]`, M >= 10.
            callbacks: Callables of a `TrainingEvent`.

        Returns:
            The estimator itself.

        Raises:
            FloatingPointError: If training stays non-finite.
            TypeError: If samples or settings are of a wrong type.
            ValueError: If samples or settings break a rule; one line says which.
        """
        pair = as_numerator_and_denominator(numerator, denominator, min_rows=MIN_ROWS)
        fraction = check_fraction(self.validation_fraction, "validation_fraction")
        moments = common_moments(pair)
        scaled = _scaled(pair[0], moments), _scaled(pair[1], moments)
        train, held_out = hold_out(scaled, fraction, seed=check_seed(self.seed, "seed"))
        prior = math.log(len(pair[0]) / len(pair[1]))
        network = self._build(pair[0]) if self.network is None else self.network
        objective = ClassificationObjective(network, prior_log_odds=prior)
        _check_network(objective, held_out[0])
        config = replace(self.config or _CONFIG, seed=self.seed)
        results = fit_stages(objective, train, held_out, config, callbacks=callbacks)
        self.result_ = results[objective.main_stage]
        self.network_, self.objective_ = network, objective
        self.log_prior_ratio_, self.dtype_, self._moments = prior, pair[0].dtype, moments
        self._compiled = tf.function(objective.logits, autograph=False, reduce_retracing=True)
        self.held_out_ = LogRatios(*(self._logits_of(x) - x.dtype.type(prior) for x in held_out))
        return self

    def logits(self, x: Samples) -> Array:
        """Return the raw logits `[B]`, `log_ratio(x) + log(N_p / N_q)`, at samples `[B, D]`.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If values are not finite or the width is another.
        """
        self._check_fitted()
        points = self._points(x, width=len(self._moments[0]), dtype=self.dtype_)
        return self._logits_of(_scaled(points, self._moments))

    def log_ratio(self, x: Samples) -> Array:
        """Return the estimate of `log(p(x) / q(x))` `[B]`, nats, at samples `[B, D]`.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If values are not finite or the width is another.
        """
        return self.logits(x) - self.dtype_.type(self.log_prior_ratio_)

    def _log_ratios(self) -> LogRatios:
        return self.held_out_

    def _logits_of(self, standardised: Array) -> Array:
        values: Array = self._compiled(tf.convert_to_tensor(standardised)).numpy()
        return values

    def _build(self, x: Array) -> MLP:
        return MLP(
            x.shape[1],
            1,
            hidden_units=check_positive_ints(self.hidden_units, "hidden_units"),
            activation=self.activation,
            seed=self.seed,
            dtype=tf.as_dtype(x.dtype),
        )


def _scaled(x: Array, moments: tuple[Array, Array]) -> Array:
    return ((x - moments[0]) / moments[1]).astype(x.dtype)


def _check_network(objective: ClassificationObjective, x: Array) -> None:
    """Raise before training if the network does not take or give what it should."""
    network = objective.network
    if not (callable(network) and hasattr(network, "trainable_variables")):
        raise TypeError(f"`network` must be a tf.Module that can be called; got {network!r}.")
    try:
        logits = objective.logits(tf.convert_to_tensor(x))
    except tf.errors.InvalidArgumentError:
        raise ValueError(
            f"`network` must take samples [B, {x.shape[1]}] of {x.dtype}; it does not."
        ) from None
    if logits.shape[0] != len(x):
        raise ValueError(
            f"`network` must return one logit a row; got {logits.shape[0]} for {len(x)} rows."
        )
