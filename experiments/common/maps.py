"""Maps in closed form and by exact optimal transport, with the methods of an aligner."""

from __future__ import annotations

from typing import Any

import numpy as np
import ot.da
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["FlowMap", "TransportMap"]

Array = NDArray[np.floating[Any]]


class FlowMap:
    """A flow that needs no training, between samples as they are; it has no score."""

    def __init__(self, flow: lt.flows.Flow) -> None:
        self._flow = flow

    def transform(self, x: Array) -> Array:
        """Move source points `[N, D]`."""
        return np.asarray(self._flow.forward(np.asarray(x, np.float32)))

    def inverse_transform(self, y: Array) -> Array:
        """Move target points `[M, D]` to the source."""
        return np.asarray(self._flow.inverse(np.asarray(y, np.float32)))


class TransportMap:
    """The exact plan of the squared Euclidean cost between two sample sets.

    A training point goes to the barycentre of its partners, which is one partner where both sets
    are of one size; a new point takes the step of the nearest training point (POT's rule). Not a
    bijector: it has no density and no score.
    """

    def __init__(self, source: Array, target: Array) -> None:
        self._plan = ot.da.EMDTransport(max_iter=5_000_000)
        self._plan.fit(Xs=_precise(source), Xt=_precise(target))

    def transform(self, x: Array) -> Array:
        """Move source points `[N, D]`."""
        return np.asarray(self._plan.transform(Xs=_precise(x)))

    def inverse_transform(self, y: Array) -> Array:
        """Move target points `[M, D]` to the source, by the same plan."""
        return np.asarray(self._plan.inverse_transform(Xt=_precise(y)))


def _precise(points: Array) -> Array:
    return np.asarray(points, np.float64)
