"""The one training engine: `fit`, and `Trainer` to reuse a compiled loop (level 4)."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.training.callbacks import Callback, TrainingEvent, closing
from lrmf_tfp.training.config import FitConfig, FitResult
from lrmf_tfp.training.interrupts import Interrupts, deferred_interrupts
from lrmf_tfp.training.loop import CompiledLoop, LoopOutcome
from lrmf_tfp.training.samplers import Sampler, as_sampler
from lrmf_tfp.training.solver_steps import SolverSteps
from lrmf_tfp.training.state import FitState

__all__ = ["Trainer", "fit"]

_LOGGER = logging.getLogger(__name__)
_SECONDS_BETWEEN_CHECKPOINTS = 10.0


class Trainer:
    """Minimises one objective, any number of times, with one compiled loop.

    Attributes:
        objective: What is minimised.
        loop: The compiled loop.
        solvers: What keeps the solvers of continuous flows exact.
    """

    def __init__(
        self,
        objective: Objective,
        config: FitConfig | None = None,
        *,
        strategy: Any | None = None,
    ) -> None:
        """Prepare the loop; compilation happens at the first step.

        Args:
            objective: What is minimised.
            config: Settings; `FitConfig()` by default.
            strategy: `tf.distribute.Strategy` in whose scope the objective was built.

        Raises:
            ValueError: If the objective has no trainable variables.
        """
        self.objective = objective
        self._config = config or FitConfig()
        self.loop = CompiledLoop(objective, self._config, strategy=strategy)
        self.solvers = SolverSteps(objective)
        self._validate = tf.function(
            objective.validation_loss, autograph=False, reduce_retracing=True
        )

    def fit(
        self,
        data: Any,
        *,
        validation: tuple[Array, ...] | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | Path | None = None,
        resume: bool = False,
        stage: str = "fit",
        rate: float = 1.0,
        share: float = 1.0,
    ) -> FitResult:
        """Minimise the objective and leave it with the best weights.

        See `lrmf_tfp.fit` for the arguments, the result and the errors; `stage` is the name that
        callbacks see, `rate` a factor on the learning rates, `share` the part of the steps taken
        at most.
        """
        self.loop.reset()
        self.loop.scale.assign(rate)
        state = FitState(
            self.loop, solver_steps=self.solvers.variables, checkpoint_dir=checkpoint_dir
        )
        if resume:
            state.resume()
        num_steps = max(1, math.ceil(share * self._config.num_steps))
        run = _Run(self, state, validation, tuple(callbacks), stage, num_steps)
        sampler = as_sampler(data, batch_size=self._config.batch_size, seed=self._config.seed)
        with deferred_interrupts() as interrupts:
            try:
                run.until_done(sampler, interrupts)
            except KeyboardInterrupt:
                state.save()
                raise
            state.restore_best()
        progress = state.progress
        return FitResult(
            history=FitResult.stack(progress.records),
            num_steps=progress.step,
            best_step=progress.best_step,
            best_value=progress.best_value,
            stopped_early=progress.stopped_early,
            recoveries=tuple(progress.recoveries),
        )

    @property
    def config(self) -> FitConfig:
        """The settings."""
        return self._config

    def validation_loss(self, validation: tuple[Array, ...]) -> float:
        """Return the objective's held-out loss."""
        return float(self._validate(*tf.nest.map_structure(tf.convert_to_tensor, validation)))


class _Run:
    """One fit under way: the Python side of the loop."""

    def __init__(
        self,
        trainer: Trainer,
        state: FitState,
        validation: tuple[Array, ...] | None,
        callbacks: tuple[Callback, ...],
        stage: str,
        num_steps: int,
    ) -> None:
        self._trainer = trainer
        self._config = trainer.config
        self._state = state
        self._validation = validation
        self._callbacks = callbacks
        self._stage = stage
        self._num_steps = num_steps
        self._saved = time.monotonic()

    def until_done(self, sampler: Sampler, interrupts: Interrupts) -> None:
        progress = self._state.progress
        while not progress.finished:
            interrupts.check()
            began = time.monotonic()
            num_steps = min(self._config.steps_per_call, self._num_steps - progress.step)
            batches = sampler.draw(progress.step, self._config.steps_per_call)
            outcome = self._trainer.loop.run(batches, step=progress.step, num_steps=num_steps)
            if bool(outcome.finite):
                solved = self._trainer.solvers.refine(_last_of(batches))
                progress.step += int(outcome.num_good)
                progress.seconds += time.monotonic() - began
                self._record(outcome, solved)
            else:
                self._recover(outcome)
            self._save()

    def _record(self, outcome: LoopOutcome, solved: dict[str, float]) -> None:
        progress = self._state.progress
        means = outcome.sums.numpy() / float(outcome.num_good)
        terms = dict(zip(self._trainer.loop.names, means.tolist(), strict=True))
        with self._trainer.loop.averaged():
            value = terms["loss"]
            if self._validation is not None:
                value = terms["validation_loss"] = self._trainer.validation_loss(self._validation)
            if value < progress.best_value or self._keeps_the_last():
                self._state.mark_best(value)
        if not math.isfinite(value):
            self._restore("validation_loss", value, progress.step)
            return
        self._state.mark_good()
        terms |= {**solved, "seconds": progress.seconds}
        progress.records.append({"step": progress.step, **terms})
        waited = progress.step - progress.best_step
        progress.stopped_early = self._validation is not None and waited >= self._config.patience
        progress.finished = progress.stopped_early or progress.step >= self._num_steps
        event = TrainingEvent(
            self._stage, progress.step, self._num_steps, terms, progress.best_value
        )
        for callback in self._callbacks:
            callback(event)

    def _keeps_the_last(self) -> bool:
        return self._validation is None and not self._trainer.objective.loss_ranks_weights

    def _recover(self, outcome: LoopOutcome) -> None:
        values = outcome.last.numpy()
        broken = int(np.flatnonzero(~np.isfinite(values))[0])
        step = self._state.progress.step + int(outcome.num_good)
        self._restore(self._trainer.loop.names[broken], float(values[broken]), step)

    def _restore(self, term: str, value: float, step: int) -> None:
        progress = self._state.progress
        last_good = int(progress.records[-1]["step"]) if progress.records else 0
        report = f"`{term}` must stay finite; got {value} at step {step} of stage {self._stage}"
        self._state.restore_good()
        if len(progress.recoveries) >= self._config.max_recoveries:
            tries = f"after {len(progress.recoveries)} recoveries" if progress.recoveries else ""
            raise FloatingPointError(f"{report}{', ' * bool(tries)}{tries}.")
        progress.step = last_good
        progress.recoveries.append(f"{report}; went on from step {last_good} at half the rate.")
        _LOGGER.warning(progress.recoveries[-1])

    def _save(self) -> None:
        if self._state.progress.finished or (
            time.monotonic() - self._saved > _SECONDS_BETWEEN_CHECKPOINTS
        ):
            self._state.save()
            self._saved = time.monotonic()


def _last_of(batches: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the last of the batches `[K, B, ...]` that were drawn of each domain."""
    return tf.nest.map_structure(lambda part: part[-1], tuple(batches))


def fit(
    objective: Objective,
    data: Any,
    config: FitConfig | None = None,
    *,
    validation: tuple[Array, ...] | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    strategy: Any | None = None,
) -> FitResult:
    """Minimise an objective and leave it with the weights of its best held-out loss.

    Every objective is trained by this engine: one or several variable groups, many steps in one
    compiled call. A step that is not finite restores the last good weights and halves the step
    size, `config.max_recoveries` times at most.

    Args:
        objective: What is minimised.
        data: Tuple of one array `[N, ...]` for each domain, or a `tf.data.Dataset` whose
            elements hold one batch `[B, ...]` for each domain. A domain with conditions is a
            tuple of samples and conditions, row by row.
        config: Settings; `FitConfig()` by default.
        validation: Held-out arrays, one for each domain; they decide which weights are kept and
            when to stop. Without them the mean training loss decides, or the last weights are
            kept where it tells nothing (a game), and nothing stops early.
        callbacks: Callables of a `TrainingEvent`; closed at the end if they have `close`.
        checkpoint_dir: Folder for checkpoints; none are written by default.
        resume: Go on from the newest checkpoint in `checkpoint_dir`.
        strategy: `tf.distribute.Strategy` in whose scope the objective was built; batches are
            split over its replicas.

    Returns:
        The record of the fit.

    Raises:
        FloatingPointError: If a term or gradient stays non-finite; names term and step.
        TypeError: If `data` is of an unknown kind.
        ValueError: If the objective has no trainable variables, a domain is empty, or a
            checkpoint does not fit.

    Examples:
        >>> from lrmf_tfp.densities import gaussian_density
        >>> from lrmf_tfp.objectives import MaximumLikelihoodObjective
        >>> objective = MaximumLikelihoodObjective(gaussian_density(1))
        >>> x = np.array([[-1.0], [1.0]], np.float32)
        >>> result = fit(objective, (x,), FitConfig(num_steps=200, steps_per_call=50))
        >>> result.num_steps
        200
    """
    trainer = Trainer(objective, config, strategy=strategy)
    with closing(callbacks):
        return trainer.fit(
            data,
            validation=validation,
            callbacks=callbacks,
            checkpoint_dir=checkpoint_dir,
            resume=resume,
        )
