"""Kernels by name, as wide as the samples ask for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import pdist

from lrmf_tfp._core.typing import Array, IntArray, Samples, Weights
from lrmf_tfp._validation import check_choice
from lrmf_tfp.kernels.radial import (
    EnergyKernel,
    GaussianKernel,
    InverseMultiquadricKernel,
    LaplaceKernel,
    RadialKernel,
)
from lrmf_tfp.kernels.samples import weighted_samples
from lrmf_tfp.samples.sample import Sample

__all__ = ["KERNELS", "build_kernel", "median_distance"]

_MAX_PLACES = 250  # of each set
_SEED = 0
_MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)
_TIE = 1e-12  # sums of weights that come so close are one: rounding must not choose the median


KERNELS: dict[str, Callable[[float], RadialKernel]] = {
    "energy": lambda length: EnergyKernel(),
    "gaussian": GaussianKernel,
    "inverse_multiquadric": InverseMultiquadricKernel,
    "laplace": LaplaceKernel,
    "multi_gaussian": lambda length: GaussianKernel([factor * length for factor in _MULTIPLES]),
}
"""Kernels by name, built from the median distance: "multi_gaussian" is a sum over five bandwidths
from a quarter to four times it."""


def build_kernel(
    name: str,
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> RadialKernel:
    """Build a kernel by name, as wide as the samples' median distance.

    Args:
        name: `"gaussian"`, `"multi_gaussian"`, `"laplace"`, `"inverse_multiquadric"` or
            `"energy"`.
        source: Samples `[N, D]`, or a `Sample`.
        target: Samples `[M, D]`, or a `Sample`.
        source_weights: Weights `[N]` of any positive scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Raises:
        TypeError: See `median_distance`.
        ValueError: If the name is unknown; or see `median_distance`.

    Examples:
        >>> kernel = build_kernel("laplace", [[0.0], [1.0]], [[2.0], [3.0]])
        >>> float(kernel.bandwidth)
        1.5
    """
    check_choice(name, "kernel", KERNELS)
    sets = weighted_samples(source, target, source_weights, target_weights)
    return KERNELS[name](1.0 if name == "energy" else _median_distance(*sets))


def median_distance(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> float:
    """Return the median distance between two different places where samples lie.

    It is the usual bandwidth of a kernel two-sample test: the median of `|z - z'|`, where z and
    z' are drawn from the two laws in equal parts and differ. It depends on the laws alone: not on
    the order of the rows, on rows of weight 0, or on whether a row is repeated or weighs more. Of
    more than 250 places of a set, 250 are drawn, always the same ones.

    Args:
        source: Samples `[N, D]`, or a `Sample`.
        target: Samples `[M, D]`, or a `Sample`.
        source_weights: Weights `[N]` of any positive scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        The distance, in the units of the samples, > 0; 1 where all samples lie at one place.

    Raises:
        TypeError: If samples or weights are not numbers.
        ValueError: If shapes do not fit, a value is not finite, weights are negative, all 0 or
            given twice, columns have other names, or a `Sample` has conditions.

    Examples:
        >>> median_distance([[0.0], [1.0]], [[2.0], [3.0]])
        1.5

    References:
        [1] Gretton et al., A Kernel Two-Sample Test, JMLR 2012, section 8.
    """
    return _median_distance(*weighted_samples(source, target, source_weights, target_weights))


@np.errstate(under="ignore")  # 0 is right, also where the program tells NumPy to raise
def _median_distance(source: Sample, target: Sample) -> float:
    places, masses = zip(*map(_places, (source, target)), strict=True)
    pooled = np.concatenate(places)
    unit = _typical_size(pooled)
    distances = pdist(pooled / unit)
    apart = distances > 0.0
    if not np.any(apart):
        return 1.0
    weights = np.concatenate(masses)
    if np.ptp(weights) <= _TIE * weights[0]:
        return unit * float(np.median(distances[apart]))
    rows, columns = np.triu_indices(len(pooled), 1)
    shares = (weights[rows] * weights[columns])[apart]
    return unit * _weighted_median(distances[apart], shares)


def _places(sample: Sample) -> tuple[Array, Array]:
    """Return at most so many places of a set, and their masses, which sum to 1."""
    rows = sample.rows.astype(np.float64)
    masses = sample.training_weights
    masses = np.ones(len(rows)) if masses is None else masses / masses.max()
    if len(rows) > _MAX_PLACES:
        # Sorted, so that the draw depends neither on the order of rows nor on their repetition.
        order, starts = _sorted(rows)
        drawn = np.random.default_rng(_SEED).permutation(len(starts))[:_MAX_PLACES]
        rows, masses = rows[order[starts[drawn]]], np.add.reduceat(masses[order], starts)[drawn]
    return rows, masses / masses.sum()


def _sorted(rows: Array) -> tuple[IntArray, IntArray]:
    """Return the order of rows, column by column, and where in it another row begins.

    Columns beyond the first are looked at only where rows are alike so far: many times faster
    than `np.unique` of rows.
    """
    order = np.argsort(rows[:, 0], kind="stable")
    begins = np.concatenate([[True], np.diff(rows[order, 0]) != 0.0])
    for column in rows.T[1:]:
        alike = np.flatnonzero(~begins | ~np.append(begins[1:], True))
        if not alike.size:
            break
        members = order[alike]
        members = members[np.lexsort([column[members], np.cumsum(begins)[alike]])]
        order[alike] = members
        begins[alike[1:]] |= np.diff(column[members]) != 0.0
    return order, np.flatnonzero(begins)


def _typical_size(pooled: Array) -> float:
    """Return a length, in which squares of typical distances neither over- nor underflow."""
    offsets = np.max(np.abs(pooled - np.median(pooled, axis=0)), axis=1)
    typical = float(np.median(offsets))
    return typical or float(offsets.max()) or 1.0


def _weighted_median(values: Array, weights: Array) -> float:
    """Return the middle between the two values at which half of the weight is reached."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    half = 0.5 * reached[-1]
    lower, upper = np.searchsorted(reached, [(1.0 - _TIE) * half, (1.0 + _TIE) * half])
    return 0.5 * float(values[order[lower]] + values[order[min(upper, len(order) - 1)]])
