"""Settings and result of a fit, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lrmf_tfp._core.spec import Spec
from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_positive, check_positive_int
from lrmf_tfp.objectives.base import VariableGroup
from lrmf_tfp.optimizers import Adam, Optimizer

__all__ = ["FitConfig", "FitResult"]


@dataclass(frozen=True)
class FitConfig(Spec):
    """How an objective is minimised. Settings have no seed: `fit` and estimators take one.

    Raises:
        ValueError: If a count is below 1 or `clip_norm` is not positive.
        TypeError: If a count is not a whole number.

    Examples:
        >>> FitConfig(num_steps=500).batch_size
        256
    """

    num_steps: int = 4000
    """Largest number of optimiser steps."""
    batch_size: int = 256
    """Rows of each domain in a step; a domain with fewer rows is used whole."""
    optimizer: Optimizer | Mapping[str, Optimizer] | None = None
    """One optimiser, or one for each variable group by name; by default what the objective
    proposes for each group, which is `Adam()` for all but adversarial ones."""
    clip_norm: float = 10.0
    """Largest norm of a group's gradient; longer ones are scaled down to it."""
    average_decay: float = 0.99
    """Decay of the moving average of the weights, which is what is scored and kept; 0 for none."""
    steps_per_call: int = 100
    """Steps in one compiled call; held-out score, log and stop are decided between calls."""
    patience: int = 1000
    """Stop after this many steps without a better held-out score."""
    max_recoveries: int = 3
    """How often a non-finite step may restore the last good state and halve the step size."""
    jit_compile: bool = True
    """Compile the loop with XLA."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("num_steps", "batch_size", "steps_per_call", "patience"):
            check_positive_int(getattr(self, name), name)
        check_positive(self.clip_norm, "clip_norm")
        if not 0.0 <= self.average_decay < 1.0:
            raise ValueError(f"`average_decay` must be in [0, 1); got {self.average_decay}.")
        if self.max_recoveries < 0:
            raise ValueError(f"`max_recoveries` must be at least 0; got {self.max_recoveries}.")

    def optimizer_for(self, group: VariableGroup) -> Optimizer:
        """Return the optimiser of a variable group.

        Raises:
            ValueError: If optimisers are given by name and the group has none.
        """
        if self.optimizer is None:
            return group.optimizer or Adam()
        if not isinstance(self.optimizer, Mapping):
            return self.optimizer
        if group.name not in self.optimizer:
            known = ", ".join(sorted(self.optimizer))
            raise ValueError(f"`optimizer` must name the group '{group.name}'; got {known}.")
        return self.optimizer[group.name]


@dataclass(frozen=True)
class FitResult:
    """What a fit did; the objective holds the weights of `best_step`."""

    history: dict[str, Array]
    """One entry for each recorded step: `step`, the terms, `validation_loss`, `seconds`, ..."""
    num_steps: int
    """Steps taken."""
    best_step: int
    """Step whose weights were kept."""
    best_value: float
    """Held-out loss (training loss if nothing was held out) at `best_step`, nats."""
    stopped_early: bool
    """True if patience ran out before `num_steps`."""
    recoveries: tuple[str, ...] = ()
    """One line for each non-finite step that was recovered from."""
    main_stage: str = ""
    """Name of the stage that this is the record of."""
    stages: Mapping[str, FitResult] = field(default_factory=dict, repr=False)
    """The record of each stage by name, this one among them."""

    @staticmethod
    def stack(records: list[dict[str, float]]) -> dict[str, Array]:
        """Return a list of records as one array for each name."""
        names = records[0] if records else {}
        return {name: np.asarray([record[name] for record in records]) for name in names}
