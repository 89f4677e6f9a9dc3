"""The record of a training as plain values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrmf_tfp._core.typing import Array
from lrmf_tfp.training import FitResult

__all__ = ["arrays_of", "described_result", "result_of"]

_PREFIX = "history/"


def described_result(result: FitResult) -> dict[str, Any]:
    """Return all but the history, as JSON knows it."""
    return {
        "num_steps": result.num_steps,
        "best_step": result.best_step,
        "best_value": result.best_value,
        "stopped_early": result.stopped_early,
        "recoveries": list(result.recoveries),
        "main_stage": result.main_stage,
    }


def arrays_of(result: FitResult) -> dict[str, Array]:
    """Return the history, each array by a name of its own."""
    return {f"{_PREFIX}{name}": values for name, values in result.history.items()}


def result_of(description: Mapping[str, Any], arrays: Mapping[str, Array]) -> FitResult:
    """Return the record of a description and the arrays that go with it."""
    history = {
        name.removeprefix(_PREFIX): values
        for name, values in arrays.items()
        if name.startswith(_PREFIX)
    }
    recoveries = tuple(description["recoveries"])
    return FitResult(history=history, **{**description, "recoveries": recoveries})
