"""A training step of an FFJORD density with the exact trace: gradient and Adam.

Every side has the same field with the same weights, float32 and the same batch. Each takes the
cheapest of its settings (steps or tolerances) whose log-determinants are within 1e-4 nats of a
converged solution in float64; a further problem has 8 steps on both sides, our default. The
learning rate is so small that the weights stay: every turn solves the same problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks._workload import OURS, Ask, Problem, Side, Target, Workload

__all__ = ["WORKLOAD"]

ALLOWED_ERROR = 1e-4
_STEPS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_TOLERANCES = tuple(10.0**-k for k in range(2, 9))
_GRIDS: dict[str, tuple[Any, ...]] = {
    OURS: _STEPS,
    "ours, Dormand-Prince": _STEPS,
    "tfb.FFJORD": _TOLERANCES,
    "JAX, jacfwd": _STEPS,
    "zuko": _TOLERANCES,
}
_FIXED_STEPS = {"smooth, 8 steps on both sides": 8}


def settle(problem: Problem, ask: Ask) -> Mapping[str, Any]:
    """Return each side's first setting that is exact enough, or its last."""
    if problem.growth or problem.name in _FIXED_STEPS:
        steps = problem.growth[1] if problem.growth else _FIXED_STEPS[problem.name]
        return dict.fromkeys(problem.sides, steps)
    return {
        name: next((s for s in grid if ask(name, s).get("error", 1.0) <= ALLOWED_ERROR), grid[-1])
        for name, grid in _GRIDS.items()
        if not problem.sides or name in problem.sides
    }


def _problem(name: str, *, scale: float = 1.0, **others: Any) -> Problem:
    values: dict[str, Any] = {
        "size": 2,
        "batch_size": others.pop("batch_size", 256),
        "hidden_units": others.pop("hidden_units", [64, 64]),
        "scale": scale,
        "steps": others.pop("steps", 5),
    }
    return Problem(name, values, **others)


_EXACT = tuple(Target(ALLOWED_ERROR, name, "error") for name in _GRIDS)

WORKLOAD = Workload(
    name="ffjord",
    title="FFJORD training step, exact trace",
    unit="training step",
    sides=(
        Side(OURS, "benchmarks.ffjord.tensorflow:ours", ("lrmf-tfp", "tensorflow")),
        Side(
            "ours, Dormand-Prince",
            "benchmarks.ffjord.tensorflow:ours_dormand_prince",
            ("lrmf-tfp", "tensorflow"),
        ),
        Side("tfb.FFJORD", "benchmarks.ffjord.tensorflow:adaptive", ("tensorflow-probability",)),
        Side("JAX, jacfwd", "benchmarks.ffjord.jax:by_hand", ("jax",), peer=True),
        Side("zuko", "benchmarks.ffjord.torch:adaptive", ("zuko", "torch"), peer=True),
    ),
    problems=(
        _problem(
            "smooth: D 2, batch 256, (64, 64)",
            targets=(
                *_EXACT,
                Target(round(1 / 4.5, 3), "tfb.FFJORD"),
                Target(0.25, "zuko"),
            ),
        ),
        _problem(
            "smooth, 8 steps on both sides",
            sides=(OURS, "JAX, jacfwd"),
            targets=(Target(ALLOWED_ERROR, OURS, "error"), Target(0.35, "JAX, jacfwd")),
        ),
        _problem(
            "stiff: the same, weights x 3",
            scale=3.0,
            targets=(*_EXACT, Target(1.0, "tfb.FFJORD")),
        ),
        *(
            _problem(
                f"ODE steps {steps}", sides=(OURS, "JAX, jacfwd"), growth=("ODE steps", steps)
            )
            for steps in (4, 8, 16, 32, 64)
        ),
    ),
    quick=(_problem("smooth: D 2, batch 32, (16,)", batch_size=32, hidden_units=[16]),),
    settle=settle,
)
