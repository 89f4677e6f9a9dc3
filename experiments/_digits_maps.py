"""The maps of the digits experiment: from vectors of one domain to those of the other."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import ot
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["METHODS", "Map", "fit_map"]

Array = NDArray[np.floating[Any]]

METHODS = ("none", "coral", "gaussian", "emd", "mmd", "gram", "lrmf")
"""What vectors are moved by, in the order of the pictures."""


class Settings(Protocol):
    """What the maps need of the experiment's configuration."""

    num_steps: int
    baseline_steps: int
    batch_size: int
    learning_rate: float
    emd_samples: int


@dataclass(frozen=True, eq=False)
class Map:
    """A fitted map."""

    move: Callable[[Array], Array]
    """Vectors `[N, L]` to moved ones, also of images that were not trained on."""
    seconds: float
    aligner: lt.Aligner | None = None
    """What was trained, None for closed forms and transport."""


def fit_map(name: str, source: Array, target: Array, settings: Settings, *, seed: int) -> Map:
    """Fit the map of a name of `METHODS` to vectors `[N, L]` and `[M, L]`, without labels."""
    began = time.monotonic()
    fitted = _FITS[name](source, target, settings, seed)
    return dataclasses.replace(fitted, seconds=time.monotonic() - began)


def _none(source: Array, target: Array, settings: Settings, seed: int) -> Map:
    return Map(np.asarray, 0.0)


def _coral(source: Array, target: Array, settings: Settings, seed: int) -> Map:
    return _of_flow(lt.flows.coral_flow(source, target))


def _gaussian(source: Array, target: Array, settings: Settings, seed: int) -> Map:
    return _of_flow(lt.flows.gaussian_ot_flow(source, target))


def _of_flow(flow: Any) -> Map:
    return Map(lambda x: np.asarray(flow.forward(x)), 0.0)


def _emd(source: Array, target: Array, settings: Settings, seed: int) -> Map:
    """Fit exact transport; a new point goes where its nearest neighbour went (barycentre)."""
    rng = np.random.default_rng([seed, 1])
    some = [rows[rng.permutation(len(rows))[: settings.emd_samples]] for rows in (source, target)]
    transport = ot.da.EMDTransport().fit(Xs=some[0], Xt=some[1])
    return Map(lambda x: np.asarray(transport.transform(Xs=x)), 0.0)


def _mmd(source: Array, target: Array, settings: Settings, seed: int) -> Map:
    return _flow_on("mmd", source, target, settings, seed)


def _gram(source: Array, target: Array, settings: Settings, seed: int) -> Map:
    return _flow_on("gram", source, target, settings, seed)


def _lrmf(source: Array, target: Array, settings: Settings, seed: int) -> Map:
    return _flow_on("lrmf", source, target, settings, seed)


def _flow_on(objective: str, source: Array, target: Array, settings: Settings, seed: int) -> Map:
    steps = settings.num_steps if objective == "lrmf" else settings.baseline_steps
    config = lt.FitConfig(
        num_steps=steps,
        batch_size=settings.batch_size,
        optimizer=lt.training.Adam(settings.learning_rate) if objective == "lrmf" else None,
        steps_per_call=min(100, steps),
    )
    aligner = lt.Aligner(
        flow="real_nvp",
        objective=objective,
        start="identity",
        scored=objective == "lrmf",
        num_restarts=1,
        config=config,
        seed=seed,
    )
    aligner.fit(source, target)
    return Map(lambda x: np.asarray(aligner.transform(x)), 0.0, aligner)


_FITS: dict[str, Callable[[Array, Array, Settings, int], Map]] = {
    "none": _none,
    "coral": _coral,
    "gaussian": _gaussian,
    "emd": _emd,
    "mmd": _mmd,
    "gram": _gram,
    "lrmf": _lrmf,
}
