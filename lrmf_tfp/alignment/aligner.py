"""`Aligner`: the scikit-learn estimator that fits, moves, scores and saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import check_choice, check_fraction, check_positive_int, check_seed
from lrmf_tfp.alignment.attempt import Attempt
from lrmf_tfp.alignment.deprecated import translated
from lrmf_tfp.alignment.fitted import Alignment
from lrmf_tfp.alignment.metadata import metadata_of
from lrmf_tfp.alignment.parameters import ChangesSpecs
from lrmf_tfp.alignment.recipes import Recipe, as_flow_spec, as_objective_spec, check_pairing
from lrmf_tfp.alignment.rows import MIN_ROWS, Rows, Standards
from lrmf_tfp.evaluation import AlignmentScore
from lrmf_tfp.flows import Built, ClosedForm, FlowSpec
from lrmf_tfp.flows.spec import FlowLike
from lrmf_tfp.objectives import GivenObjective, ObjectiveSpec
from lrmf_tfp.objectives.spec import ObjectiveLike
from lrmf_tfp.samples.domains import as_domains, check_domains_vary
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.training import Callback, Distribution, FitConfig, ProgressBar, fit
from lrmf_tfp.training.callbacks import closing, of_restart
from lrmf_tfp.training.distribution import as_distribution
from lrmf_tfp.training.interrupts import deferred_interrupts

__all__ = ["Aligner"]


class Aligner(ChangesSpecs, TransformerMixin, BaseEstimator):
    """Learns an invertible map that makes the source look like the target, and scores it.

    The samples are standardised by the target, a fifth of each domain is held out, the private
    densities are fitted, and the objective is minimised with the held-out loss deciding when to
    stop. Labels are never used.

    Every objective gets the same score: after one that trains no densities, the densities of the
    LRMF bound are fitted with the map held fixed.

    Samples with weights are fitted as the laws that they stand for; with conditions on both sides
    the map is one of `x` given `c`, and so is the score: `lt.Sample.of(x, weights=, conditions=)`.

    Attributes:
        alignment_: The fitted `Alignment`.
        flow_: The trained bijector, between standardised samples.
        feature_names_in_: Names of the columns, if the fit was on a frame.
        history_: One array for each recorded quantity of the main stage; `history` is an alias.
        main_stage_: Name of that stage.
        n_features_in_: D.
        restart_: Which of the restarts it was, from 0 on.
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

    def __init__(
        self,
        flow: FlowLike = "real_nvp",
        objective: ObjectiveLike | None = "lrmf",
        *,
        config: FitConfig | None = None,
        validation_fraction: float = 0.2,
        num_restarts: int = 3,
        dtype: str = "float32",
        seed: int = 0,
        progress: bool = False,
        **old: Any,
    ) -> None:
        """Store the settings; nothing is checked or built before `fit`, which changes none.

        Args:
            flow: A spec such as `lt.RealNVP(num_layers=4)` or its name: `"affine"`,
                `"real_nvp"`, `"spline"`, `"ffjord"`; `"glow"` for images; in closed form, nothing
                trained: `"identity"`, `"coral"`, `"gaussian_ot"` and `"mean_variance"`. Or a
                `tfb.Bijector` (a copy is trained), or a builder called with `event_size`,
                `dtype=` and `seed=`.
            objective: A spec such as `lt.LRMF(density="gaussian")` or its name: `"lrmf"`,
                `"mmd"`, `"energy"`, `"emd"`, `"sinkhorn"`, `"sliced_wasserstein"`,
                `"back_to_back"`, `"adversarial"`, `"gram"`. Or a function from a flow to an
                `Objective`, or an `Objective` with a `flow` (a copy is trained). None for a map
                in closed form that is not scored.
            config: Training settings; `FitConfig()` by default.
            validation_fraction: Part of each domain that is held out, in (0, 1).
            num_restarts: Most fits, from different seeds. The first one whose score converged
                ends them, without a score all are run; of several, the best held-out loss counts.
                What is given as an object is trained once.
            dtype: `"float32"` or `"float64"`.
            seed: Seed of the split, the weights and the batches.
            progress: Show a progress bar on standard error.
            **old: Keywords of 0.1 that moved into `flow` and `objective`; they warn.
        """
        if old:
            flow, objective = translated(flow, objective, old)
        self.flow = flow
        self.objective = objective
        self.config = config
        self.validation_fraction = validation_fraction
        self.num_restarts = num_restarts
        self.dtype = dtype
        self.seed = seed
        self.progress = progress

    def fit(
        self,
        source: Samples | Sample,
        target: Samples | Sample,
        *,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | Path | None = None,
        resume: bool = False,
        strategy: tf.distribute.Strategy | Distribution | None = None,
    ) -> Aligner:
        """Learn the map from `source` `[N, D]` to `target` `[M, D]`.

        Images are arrays `[N, H, W, C]`, or `[N, H, W]` if gray. They are standardised by channel
        and come back in the shape in which they went in. Columns of frames are compared by name.

        Args:
            source: Samples that are moved: a `Sample`, array, memory map, data frame, tensor or
                finite `tf.data.Dataset`.
            target: Samples that stay, of the same width or image shape.
            callbacks: Callables of a `TrainingEvent`, called in every stage of every restart, and
                closed at the end.
            checkpoint_dir: Folder for checkpoints; none are written by default.
            resume: Go on from the checkpoints in `checkpoint_dir`.
            strategy: `tf.distribute.Strategy` that training is spread over.

        Returns:
            The aligner itself.

        Raises:
            FloatingPointError: If training stays non-finite; names term and step.
            ValueError: If samples or settings break a rule; one line says which.
        """
        flow, objective = self._checked()
        domains = as_domains({"source": source, "target": target}, min_rows=MIN_ROWS)
        rows = self._rows(flow, domains)
        metadata = metadata_of(self, domains["source"], start=rows.standards.start)
        distribution = as_distribution(strategy)
        callbacks = [*callbacks, *([ProgressBar()] if self.progress else [])]
        attempts: list[Attempt] = []
        with closing(callbacks), deferred_interrupts(), self._training():
            for restart in range(self._most_fits(flow, objective)):
                recipe = self._recipe(flow, rows, domains["source"], restart=restart)
                attempt = Attempt(recipe, objective, rows, metadata)
                self._running: Attempt | None = attempt
                for name, plan in attempt.plans(distribution):
                    attempt.results[name] = fit(
                        plan,
                        rows.train,
                        self.config,
                        validation=rows.held_out,
                        callbacks=of_restart(callbacks, restart),
                        checkpoint_dir=_folder(checkpoint_dir, f"restart_{restart}", name),
                        resume=resume,
                        strategy=distribution,
                        seed=recipe.seed,
                    )
                attempts.append(attempt)
                if attempt.score is not None and attempt.score.converged:
                    break
        self._keep(attempts, domains["source"])
        return self

    def transform(self, x: Samples, conditions: Samples | None = None) -> Any:
        """Move samples `[N, D]`, or images, of the source onto the target; see `Alignment`."""
        return self._fitted().transform(x, conditions)

    def inverse_transform(self, x: Samples, conditions: Samples | None = None) -> Any:
        """Move samples `[N, D]`, or images, of the target back; see `Alignment`."""
        return self._fitted().inverse_transform(x, conditions)

    def log_det_jacobian(self, x: Samples, conditions: Samples | None = None) -> Array:
        """Return `log|det d transform / dx|` `[N]` at samples of the source; see `Alignment`."""
        return self._fitted().log_det_jacobian(x, conditions)

    def target_log_prob(self, x: Samples, conditions: Samples | None = None) -> Array:
        """Return the shared log-density `[N]`, nats, at samples of the target; see `Alignment`."""
        return self._fitted().target_log_prob(x, conditions)

    def score(
        self, source: Samples | Sample, target: Samples | Sample, *, seed: int = 0
    ) -> AlignmentScore:
        """Return the held-out bound with its interval and verdict; see `Alignment.score`."""
        return self._fitted().score(source, target, seed=seed)

    def save(self, path: str | Path) -> None:
        """Write a SavedModel folder that plain TensorFlow loads; see `Alignment.save`."""
        self._fitted().save(path)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Array:
        """Return the names of the columns, those of the fit or `x0`, `x1`, ..."""
        check_is_fitted(self, "alignment_")
        return _check_feature_names_in(self, input_features)

    @property
    def history(self) -> dict[str, Array]:
        """Alias of `history_`."""
        check_is_fitted(self, "alignment_")
        return self.history_

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Let callbacks use the map while it is trained; a failed fit leaves nothing behind."""
        try:
            yield
        finally:
            self._running = None

    @property
    def flow_(self) -> tfb.Bijector:
        """The trained bijector, between samples as the model sees them, standardised."""
        return self._fitted().module.flow

    def _fitted(self) -> Alignment:
        running: Attempt | None = getattr(self, "_running", None)
        if running is not None:
            return running.alignment
        check_is_fitted(self, "alignment_")
        return self.alignment_

    def _checked(self) -> tuple[FlowSpec, ObjectiveSpec | None]:
        """Return what is asked for as specs, all settings checked."""
        flow, objective = as_flow_spec(self.flow), as_objective_spec(self.objective)
        check_pairing(flow, objective)
        if self.config is not None and not isinstance(self.config, FitConfig):
            found = type(self.config).__name__
            raise TypeError(f"`config` must be a FitConfig; got an object of type {found}.")
        check_choice(self.dtype, "dtype", ("float32", "float64"))
        check_fraction(self.validation_fraction, "validation_fraction")
        check_positive_int(self.num_restarts, "num_restarts")
        check_seed(self.seed, "seed")
        return flow, objective

    def _rows(self, flow: FlowSpec, domains: Mapping[str, Sample]) -> Rows:
        source, target = domains.values()
        flow.check(source.event_shape, condition_size=source.condition_size)
        check_domains_vary(domains)
        return Rows(
            domains,
            Standards.of(source, target, start=flow.start),
            validation_fraction=self.validation_fraction,
            dtype=self.dtype,
            seed=self.seed,
        )

    def _recipe(self, flow: FlowSpec, rows: Rows, source: Sample, *, restart: int) -> Recipe:
        dtype, seed = tf.as_dtype(self.dtype), check_seed(self.seed, "seed") + restart
        closed = rows.closed_form(flow, dtype=dtype) if isinstance(flow, ClosedForm) else None
        return Recipe(flow, source.event_shape, source.condition_size, dtype, seed, closed)

    def _most_fits(self, flow: FlowSpec, objective: ObjectiveSpec | None) -> int:
        given = isinstance(flow, Built) and isinstance(flow.maker, tfb.Bijector)
        given = given or isinstance(objective, GivenObjective)
        return 1 if given or isinstance(flow, ClosedForm) else self.num_restarts

    def _keep(self, attempts: Sequence[Attempt], source: Sample) -> None:
        """Take over what the best attempt learned; until here nothing looks fitted."""
        self.restart_ = min(range(len(attempts)), key=lambda index: attempts[index].value)
        best = attempts[self.restart_]
        self.results_, self.main_stage_ = best.stages(), best.main_stage
        self.history_, self.n_features_in_ = best.history, source.rows.shape[1]
        if source.feature_names is not None:
            self.feature_names_in_ = np.array(source.feature_names, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_  # of an earlier fit
        self.alignment_ = best.alignment


def _folder(checkpoint_dir: str | Path | None, *parts: str) -> Path | None:
    return None if checkpoint_dir is None else Path(checkpoint_dir, *parts)
