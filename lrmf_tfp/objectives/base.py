"""What an objective is: a module of trainables, called on a batch of each domain.

`objective(*batches, seed=seed)` returns a NamedTuple of scalar terms, the first of which is
`loss`. The training engine minimises, for every variable group, the term that the group names;
adversarial objectives have two groups, the others one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.optimizers import Optimizer
from lrmf_tfp.samples.batch import Batch
from lrmf_tfp.samples.sources import Source

__all__ = [
    "Objective",
    "Plan",
    "Scorable",
    "Stage",
    "VariableGroup",
    "copy_variables",
    "preserved",
    "variable_values",
]


class VariableGroup(NamedTuple):
    """Variables that one optimiser moves to make one term small.

    Attributes:
        name: Name used in logs and by per-group optimisers.
        variables: The variables of the group.
        loss: The term of the objective's NamedTuple that the group minimises.
        every: The group moves on each step divisible by this number.
        optimizer: What moves it if the user does not say; `Adam()` when None.
        start: First step on which it may move: until then the others get used to it.
    """

    name: str
    variables: tuple[tf.Variable, ...]
    loss: str = "loss"
    every: int = 1
    optimizer: Optimizer | None = None
    start: int = 0

    def moves(self, step: Tensor) -> Tensor:
        """Whether the group moves on a step, scalar bool."""
        return tf.logical_and(step >= self.start, step % self.every == 0)

    def num_moves(self, step: Tensor) -> Tensor:
        """How often the group has moved before a step, scalar int64."""
        first = -(-self.start // self.every)
        return tf.maximum(-(-step // self.every) - first, 0)


class Stage(NamedTuple):
    """One fit on the way to a trained objective.

    Attributes:
        name: Name used in progress, logs and checkpoint folders.
        objective: What this stage minimises.
        domains: Numbers of the domains that the objective is called on; all by default.
        rate: Factor on the learning rates.
        share: Part of the largest number of steps that it may take, in (0, 1].
    """

    name: str
    objective: Objective
    domains: tuple[int, ...] | None = None
    rate: float = 1.0
    share: float = 1.0

    def of(self, batches: tuple[Batch, ...]) -> tuple[Batch, ...]:
        """Return the batches of the stage's domains."""
        return batches if self.domains is None else tuple(batches[d] for d in self.domains)


class Plan:
    """What `fit` runs: the stages that training an objective takes, in order.

    This one is the plan of most objectives, a single stage.

    Attributes:
        objective: What the main stage minimises.
        needs_held_out: Whether some stage asks for held-out rows.
    """

    needs_held_out: bool = False

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    @property
    def main_stage(self) -> str:
        """Name of the stage whose record `fit` returns."""
        return self.objective.main_stage

    def stages(self, source: Source, held_out: tuple[Batch, ...] | None) -> Iterator[Stage]:
        """Yield the fits to run; code after a `yield` runs when that fit has ended.

        Args:
            source: The training rows of all domains.
            held_out: Held-out rows of each domain, if there are any.
        """
        del held_out
        self.objective.prepare_for(source)
        yield Stage(self.main_stage, self.objective)

    def comparable(self, result: Any) -> float:
        """Return the best held-out loss of a `FitResult`, so that it ranks restarts."""
        return result.best_value

    def restated(self, history: dict[str, Array]) -> dict[str, Array]:
        """Return the history of the main stage with constants that later stages made final."""
        return history


class Objective(tf.Module):
    """Base class: hold the trainables, implement `__call__`, name the groups if there are two.

    An objective knows batches and variable groups, nothing else. A batch is a tensor `[B, D]`, or
    a `Batch` where it has weights (only for objectives that take them) or conditions.

    Attributes:
        main_stage: Name of the stage in which it is minimised.
        jit_compatible: Whether XLA can compile it; if not, the loop runs as an ordinary graph.
        loss_ranks_weights: Whether weights of a lower training loss are better; if not, and
            nothing is held out, the last ones are kept.
        takes_weights: Whether its means are weighted where a batch has weights; to others rows
            come drawn by weight.
        takes_conditions: Whether it can be called on batches with conditions.
        most_validation_rows: Most held-out rows of a domain that decide when to stop.
    """

    main_stage: str = "joint"
    jit_compatible: bool = True
    loss_ranks_weights: bool = True
    takes_weights: bool = False
    takes_conditions: bool = False
    most_validation_rows: int = 20000

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> Any:
        """Return the terms on one batch of each domain, `[B, D]` each.

        Args:
            *batches: One batch for each domain.
            seed: Stateless seed `[2]` of this step, for objectives that draw noise.
        """
        raise NotImplementedError

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the variable groups; all trainable variables in one by default."""
        return (VariableGroup("all", tuple(self.trainable_variables)),)

    def validation_loss(self, *batches: Tensor | Batch) -> Tensor:
        """Return the scalar that decides on early stopping, on held-out samples."""
        return self(*batches, seed=tf.constant([0, 0])).loss

    def plan(self) -> Plan:
        """Return what `fit` runs to train it."""
        return Plan(self)

    def prepare_for(self, source: Source) -> None:
        """Choose what depends on the training rows, such as a kernel's width, before the fit."""

    def check_source(self, source: Source) -> None:
        """Raise ValueError if the rows have conditions and the objective knows of none."""
        if source.has_conditions and not self.takes_conditions:
            raise ValueError(
                "`conditions` must be left out for an objective that takes none; "
                f"got some for {type(self).__name__}."
            )


@runtime_checkable
class Scorable(Protocol):
    """An objective with a map and the densities that a score of it is made of."""

    flow: tfb.Bijector
    """The bijector T, `[D] -> [D]`."""
    density: tfd.Distribution
    """The shared density."""

    @property
    def private_source(self) -> tfd.Distribution:
        """Density fitted to the source alone."""

    @property
    def private_target(self) -> tfd.Distribution:
        """Density fitted to the target alone."""

    def source_log_ratio(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return the source's share of the bound `[B]`, nats."""

    def target_log_ratio(self, y: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return the target's share of the bound `[B]`, nats."""


def variable_values(variables: Iterable[tf.Variable]) -> list[Array]:
    """Return copies of the present values of variables, for `copy_variables`."""
    return [np.array(variable.numpy()) for variable in variables]


@contextmanager
def preserved(*modules: Any) -> Iterator[None]:
    """Give the variables of modules their present values back at the end of the block."""
    before = [variable_values(module.variables) for module in modules]
    try:
        yield
    finally:
        for values, module in zip(before, modules, strict=True):
            copy_variables(values, module)


def copy_variables(origin: Any, destination: Any) -> None:
    """Assign every variable of `origin` to its counterpart in `destination`.

    Args:
        origin: Module, or sequence of values, to copy from.
        destination: Module of the same structure.

    Raises:
        ValueError: If the two hold different numbers of variables.
    """
    values = origin.variables if hasattr(origin, "variables") else origin
    if len(values) != len(destination.variables):
        raise ValueError(
            f"`destination` must hold {len(values)} variables, as `origin` does; "
            f"got {len(destination.variables)}."
        )
    for value, variable in zip(values, destination.variables, strict=True):
        variable.assign(np.asarray(value))
