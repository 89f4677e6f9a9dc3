"""Solvers of ordinary differential equations, which know nothing of flows."""

from __future__ import annotations

from lrmf_tfp.ode.adaptive import AdaptiveSolver
from lrmf_tfp.ode.solvers import FixedStepSolver, Solver
from lrmf_tfp.ode.solves import StepError, noted_solves, refine_steps, step_error

__all__ = [
    "AdaptiveSolver",
    "FixedStepSolver",
    "Solver",
    "StepError",
    "noted_solves",
    "refine_steps",
    "step_error",
]
