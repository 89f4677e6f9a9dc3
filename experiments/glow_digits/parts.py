"""What the fits are made of, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["Moved", "Outcome", "PrivateFits", "Stage", "in_parts", "moved_by"]

Array = NDArray[np.floating[Any]]

_ROWS_AT_ONCE = 4096


class PrivateFits:
    """The best density found for each domain alone, which is what scores are counted from.

    Attributes:
        nll: Negative log-likelihoods on the rows that decide on stopping, by domain.
        log_prob: Log-densities of the rows of scores, by domain.
        first: `nll` after the fits from scratch; later ones begin at shared densities.
        values: Weights of the fits from scratch, by domain.
        last_gain: What the last pass of the fits from scratch gained, nats, by domain.
    """

    def __init__(self) -> None:
        self.nll = [np.inf, np.inf]
        self.log_prob: list[Array] = [np.zeros(0), np.zeros(0)]
        self.first = [np.inf, np.inf]
        self.values: list[list[Array]] = [[], []]
        self.last_gain = [np.nan, np.nan]

    def offer(self, domain: int, *, stop: Array, score: Array) -> None:
        """Take log-densities of the rows for stopping and for scores if they are the best."""
        nll = -float(np.mean(stop))
        if nll < self.nll[domain]:
            self.nll[domain], self.log_prob[domain] = nll, score


@dataclass
class Outcome:
    """What is kept of one method."""

    title: str
    source_shared: Array
    """`log s(T(a)) + log|det dT|` of the source's rows of scores, `[N]`."""
    target_shared: Array
    """`log s(b)` of the target's rows of scores, `[M]`."""
    moved: Array
    """Moved test images of the source, rows `[N, 256]`."""
    back: Array
    """Test images of the target moved back."""
    moved_score: Array
    """Moved rows of scores of the source."""
    seconds: float
    steps: int = 0
    start: float = np.nan
    """Held-out loss before the first step, without the constant."""
    history: dict[str, Array] = field(default_factory=dict)

    def score(self, private: PrivateFits, *, seed: int = 0) -> lt.AlignmentScore:
        """Return the score, counted from the best private fits."""
        source, target = private.log_prob
        return lt.evaluation.alignment_score(
            source - self.source_shared,
            target - self.target_shared,
            private_nll_source=-float(source.mean()),
            private_nll_target=-float(target.mean()),
            seed=seed,
        )


class Stage(NamedTuple):
    """One pass of LRMF."""

    rate: float = 1.0
    """Factor on the learning rate."""
    noise: float = 0.0
    """Scale of Gaussian noise on both domains, in standard deviations of the target."""


class Moved(NamedTuple):
    """Rows and log-dets of a map, and the map itself."""

    forward: Callable[[Array], tuple[Array, Array]]
    inverse: Callable[[Array], Array]

    def then(self, other: Moved) -> Moved:
        """Return this map followed by another."""

        def forward(rows: Array) -> tuple[Array, Array]:
            middle, first = self.forward(rows)
            moved, second = other.forward(middle)
            return moved, first + second

        return Moved(forward, lambda rows: self.inverse(other.inverse(rows)))


def moved_by(flow: Any) -> Moved:
    """Return a flow as a map of arrays; it follows the flow's weights."""

    def forward(rows: Array) -> tuple[Array, Array]:
        parts = [flow.forward_and_log_det(part) for part in in_parts(rows)]
        return tuple(np.concatenate([part[k].numpy() for part in parts]) for k in (0, 1))

    def inverse(rows: Array) -> Array:
        return np.concatenate([flow.inverse(part).numpy() for part in in_parts(rows)])

    return Moved(forward, inverse)


def in_parts(rows: Array) -> list[Array]:
    """Return rows in blocks that fit into memory with all that is computed of them."""
    return [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
