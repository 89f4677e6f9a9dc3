"""Kernels of the distance between two samples, and how wide to make them.

Every kernel is a function of the scaled squared distance `u = |x - y|^2 / scale`, so that one
matrix of them gives both the kernel and its gradient: `d k / d x = -2 decay(u) (x - y) / scale`
with `decay = -d value / d u`. Kernels are `tf.experimental.ExtensionType`s: they pass through
`tf.function`, and another bandwidth does not cost another trace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Samples, Tensor
from lrmf_tfp._validation import as_pair, check_choice, check_positive

__all__ = [
    "EnergyKernel",
    "GaussianKernel",
    "InverseMultiquadricKernel",
    "KERNELS",
    "LaplaceKernel",
    "RadialKernel",
    "build_kernel",
    "median_distance",
    "squared_distances",
]

_MAX_MEDIAN_ROWS = 250
_MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)


class RadialKernel(tf.experimental.ExtensionType):
    """Base class of kernels `k(x, y) = value(|x - y|^2 / scale)`."""

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return the squared length, a scalar, by which squared distances are divided."""
        raise NotImplementedError

    def value_and_decay(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return `k` and `-dk/du` at scaled squared distances `u` of any shape.

        `u` is >= 0 up to rounding.
        """
        raise NotImplementedError

    def frequencies(
        self, num_features: int, event_size: int, *, seed: Tensor, dtype: tf.DType
    ) -> Tensor:
        """Return frequencies `[R, D]`, drawn from the kernel's spectral density (Bochner)."""
        del num_features, event_size, seed, dtype
        raise ValueError(
            "`kernel` must have random Fourier features, as Gaussian and Laplace have; "
            f"got {type(self).__name__}."
        )

    def at_zero(self, dtype: tf.DType) -> Tensor:
        """Return `k(x, x)`, a scalar."""
        return self.value_and_decay(tf.zeros([], dtype))[0]

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the kernel matrix `[N, M]` of `x` `[N, D]` and `y` `[M, D]`."""
        scale = self.scale(x.dtype)
        return self.value_and_decay(squared_distances(x, y) / scale)[0]


class GaussianKernel(RadialKernel):
    """Gaussian kernel `sum_k exp(-|x - y|^2 / (2 s_k^2))`.

    With one bandwidth the usual kernel; with several, a sum that sees several lengths at once.

    Examples:
        >>> kernel = GaussianKernel(1.0)
        >>> round(float(kernel(tf.zeros([1, 2]), tf.ones([1, 2]))[0, 0]), 4)
        0.3679

    References:
        [1] Gretton, Borgwardt, Rasch, Schoelkopf, Smola, A Kernel Two-Sample Test, JMLR 2012,
            section 8.
    """

    bandwidth: tf.Tensor
    num_bandwidths: int

    def __init__(self, bandwidth: Any) -> None:
        """Take one bandwidth `s`, or several `[K]`, in the units of the samples."""
        self.bandwidth = _as_bandwidth(bandwidth, several=True)
        self.num_bandwidths = self.bandwidth.shape.num_elements()

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return `2 s^2` of the smallest bandwidth."""
        several = self.bandwidth.shape.rank > 0
        smallest = tf.reduce_min(self.bandwidth) if several else self.bandwidth
        return tf.cast(2.0 * tf.square(smallest), dtype)

    def value_and_decay(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return `sum_k exp(-r_k u)` and `sum_k r_k exp(-r_k u)`, `r_k = (min s / s_k)^2`."""
        if self.num_bandwidths == 1:
            value = tf.exp(-u)
            return value, value
        bandwidths = self._bandwidths()
        ratios = tf.cast(tf.square(tf.reduce_min(bandwidths) / bandwidths), u.dtype)
        terms = [tf.exp(-ratios[k] * u) for k in range(self.num_bandwidths)]
        decays = [ratios[k] * term for k, term in enumerate(terms)]
        return tf.add_n(terms), tf.add_n(decays)

    def frequencies(
        self, num_features: int, event_size: int, *, seed: Tensor, dtype: tf.DType
    ) -> Tensor:
        """Return normal frequencies `[R, D]` of standard deviation `1 / s`."""
        if self.num_bandwidths != 1:
            raise ValueError(
                f"`kernel` must have one bandwidth for random features; got {self.num_bandwidths}."
            )
        draw = seeded_normal([num_features, event_size], seed, dtype=dtype)
        return draw / tf.cast(tf.reduce_min(self.bandwidth), dtype)

    def _bandwidths(self) -> Tensor:
        return tf.reshape(self.bandwidth, [self.num_bandwidths])


class LaplaceKernel(RadialKernel):
    """Laplace kernel `exp(-|x - y| / s)`; its gradient at distance 0 counts as 0.

    References:
        [1] Gretton et al., A Kernel Two-Sample Test, JMLR 2012, section 3.
    """

    bandwidth: tf.Tensor

    def __init__(self, bandwidth: Any) -> None:
        """Take the bandwidth `s`, in the units of the samples."""
        self.bandwidth = _as_bandwidth(bandwidth, several=False)

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return `s^2`."""
        return tf.cast(tf.square(self.bandwidth), dtype)

    def value_and_decay(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return `exp(-sqrt(u))` and `exp(-sqrt(u)) / (2 sqrt(u))`."""
        root = tf.sqrt(tf.nn.relu(u))
        value = tf.exp(-root)
        return value, tf.math.divide_no_nan(0.5 * value, root)

    def frequencies(
        self, num_features: int, event_size: int, *, seed: Tensor, dtype: tf.DType
    ) -> Tensor:
        """Return multivariate Cauchy frequencies `[R, D]` of scale `1 / s`."""
        draw = seeded_normal([num_features, event_size + 1], seed, dtype=dtype)
        return draw[:, 1:] / (tf.abs(draw[:, :1]) * tf.cast(self.bandwidth, dtype))


class InverseMultiquadricKernel(RadialKernel):
    """Inverse multiquadric kernel `(1 + |x - y|^2 / s^2)^(-1/2)`, with tails that fall slowly.

    References:
        [1] Gorham and Mackey, Measuring Sample Quality with Kernels, ICML 2017,
            arXiv:1703.01717, section 3.
    """

    bandwidth: tf.Tensor

    def __init__(self, bandwidth: Any) -> None:
        """Take the bandwidth `s`, in the units of the samples."""
        self.bandwidth = _as_bandwidth(bandwidth, several=False)

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return `s^2`."""
        return tf.cast(tf.square(self.bandwidth), dtype)

    def value_and_decay(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return `(1 + u)^(-1/2)` and `(1 + u)^(-3/2) / 2`."""
        value = tf.math.rsqrt(1.0 + u)
        return value, 0.5 * value / (1.0 + u)


class EnergyKernel(RadialKernel):
    """Kernel `-|x - y|` of the energy distance, without a bandwidth.

    It is conditionally positive definite: the squared MMD of two distributions is >= 0, and 0
    only if they are equal. The gradient at distance 0 counts as 0.

    References:
        [1] Sejdinovic, Sriperumbudur, Gretton, Fukumizu, Equivalence of distance-based and
            RKHS-based statistics, Annals of Statistics 2013, arXiv:1207.6076, theorem 22.
    """

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return 1."""
        return tf.ones([], dtype)

    def value_and_decay(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return `-sqrt(u)` and `1 / (2 sqrt(u))`."""
        root = tf.sqrt(tf.nn.relu(u))
        return -root, tf.math.divide_no_nan(tf.constant(0.5, u.dtype), root)


KERNELS: dict[str, Callable[[float], RadialKernel]] = {
    "energy": lambda length: EnergyKernel(),
    "gaussian": GaussianKernel,
    "inverse_multiquadric": InverseMultiquadricKernel,
    "laplace": LaplaceKernel,
    "multi_gaussian": lambda length: GaussianKernel([factor * length for factor in _MULTIPLES]),
}
"""Kernels by name, built from the median distance: "multi_gaussian" is a sum over five bandwidths
from a quarter to four times it."""


def build_kernel(name: str, source: Samples, target: Samples) -> RadialKernel:
    """Build a kernel by name, as wide as the samples' median distance.

    Args:
        name: `"gaussian"`, `"multi_gaussian"`, `"laplace"`, `"inverse_multiquadric"` or
            `"energy"`.
        source: Samples `[N, D]`.
        target: Samples `[M, D]`.

    Raises:
        ValueError: If the name is unknown.

    Examples:
        >>> kernel = build_kernel("laplace", [[0.0], [1.0]], [[2.0], [3.0]])
        >>> float(kernel.bandwidth)
        1.5
    """
    check_choice(name, "kernel", KERNELS)
    return KERNELS[name](1.0 if name == "energy" else median_distance(source, target))


def median_distance(source: Samples, target: Samples) -> float:
    """Return the median distance between different points of the pooled samples.

    It is the usual bandwidth of a kernel two-sample test. At most 250 evenly spaced rows of each
    set are looked at. Where more than half of the distances are 0 it is the mean of the others,
    and 1 where all points are the same.

    Args:
        source: Samples `[N, D]`.
        target: Samples `[M, D]`.

    Returns:
        The distance, in the units of the samples, > 0.

    Examples:
        >>> median_distance([[0.0], [1.0]], [[2.0], [3.0]])
        1.5

    References:
        [1] Gretton et al., A Kernel Two-Sample Test, JMLR 2012, section 8.
    """
    source, target = as_pair(source, target, dtype=np.float64)
    pooled = np.concatenate([_evenly(source), _evenly(target)])
    rows, columns = np.triu_indices(len(pooled), 1)
    distances = np.linalg.norm(pooled[rows] - pooled[columns], axis=1)
    median = float(np.median(distances))
    positive = distances[distances > 0.0]
    return median if median > 0.0 else float(positive.mean()) if positive.size else 1.0


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return `|x_i - y_j|^2` `[N, M]` of `x` `[N, D]` and `y` `[M, D]`.

    One matrix product, `|x|^2 + |y|^2 - 2 x y'`. Its rounding error is that of the largest
    `|x|^2`, so the points should lie around the origin; equal points may come out slightly
    below 0.
    """
    ones_x, ones_y = tf.ones_like(x[:, :1]), tf.ones_like(y[:, :1])
    norms_x = tf.reduce_sum(tf.square(x), axis=1, keepdims=True)
    norms_y = tf.reduce_sum(tf.square(y), axis=1, keepdims=True)
    left = tf.concat([-2.0 * x, norms_x, ones_x], axis=1)
    right = tf.concat([y, ones_y, norms_y], axis=1)
    return tf.matmul(left, right, transpose_b=True)


def _as_bandwidth(value: Any, *, several: bool) -> Tensor:
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return tf.cast(tf.convert_to_tensor(value), tf.float64)
    values = list(value) if several and isinstance(value, Sequence) else [value]
    if not values:
        raise ValueError("`bandwidth` must have at least 1 entry; got none.")
    checked = [check_positive(entry, "bandwidth") for entry in values]
    return tf.constant(checked if len(values) > 1 else checked[0], tf.float64)


def _evenly(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return samples[:: max(1, math.ceil(len(samples) / _MAX_MEDIAN_ROWS))]
