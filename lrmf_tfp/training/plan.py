"""Runs the stages of an objective in order, reusing compiled loops (level 4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrmf_tfp._core.typing import Array
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.training.callbacks import Callback, closing
from lrmf_tfp.training.config import FitConfig, FitResult
from lrmf_tfp.training.engine import Trainer
from lrmf_tfp.training.interrupts import deferred_interrupts

__all__ = ["fit_stages"]


def fit_stages(
    objective: Objective,
    train: tuple[Array, ...],
    held_out: tuple[Array, ...],
    config: FitConfig | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    strategy: Any | None = None,
) -> dict[str, FitResult]:
    """Fit every stage of an objective; for LRMF the two private densities, then the joint one.

    Stages on the same objective share one compiled loop.

    Args:
        objective: The objective, whose `stages` says what to fit.
        train: Training rows `[N, D]` of each domain.
        held_out: Held-out rows of each domain.
        config: Settings of every stage; `FitConfig()` by default.
        callbacks: Callables of a `TrainingEvent`; closed at the end if they have `close`.
        checkpoint_dir: Folder with one sub-folder of checkpoints a stage; none by default.
        resume: Go on from those checkpoints; finished stages are not repeated.
        strategy: `tf.distribute.Strategy` in whose scope the objective was built.

    Returns:
        The `FitResult` of each stage by name.

    Raises:
        FloatingPointError: If a term stays non-finite; names term, step and stage.
        ValueError: If a checkpoint does not fit the objective.
    """
    trainers: dict[int, Trainer] = {}
    results: dict[str, FitResult] = {}
    with closing(callbacks), deferred_interrupts():
        for stage in objective.stages(train, held_out):
            key = id(stage.objective)
            if key not in trainers:
                trainers[key] = Trainer(stage.objective, config, strategy=strategy)
            results[stage.name] = trainers[key].fit(
                tuple(train[domain] for domain in stage.domains),
                validation=tuple(held_out[domain] for domain in stage.domains),
                callbacks=callbacks,
                checkpoint_dir=None
                if checkpoint_dir is None
                else Path(checkpoint_dir, stage.name),
                resume=resume,
                stage=stage.name,
                rate=stage.rate,
                share=stage.share,
            )
    return results
