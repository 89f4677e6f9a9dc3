"""The maps of colours, and their scores."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.colour_transfer.config import TITLES, Config
from experiments.colour_transfer.pixels import Image, draw_pixels, spread
from experiments.common.maps import FlowMap, TransportMap
from experiments.common.runner import report

__all__ = ["fit_maps", "score_closed_form", "scored"]

Array = NDArray[np.floating[Any]]
_CLOSED_FORM = {
    "mean_variance": lt.flows.mean_variance_flow,
    "coral": lt.flows.coral_flow,
    "gaussian_ot": lt.flows.gaussian_ot_flow,
}
_SMALLEST_SHARE = 1e-6  # moved colours may round to 0 or 1, which have no logits


class LogitMap:
    """An aligner between the logits of colours in [-margin, 1 + margin], seen from colours."""

    def __init__(self, aligner: lt.Aligner, *, margin: float) -> None:
        self.aligner = aligner
        self.margin = margin

    def fit(self, pair: lt.DomainPair) -> LogitMap:
        """Learn the map from colours `[N, 3]` to `[M, 3]`."""
        self.aligner.fit(self._logits(pair.source), self._logits(pair.target))
        return self

    def transform(self, x: Array) -> Array:
        """Move source colours `[N, 3]`."""
        return self._colours(self.aligner.transform(self._logits(x)))

    def inverse_transform(self, y: Array) -> Array:
        """Move target colours `[M, 3]` to the source."""
        return self._colours(self.aligner.inverse_transform(self._logits(y)))

    def score(self, source: Array, target: Array) -> lt.AlignmentScore:
        """Return the score on colours `[N, 3]`, `[M, 3]`."""
        return self.aligner.score(self._logits(source), self._logits(target))

    def _logits(self, colours: Array) -> Array:
        shares = (np.asarray(colours, np.float64) + self.margin) / (1.0 + 2.0 * self.margin)
        shares = np.clip(shares, _SMALLEST_SHARE, 1.0 - _SMALLEST_SHARE)
        return np.log(shares / (1.0 - shares)).astype(np.float32)

    def _colours(self, logits: Any) -> Array:
        shares = 1.0 / (1.0 + np.exp(-np.asarray(logits, np.float64)))
        return shares * (1.0 + 2.0 * self.margin) - self.margin


def fit_maps(
    train: lt.DomainPair, config: Config, *, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return each method's map of colours, and the processor's seconds that it took."""
    maps: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for name in TITLES:
        began = time.process_time()
        if name in _CLOSED_FORM:
            maps[name] = FlowMap(_CLOSED_FORM[name](train.source, train.target))
        elif name == "emd":
            maps[name] = TransportMap(train.source, train.target)
        else:
            aligner = lt.Aligner(config.flow, config=fit_config(config), num_restarts=1, seed=seed)
            maps[name] = LogitMap(aligner, margin=config.margin).fit(train)
        seconds[name] = time.process_time() - began
    return maps, seconds


def fit_config(config: Config) -> lt.FitConfig:
    """Return the settings of every fit."""
    return lt.FitConfig(num_steps=config.num_steps, jit_compile=config.jit_compile)


def score_closed_form(images: dict[str, Image], config: Config) -> dict[str, dict[str, Any]]:
    """Return the scores of the maps that need no training, and of none, in RGB, one seed."""
    train, fresh = (
        spread(pair, config, seed=config.seed)
        for pair in draw_pixels(images, config, seed=config.seed)
    )
    found = {}
    for name, flow in {"none": "identity", **{name: name for name in _CLOSED_FORM}}.items():
        aligner = lt.Aligner(flow, config=fit_config(config), seed=config.seed)
        found[name] = scored(aligner.fit(train.source, train.target), fresh)
        report(f"colour_transfer: {name}: score {found[name]['value']:.3f} nats")
    return found


def scored(aligner: Any, fresh: lt.DomainPair) -> dict[str, Any]:
    """Return the score on fresh pixels."""
    return dict(aligner.score(fresh.source, fresh.target)._asdict())
