"""`Aligner`: the scikit-learn estimator that fits, moves, scores and saves (level 6)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from tensorflow_probability import bijectors as tfb

from lrmf_tfp import __version__
from lrmf_tfp._builders import DENSITIES, FLOWS
from lrmf_tfp._registry import DENSITY_OF_FLOW, OBJECTIVE_NAMES
from lrmf_tfp._typing import Array, Samples
from lrmf_tfp._validation import (
    as_pair,
    check_choice,
    check_fraction,
    check_positive_int,
    check_seed,
    check_varies,
)
from lrmf_tfp.densities import FlowDensity
from lrmf_tfp.export import Alignment, AlignmentMethods, AlignmentModule, Standardizer, row_hashes
from lrmf_tfp.metrics import AlignmentScore
from lrmf_tfp.objectives import LRMFObjective, Objective
from lrmf_tfp.training import Callback, FitConfig, FitResult, ProgressBar, fit_stages

__all__ = ["Aligner", "MIN_ROWS", "NEAR_RATIO", "NEAR_SHIFT", "STARTS"]

MIN_ROWS = 10
"""Fewest rows of a domain that `fit` accepts."""


STARTS = ("auto", "identity", "moments")
"""Where the map starts: see `Aligner`."""

NEAR_SHIFT, NEAR_RATIO = 1.0, 2.0
"""What `start="auto"` calls near: means within so many target scales, scales within this ratio."""


def _near(source: Standardizer, target: Standardizer) -> bool:
    shift = np.abs(source.loc - target.loc) / target.scale
    ratio = np.maximum(source.scale / target.scale, target.scale / source.scale)
    return bool(np.all(shift <= NEAR_SHIFT) and np.all(ratio <= NEAR_RATIO))


class _Split:
    """Training and held-out rows of both domains, standardised for the model."""

    def __init__(self, source: Array, target: Array, aligner: Aligner) -> None:
        rng = np.random.default_rng(aligner.seed)
        source_moments, target_moments = Standardizer.of(source), Standardizer.of(target)
        self.start = "identity" if aligner.flow == "identity" else aligner.start
        if self.start == "auto":
            self.start = "identity" if _near(source_moments, target_moments) else "moments"
        if self.start == "identity":
            source_moments = target_moments
        self.moments = (source_moments, target_moments)
        self.train: tuple[Array, ...] = ()
        self.held_out: tuple[Array, ...] = ()
        self.trained_rows = {}
        names = ("source", "target")
        for name, samples, moments in zip(names, (source, target), self.moments, strict=True):
            order = rng.permutation(len(samples))
            num_held_out = max(2, round(aligner.validation_fraction * len(samples)))
            rows = moments.apply(samples, aligner.dtype)
            self.held_out += (rows[order[:num_held_out]],)
            self.train += (rows[order[num_held_out:]],)
            self.trained_rows[name] = np.unique(row_hashes(samples[order[num_held_out:]]))


class _Fitted(NamedTuple):
    """What one of several restarts gave."""

    value: float
    score: AlignmentScore
    alignment: Alignment
    results: dict[str, FitResult]
    history: dict[str, Array]


class Aligner(AlignmentMethods, BaseEstimator):
    """Learns an invertible map that makes the source look like the target, and scores it.

    The samples are standardised by the target, a fifth of each domain is held out, the private
    densities are fitted, and the objective is minimised with the held-out loss deciding when to
    stop. Labels are never used.

    Attributes:
        alignment_: The fitted `Alignment`.
        history: One array for each recorded quantity of the main stage.
        results_: `FitResult` of each stage.

    Examples:
        >>> import lrmf_tfp as lt
        >>> pair = lt.datasets.gaussians(200, num_dims=2, seed=0)
        >>> aligner = lt.Aligner(flow="affine", config=lt.FitConfig(num_steps=300))
        >>> aligner.fit(pair.source, pair.target).transform(pair.source).shape
        (200, 2)

    References:
        [1] Usman, Sud, Dufour, Saenko, Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020,
            arXiv:2003.12170.
    """

    def __init__(  # noqa: PLR0913 (the settings of a scikit-learn estimator are its arguments)
        self,
        flow: Any = "real_nvp",
        objective: str = "lrmf",
        *,
        density: Any = None,
        config: FitConfig | None = None,
        start: str = "auto",
        validation_fraction: float = 0.2,
        num_restarts: int = 3,
        dtype: str = "float32",
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        """Store the settings; nothing is checked or built before `fit`.

        Args:
            flow: `"affine"`, `"identity"`, `"real_nvp"`, a `tfb.Bijector` (trained in place), or
                a builder called with `event_size`, `dtype=` and `seed=`.
            objective: `"lrmf"`.
            density: Family of the shared and private densities: `"gaussian"`, `"real_nvp"` or a
                builder like `flow`'s; by default Gaussian for the affine flow, RealNVP otherwise.
            config: Training settings; `FitConfig()` by default. Its seed is `seed`.
            start: Where the map starts: `"identity"` leaves the source where it is, `"moments"`
                gives it the target's mean and scale per axis, `"auto"` takes the first if on
                every axis the means lie within one target scale and the scales within a factor
                2, else the second. The flow `"identity"` never moves.
            validation_fraction: Part of each domain that is held out, in (0, 1).
            num_restarts: Most fits, from different seeds. The first one whose score converged
                ends them; of several, the best held-out loss counts. A bijector that is given
                is trained in place, once.
            dtype: `"float32"` or `"float64"`.
            seed: Seed of the split, the weights and the batches.
            progress: Show a progress bar on standard error.
        """
        self.flow = flow
        self.objective = objective
        self.density = density
        self.config = config
        self.start = start
        self.validation_fraction = validation_fraction
        self.num_restarts = num_restarts
        self.dtype = dtype
        self.seed = seed
        self.progress = progress

    def fit(
        self,
        source: Samples,
        target: Samples,
        *,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | Path | None = None,
        resume: bool = False,
        strategy: Any | None = None,
    ) -> Aligner:
        """Learn the map from `source` `[N, D]` to `target` `[M, D]`.

        Args:
            source: Samples that are moved: array, data frame or finite `tf.data.Dataset`.
            target: Samples that stay, of the same width.
            callbacks: Callables of a `TrainingEvent`, called in every stage.
            checkpoint_dir: Folder for checkpoints; none are written by default.
            resume: Go on from the checkpoints in `checkpoint_dir`.
            strategy: `tf.distribute.Strategy` that training is spread over.

        Returns:
            The aligner itself.

        Raises:
            FloatingPointError: If training stays non-finite; names term and step.
            ValueError: If samples or settings break a rule; one line says which.
        """
        source, target = as_pair(source, target, min_rows=MIN_ROWS)
        check_varies(source, "source")
        check_varies(target, "target")
        self._check_settings()
        split = _Split(source, target, self)
        callbacks = [*callbacks, *([ProgressBar()] if self.progress else [])]
        fits: list[_Fitted] = []
        for restart in range(self._most_fits()):
            with strategy.scope() if strategy else nullcontext():
                objective = self._build(source.shape[1], seed=self.seed + restart)
            self.alignment_ = self._alignment_of(objective, split)
            results = fit_stages(
                objective,
                split.train,
                split.held_out,
                self._config(restart),
                callbacks=callbacks,
                checkpoint_dir=checkpoint_dir and Path(checkpoint_dir, f"restart_{restart}"),
                resume=resume,
                strategy=strategy,
            )
            self.alignment_ = self._alignment_of(objective, split)
            fits.append(
                _Fitted(
                    objective.comparable(float(objective.validation_loss(*split.held_out))),
                    self.score(source, target),
                    self.alignment_,
                    results,
                    objective.restate(results[objective.main_stage].history),
                )
            )
            if fits[-1].score.converged:
                break
        best = min(fits, key=lambda fit: fit.value)
        self.alignment_, self.results_, self.history = best.alignment, best.results, best.history
        self.alignment_.metadata["score"] = best.score._asdict()
        return self

    def _most_fits(self) -> int:
        given = isinstance(self.flow, tfb.Bijector)
        return 1 if given or self.flow == "identity" else self.num_restarts

    def _alignment(self) -> Alignment:
        check_is_fitted(self, "alignment_")
        return self.alignment_

    def _config(self, restart: int) -> FitConfig:
        return replace(self.config or FitConfig(), seed=self.seed + restart)

    def _check_settings(self) -> None:
        if isinstance(self.flow, str):
            check_choice(self.flow, "flow", FLOWS)
        if isinstance(self.density, str):
            check_choice(self.density, "density", DENSITIES)
        check_choice(self.objective, "objective", OBJECTIVE_NAMES)
        check_choice(self.start, "start", STARTS)
        check_choice(self.dtype, "dtype", ("float32", "float64"))
        check_fraction(self.validation_fraction, "validation_fraction")
        check_positive_int(self.num_restarts, "num_restarts")
        check_seed(self.seed, "seed")

    def _build(self, event_size: int, *, seed: int) -> Objective:
        dtype = tf.as_dtype(self.dtype)
        if isinstance(self.flow, tfb.Bijector):
            flow, flow_copy = self.flow, copy.deepcopy(self.flow)
        else:
            builder = FLOWS[self.flow] if isinstance(self.flow, str) else self.flow
            flow, flow_copy = (builder(event_size, dtype=dtype, seed=seed) for _ in range(2))
        density = self.density or DENSITY_OF_FLOW.get(str(self.flow), "real_nvp")
        family = DENSITIES[density] if isinstance(density, str) else density
        shared, private_source, private_target, shared_copy = (
            family(event_size, dtype=dtype, seed=seed) for _ in range(4)
        )
        return LRMFObjective(
            flow,
            shared,
            private_source=private_source,
            private_target=private_target,
            pullback=FlowDensity(shared_copy, tfb.Invert(flow_copy), name="pullback"),
        )

    def _alignment_of(self, objective: Objective, split: _Split) -> Alignment:
        module = AlignmentModule(objective, *split.moments, dtype=self.dtype)
        metadata = {
            "lrmf_tfp": __version__,
            "tensorflow": tf.__version__,
            "tensorflow_probability": tfp.__version__,
            "event_size": len(split.moments[0].loc),
            "flow": self.flow if isinstance(self.flow, str) else type(self.flow).__name__,
            "objective": self.objective,
            "start": split.start,
            "dtype": self.dtype,
            "seed": self.seed,
            "validation_fraction": self.validation_fraction,
            "config": self._config(0).to_json(),
        }
        return Alignment(module, metadata, trained_rows=split.trained_rows)
