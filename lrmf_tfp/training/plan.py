"""`fit`, the front door: runs the whole plan of anything that can be trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_seed
from lrmf_tfp.objectives.base import Objective, Plan
from lrmf_tfp.samples.batch import Batch, as_batch
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.streams import Data, as_source
from lrmf_tfp.training.callbacks import Callback, closing
from lrmf_tfp.training.config import FitConfig, FitResult
from lrmf_tfp.training.distribution import Distribution
from lrmf_tfp.training.engine import Trainer
from lrmf_tfp.training.interrupts import deferred_interrupts

__all__ = ["fit"]

_MOST_HELD_OUT = 20000


def fit(  # noqa: PLR0913 (the front door: what, on what, how, and who is told)
    objective: Objective | Plan,
    data: Data,
    config: FitConfig | None = None,
    *,
    validation: tuple[Array | Sample | Batch, ...] | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    strategy: tf.distribute.Strategy | Distribution | None = None,
    seed: int = 0,
) -> FitResult:
    """Run everything that training an objective takes, and leave it with its best weights.

    Most objectives are one stage; LRMF is several: the private densities, the joint fit, and
    what makes sure of the constant. Each stage is minimised by one engine: many steps in one
    compiled call, one or several variable groups. A step that is not finite restores the last
    good weights and halves the step size, `config.max_recoveries` times at most.

    Args:
        objective: What is minimised, or a `Plan` of it.
        data: Tuple of one `Sample` or array `[N, ...]` for each domain, or a `tf.data.Dataset`
            whose elements hold one batch `[B, ...]` for each domain. A domain with conditions is
            a `Sample` with them, or a pair of samples and conditions, row by row.
        config: Settings of every stage; `FitConfig()` by default.
        validation: Held-out samples, one for each domain; they decide which weights are kept and
            when to stop. Without them a plan that needs some (LRMF, for its constant) sets a fifth
            of the rows aside; for others the mean training loss decides, or the last weights are
            kept where it tells nothing (a game), and nothing stops early.
        callbacks: Callables of a `TrainingEvent`; closed at the end if they have `close`.
        checkpoint_dir: Folder for one sub-folder of checkpoints a stage; none by default.
        resume: Go on from the newest checkpoints there; finished stages are not repeated.
        strategy: `tf.distribute.Strategy` in whose scope the objective was built; batches are
            split over its replicas.
        seed: Seed of the batches and of the objective's noise.

    Returns:
        The record of the main stage; `stages` has those of all, by name.

    Raises:
        FloatingPointError: If a term or gradient stays non-finite; names term, step and stage.
        TypeError: If `data` is of an unknown kind.
        ValueError: If the objective has no trainable variables or knows no conditions and the
            data have some, a domain is empty, or a checkpoint does not fit.

    Examples:
        >>> import numpy as np
        >>> from lrmf_tfp.densities import gaussian_density
        >>> from lrmf_tfp.objectives import MaximumLikelihoodObjective
        >>> objective = MaximumLikelihoodObjective(gaussian_density(1))
        >>> x = np.array([[-1.0], [1.0]], np.float32)
        >>> result = fit(objective, (x,), FitConfig(num_steps=200, steps_per_call=50))
        >>> result.num_steps
        200
    """
    plan = objective if isinstance(objective, Plan) else objective.plan()
    config = config or FitConfig()
    seed = check_seed(seed, "seed")
    source = as_source(data, batch_size=config.batch_size, seed=seed)
    judged = None if validation is None else tuple(map(_as_judged, validation))
    if judged is None and plan.needs_held_out:
        judged = source.held_out(_MOST_HELD_OUT)
    trainers: dict[int, Trainer] = {}
    results: dict[str, FitResult] = {}
    with closing(callbacks), deferred_interrupts():
        for stage in plan.stages(source, judged):
            key = id(stage.objective)  # stages on one objective share its compiled loop
            if key not in trainers:
                stage.objective.check_source(source)
                trainers[key] = Trainer(stage.objective, config, strategy=strategy)
            folder = None if checkpoint_dir is None else Path(checkpoint_dir, stage.name)
            results[stage.name] = trainers[key].fit(
                source if stage.domains is None else source.only(stage.domains),
                validation=None if judged is None else stage.of(judged),
                callbacks=callbacks,
                checkpoint_dir=folder,
                resume=resume,
                stage=stage.name,
                rate=stage.rate,
                share=stage.share,
                seed=seed,
            )
    return replace(results[plan.main_stage], stages=results)


def _as_judged(rows: Array | Sample | Batch) -> Batch:
    return rows.without_empty_rows().batch() if isinstance(rows, Sample) else as_batch(rows)
