"""The maps that are compared, and the exact one."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.maps import FlowMap, TransportMap
from experiments.common.runner import report
from experiments.surfaces.config import Config

__all__ = ["exact_map", "fit_maps"]

Array = NDArray[np.floating[Any]]
# Method -> flow and objective.
_ALIGNERS = {
    "none": ("identity", "lrmf"),
    "gaussian_ot": ("gaussian_ot", "lrmf"),
    "mmd": ("real_nvp", "mmd"),
    "lrmf": ("real_nvp", "lrmf"),
    "lrmf_spline": ("spline", "lrmf"),
}


def fit_maps(
    pair: lt.DomainPair, config: Config, *, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return each method's map, with its `transform`, and the processor's seconds for each."""
    maps: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for name in config.methods:
        began = time.process_time()
        maps[name] = fit_map(name, pair, config, seed=seed)
        seconds[name] = time.process_time() - began
        report(f"surfaces: seed {seed}, {name}: {seconds[name]:.0f} s")
    return maps, seconds


def fit_map(name: str, pair: lt.DomainPair, config: Config, *, seed: int) -> Any:
    """Return one method's map, with its `transform`."""
    if name == "emd":
        return TransportMap(pair.source, pair.target)
    scored = config.score_others or name.startswith("lrmf")
    if name == "none" and not scored:
        return FlowMap(lt.flows.identity_flow(3))
    if name == "gaussian_ot" and not scored:
        return FlowMap(lt.flows.gaussian_ot_flow(pair.source, pair.target))
    flow, objective = _ALIGNERS[name]
    settings = lt.FitConfig(num_steps=config.num_steps, jit_compile=config.jit_compile)
    aligner = lt.Aligner(flow, objective, config=settings, num_restarts=1, seed=seed)
    if objective != "lrmf" and not scored:
        aligner.set_params(objective__bound=None)
    return aligner.fit(pair.source, pair.target)


def exact_map(pair: lt.DomainPair, config: Config) -> Array:
    """Return the source moved through equal parameters, each point with its own noise."""
    first, second = (lt.datasets.SURFACES[name] for name in (config.source, config.target))
    directions = pair.source_parameters
    return second.points(directions) + (pair.source - first.points(directions))
