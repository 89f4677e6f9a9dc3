"""The one training engine: a compiled loop, driven until it is done."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.graph import as_graph
from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.samples.batch import Batch, as_batch, map_parts
from lrmf_tfp.samples.sources import thinned
from lrmf_tfp.samples.streams import Data, as_source
from lrmf_tfp.training.callbacks import Callback, TrainingEvent
from lrmf_tfp.training.config import FitConfig, FitResult
from lrmf_tfp.training.distribution import Distribution, as_distribution
from lrmf_tfp.training.interrupts import deferred_interrupts
from lrmf_tfp.training.loop import CompiledLoop, LoopOutcome
from lrmf_tfp.training.solver_steps import SolverSteps
from lrmf_tfp.training.state import FitState

__all__ = ["Trainer"]

_LOGGER = logging.getLogger(__name__)
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_STREAM = (0, 2)  # of the held-out rows that decide


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
        strategy: tf.distribute.Strategy | Distribution | None = None,
    ) -> None:
        """Prepare the loop; compilation happens at the first step.

        Args:
            objective: What is minimised.
            config: Settings; `FitConfig()` by default.
            strategy: Where the steps are computed; the objective was built in its scope.

        Raises:
            ValueError: If the objective has no trainable variables.
        """
        self.objective = objective
        self._config = config or FitConfig()
        self.loop = CompiledLoop(objective, self._config, distribution=as_distribution(strategy))
        self.solvers = SolverSteps(objective)
        self._validate = as_graph(objective.validation_loss, reduce_retracing=True)

    def fit(  # noqa: PLR0913 (what is trained on, what is told to whom, and one stage's settings)
        self,
        data: Data,
        *,
        validation: tuple[Array | Batch, ...] | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | Path | None = None,
        resume: bool = False,
        stage: str = "fit",
        rate: float = 1.0,
        share: float = 1.0,
        seed: int = 0,
    ) -> FitResult:
        """Minimise the objective and leave it with the best weights.

        See `lrmf_tfp.fit` for the arguments, the result and the errors; `stage` is the name that
        callbacks see, `rate` a factor on the learning rates, `share` the part of the steps taken
        at most.
        """
        config, loop = self._config, self.loop
        loop.reset()
        loop.scale.assign(rate)
        state = FitState(loop, solver_steps=self.solvers.variables, checkpoint_dir=checkpoint_dir)
        if resume:
            state.resume()
        source = as_source(data, batch_size=config.batch_size, seed=seed)
        if not self.objective.takes_weights:
            source = source.without_weights()
        judged = None if validation is None else self._judged(validation, seed=seed)
        num_steps = max(1, math.ceil(share * config.num_steps))
        run, progress = (
            _Run(self, state, judged, tuple(callbacks), stage, num_steps),
            state.progress,
        )
        with deferred_interrupts() as interrupts:
            try:
                while not progress.finished:
                    interrupts.check()
                    began, wanted = time.monotonic(), num_steps - progress.step
                    batches = source.batches(progress.step, config.steps_per_call)
                    wanted = min(config.steps_per_call, wanted)
                    outcome = loop.run(batches, step=progress.step, num_steps=wanted, seed=seed)
                    run.note(outcome, batches, began=began)
            except KeyboardInterrupt:
                state.save()
                raise
            state.restore_best()
        return FitResult(
            history=FitResult.stack(progress.records),
            num_steps=progress.step,
            best_step=progress.best_step,
            best_value=progress.best_value,
            stopped_early=progress.stopped_early,
            recoveries=tuple(progress.recoveries),
            main_stage=stage,
        )

    @property
    def config(self) -> FitConfig:
        """The settings."""
        return self._config

    def validation_loss(self, validation: tuple[Array | Batch, ...]) -> float:
        """Return the objective's held-out loss."""
        parts = (map_parts(tf.convert_to_tensor, as_batch(rows)).bare() for rows in validation)
        return float(self._validate(*parts))

    def _judged(self, validation: tuple[Array | Batch, ...], *, seed: int) -> tuple[Batch, ...]:
        """Return the held-out rows that decide: no more than tell apart, drawn once.

        An objective that knows no weights gets rows drawn by weight, the law that they stand for.
        """
        rng = np.random.default_rng([seed, *_STREAM])
        most = self.objective.most_validation_rows
        weighs = self.objective.takes_weights
        return tuple(thinned(as_batch(rows), most, rng, keep=weighs) for rows in validation)


class _Run:
    """What one fit keeps, tells and decides between compiled calls."""

    def __init__(
        self,
        trainer: Trainer,
        state: FitState,
        validation: tuple[Batch, ...] | None,
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

    def note(self, outcome: LoopOutcome, batches: tuple[Batch, ...], *, began: float) -> None:
        """Take down what a call did; recover, stop and write checkpoints where it is time."""
        progress = self._state.progress
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


def _last_of(batches: tuple[Batch, ...]) -> tuple[Tensor | Batch, ...]:
    """Return the last of the batches `[K, B, ...]` that were drawn of each domain."""
    return tuple(map_parts(lambda part: part[-1], batch).bare() for batch in batches)
