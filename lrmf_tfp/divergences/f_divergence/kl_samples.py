"""The Kullback-Leibler divergence from samples alone.

`KL(p || q) = E_p[log p - log q]`, always in the order of the arguments.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from scipy.spatial import KDTree
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.typing import Array, IntArray, Samples, Tensor, Weights
from lrmf_tfp._validation import as_pair, check_positive_int
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.divergences._pair import WeightedPair, as_weighted_pair
from lrmf_tfp.divergences._units import centre_of, check_size
from lrmf_tfp.kernels.radial import unit_of
from lrmf_tfp.samples.sample import Sample

__all__ = ["kl_gaussian", "kl_nearest_neighbours"]


def kl_gaussian(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the KL of the Gaussians that have the samples' means and covariances.

    `KL(source || target) = (tr(S_q^-1 S_p) + d' S_q^-1 d - D + log(det S_q / det S_p)) / 2`. It
    sees two moments and nothing else, so it is neither a bound nor a consistent estimate of the
    KL of other distributions. For equal Gaussians its mean is about
    `D (D + 3) / 4 (1 / N + 1 / M)` above 0. Moments are those of the weighted samples, `1 / N` and
    not `1 / (N - 1)`: a row of weight 2 is the row twice.

    Args:
        source: Samples of p, `[N, D]`, N > D, or a `Sample` with its weights.
        target: Samples of q, `[M, D]`, M > D, or a `Sample`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar, nats, >= 0; differentiable in both sample sets.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: If shapes or columns differ, values are not finite, weights are negative, all
            0 or given twice, a `Sample` has conditions, or a covariance is singular.

    Examples:
        >>> round(float(kl_gaussian([[0.0], [2.0]], [[1.0], [5.0]])), 4)
        0.8181
    """
    pair = as_weighted_pair(source, target, source_weights, target_weights, min_rows=2)
    check_size(pair, power=1)
    exact = _in_units(pair)
    for name, points, weights in zip(("source", "target"), exact[:2], exact[2:], strict=True):
        _check_volume(points, weights, name)
    return tf.cast(_kl_of_moments(exact), pair.source.dtype)


def kl_nearest_neighbours(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    num_neighbours: int = 1,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the nearest-neighbour estimate of `KL(source || target)` from samples alone.

    `D mean(log(nu_k / rho_k)) + log(M / (N - 1))`, where `rho_k` is the distance from a source
    row to its k-th neighbour among the other source rows and `nu_k` that to its k-th neighbour
    in the target. Consistent, no bound. Its bias falls slowly once D is more than a few, and
    where p reaches far beyond q's samples it falls short: 1.0 of 1.31 nats for N(0, 2^2) against
    N(1, 1) at N = 3000. More neighbours lower its variance and raise its bias. They are found on
    the host by a k-d tree, in time `(N + M) log(N + M)` for few dimensions; so neither XLA nor a
    SavedModel.

    With weights a and b that sum to 1 it is `sum(a_i (D log(nu_i / rho_i) + log(A_i / B_i)))`, A_i
    the share of the other source rows' weight that the k neighbours have and B_i that of the
    target's: consistent where weights are a function of the row, as those of importance sampling
    are. Rows of weight 0 count as absent. A row of weight 2 is not the row twice, which would be
    its own neighbour at distance 0.

    Args:
        source: Samples of p, `[N, D]`, N > `num_neighbours`, or a `Sample` with its weights.
        target: Samples of q, `[M, D]`, M >= `num_neighbours`, or a `Sample`.
        num_neighbours: k >= 1.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar, nats; may fall below 0. Differentiable in both sample sets, the neighbours held.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: If shapes or columns differ, values are not finite, rows are too few, weights
            are negative, all 0 or given twice, a `Sample` has conditions, or rows coincide so
            often that a distance is 0. Inside a `tf.function` TensorFlow reports the latter.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(2000, 1)), rng.normal(1.0, 1.0, size=(2000, 1))
        >>> bool(abs(kl_nearest_neighbours(x, y, num_neighbours=5) - 0.5) < 0.1)
        True

    References:
        [1] Wang, Kulkarni, Verdu, Divergence estimation for multidimensional densities via
            k-nearest-neighbor distances, IEEE Trans. Inf. Theory 2009, eq. (14).
    """
    check_positive_int(num_neighbours, "num_neighbours")
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    check_size(pair, power=1)
    exact = _in_units(pair)
    within, across, log_share = tf.numpy_function(
        lambda *parts: _neighbours(WeightedPair(*parts), num_neighbours),
        [tf.stop_gradient(part) for part in exact],
        [tf.int64, tf.int64, tf.float64],
        stateful=False,
    )
    rows = [pair.source.shape[0]]
    found = (tf.ensure_shape(part, rows) for part in (within, across, log_share))
    return tf.cast(_kl_of_neighbours(exact, *found), pair.source.dtype)


@np.errstate(under="ignore")  # 0 is right, also where the program tells NumPy to raise
def _neighbours(pair: WeightedPair, k: int) -> tuple[IntArray, IntArray, Array]:
    """Return the k-th neighbour of each source row among the source and in the target.

    And the logarithm of the shares of weight of the k neighbours there and here. Rows of weight 0
    are nobody's neighbours, and theirs are row 0.
    """
    x, y = as_pair(*pair[:2], dtype=np.float64)
    kept, others = (np.flatnonzero(weights) for weights in pair[2:])
    a, b = (weights[weights > 0.0] / weights.sum() for weights in pair[2:])
    within, near = _nearest(x[kept], x[kept], k + 1, "source", k=k)
    across, there = _nearest(x[kept], y[others], k, "target", k=k)
    own = np.where(near == np.arange(len(kept))[:, None], 0.0, a[near]).sum(axis=1)
    own = own / np.maximum(1.0 - a, own)  # where one row has nearly all weight, 1 - a is rounding
    places, shares = np.zeros([2, len(x)], np.int64), np.zeros(len(x))
    places[0, kept], places[1, kept] = kept[within], others[across]
    shares[kept] = np.log(own / b[there].sum(axis=1))
    return places[0], places[1], shares


def _nearest(
    queries: Array, rows: Array, rank: int, name: str, *, k: int
) -> tuple[IntArray, IntArray]:
    """Return the neighbour of each query that has the rank, `[N]`, and all up to it."""
    if len(rows) < rank:
        raise ValueError(
            f"`{name}` must have at least {rank} rows for {k} neighbours; got {len(rows)}."
        )
    distances, indices = KDTree(rows).query(queries, range(1, rank + 1))
    if not np.all(distances[:, -1] > 0.0):
        row = int(np.flatnonzero(distances[:, -1] == 0.0)[0])
        both = "`source`" if name == "source" else "`source` and `target`"
        raise ValueError(
            f"{both} must differ from row to row, for distances above 0; "
            f"got {rank} equal to row {row} of `source`."
        )
    return indices[:, -1].astype(np.int64), indices


@compiled
def _in_units(pair: WeightedPair) -> WeightedPair:
    """Return the pair in float64, around the origin and of unit size."""
    exact = WeightedPair(*(tf.cast(part, tf.float64) for part in pair))
    centre = centre_of(exact)
    x, y = exact.source - centre, exact.target - centre
    unit = unit_of(x, y)
    return exact._replace(source=x / unit, target=y / unit)


@compiled
def _kl_of_neighbours(
    pair: WeightedPair, within: Tensor, across: Tensor, log_share: Tensor
) -> Tensor:
    x, y = (tf.reshape(points, tf.shape(points)) for points in pair[:2])  # see exact._planned_cost
    a = pair.source_weights / tf.reduce_sum(pair.source_weights)
    counts = a > 0.0
    log_rho, log_nu = (
        tf.math.log(
            tf.where(counts, tf.reduce_sum(tf.math.squared_difference(x, each), axis=1), 1.0)
        )
        for each in (tf.gather(x, within), tf.gather(y, across))
    )
    half_size = 0.5 * tf.cast(tf.shape(x)[1], tf.float64)
    return tf.reduce_sum(a * (half_size * (log_nu - log_rho) + log_share))


@compiled
def _kl_of_moments(pair: WeightedPair) -> Tensor:
    laws = []
    for points, weights in zip(pair[:2], pair[2:], strict=True):
        mean, covariance = _moments(points, weights)
        laws.append(tfd.MultivariateNormalTriL(mean, tf.linalg.cholesky(covariance)))
    return tfd.kl_divergence(*laws)


def _moments(points: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    weights = weights / tf.reduce_sum(weights)  # float32 ones may miss 1
    mean = tf.linalg.matvec(points, weights, transpose_a=True)
    centred = points - mean
    return mean, tf.matmul(centred, weights[:, None] * centred, transpose_a=True)


def _check_volume(points: Tensor, weights: Tensor, name: str) -> None:
    if tf.is_symbolic_tensor(points) or tf.is_symbolic_tensor(weights):
        return
    rows, shares = points.numpy(), weights.numpy()
    centred = rows - shares @ rows
    spread = np.linalg.eigvalsh((shares[:, None] * centred).T @ centred)
    if spread[0] <= 1e-12 * max(spread[-1], np.finfo(np.float64).tiny):
        raise ValueError(
            f"`{name}` must have a positive definite covariance; got smallest eigenvalue "
            f"{spread[0]:.3g} of the samples' size squared from {len(points)} rows."
        )
