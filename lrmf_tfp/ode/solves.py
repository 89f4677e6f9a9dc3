"""What flows that solve an equation tell of their solves: what they cost and how exact they are.

Whoever calls a flow inside `noted_solves` learns of every solve that the call led to, whatever
stands between (densities, inverses, stacks, objectives).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from lrmf_tfp._core.log_det import forward_and_log_det, inverse_and_log_det
from lrmf_tfp._core.typing import Tensor

__all__ = [
    "Solve",
    "SolvingLayer",
    "StepError",
    "can_refine",
    "is_listening",
    "note_solve",
    "noted_solves",
    "penalty_of",
    "raise_steps",
    "refine_steps",
    "step_error",
]


class StepError(NamedTuple):
    """What a finer solve changes, the largest over a batch and over layers; scalars."""

    position: Tensor
    """In the units of the samples."""
    log_det: Tensor
    """In nats."""


class SolvingLayer(Protocol):
    """A layer that moves points by solving an equation."""

    def error_between(self, x: Tensor, *, start: float, end: float) -> StepError:
        """Return what a finer solve from `start` to `end` changes."""

    def raise_steps(self, error: StepError) -> None:
        """Make the solver finer if the error asks for it and it can be."""

    @property
    def can_refine(self) -> bool:
        """Whether `raise_steps` can do anything, to the variable `num_steps`."""


class Solve(NamedTuple):
    """One solve of one layer."""

    layer: SolvingLayer
    x: Tensor
    """`[B, D]` at time `start`."""
    start: float
    end: float
    cost: Tensor | None
    """What the layer's regularisers charge, `[B]`."""


_listening: ContextVar[list[Solve] | None] = ContextVar("solves", default=None)


@contextmanager
def noted_solves() -> Iterator[list[Solve]]:
    """Collect the solves of all flows that are called in the block.

    Yields:
        The list to which they are added.

    Examples:
        >>> from lrmf_tfp.flows import ffjord_flow
        >>> flow = ffjord_flow(2, num_blocks=3, hidden_units=(4,))
        >>> with noted_solves() as solves:
        ...     moved = flow.forward([[1.0, 2.0]])
        >>> len(solves)
        3
    """
    solves: list[Solve] = []
    token = _listening.set(solves)
    try:
        yield solves
    finally:
        _listening.reset(token)


def is_listening() -> bool:
    """Return whether solves are being collected."""
    return _listening.get() is not None


def note_solve(solve: Solve) -> None:
    """Add a solve to the list that is being collected, if there is one."""
    solves = _listening.get()
    if solves is not None:
        solves.append(solve)


def penalty_of(solves: Sequence[Solve]) -> Tensor | None:
    """Return the sum of the mean costs of solves, None where nothing is charged."""
    costs = [tf.reduce_mean(solve.cost) for solve in solves if solve.cost is not None]
    return tf.add_n(costs) if costs else None


def step_error(flow: Any, x: Tensor, *, inverse: bool = False) -> StepError:
    """Return by how much a finer solver moves what a flow makes of `x` `[B, D]`, and its log-det.

    The error of the present solver is about this much, the largest of the flow's layers.

    Args:
        flow: A flow with `FFJORDLayer`s, or a bijector made of such flows.
        x: Points `[B, D]`.
        inverse: Whether the inverse is meant, with points of the other side.

    Returns:
        Two scalars, 0 for a flow that solves nothing.

    Examples:
        >>> from lrmf_tfp.flows import ffjord_flow
        >>> error = step_error(ffjord_flow(2, hidden_units=(4,)), tf.ones([5, 2]))
        >>> float(error.position), float(error.log_det)
        (0.0, 0.0)
    """
    return _largest([_error_of(solve) for solve in _solves_of(flow, x, inverse=inverse)])


def refine_steps(flow: Any, x: Tensor, *, inverse: bool = False) -> StepError:
    """Double the steps of a flow's solvers until `step_error` is within their tolerances.

    `lrmf_tfp.fit` does the same by itself, one doubling a check.

    Args:
        flow: A flow with `FFJORDLayer`s, or a bijector made of such flows.
        x: Points `[B, D]`.
        inverse: Whether the inverse is meant, with points of the other side.

    Returns:
        The error that is left; above a tolerance only where `max_steps` is reached.
    """

    @tf.function(autograph=False)
    def check(x: Tensor) -> StepError:
        return raise_steps(_solves_of(flow, x, inverse=inverse))

    x = tf.convert_to_tensor(x, dtype=flow.dtype)
    layers = [part for part in flow.submodules if can_refine(part)]
    counts: list[int] | None = None
    while counts != (counts := [int(layer.num_steps) for layer in layers]):
        error = check(x)
    return error


def raise_steps(solves: Sequence[Solve]) -> StepError:
    """Return the largest error of solves, after doubling the steps where it is too large."""
    errors = []
    for solve in solves:
        errors.append(_error_of(solve))
        solve.layer.raise_steps(errors[-1])
    return _largest(errors)


def can_refine(module: Any) -> bool:
    """Return whether a module is a layer whose solver has a number of steps to raise."""
    return bool(getattr(module, "can_refine", False))


def _solves_of(flow: Any, x: Tensor, *, inverse: bool) -> list[Solve]:
    with noted_solves() as solves:
        (inverse_and_log_det if inverse else forward_and_log_det)(flow, x)
    return solves


def _error_of(solve: Solve) -> StepError:
    return solve.layer.error_between(solve.x, start=solve.start, end=solve.end)


def _largest(errors: Sequence[StepError]) -> StepError:
    if not errors:
        return StepError(tf.zeros([]), tf.zeros([]))
    return StepError(*(tf.reduce_max(tf.stack(parts)) for parts in zip(*errors, strict=True)))
