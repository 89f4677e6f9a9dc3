"""What is kept of a method: where it put the points, and how it went there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["Recorder", "Track", "accuracy"]

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Track:
    """How one method went on one draw."""

    title: str
    moved: Array
    """The source after the move, `[N, 2]`."""
    recorder: Recorder
    kept_step: int
    seconds: float
    aligner: lt.Aligner | None = None
    """None where the points themselves were moved."""


@dataclass
class Recorder:
    """Callback that keeps the points, their label accuracy and the loss while something trains.

    A stage that starts again, in a restart, starts the record again.
    """

    pair: lt.DomainPair
    stage: str
    positions: Callable[[], Array]
    loss_label: str
    loss_term: str = "validation_loss"
    earlier: list[Recorder] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with the source as it is."""
        self.steps = [0]
        self.losses = [float("nan")]
        self.frames = [self.pair.source]
        self.accuracies = [accuracy(self.pair.source, self.pair)]

    def __call__(self, event: lt.training.TrainingEvent) -> None:
        """Record one step of the stage that is watched."""
        if event.stage != self.stage:
            return
        if event.step <= self.steps[-1]:
            self.earlier.append(copy.copy(self))
            self.__post_init__()
        moved = np.array(self.positions())
        self.steps.append(event.step)
        self.frames.append(moved)
        self.accuracies.append(accuracy(moved, self.pair))
        self.losses.append(event.terms[self.loss_term])

    def of_restart(self, index: int) -> Recorder:
        """Return the record of one restart."""
        return [*self.earlier, self][index]


def accuracy(moved: Array, pair: lt.DomainPair, *, fitted: lt.DomainPair | None = None) -> float:
    """Return the 1-NN label accuracy of moved source samples of `pair`."""
    known = pair if fitted is None else fitted
    return float(
        lt.evaluation.label_accuracy(moved, pair.source_labels, known.target, known.target_labels)
    )
