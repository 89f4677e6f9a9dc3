"""Takes the times: every side in a process of its own, all in turns on one core.

A time is the processor's, of all threads of the side together: on an idle core it is the clock's,
and what else runs on the machine counts less. The clock's is kept beside it. A ratio is taken
within each turn, so that both of its times are of one load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks._worker import SideError, Worker
from benchmarks._workload import Problem, Side, Target, Workload

__all__ = ["Settings", "Timed", "run_workload", "summarise"]

_TURN_SECONDS = 0.15
_WARM_UPS = 2


@dataclass(frozen=True)
class Settings:
    """How a run is made."""

    python: str
    """Interpreter of our sides."""
    peer_python: str
    """Interpreter of the peers."""
    core: int | None
    """The core that all sides share; None where the system cannot pin."""
    turns: int = 9
    quick: bool = False


@dataclass
class Timed:
    """What one side did with one problem."""

    side: Side
    setting: Any = None
    facts: Mapping[str, float] | None = None
    failure: str = ""
    repeats: int = 1
    processor: list[float] | None = None
    clock: list[float] | None = None


def run_workload(workload: Workload, settings: Settings, bar: tqdm) -> list[dict[str, Any]]:
    """Return a row for each problem and side; the progress bar advances by the problem."""
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        workers: dict[str, Worker | SideError] = {}
        for problem in workload.quick if settings.quick else workload.problems:
            bar.set_description(f"{workload.name}: {problem.name}")
            for side in workload.sides_of(problem):
                if side.name not in workers:
                    workers[side.name] = _start(side, settings, stack)
            timed = _run_problem(workload, problem, workers, turns=settings.turns)
            rows += [summarise(problem, each, timed[0]) for each in timed]
            bar.update()
        versions = {n: w.versions for n, w in workers.items() if isinstance(w, Worker)}
    return [row | {"versions": versions.get(row["side"], {})} for row in rows]


def _start(side: Side, settings: Settings, stack: ExitStack) -> Worker | SideError:
    python = settings.peer_python if side.peer else settings.python
    try:
        return stack.enter_context(Worker(side, python=python, core=settings.core))
    except SideError as error:
        return error


def _run_problem(
    workload: Workload,
    problem: Problem,
    workers: Mapping[str, Worker | SideError],
    *,
    turns: int,
) -> list[Timed]:
    timed = {side.name: Timed(side) for side in workload.sides_of(problem)}
    for name, each in timed.items():
        if isinstance(workers[name], SideError):
            each.failure = str(workers[name])

    def ask(name: str, setting: Any) -> Mapping[str, float]:
        worker = workers[name]
        try:
            return {} if isinstance(worker, SideError) else worker.check(problem.values, setting)
        except SideError:
            return {}

    for name, setting in workload.settle(problem, ask).items():
        timed[name].setting = setting
    running = [each for each in timed.values() if not each.failure]
    for each in running:
        _warm_up(each, workers[each.side.name], problem)
    for _ in range(turns if problem.timed else 0):
        for each in running:
            _take_a_turn(each, workers[each.side.name], problem)
    return list(timed.values())


def _warm_up(each: Timed, worker: Any, problem: Problem) -> None:
    """Compile, ask for the facts and find how many repeats make a turn."""
    try:
        each.facts = worker.check(problem.values, each.setting)
        each.processor, each.clock = [], []
        for _ in range(_WARM_UPS if problem.timed else 0):
            _, _, whole = worker.time(problem.values, each.setting)
            each.repeats = min(50, math.ceil(_TURN_SECONDS / max(whole, 1e-6)))
    except SideError as error:
        each.failure = str(error)


def _take_a_turn(each: Timed, worker: Any, problem: Problem) -> None:
    if each.failure:
        return
    try:
        clock, processor, _ = worker.time(problem.values, each.setting, repeats=each.repeats)
    except SideError as error:
        each.failure = str(error)
        return
    each.clock.append(clock)
    each.processor.append(processor)


def summarise(problem: Problem, each: Timed, ours: Timed) -> dict[str, Any]:
    """Return a row: the median time, its spread, the ratio to ours and the targets."""
    row: dict[str, Any] = {
        "problem": problem.name,
        "side": each.side.name,
        "setting": each.setting,
        "facts": dict(each.facts or {}),
        "failure": each.failure,
        "growth": list(problem.growth) if problem.growth else None,
        "drawn": problem.drawn,
    }
    if each.processor and not each.failure:
        row["ms"] = _spread(np.multiply(each.processor, 1e3))
        row["clock_ms"] = _spread(np.multiply(each.clock, 1e3))
        if each is not ours and ours.processor and not ours.failure:
            row["ours_over"] = _spread(np.divide(ours.processor, each.processor))
    targets = [target for target in problem.targets if target.side == each.side.name]
    row["targets"] = [_judged(target, row) for target in targets]
    return row


def _spread(values: Any) -> dict[str, float]:
    low, median, high = np.quantile(values, [0.0, 0.5, 1.0])
    return {"median": float(median), "min": float(low), "max": float(high), "turns": len(values)}


def _judged(target: Target, row: Mapping[str, Any]) -> dict[str, Any]:
    if target.fact:
        value = row["facts"].get(target.fact)
    else:
        value = row.get("ours_over", {}).get("median")
    met = None if value is None else target.met_by(value)
    return {"what": str(target), "fact": target.fact, "value": value, "met": met}
