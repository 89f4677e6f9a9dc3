"""How well labels survive the move; they are looked at here and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lrmf_tfp._core.typing import IntArray, Samples
from lrmf_tfp._validation import as_labels
from lrmf_tfp.samples.domains import as_domains
from lrmf_tfp.samples.sample import Sample

__all__ = ["label_accuracy"]


def label_accuracy(
    moved: Samples | Sample,
    moved_labels: IntArray | None,
    target: Samples | Sample,
    target_labels: IntArray | None,
) -> float:
    """Return the accuracy of a 1-nearest-neighbour classifier of the target on the moved source.

    Args:
        moved: Moved source `[N, D]`; a `Sample` with weights gives the weighted share.
        moved_labels: Labels `[N]`, used here only, never in training; those of the `Sample` if
            None.
        target: Target `[M, D]`; rows of weight 0 are nobody's neighbour.
        target_labels: Labels `[M]`; those of the `Sample` if None.

    Returns:
        (Weighted) fraction of the moved rows that get their own label, in [0, 1].

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

    domains = {"moved": (moved, moved_labels), "target": (target, target_labels)}
    checked = as_domains({name: _labelled(*each, name) for name, each in domains.items()})
    moved, target = checked["moved"], checked["target"]
    if moved.labels is None or target.labels is None:
        raise ValueError("`moved_labels` and `target_labels` must both be given; got None.")
    classifier = KNeighborsClassifier(n_neighbors=1).fit(target.rows, target.labels)
    right = classifier.predict(moved.rows) == moved.labels
    return float(np.average(right, weights=moved.weights))


def _labelled(samples: Samples | Sample, labels: IntArray | None, name: str) -> Sample:
    """Return a sample with labels: those given, or its own."""
    sample = Sample.of(samples, name=name)
    if labels is None:
        return sample
    return replace(sample, labels=as_labels(labels, f"{name}_labels", num_rows=len(sample)))
