"""The methods of the moons experiment: positions moved, and flows trained, by many objectives."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["Recorder", "Track", "accuracy", "move_positions", "train_flow"]

Array = NDArray[np.floating[Any]]

# The paper does not say its kernel. This bandwidth gives the first value of its loss curve, 0.063.
MMD_BANDWIDTH = 0.3
_MMD_RATE = 0.3  # times the number of points, as each point's gradient is its share of the mean
_EMD_PATH = 4.5  # no point has to go farther; the cosine halves it

OBJECTIVE_TITLES = {
    "adversarial": "SN-GAN",
    "back_to_back": "back-to-back",
    "emd": "on EMD",
    "energy": "on energy",
    "gram": "GRAM",
    "lrmf": "LRMF",
    "mmd": "on MMD",
    "sinkhorn": "on Sinkhorn",
    "sliced_wasserstein": "on sliced W",
}
_LOSSES = {
    "adversarial": "energy",
    "back_to_back": "NLL",
    "emd": "EMD",
    "energy": "energy",
    "gram": "energy",
    "lrmf": "L, nats",
    "mmd": "MMD²",
    "sinkhorn": "Sinkhorn",
    "sliced_wasserstein": "sliced W",
}
_STAGES = {
    "adversarial": "game",
    "back_to_back": "densities",
    "gram": "generator",
    "lrmf": "joint",
}


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


def move_positions(
    pair: lt.DomainPair, name: str, *, num_steps: int, jit_compile: bool, record_every: int
) -> Track:
    """Move the source's points by gradient descent on MMD or EMD to the target, without a map."""
    rows = max(len(pair.source), len(pair.target))
    if name == "mmd":
        kernel = lt.kernels.GaussianKernel(MMD_BANDWIDTH)
        divergence: Any = partial(lt.divergences.mmd_squared, kernel=kernel)
        schedule: Any = lt.training.ConstantSchedule()
        rate = _MMD_RATE
    else:
        divergence, schedule = lt.divergences.emd, lt.training.CosineSchedule(warmup=0.0)
        rate = _EMD_PATH / num_steps
    objective = lt.objectives.PositionsObjective(
        pair.source, divergence, jit_compatible=name != "emd"
    )
    config = lt.FitConfig(
        num_steps=num_steps,
        batch_size=rows,
        optimizer=lt.training.SGD(rate * len(pair.source), schedule=schedule),
        clip_norm=1e6,
        average_decay=0.0,
        steps_per_call=record_every,
        jit_compile=jit_compile,
    )
    label = {"mmd": "MMD², biased", "emd": "EMD"}[name]
    recorder = Recorder(pair, "fit", lambda: objective.positions.numpy(), label, "loss")
    began = time.monotonic()
    result = lt.fit(objective, (pair.target,), config, callbacks=[recorder])
    seconds = time.monotonic() - began
    title = {"mmd": "points on MMD", "emd": "points on EMD"}[name]
    return Track(title, objective.positions.numpy(), recorder, result.best_step, seconds)


def train_flow(
    pair: lt.DomainPair,
    aligner: lt.Aligner,
    *,
    title: str,
    record: bool,
) -> Track:
    """Fit an aligner; record every compiled call of its main stage if asked to."""
    stage = _STAGES.get(aligner.objective, "flow")
    label = f"held-out {_LOSSES[aligner.objective]}"
    recorder = Recorder(pair, stage, lambda: aligner.transform(pair.source), label)
    began = time.monotonic()
    aligner.fit(pair.source, pair.target, callbacks=[recorder] if record else [])
    seconds = time.monotonic() - began
    if record:
        recorder = recorder.of_restart(aligner.restart_)
        # With the constants that later stages made final.
        recorder.losses[1:] = aligner.history["validation_loss"].tolist()
    moved = np.asarray(aligner.transform(pair.source))
    kept = aligner.results_[stage].best_step
    return Track(title, moved, recorder, kept, seconds, aligner)
