"""Kernels of two weighted samples: how wide, as matrices, and as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist, pdist

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_choice
from lrmf_tfp.kernels import (
    KERNELS,
    EnergyKernel,
    GaussianKernel,
    InverseMultiquadricKernel,
    LaplaceKernel,
    RadialKernel,
    median_distance,
)
from lrmf_tfp.ratios._rows import Distinct
from lrmf_tfp.samples.standardize import weighted_quantiles

__all__ = ["as_kernel", "described_kernel", "kernel_matrix", "kernel_of", "typical_distance"]

_MOST_ROWS = 250  # of each sample whose distances are looked at
_BUILT_IN = (EnergyKernel, GaussianKernel, InverseMultiquadricKernel, LaplaceKernel)


def typical_distance(numerator: Distinct, denominator: Distinct) -> float:
    """Return the median distance between different rows of both laws pooled, > 0.

    `lrmf_tfp.kernels.median_distance`, with pairs of rows weighted by the product of their
    shares where these differ. Of many rows 250 of each law are looked at, drawn by share.
    """
    laws = (numerator, denominator)
    largest = max(float(np.max(np.abs(law.rows))) for law in laws)
    unit = 2.0 ** np.floor(np.log2(largest)) if largest > 0.0 else 1.0  # exact to divide by
    if all(law.is_even for law in laws):
        rng = np.random.default_rng(0)  # rows are sorted, and thinning may go by a stride
        return float(unit * median_distance(*(rng.permutation(law.rows / unit) for law in laws)))
    drawn = [_drawn(law) for law in laws]
    rows = np.concatenate([law.rows / unit for law in drawn])
    masses = np.concatenate([law.num_effective * law.shares for law in drawn])
    return float(unit * _weighted_median(rows, masses))


def as_kernel(
    kernel: str | RadialKernel, numerator: Distinct, denominator: Distinct
) -> RadialKernel:
    """Return a kernel; one of a name is as wide as the typical distance.

    Raises:
        TypeError: If it is neither a name nor a kernel.
        ValueError: If the name is unknown.
    """
    if isinstance(kernel, str):
        name = check_choice(kernel, "kernel", KERNELS)
        return KERNELS[name](typical_distance(numerator, denominator))
    if not isinstance(kernel, RadialKernel):
        raise TypeError(f"`kernel` must be a name or a RadialKernel; got {kernel!r}.")
    return kernel


def kernel_matrix(kernel: RadialKernel, x: Array, y: Array) -> Array:
    """Return the kernel `[N, M]` of rows `[N, D]` and `[M, D]`, from exact differences."""
    root = float(tf.sqrt(kernel.scale(tf.float64)))
    squares = cdist(x / root, y / root, "sqeuclidean")
    matrix: Array = kernel.value_and_decay(tf.constant(squares))[0].numpy()
    return matrix


def described_kernel(kernel: RadialKernel) -> dict[str, Any]:
    """Return a kernel as plain values, as JSON knows them."""
    bandwidth = getattr(kernel, "bandwidth", None)
    values = None if bandwidth is None else np.asarray(bandwidth, np.float64).tolist()
    return {"name": type(kernel).__name__, "bandwidth": values}


def kernel_of(description: Mapping[str, Any]) -> RadialKernel:
    """Return the kernel of a description.

    Raises:
        ValueError: If it is none of the library's.
    """
    known: dict[str, Callable[..., RadialKernel]] = {kind.__name__: kind for kind in _BUILT_IN}
    kind = known[check_choice(description["name"], "kernel", known)]
    return kind() if description["bandwidth"] is None else kind(description["bandwidth"])


def _drawn(law: Distinct) -> Distinct:
    """Return a law of 250 draws, or the law itself if it has no more rows."""
    if len(law.rows) <= _MOST_ROWS:
        return law
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(law.rows), _MOST_ROWS, p=law.shares)
    places, counts = np.unique(chosen, return_counts=True)
    return Distinct(law.rows[places], counts / _MOST_ROWS, np.arange(len(places)))


def _weighted_median(rows: Array, masses: Array) -> float:
    """Return the median of the distances between rows, as `median_distance` has it."""
    first, second = np.triu_indices(len(rows), 1)
    distances, weights = pdist(rows), masses[first] * masses[second]
    median = float(weighted_quantiles(distances, np.array([0.5]), weights)[0])
    apart = distances > 0.0
    if median > 0.0 or not apart.any():
        return median if median > 0.0 else 1.0
    return float(np.average(distances[apart], weights=weights[apart]))
