"""The maps: from vectors of one domain to those of the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.maps import FlowMap, TransportMap
from experiments.digits.config import Config

__all__ = ["Fitted", "fit_map"]

Array = NDArray[np.floating[Any]]


class Fitted(NamedTuple):
    """A fitted map, with `transform` from vectors `[N, L]` to moved ones."""

    map: Any
    seconds: float

    def move(self, vectors: Array) -> Array:
        """Return moved vectors, also of images that the map was not fitted to."""
        return np.asarray(self.map.transform(vectors), np.float32)


def fit_map(name: str, source: Array, target: Array, config: Config, *, seed: int) -> Fitted:
    """Fit the map of a name of `METHODS` to vectors `[N, L]` and `[M, L]`, without labels."""
    began = time.process_time()
    fitted = _FITS[name](source, target, config, seed)
    return Fitted(fitted, time.process_time() - began)


def _in_closed_form(build: Callable[[Array, Array], Any]) -> Callable[..., FlowMap]:
    return lambda source, target, config, seed: FlowMap(build(source, target))


def _transport(source: Array, target: Array, config: Config, seed: int) -> TransportMap:
    rng = np.random.default_rng([seed, 1])
    some = (rows[rng.permutation(len(rows))[: config.emd_samples]] for rows in (source, target))
    return TransportMap(*some)


def _flow(objective: str) -> Callable[[Array, Array, Config, int], lt.Aligner]:
    """Return the fit of a RealNVP flow; all settings but the number of steps are defaults."""

    def fit(source: Array, target: Array, config: Config, seed: int) -> lt.Aligner:
        steps = config.num_steps if objective == "lrmf" else config.baseline_steps
        aligner = lt.Aligner(
            lt.RealNVP(start="identity"),
            objective,
            num_restarts=1,
            config=lt.FitConfig(
                num_steps=steps,
                batch_size=config.batch_size,
                steps_per_call=min(100, steps),
                jit_compile=config.jit_compile,
            ),
            seed=seed,
        )
        return aligner.fit(source, target)

    return fit


_FITS: dict[str, Callable[[Array, Array, Config, int], Any]] = {
    "none": _in_closed_form(lambda source, _: lt.flows.identity_flow(source.shape[1])),
    "coral": _in_closed_form(lt.flows.coral_flow),
    "gaussian": _in_closed_form(lt.flows.gaussian_ot_flow),
    "emd": _transport,
    "mmd": _flow("mmd"),
    "gram": _flow("gram"),
    "lrmf": _flow("lrmf"),
}
