"""Kernels of the distance between two samples.

Every kernel is a function of the scaled squared distance `u = |x - y|^2 / scale`, so that one
matrix of them gives both the kernel and its gradient: `d k / d x = -2 decay(u) (x - y) / scale`
with `decay = -d value / d u`. Points are divided by the kernel's length before anything is
squared, so that in no unit of theirs squares over- or underflow.

Kernels are `tf.experimental.ExtensionType`s: they pass through `tf.function`, and another
bandwidth does not cost another trace.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive

__all__ = [
    "EnergyKernel",
    "GaussianKernel",
    "InverseMultiquadricKernel",
    "LaplaceKernel",
    "RadialKernel",
    "squared_distances",
    "unit_of",
]

# Of each float: the whole numbers of its size, and where its exponent stands in them.
_BITS = {
    tf.float32: (tf.int32, 0x7F800000),
    tf.float64: (tf.int64, 0x7FF0000000000000),
}


class RadialKernel(tf.experimental.ExtensionType):
    """Base class of kernels `k(x, y) = value(|x - y|^2 / scale)`."""

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return the squared length, a scalar, by which squared distances are divided."""
        raise NotImplementedError

    def length(self, dtype: tf.DType) -> Tensor:
        """Return the root of the scale, a scalar; it is a number where its square is none."""
        return tf.cast(tf.sqrt(self.scale(tf.float64)), dtype)

    def unit_and_height(self, *points: Tensor) -> tuple[Tensor, Tensor]:
        """Return a length to divide points by, and the factor on kernel values of what results.

        The kernel's length and 1, unless it has no length of its own.
        """
        dtype = points[0].dtype
        return self.length(dtype), tf.ones([], dtype)

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
        unit, height = self.unit_and_height(x, y)
        return height * self.value_and_decay(squared_distances(x / unit, y / unit))[0]


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

    def __init__(self, bandwidth: Tensor) -> None:
        """Take one bandwidth `s`, or several `[K]`, in the units of the samples."""
        self.bandwidth = _as_bandwidth(bandwidth, several=True)
        self.num_bandwidths = self.bandwidth.shape.num_elements()

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return `2 s^2` of the smallest bandwidth."""
        return tf.cast(2.0 * tf.square(self._smallest()), dtype)

    def length(self, dtype: tf.DType) -> Tensor:
        """Return `sqrt(2) s` of the smallest bandwidth."""
        return tf.cast(2.0**0.5 * self._smallest(), dtype)

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
        return draw / tf.cast(self._smallest(), dtype)

    def _smallest(self) -> Tensor:
        several = self.bandwidth.shape.rank > 0
        return tf.reduce_min(self.bandwidth) if several else self.bandwidth

    def _bandwidths(self) -> Tensor:
        return tf.reshape(self.bandwidth, [self.num_bandwidths])


class _OneLength(RadialKernel):
    """Base class: a kernel of `|x - y| / s` with one bandwidth.

    Each subclass has an `__init__` of its own, since extension types make theirs otherwise.
    """

    bandwidth: tf.Tensor

    def scale(self, dtype: tf.DType) -> Tensor:
        """Return `s^2`."""
        return tf.cast(tf.square(self.bandwidth), dtype)

    def length(self, dtype: tf.DType) -> Tensor:
        """Return `s`."""
        return tf.cast(self.bandwidth, dtype)


class LaplaceKernel(_OneLength):
    """Laplace kernel `exp(-|x - y| / s)`; its gradient at distance 0 counts as 0.

    References:
        [1] Gretton et al., A Kernel Two-Sample Test, JMLR 2012, section 3.
    """

    def __init__(self, bandwidth: Tensor) -> None:
        """Take the bandwidth `s`, in the units of the samples."""
        self.bandwidth = _as_bandwidth(bandwidth, several=False)

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


class InverseMultiquadricKernel(_OneLength):
    """Inverse multiquadric kernel `(1 + |x - y|^2 / s^2)^(-1/2)`, with tails that fall slowly.

    References:
        [1] Gorham and Mackey, Measuring Sample Quality with Kernels, ICML 2017,
            arXiv:1703.01717, section 3.
    """

    def __init__(self, bandwidth: Tensor) -> None:
        """Take the bandwidth `s`, in the units of the samples."""
        self.bandwidth = _as_bandwidth(bandwidth, several=False)

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

    def unit_and_height(self, *points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the points' own size, twice: `-|c x - c y| = -c |x - y|`."""
        unit = unit_of(*points)
        return unit, unit

    def value_and_decay(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return `-sqrt(u)` and `1 / (2 sqrt(u))`."""
        root = tf.sqrt(tf.nn.relu(u))
        return -root, tf.math.divide_no_nan(tf.constant(0.5, u.dtype), root)


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


def unit_of(*points: Tensor) -> Tensor:
    """Return the largest power of 2 that is at most the largest entry in size; 1 if that is 0.

    Division by it rounds nothing, and squares of the results are at most 4.
    """
    largest = tf.reduce_max([tf.reduce_max(tf.abs(tf.stop_gradient(each))) for each in points])
    whole, exponent = _BITS[largest.dtype]
    bits = tf.bitwise.bitwise_and(tf.bitcast(largest, whole), tf.constant(exponent, whole))
    unit = tf.maximum(tf.bitcast(bits, largest.dtype), _smallest_normal(largest.dtype))
    return tf.where(largest > 0.0, unit, tf.ones_like(unit))


def _as_bandwidth(value: Tensor, *, several: bool) -> Tensor:
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return tf.cast(tf.convert_to_tensor(value), tf.float64)
    values = list(value) if several and isinstance(value, Sequence) else [value]
    if not values:
        raise ValueError("`bandwidth` must have at least 1 entry; got none.")
    checked = [check_positive(entry, "bandwidth") for entry in values]
    return tf.constant(checked if len(values) > 1 else checked[0], tf.float64)


def _smallest_normal(dtype: tf.DType) -> Tensor:
    return tf.constant(2.0**-126 if dtype == tf.float32 else 2.0**-1022, dtype)
