"""Kernels of two weighted samples: how wide, as matrices, and as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist

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

__all__ = ["as_kernel", "described_kernel", "kernel_matrix", "kernel_of", "typical_distance"]

_BUILT_IN = (EnergyKernel, GaussianKernel, InverseMultiquadricKernel, LaplaceKernel)


def typical_distance(numerator: Distinct, denominator: Distinct) -> float:
    """Return `median_distance` of the two laws, > 0."""
    return median_distance(
        numerator.rows,
        denominator.rows,
        source_weights=numerator.shares,
        target_weights=denominator.shares,
    )


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
