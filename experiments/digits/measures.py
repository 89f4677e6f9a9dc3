"""How well moved digits are classified, and whether two ways of moving them differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.common.seeds import mean_over_seeds, over_seeds, std_over_seeds
from experiments.digits.maps import Fitted

__all__ = ["SCORED", "Judge", "mcnemar_p", "measure", "summary"]

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]
Hits = NDArray[np.bool_]

CLASSIFIERS = ("1nn", "logistic")
SCORED = (
    "value",
    "lower",
    "upper",
    "normalized",
    "private_nll_source",
    "private_nll_target",
    "converged",
)
"""What is reported of a score."""


class Judge:
    """Classifiers fitted on the target domain's own vectors and labels.

    The moved domain's labels come in here, at the very end, and nowhere before.
    """

    def __init__(self, vectors: Array, labels: Labels) -> None:
        """Fit a 1-nearest-neighbour and a logistic classifier."""
        self._fitted: dict[str, Pipeline] = {
            "1nn": make_pipeline(KNeighborsClassifier(1)).fit(vectors, labels),
            "logistic": make_pipeline(
                StandardScaler(), LogisticRegression(max_iter=500)
            ).fit(vectors, labels),
        }  # fmt: skip

    def hits(self, moved: Mapping[str, Array], labels: Labels) -> dict[str, dict[str, Hits]]:
        """Return which vectors each classifier tells right, by classifier and method."""
        return {
            kind: {name: fitted.predict(each) == labels for name, each in moved.items()}
            for kind, fitted in self._fitted.items()
        }


def measure(
    maps: Mapping[str, Fitted], vectors: Array, labels: Labels, *, judge: Judge
) -> dict[str, Any]:
    """Return accuracies on moved vectors, and tests of LRMF against each other method."""
    moved = {name: each.move(vectors) for name, each in maps.items()}
    found: dict[str, Any] = {}
    for kind, hits in judge.hits(moved, labels).items():
        found[f"accuracy_{kind}"] = {name: float(np.mean(each)) for name, each in hits.items()}
        found[f"mcnemar_p{'' if kind == '1nn' else '_' + kind}"] = {
            name: mcnemar_p(hits["lrmf"], each) for name, each in hits.items() if name != "lrmf"
        }
    return found


def summary(per_seed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means over seeds, their spread, and the largest p of each test."""
    means, spread = mean_over_seeds(per_seed), std_over_seeds(per_seed, ddof=0)
    found: dict[str, Any] = {}
    for kind in CLASSIFIERS:
        found[f"accuracy_{kind}"] = means[f"accuracy_{kind}"]
        found[f"std_{kind}"] = spread[f"accuracy_{kind}"]
    for key in ("mcnemar_p", "mcnemar_p_logistic"):
        found[key] = over_seeds([each[key] for each in per_seed], max)
    return found | {"score": {name: means["score"][name] for name in SCORED}}


def mcnemar_p(first: Hits, second: Hits) -> float:
    """Return the two-sided p of the exact McNemar test that two methods are right as often."""
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(~first & second))
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)
