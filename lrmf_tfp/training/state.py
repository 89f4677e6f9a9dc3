"""Everything a fit needs to go on: weights, slots, snapshots and the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from lrmf_tfp._core.disk import os_errors
from lrmf_tfp.objectives.base import variable_values
from lrmf_tfp.training.loop import CompiledLoop

__all__ = ["FitState", "Progress"]


@dataclass
class Progress:
    """Where a fit stands; plain values, kept as JSON inside the checkpoint."""

    step: int = 0
    best_step: int = 0
    best_value: float = float("inf")
    finished: bool = False
    stopped_early: bool = False
    seconds: float = 0.0
    records: list[dict[str, float]] = field(default_factory=list)
    recoveries: list[str] = field(default_factory=list)


class FitState:
    """Weights and slots of a loop, with snapshots of the best and of the last good weights.

    Attributes:
        progress: Where the fit stands.
    """

    def __init__(
        self,
        loop: CompiledLoop,
        *,
        checkpoint_dir: str | Path | None,
        solver_steps: Sequence[tf.Variable] = (),
    ) -> None:
        self._loop = loop
        self._solver_steps = list(solver_steps)
        self._variables = [v for group in loop.groups for v in group.variables]
        self._start = variable_values(self._variables)
        self._best = self._start
        self._good = self._start
        self._folder = None if checkpoint_dir is None else Path(checkpoint_dir)
        self.progress = Progress()

    def mark_good(self) -> None:
        """Keep the present weights as the last good ones."""
        self._good = variable_values(self._variables)

    def mark_best(self, value: float) -> None:
        """Keep the present weights as the best ones."""
        self._best = variable_values(self._variables)
        self.progress.best_value = value
        self.progress.best_step = self.progress.step

    def restore_good(self) -> None:
        """Return to the last good weights, with empty slots and half the step size."""
        self._assign(self._good)
        self._loop.reset()
        self._loop.scale.assign(0.5 * self._loop.scale)

    def restore_best(self) -> None:
        """Return to the best weights."""
        self._assign(self._best)

    def save(self) -> None:
        """Write a checkpoint, if a folder was given; an older one is replaced after that."""
        if self._folder is None:
            return
        checkpoint, text = self._checkpoint()
        text.assign(json.dumps(asdict(self.progress)))
        manager = tf.train.CheckpointManager(checkpoint, str(self._folder), max_to_keep=1)
        try:
            with os_errors():
                manager.save(checkpoint_number=self.progress.step)
        except OSError as error:
            raise OSError(
                "`checkpoint_dir` must be a place to write to; "
                f"got {self._folder}: {error.strerror}"
            ) from error

    def resume(self) -> None:
        """Go on from the newest checkpoint of the folder; without one, start afresh.

        Raises:
            ValueError: If the checkpoint belongs to other variables.
        """
        latest = None if self._folder is None else tf.train.latest_checkpoint(str(self._folder))
        if latest is None:
            return
        checkpoint, text = self._checkpoint()
        try:
            checkpoint.restore(latest).assert_existing_objects_matched()
        except (AssertionError, ValueError) as error:
            raise ValueError(
                f"`checkpoint_dir` must hold a checkpoint of the same objective; got {latest}, "
                "whose variables differ."
            ) from error
        self.progress = Progress(**json.loads(text.numpy().decode()))
        self._best = variable_values(checkpoint.best)
        self._good = variable_values(self._variables)

    def _checkpoint(self) -> tuple[tf.train.Checkpoint, tf.Variable]:
        text = tf.Variable("", dtype=tf.string, trainable=False)
        best = [tf.Variable(value, trainable=False) for value in self._best]
        checkpoint = tf.train.Checkpoint(
            variables=self._variables,
            slots=tf.nest.flatten(self._loop.slots),
            scale=self._loop.scale,
            averages=self._loop.averages,
            solver_steps=self._solver_steps,
            best=best,
            progress=text,
        )
        return checkpoint, text

    def _assign(self, values: list[Any]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
