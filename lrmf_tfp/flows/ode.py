"""Solvers of ordinary differential equations `dz/dt = f(t, z)`, as objects (level 2).

A state is a tuple of tensors; a rate takes time and state and returns a tuple of the same shapes.
Solvers compile under XLA and are differentiated through their steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from lrmf_tfp._typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive_int

__all__ = ["FIXED_STEP_METHODS", "FixedStepSolver", "Rate", "Solver", "State"]

State = tuple[Tensor, ...]
"""What is integrated."""

Rate = Callable[[Tensor, State], State]
"""From time, a scalar, and state to the state's derivative."""


class Solver(Protocol):
    """Integrates over time; where the rate is smooth, forth and back cancel."""

    def solve(self, rate: Rate, state: State, *, start: float, end: float) -> State:
        """Return the state at time `end`, given that at time `start`."""


class _Tableau(NamedTuple):
    """An explicit Runge-Kutta method: stage `i` is at `t + nodes[i] h`."""

    nodes: Sequence[float]
    rows: Sequence[Sequence[float]]
    """Shares of the earlier stages' rates in each stage's state."""
    weights: Sequence[float]
    """Shares of the stages' rates in the step."""


_TABLEAUS = {
    "rk4": _Tableau(
        nodes=(0.0, 1 / 2, 1 / 2, 1.0),
        rows=((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
        weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    ),
    "dormand_prince": _Tableau(
        nodes=(0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0),
        rows=(
            (),
            (1 / 5,),
            (3 / 40, 9 / 40),
            (44 / 45, -56 / 15, 32 / 9),
            (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
            (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        ),
        weights=(35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    ),
}

FIXED_STEP_METHODS = tuple(_TABLEAUS)
"""Names of the Runge-Kutta methods: order 4 with 4 stages, order 5 with 6."""


@dataclass(frozen=True)
class FixedStepSolver:
    """Explicit Runge-Kutta with equal steps.

    As fast as can be where the rate is smooth, and wrong without a sound where it is not: ask
    `FFJORDLayer.step_error` for the error.

    Attributes:
        num_steps: Number of steps.
        method: `"rk4"`, or `"dormand_prince"` of order 5.
        recompute: For gradients keep the state before each step alone and take the step again,
            instead of keeping all that its stages made: the same gradient from half the memory,
            and no slower. False allows second derivatives.

    Raises:
        ValueError: If there is less than 1 step or the method is unknown.

    Examples:
        >>> solver = FixedStepSolver(num_steps=10)
        >>> (e,) = solver.solve(lambda t, z: z, (tf.ones([]),), start=0.0, end=1.0)
        >>> print(f"{e:.4f}")
        2.7183

    References:
        [1] Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, 1993, section
            II.1 (rk4) and table II.5.2 (Dormand and Prince).
    """

    num_steps: int = 8
    method: str = "rk4"
    recompute: bool = True

    def __post_init__(self) -> None:
        """Check the settings."""
        check_positive_int(self.num_steps, "num_steps")
        check_choice(self.method, "method", _TABLEAUS)

    def solve(self, rate: Rate, state: State, *, start: float, end: float) -> State:
        """Return the state at time `end`, given that at time `start`."""
        length = (end - start) / self.num_steps

        def step(index: Tensor, now: State) -> State:
            time = start + length * tf.cast(index, now[0].dtype)
            return self.step(rate, time, now, length=length)

        walk = _walk_recomputing if self.recompute else _walk
        return walk(step, state, num_steps=self.num_steps)

    def step(self, rate: Rate, time: Tensor, state: State, *, length: float) -> State:
        """Return the state one step of `length` later."""
        tableau = _TABLEAUS[self.method]
        rates: list[State] = []
        for node, row in zip(tableau.nodes, tableau.rows, strict=True):
            rates.append(rate(time + node * length, _moved(state, rates, row, length=length)))
        return _moved(state, rates, tableau.weights, length=length)


def _moved(
    state: State, rates: Sequence[State], shares: Sequence[float], *, length: float
) -> State:
    """Return `state + length * sum(share * rate)`."""
    moved = list(state)
    for share, rate in zip(shares, rates, strict=True):
        if share:
            moved = [z + (length * share) * dz for z, dz in zip(moved, rate, strict=True)]
    return tuple(moved)


_Step = Callable[[Tensor, State], State]
"""From a step's number and the state before it to the state after it."""


def _walk(step: _Step, state: State, *, num_steps: int) -> State:
    """Return the state after all steps; differentiated by TensorFlow."""

    def body(index: Tensor, *now: Tensor) -> tuple[Tensor, ...]:
        return (index + 1, *step(index, now))

    _, *ended = tf.while_loop(
        lambda index, *_: index < num_steps,
        body,
        (tf.constant(0), *state),
        maximum_iterations=num_steps,
    )
    return tuple(ended)


def _walk_recomputing(step: _Step, state: State, *, num_steps: int) -> State:
    """Return the same; the gradient goes back step by step from the states that were kept."""

    @tf.custom_gradient
    def walk(*state: Tensor) -> tuple[State, Callable[..., Any]]:
        ended, kept = _walk_keeping(step, state, num_steps=num_steps)

        def gradient(*upstream: Tensor, variables: Sequence[tf.Variable] = ()) -> Any:
            slopes, totals = _walk_back(step, kept, upstream, variables, num_steps=num_steps)
            return (slopes, totals) if variables else slopes

        return ended, gradient

    return walk(*state)


def _walk_keeping(step: _Step, state: State, *, num_steps: int) -> tuple[State, Sequence[Tensor]]:
    """Return the state after all steps, and the states before each, `[num_steps, ...]`."""

    def body(index: Tensor, arrays: Any, now: State) -> tuple[Any, ...]:
        arrays = [array.write(index, z) for array, z in zip(arrays, now, strict=True)]
        return index + 1, arrays, step(index, now)

    arrays = [tf.TensorArray(z.dtype, size=num_steps, element_shape=z.shape) for z in state]
    _, arrays, ended = tf.while_loop(
        lambda index, *_: index < num_steps,
        body,
        (tf.constant(0), arrays, tuple(state)),
        maximum_iterations=num_steps,
    )
    return tuple(ended), [array.stack() for array in arrays]


def _walk_back(
    step: _Step,
    kept: Sequence[Tensor],
    upstream: Sequence[Tensor],
    variables: Sequence[tf.Variable],
    *,
    num_steps: int,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the gradients in the first state and in the variables."""

    def body(index: Tensor, slopes: Any, totals: Any) -> tuple[Any, ...]:
        now = [states[index] for states in kept]
        with tf.GradientTape() as tape:
            tape.watch(now)
            after = step(index, tuple(now))
        found = tape.gradient(
            after,
            [*now, *variables],
            output_gradients=slopes,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        totals = [a + b for a, b in zip(totals, found[len(now) :], strict=True)]
        return index - 1, found[: len(now)], totals

    _, slopes, totals = tf.while_loop(
        lambda index, *_: index >= 0,
        body,
        (tf.constant(num_steps - 1), list(upstream), [tf.zeros_like(v) for v in variables]),
        maximum_iterations=num_steps,
    )
    return list(slopes), list(totals)
