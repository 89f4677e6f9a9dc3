"""Solvers of ordinary differential equations `dz/dt = f(t, z)`, as objects.

A state is a tuple of tensors; a rate takes time and state and returns a tuple of the same shapes.
Solvers compile under XLA. Their gradients come in three ways, see `GRADIENTS`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive, check_positive_int
from lrmf_tfp.ode import _runge_kutta as rk
from lrmf_tfp.ode._runge_kutta import Rate, State

__all__ = [
    "FIXED_STEP_METHODS",
    "FixedStepSolver",
    "GRADIENTS",
    "Rate",
    "Solver",
    "State",
    "broke",
]

FIXED_STEP_METHODS = tuple(rk.TABLEAUS)
"""Names of the Runge-Kutta methods: order 4 with 4 stages, order 5 with 6."""

GRADIENTS = ("recomputed", "plain", "adjoint")
"""How solvers are differentiated.

`"recomputed"` keeps the state before each step alone and takes the step again on the way back:
the gradient of the very steps that were taken, in half the memory of `"plain"`, which keeps all
that the stages made and allows second derivatives. `"adjoint"` keeps nothing but the end and
integrates state and gradient back together; memory does not depend on the number of steps, and
the gradient is as exact as the solver.
"""


class Solver(Protocol):
    """Integrates over time; where the rate is smooth, forth and back cancel."""

    def solve(self, rate: Rate, state: State, *, start: float, end: float) -> State:
        """Return the state at time `end`, given that at time `start`."""

    def finer(self) -> Solver:
        """Return a solver whose error is several times smaller."""


@dataclass(frozen=True)
class FixedStepSolver:
    """Explicit Runge-Kutta with equal steps.

    As fast as can be where the rate is smooth, and wrong without a sound where it is not. So a
    layer that holds this solver measures what halving the steps would change (`step_error`),
    and training doubles the number of steps when that exceeds `tolerance` (`refine_steps`).

    Attributes:
        num_steps: Number of steps at the start; a scalar tensor up to `max_steps` inside layers.
        method: `"rk4"`, or `"dormand_prince"` of order 5.
        gradient: Name in `GRADIENTS`.
        tolerance: Change under halved steps, in the units of the state and in nats, that is
            answered by doubling the steps.
        max_steps: Bound of the number of steps.

    Raises:
        ValueError: If a number of steps is below 1 or above `max_steps`, the tolerance is not
            positive or a name is unknown.

    Examples:
        >>> solver = FixedStepSolver(num_steps=10)
        >>> (e,) = solver.solve(lambda t, z: z, (tf.ones([]),), start=0.0, end=1.0)
        >>> print(f"{e:.4f}")
        2.7183

    References:
        [1] Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, 1993, section
            II.1 (rk4) and table II.5.2 (Dormand and Prince).
    """

    num_steps: Any = 8
    method: str = "rk4"
    gradient: str = "recomputed"
    tolerance: float = 1e-3
    max_steps: int = 256

    def __post_init__(self) -> None:
        """Check the settings."""
        check_choice(self.method, "method", rk.TABLEAUS)
        check_choice(self.gradient, "gradient", GRADIENTS)
        check_positive(self.tolerance, "tolerance")
        check_positive_int(self.max_steps, "max_steps")
        if tf.is_tensor(self.num_steps) or isinstance(self.num_steps, tf.Variable):
            return
        if check_positive_int(self.num_steps, "num_steps") > self.max_steps:
            raise ValueError(
                f"`num_steps` must be at most `max_steps`, {self.max_steps}; got {self.num_steps}."
            )

    def solve(self, rate: Rate, state: State, *, start: float, end: float) -> State:
        """Return the state at time `end`, given that at time `start`.

        Raises:
            FloatingPointError: Outside of a `tf.function`, if the state does not stay finite;
                names time and step.
        """
        if self.gradient == "adjoint":
            ended = rk.adjoint(self._integrate, rate, state, start=start, end=end)
        else:
            walk = rk.recomputed if self.gradient == "recomputed" else rk.plain
            ended = walk(self._walk(rate, state, start=start, end=end), state)
        if broke(state, ended):
            self._name_broken_step(rate, state, start=start, end=end)
        return ended

    def finer(self) -> FixedStepSolver:
        """Return the solver with steps half as long."""
        return dataclasses.replace(
            self, num_steps=2 * self.num_steps, max_steps=2 * self.max_steps
        )

    def _integrate(
        self, rate: Rate, state: State, *, start: float, end: float, controlled: int = 0
    ) -> State:
        del controlled
        return rk.plain(self._walk(rate, state, start=start, end=end), state)

    def _walk(self, rate: Rate, state: State, *, start: float, end: float) -> rk.Walk:
        tableau = rk.TABLEAUS[self.method]
        length = (end - start) / tf.cast(self.num_steps, state[0].dtype)

        def step(index: Tensor, now: State) -> State:
            time = start + length * tf.cast(index, length.dtype)
            return rk.step(tableau, rate, time, now, length=length)

        fixed = isinstance(self.num_steps, int)
        return rk.Walk(step, self.num_steps, self.num_steps if fixed else self.max_steps)

    def _name_broken_step(self, rate: Rate, state: State, *, start: float, end: float) -> None:
        step = self._walk(rate, state, start=start, end=end).step
        num_steps = int(self.num_steps)
        for index in range(num_steps):
            state = step(tf.constant(index), state)
            if not _finite(state):
                time = start + (end - start) * (index + 1) / num_steps
                raise FloatingPointError(
                    f"`x` must keep a finite state; got nan or inf at time {time:.4g}, step "
                    f"{index + 1} of {num_steps}."
                )


def _finite(state: State) -> Tensor:
    """Return whether every number of a state is finite, a scalar bool."""
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(z)) for z in state])


def broke(state: State, ended: State) -> bool:
    """Return whether a finite state ended as one that is not; never in a `tf.function`."""
    return tf.executing_eagerly() and not bool(_finite(ended)) and bool(_finite(state))
