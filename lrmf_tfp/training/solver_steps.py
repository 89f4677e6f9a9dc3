"""Keeps the solvers of continuous flows exact while training changes their fields."""

from __future__ import annotations

import logging
from typing import Any

import tensorflow as tf

from lrmf_tfp._core.graph import as_graph
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.ode.solves import StepError, can_refine, noted_solves, raise_steps

__all__ = ["SolverSteps"]

_LOGGER = logging.getLogger(__name__)


class SolverSteps:
    """The numbers of steps of an objective's fixed-step solvers.

    Attributes:
        variables: The numbers, one variable a layer; empty where no flow solves an equation.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._layers = [part for part in objective.submodules if can_refine(part)]
        self._measure = as_graph(self._measure_and_raise)
        self._warned = False

    @property
    def variables(self) -> list[tf.Variable]:
        """The numbers of steps."""
        return [layer.num_steps for layer in self._layers]

    def refine(self, batches: tuple[Tensor, ...]) -> dict[str, float]:
        """Double the steps where one batch of each domain shows too large an error.

        Args:
            batches: One tensor `[B, D]` for each domain.

        Returns:
            `solver_error`, what halving the steps changed at most before, in units of the samples
            or nats, and `solver_steps`, the largest number now; empty where nothing is solved.
        """
        if not self._layers:
            return {}
        before = self._most()
        error = float(tf.reduce_max(self._measure(*batches)))
        steps = self._most()
        self._tell(error, before, steps)
        return {"solver_error": error, "solver_steps": float(steps)}

    def _most(self) -> int:
        return max(int(variable) for variable in self.variables)

    def _tell(self, error: float, before: int, steps: int) -> None:
        if steps > before:
            _LOGGER.info("halving %d steps changed %.2g: %d steps now", before, error, steps)
        solver: Any = max(self._layers, key=lambda layer: int(layer.num_steps)).solver
        if 2 * steps > solver.max_steps and error > solver.tolerance and not self._warned:
            self._warned = True
            _LOGGER.warning(
                "`max_steps` must let the error fall below `tolerance`, %g; got %.2g at %d steps.",
                solver.tolerance,
                error,
                steps,
            )

    def _measure_and_raise(self, *batches: Tensor) -> StepError:
        with noted_solves() as solves:
            self._objective(*batches, seed=tf.constant([0, 0]))
        return raise_steps([solve for solve in solves if can_refine(solve.layer)])
