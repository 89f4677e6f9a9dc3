"""What a workload is made of: problems, sides, targets, and what sides make of problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Ask", "OURS", "Problem", "Side", "Target", "Task", "Workload"]

OURS = "ours"
"""Name of the side that the others are compared with."""

Ask = Callable[[str, Any], Mapping[str, float]]
"""From the name of a side and a setting of it to the facts that it tells, none if it cannot."""


class Task(NamedTuple):
    """A problem as one side does it, ready to be timed."""

    run: Callable[[Any], None]
    """Does the work at a setting of the side's own, None where there is none."""
    check: Callable[[Any], Mapping[str, float]] = lambda _: {}
    """Tells facts that take time of their own, such as the error; not timed."""
    steps: float = 1
    """Into how many steps the time of one run is divided."""


@dataclass(frozen=True)
class Side:
    """One way to do the work."""

    name: str
    """As in the results."""
    make: str
    """`"module:function"`; the function makes a `Task` of a problem's values."""
    packages: tuple[str, ...]
    """Distributions whose versions are told."""
    peer: bool = False
    """Whether it may live in an environment of its own."""


@dataclass(frozen=True)
class Target:
    """What is to be reached."""

    limit: float
    side: str = OURS
    """The side that the ratio is taken to, or that tells the fact."""
    fact: str = ""
    """Name of a fact; empty for the ratio of our time to the side's."""
    at_least: bool = False
    """Whether the limit is the least allowed instead of the most."""

    def met_by(self, value: float) -> bool:
        """Return whether a value keeps the limit; nan does not."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{self.fact} {sign} {self.limit:g}".strip()


@dataclass(frozen=True)
class Problem:
    """One size of the work."""

    name: str
    values: Mapping[str, Any]
    """Keyword arguments of the sides' functions."""
    sides: tuple[str, ...] = ()
    """Names of those that do it; all by default."""
    targets: tuple[Target, ...] = ()
    growth: tuple[str, float] | None = None
    """What grows and how far it has, for a point of the growth plot."""
    timed: bool = True
    """False where only the facts count."""
    drawn: bool = True
    """Whether it is in the picture, which has no room for every problem of a long table."""


@dataclass(frozen=True)
class Workload:
    """Problems of one kind and the sides that do them."""

    name: str
    title: str
    unit: str
    """What one time is of, such as "training step"."""
    sides: tuple[Side, ...]
    problems: tuple[Problem, ...]
    quick: tuple[Problem, ...]
    """Smaller problems, for trying out."""
    base: str = OURS
    """The side that the others are compared with."""
    settle: Callable[[Problem, Ask], Mapping[str, Any]] = field(default=lambda *_: {})
    """Chooses the sides' settings so that all are as exact as they must be."""

    def sides_of(self, problem: Problem) -> tuple[Side, ...]:
        """Return the sides that do a problem, the base first."""
        chosen = [side for side in self.sides if not problem.sides or side.name in problem.sides]
        return tuple(sorted(chosen, key=lambda side: side.name != self.base))
