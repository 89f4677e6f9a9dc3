"""Keywords of 0.1 that left `Aligner`, and what they became; they go with 0.3."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from lrmf_tfp.alignment.recipes import as_flow_spec, as_objective_spec
from lrmf_tfp.flows import ClosedForm
from lrmf_tfp.objectives import LRMF, Anneal
from lrmf_tfp.objectives.scored import ScoredSpec

__all__ = ["OLD", "translated"]

OLD = {
    "density": "objective=lt.LRMF(density=...), or bound=lt.LRMF(density=...) of another one",
    "noise_scales": "objective=lt.LRMF(noise=lt.Anneal(...))",
    "scored": "bound=None of the objective, or objective=None for a flow in closed form",
    "start": "flow=lt.RealNVP(start=...), or lt.flows.Built(bijector, start=...)",
}
"""The old keywords, with what to write instead."""


def translated(flow: Any, objective: Any, old: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return flow and objective with what old keywords asked for; warn of each.

    Raises:
        TypeError: If a keyword was never one.
    """
    for name in old:
        if name not in OLD:
            raise TypeError(f"Aligner.__init__() got an unexpected keyword argument {name!r}")
        warnings.warn(
            f"`{name}` left Aligner with 0.2 and goes with 0.3: write {OLD[name]}.",
            DeprecationWarning,
            stacklevel=4,
        )
    if old.get("start") is not None:
        flow = as_flow_spec(flow).with_params(start=old["start"])
    if not old.get("scored", True):
        closed = isinstance(as_flow_spec(flow), ClosedForm)
        objective = None if closed else _without_score(objective)
    settings = {}
    if old.get("density") is not None:
        settings["density"] = old["density"]
    if len(old.get("noise_scales", ())):
        settings["noise"] = Anneal(*old["noise_scales"])
    return flow, _with_lrmf(objective, settings)


def _without_score(objective: Any) -> Any:
    spec = as_objective_spec(objective)
    return spec.with_params(bound=None) if isinstance(spec, ScoredSpec) else objective


def _with_lrmf(objective: Any, settings: dict[str, Any]) -> Any:
    """Return an objective with settings of its LRMF, or of the LRMF that scores its map."""
    if not settings or objective is None:
        return objective
    spec = as_objective_spec(objective)
    if isinstance(spec, LRMF):
        return spec.with_params(**settings)
    if "noise" in settings:
        raise ValueError(
            "`noise_scales` must be empty unless a flow is trained by the objective 'lrmf'; "
            f"got {settings['noise'].scales}."
        )
    if isinstance(spec, ScoredSpec) and spec.bound is not None:
        return spec.with_params(bound=LRMF(**settings))
    return objective
