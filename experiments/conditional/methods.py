"""The three maps: of y given c, of y alone, of the rows (y, c)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.conditional.config import Config
from experiments.conditional.data import Pair

__all__ = ["METHODS", "Moved", "move"]

Array = NDArray[np.floating[Any]]

METHODS = {
    "conditional": "of y given c",
    "unconditional": "of y alone",
    "joint": "of the rows (y, c)",
}


class Moved(NamedTuple):
    """Fresh rows after a map."""

    y: Array  # [N, 1]
    condition_moved: float  # mean distance that c went
    score: dict[str, Any]  # on fresh rows


def move(method: str, train: Pair, fresh: Pair, config: Config, *, seed: int) -> Moved:
    """Fit one of the maps and move fresh rows by it."""
    settings = lt.FitConfig(
        num_steps=config.num_steps,
        optimizer=lt.training.Adam(config.learning_rate),
        jit_compile=config.jit_compile,
    )
    flow = lt.RealNVP(num_layers=config.num_layers)
    aligner = lt.Aligner(flow, config=settings, num_restarts=1, seed=seed)
    train, rows = _as_seen_by(method, train), _as_seen_by(method, fresh)
    aligner.fit(*train)
    moved = np.asarray(aligner.transform(rows.source))
    went = 0.0
    if method == "joint":
        went = float(np.abs(moved[:, 1:] - fresh.source.conditions).mean())
    return Moved(moved[:, :1], went, aligner.score(*rows)._asdict())


def _as_seen_by(method: str, pair: Pair) -> Pair:
    """Return the rows that a method is given."""
    if method == "conditional":
        return pair
    if method == "unconditional":
        return Pair(*(lt.Sample.of(each.rows) for each in pair))
    return Pair(*(lt.Sample.of(np.hstack([each.rows, each.conditions])) for each in pair))
