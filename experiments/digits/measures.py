"""How well moved digits are classified, and whether two ways of moving them differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["CLASSIFIERS", "Judge", "mcnemar_p"]

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]
Hits = NDArray[np.bool_]

CLASSIFIERS = ("1nn", "logistic")


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


def mcnemar_p(first: Hits, second: Hits) -> float:
    """Return the two-sided p of the exact McNemar test that two methods are right as often."""
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(~first & second))
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)
