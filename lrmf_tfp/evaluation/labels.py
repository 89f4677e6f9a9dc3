"""How well labels survive the move; they are looked at here and nowhere else (level 4)."""

from __future__ import annotations

import numpy as np

from lrmf_tfp._core.typing import IntArray, Samples
from lrmf_tfp._validation import as_labels, as_pair

__all__ = ["label_accuracy"]


def label_accuracy(
    moved: Samples, moved_labels: IntArray, target: Samples, target_labels: IntArray
) -> float:
    """Return the accuracy of a 1-nearest-neighbour classifier of the target on the moved source.

    Args:
        moved: Moved source `[N, D]`.
        moved_labels: Labels `[N]`, used here only, never in training.
        target: Target `[M, D]`.
        target_labels: Labels `[M]`.

    Returns:
        Fraction of the moved rows that get their own label, in [0, 1].

    Raises:
        ValueError: If widths or lengths differ, or labels are missing.

    Examples:
        >>> label_accuracy([[0.1], [0.9]], [0, 1], [[0.0], [1.0]], [0, 1])
        1.0

    References:
        [1] Usman et al., Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020, arXiv:2003.12170,
            figure 4 (accuracy under the panels).
    """
    from sklearn.neighbors import KNeighborsClassifier

    moved, target = as_pair(moved, target)
    wanted = as_labels(moved_labels, "moved_labels", num_rows=len(moved))
    known = as_labels(target_labels, "target_labels", num_rows=len(target))
    if wanted is None or known is None:
        raise ValueError("`moved_labels` and `target_labels` must both be given; got None.")
    classifier = KNeighborsClassifier(n_neighbors=1).fit(target, known)
    return float(np.mean(classifier.predict(moved) == wanted))
