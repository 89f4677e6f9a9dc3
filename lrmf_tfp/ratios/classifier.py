"""The ratio by probabilistic classification: a trained network's log-odds."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import tensorflow as tf

from lrmf_tfp._core.spec import Spec, described
from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import check_fraction, check_positive_ints, check_seed
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import ClassificationObjective
from lrmf_tfp.ratios._network_modules import ClassifierModule
from lrmf_tfp.ratios._rows import Pair, as_pair, quiet
from lrmf_tfp.ratios._training import Prepared, check_network, dtype_of, prepared
from lrmf_tfp.ratios.base import LogRatios, RatioFunction
from lrmf_tfp.ratios.saved import SavedRatio, described_pair
from lrmf_tfp.samples import Sample
from lrmf_tfp.training import Adam, Callback, FitConfig, fit

__all__ = ["ClassifierRatio", "MIN_ROWS"]

MIN_ROWS = 10
"""Fewest rows of each sample."""

_CONFIG = FitConfig(num_steps=2000, steps_per_call=50, patience=400, optimizer=Adam(2e-3))


class ClassifierRatio(RatioFunction):
    """Ratio from a network that tells numerator from denominator samples.

    `log r(x) = l(x) - log(N_p / N_q)`: the logits `l` are trained on the pooled samples with the
    classes' real frequencies, and the last term takes those out again. Samples are standardised
    inside, a fraction of each set is held out, the weights with the best held-out loss are kept.

    Where rows have weights, they are drawn by them, and losses and estimates are weighted means.
    The frequencies then count *effective* rows, `sum(w)^2 / sum(w^2)` of each set: any prior odds
    give the same ratio in the end, and those of the pooled likelihood weigh each set's mean by
    how well its rows tell it. That is N for N equal weights. The sum of the weights, whose scale
    is arbitrary, is not what counts.

    `kl_lower_bound`, `jensen_shannon` and `pearson` are means over the held-out rows, which the
    weights have not seen but for the choice of the step: lower bounds in expectation up to that
    choice. `kl` is a mean over the held-out rows too and no bound.

    Attributes:
        saved_: What computes, a `SavedRatio`; `saved_.module.network` is the trained network, on
            standardised samples.
        log_prior_ratio_: `log(N_p / N_q)`, which the logits contain.
        result_: The `FitResult`.
        held_out_: Log-ratios at the held-out rows, with their weights.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x_p, x_q = rng.normal(1.0, 1.0, (500, 1)), rng.normal(0.0, 2.0, (500, 1))
        >>> config = FitConfig(num_steps=300, jit_compile=False)
        >>> estimator = ClassifierRatio(config=config).fit(x_p, x_q)
        >>> estimator.log_ratio([[-3.0]]) < 0.0 < estimator.log_ratio([[1.0]])
        array([ True])

    References:
        [1] Sugiyama, Suzuki, Kanamori, Density Ratio Estimation in Machine Learning, 2012,
            section 4.1.
    """

    _FITTED = "held_out_"
    _DEFAULTS: ClassVar[Mapping[str, Spec]] = {"config": _CONFIG}

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
            network: A `tf.Module` `[B, D] -> [B]` or `[B, 1]`; a copy of it is trained, from the
                weights it has. An `MLP` in the dtype of the samples by default.
            hidden_units: Widths of that MLP.
            activation: Its activation, one name or one for each hidden layer.
            config: Training settings; 2,000 steps of Adam at 2e-3 with a patience of 400 by
                default.
            validation_fraction: Part of each sample set that is held out, in (0, 1).
            seed: Seed of the split, the MLP's start and the batches.
        """
        self.network = network
        self.hidden_units = hidden_units
        self.activation = activation
        self.config = config
        self.validation_fraction = validation_fraction
        self.seed = seed

    @quiet
    def fit(
        self,
        numerator: Samples | Sample,
        denominator: Samples | Sample,
        *,
        callbacks: Sequence[Callback] = (),
    ) -> ClassifierRatio:
        """Train the classifier.

        Args:
            numerator: Samples of p, `[N, D]`, N >= 10; a `Sample` where rows have weights.
            denominator: Samples of q, `[M, D]`, M >= 10, likewise.
            callbacks: Callables of a `TrainingEvent`.

        Returns:
            The estimator itself.

        Raises:
            FloatingPointError: If training stays non-finite.
            TypeError: If samples or settings are of a wrong type.
            ValueError: If samples or settings break a rule; one line says which.
        """
        pair = as_pair(numerator, denominator, min_rows=MIN_ROWS)
        fraction = check_fraction(self.validation_fraction, "validation_fraction")
        seed = check_seed(self.seed, "seed")
        network = self._build(pair) if self.network is None else copy.deepcopy(self.network)
        dtype = dtype_of(network, pair)
        data = prepared(pair, fraction, seed=seed, dtype=dtype)
        prior = _log_prior_ratio(pair)
        objective = ClassificationObjective(network, prior_log_odds=prior)
        check_network(network, objective.logits, data.held_out[0].values)
        self.result_ = fit(
            objective,
            data.train,
            self.config or _CONFIG,
            validation=data.held_out,
            callbacks=callbacks,
            seed=seed,
        )
        self._note(pair)
        self.log_prior_ratio_ = prior
        module = ClassifierModule(objective, data.standardizer, dtype=dtype)
        self.saved_ = SavedRatio(module, self._described(pair))
        self.held_out_ = _at_held_out_rows(objective, data)
        self.saved_.metadata["estimates"] = self._estimates()
        return self

    def logits(self, x: Samples | Sample) -> Array:
        """Return the raw logits `[B]`, `log_ratio(x) + log(N_p / N_q)`; errors as `log_ratio`."""
        return self.log_ratio(x) + self.dtype_.type(self.log_prior_ratio_)

    def log_ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `log(p(x) / q(x))` `[B]`, nats, at samples `[B, D]`.

        Raises:
            NotFittedError: If there was no fit.
            ValueError: If values are not finite, the width or the columns are others.
        """
        self._check_fitted()
        return self.saved_.log_ratio(x)

    def _log_ratios(self) -> LogRatios:
        return self.held_out_

    def _saved(self) -> SavedRatio:
        return self.saved_

    def _build(self, pair: Pair) -> MLP:
        return MLP(
            pair.num_dims,
            1,
            hidden_units=check_positive_ints(self.hidden_units, "hidden_units"),
            activation=self.activation,
            seed=self.seed,
            dtype=tf.as_dtype(pair.dtype),
        )

    def _described(self, pair: Pair) -> dict[str, Any]:
        settings = described(self.get_params(deep=False))
        prior = {"log_prior_ratio": self.log_prior_ratio_}
        return {**described_pair(pair, "ClassifierRatio"), "settings": settings, **prior}


def _log_prior_ratio(pair: Pair) -> float:
    """Return the log-odds of the two sets in effective rows."""
    return math.log(pair.numerator.num_effective / pair.denominator.num_effective)


def _at_held_out_rows(objective: ClassificationObjective, data: Prepared) -> LogRatios:
    values = (tf.constant(sample.values) for sample in data.held_out)
    found = (objective.logits(x).numpy() - objective.prior_log_odds for x in values)
    return LogRatios(*found, *(sample.training_weights for sample in data.held_out))
