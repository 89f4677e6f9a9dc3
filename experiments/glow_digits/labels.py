"""Whether moved digits keep their class, as classifiers of the other domain see them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from experiments.glow_digits.data import Digits, TestImages

__all__ = ["Classifiers"]

Array = NDArray[np.floating[Any]]

_MOST_ROWS = 5000


class Classifiers:
    """Nearest neighbours and support vectors (Gaussian kernel) of both domains, with noise.

    They are fitted on labelled training images of one domain and asked about test images of the
    other that were moved onto it. No fit of a map or a density sees a label.
    """

    def __init__(self, digits: Digits) -> None:
        self._tests = (digits.source_test, digits.target_test)
        self._fitted = [_fit(labelled) for labelled in digits.labelled]

    def measure(self, moved: Array, back: Array) -> dict[str, dict[str, float]]:
        """Return accuracies on the moved source and, under `inverse`, on the target moved back.

        Args:
            moved: moved test images of the source, rows `[N, 256]`.
            back: test images of the target moved back, rows `[M, 256]`.
        """
        of_source, of_target = self._fitted
        return {
            "forward": _accuracies(of_target, moved, self._tests[0].labels),
            "inverse": _accuracies(of_source, back, self._tests[1].labels),
        }

    def ceiling(self) -> dict[str, dict[str, float]]:
        """Return the accuracies on each classifier's own domain: the target's, the source's."""
        (source, target), (of_source, of_target) = self._tests, self._fitted
        return {
            "forward": _accuracies(of_target, target.rows, target.labels),
            "inverse": _accuracies(of_source, source.rows, source.labels),
        }


def _fit(labelled: TestImages) -> dict[str, Any]:
    rows, labels = labelled.rows[:_MOST_ROWS], labelled.labels[:_MOST_ROWS]
    kinds = {
        "1nn": KNeighborsClassifier(n_neighbors=1),
        "svm": SVC(C=10.0),
    }
    return {name: kind.fit(rows, labels) for name, kind in kinds.items()}


def _accuracies(classifiers: dict[str, Any], rows: Array, labels: Any) -> dict[str, float]:
    return {name: float(kind.score(rows, labels)) for name, kind in classifiers.items()}
