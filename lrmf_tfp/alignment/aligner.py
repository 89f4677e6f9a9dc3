"""`Aligner`: the scikit-learn estimator that fits, moves, scores and saves (level 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from tensorflow_probability import bijectors as tfb

from lrmf_tfp import __version__
from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import check_choice, check_fraction, check_positive_int, check_seed
from lrmf_tfp.alignment.fitted import Alignment, AlignmentMethods
from lrmf_tfp.alignment.module import AlignmentModule
from lrmf_tfp.alignment.recipes import DENSITIES, LINEAR_FLOWS, Model
from lrmf_tfp.alignment.rows import (
    MIN_ROWS,
    NEAR_RATIO,
    NEAR_SHIFT,
    STARTS,
    Run,
    Split,
    as_domains,
)
from lrmf_tfp.evaluation import AlignmentScore
from lrmf_tfp.names import FIXED_FLOW_NAMES, FLOW_NAMES, OBJECTIVE_NAMES, check_trainable
from lrmf_tfp.objectives import LRMFObjective, Objective
from lrmf_tfp.objectives.lrmf.noise import check_noise_scales
from lrmf_tfp.training import Callback, FitConfig, FitResult, ProgressBar, deferred_interrupts

__all__ = ["Aligner", "MIN_ROWS", "NEAR_RATIO", "NEAR_SHIFT", "STARTS"]


class _Fitted(NamedTuple):
    """What one of several restarts gave."""

    value: float
    score: AlignmentScore | None
    alignment: Alignment
    results: dict[str, FitResult]
    history: dict[str, Array]


class Aligner(AlignmentMethods, BaseEstimator):
    """Learns an invertible map that makes the source look like the target, and scores it.

    The samples are standardised by the target, a fifth of each domain is held out, the private
    densities are fitted, and the objective is minimised with the held-out loss deciding when to
    stop. Labels are never used.

    Every objective gets the same score: after one that trains no densities, the densities of the
    LRMF bound are fitted with the map held fixed.

    Attributes:
        alignment_: The fitted `Alignment`.
        history: One array for each recorded quantity of the main stage.
        results_: `FitResult` of each stage.
        restart_: Which of the restarts it was, from 0 on.

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
        objective: Any = "lrmf",
        *,
        density: Any = None,
        scored: bool = True,
        config: FitConfig | None = None,
        start: str = "auto",
        noise_scales: Sequence[float] = (),
        validation_fraction: float = 0.2,
        num_restarts: int = 3,
        dtype: str = "float32",
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        """Store the settings; nothing is checked or built before `fit`.

        Args:
            flow: `"affine"`, `"real_nvp"`, `"spline"`, `"ffjord"`; `"glow"` for images; a
                `tfb.Bijector` (trained in place), or a builder called with `event_size`, `dtype=`
                and `seed=`. In closed form, nothing trained: `"identity"`, `"coral"`,
                `"gaussian_ot"` and `"mean_variance"`.
            objective: `"lrmf"`, `"mmd"`, `"energy"`, `"emd"`, `"sinkhorn"`,
                `"sliced_wasserstein"`, `"back_to_back"`, `"adversarial"`, `"gram"`; a function
                from a flow to an `Objective`; or an `Objective` with a `flow` (trained in place).
            density: Family of the shared and private densities: `"gaussian"`, `"real_nvp"`,
                `"glow"` or a builder like `flow`'s; by default Gaussian for the affine flow, Glow
                for Glow, RealNVP otherwise.
            scored: Fit the densities that `score` needs where the objective has none, which
                takes about as long as an LRMF fit; False leaves the score out.
            config: Training settings; `FitConfig()` by default. Its seed is `seed`.
            start: Where the map starts: `"identity"` leaves the source where it is, `"moments"`
                gives it the target's mean and scale per axis, `"auto"` takes the first if on
                every axis the means lie within one target scale and the scales within a factor
                2, else the second. The flow `"identity"` never moves.
            noise_scales: Falling standard deviations, such as `(8, 4, 2, 1, 0.5)`, of noise that
                is added to both domains while the map finds its way, in target standard
                deviations: one short stage for each before the noise-free one. For modes that
                lie many of their widths apart, where the gradient vanishes; none by default.
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
        self.scored = scored
        self.config = config
        self.start = start
        self.noise_scales = noise_scales
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

        Images are arrays `[N, H, W, C]`, or `[N, H, W]` if gray. They are standardised by channel
        and come back in the shape in which they went in.

        Args:
            source: Samples that are moved: array, data frame or finite `tf.data.Dataset`.
            target: Samples that stay, of the same width or image shape.
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
        families = [each for each in (self.flow, self.density) if isinstance(each, str)]
        *domains, event_shape = as_domains(source, target, families=families)
        self._check_settings()
        split = Split(
            *domains,
            event_shape=event_shape,
            start="identity" if self.flow == "identity" else self.start,
            validation_fraction=self.validation_fraction,
            dtype=self.dtype,
            seed=self.seed,
        )
        run = Run(
            split=split,
            callbacks=[*callbacks, *([ProgressBar()] if self.progress else [])],
            resume=resume,
            strategy=strategy,
        )
        fits: list[_Fitted] = []
        with deferred_interrupts():
            for restart in range(self._most_fits()):
                folder = None
                if checkpoint_dir is not None:
                    folder = Path(checkpoint_dir, f"restart_{restart}")
                fits.append(self._fit_once(run, restart, checkpoint_dir=folder))
                score = fits[-1].score
                if score is None or score.converged:
                    break
        self.restart_ = min(range(len(fits)), key=lambda index: fits[index].value)
        best = fits[self.restart_]
        self.alignment_, self.results_, self.history = best.alignment, best.results, best.history
        return self

    def _fit_once(self, run: Run, restart: int, *, checkpoint_dir: Path | None) -> _Fitted:
        """Fit from one seed: the objective, then what the score needs beyond it."""
        split, config = run.split, self._config(restart)
        model = self._model(split, seed=self.seed + restart)
        objective = run.build(model.make_objective)
        self.alignment_ = self._alignment_of(objective, split)
        results = run.fit(objective, config, checkpoint_dir=checkpoint_dir)
        history = objective.restate(results[objective.main_stage].history)
        value = objective.comparable(float(objective.validation_loss(*split.held_out)))
        scored = isinstance(objective, LRMFObjective)
        if self.scored and not scored:
            folder = None if checkpoint_dir is None else checkpoint_dir / "score"
            objective = run.build(lambda: model.make_bound(objective.flow))
            fitted = run.fit(objective, config, checkpoint_dir=folder)
            results |= {f"score_{name}": result for name, result in fitted.items()}
        self.alignment_ = alignment = self._alignment_of(objective, split)
        score = None
        if self.scored or scored:
            score = alignment.held_out_score(*split.raw_held_out, seed=0)
            alignment.metadata["score"] = score._asdict()
        return _Fitted(value, score, alignment, results, history)

    def _most_fits(self) -> int:
        given = isinstance(self.flow, tfb.Bijector) or isinstance(self.objective, Objective)
        return 1 if given or self._is_fixed() else self.num_restarts

    def _is_fixed(self) -> bool:
        """Whether the flow has nothing to train."""
        return isinstance(self.flow, str) and self.flow in FIXED_FLOW_NAMES

    def _alignment(self) -> Alignment:
        check_is_fitted(self, "alignment_")
        return self.alignment_

    def _config(self, restart: int) -> FitConfig:
        return replace(self.config or FitConfig(), seed=self.seed + restart)

    def _check_settings(self) -> None:
        if isinstance(self.flow, str):
            check_choice(self.flow, "flow", FLOW_NAMES)
        if isinstance(self.density, str):
            check_choice(self.density, "density", DENSITIES)
        self._check_objective()
        check_choice(self.start, "start", STARTS)
        self._check_noise()
        check_choice(self.dtype, "dtype", ("float32", "float64"))
        check_fraction(self.validation_fraction, "validation_fraction")
        check_positive_int(self.num_restarts, "num_restarts")
        check_seed(self.seed, "seed")

    def _check_objective(self) -> None:
        if isinstance(self.objective, Objective):
            if not hasattr(self.objective, "flow"):
                found = type(self.objective).__name__
                raise ValueError(f"`objective` must have a `flow`; got a {found}.")
            return
        if not callable(self.objective):
            check_choice(self.objective, "objective", OBJECTIVE_NAMES)
        check_trainable(self.flow, self.objective)

    def _check_noise(self) -> None:
        scales = check_noise_scales(self.noise_scales)
        if scales and (self._is_fixed() or self.objective != "lrmf"):
            raise ValueError(
                "`noise_scales` must be empty unless a flow is trained by the objective 'lrmf'; "
                f"got {scales}."
            )

    def _model(self, split: Split, *, seed: int) -> Model:
        dtype, flow = tf.as_dtype(self.dtype), self.flow
        if isinstance(flow, str) and flow in LINEAR_FLOWS:
            flow = split.linear_flow(LINEAR_FLOWS[flow], dtype=dtype)
        shape, scales = split.event_shape, tuple(self.noise_scales)
        return Model(flow, self.objective, self.density, shape, dtype, seed, scales)

    def _alignment_of(self, objective: Objective, split: Split) -> Alignment:
        module = AlignmentModule(objective, *split.moments, dtype=self.dtype)
        metadata = {
            "lrmf_tfp": __version__,
            "tensorflow": tf.__version__,
            "tensorflow_probability": tfp.__version__,
            "event_size": len(split.moments[0].loc),
            "event_shape": list(split.event_shape),
            "flow": _name(self.flow),
            "objective": _name(self.objective),
            "start": split.start,
            "noise_scales": [float(scale) for scale in self.noise_scales],
            "dtype": self.dtype,
            "seed": self.seed,
            "validation_fraction": self.validation_fraction,
            "config": self._config(0).to_json(),
        }
        return Alignment(module, metadata, trained_rows=split.trained_rows)


def _name(setting: Any) -> str:
    """Return a setting as text: its name, or that of its function or class."""
    if isinstance(setting, str):
        return setting
    return getattr(setting, "__name__", type(setting).__name__)
