"""Specs of objectives that train no densities and so need an LRMF bound for a score."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tensorflow_probability import bijectors as tfb

from lrmf_tfp.objectives.base import Objective, Scorable
from lrmf_tfp.objectives.lrmf.objective import LRMFObjective
from lrmf_tfp.objectives.lrmf.spec import LRMF
from lrmf_tfp.objectives.spec import ObjectiveSpec, Parts

__all__ = ["GivenObjective", "MadeObjective", "ScoredSpec"]


@dataclass(frozen=True, kw_only=True)
class ScoredSpec(ObjectiveSpec):
    """Base class of objectives whose map is scored afterwards, by a fit of its own."""

    bound: LRMF | None = LRMF()  # noqa: RUF009 (frozen)
    """The LRMF whose bound scores the map, which takes about as long as an LRMF fit; None leaves
    the score out."""

    def build_bound(self, parts: Parts, flow: tfb.Bijector) -> LRMFObjective | None:
        """Return the bound with the map held fixed, if there is to be one."""
        return None if self.bound is None else self.bound.build_fixed(parts, flow)


@dataclass(frozen=True)
class MadeObjective(ScoredSpec):
    """An objective by a function from a flow to an `Objective`."""

    maker: Callable[[tfb.Bijector], Objective]

    def build(self, parts: Parts) -> Objective:
        """Return what the function makes of a new flow."""
        return self.maker(parts.flow())


@dataclass(frozen=True)
class GivenObjective(ScoredSpec):
    """An `Objective` that is there already, with its `flow`; it is copied for each fit."""

    objective: Any

    def build(self, parts: Parts) -> Objective:
        """Return a copy, so that fitting leaves the objective as it was."""
        del parts
        return copy.deepcopy(self.objective)

    def build_bound(self, parts: Parts, flow: tfb.Bijector) -> LRMFObjective | None:
        """Return the bound, unless the objective scores its own map."""
        return None if isinstance(self.objective, Scorable) else super().build_bound(parts, flow)
