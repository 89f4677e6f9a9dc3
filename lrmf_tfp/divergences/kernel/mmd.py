"""Maximum mean discrepancy: kernels compare two sample sets, without any training."""

from __future__ import annotations

import tensorflow as tf

from lrmf_tfp._core.typing import Samples, Tensor, Weights
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.divergences._arguments import as_seed
from lrmf_tfp.divergences._envelope import with_gradients
from lrmf_tfp.divergences._pair import (
    WeightedPair,
    as_points,
    as_weighted_pair,
    check_spread,
    columns_of,
)
from lrmf_tfp.divergences.kernel import _mmd_terms as terms
from lrmf_tfp.divergences.kernel._arguments import Kernel, as_kernel, as_radial
from lrmf_tfp.kernels import EnergyKernel, RadialKernel
from lrmf_tfp.samples.sample import Sample

__all__ = [
    "energy_distance",
    "mmd_squared",
    "mmd_squared_linear_time",
    "mmd_squared_random_features",
    "mmd_witness",
]


def mmd_squared(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    kernel: Kernel = "gaussian",
    unbiased: bool = False,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the squared maximum mean discrepancy of two sample sets.

    `mmd_squared = mean(k(x, x')) + mean(k(y, y')) - 2 mean(k(x, y))`. The biased form, with the
    pairs `x = x'`, is the squared distance of the two mean embeddings: >= 0, and 0 for equal
    samples. Its bias is `(k(x, x) - mean k) / n` for each set; the unbiased form leaves those
    pairs out and may fall below 0. Use that one for training on batches.

    Means are weighted, `sum(a_i a_j k) / sum(a_i a_j)`. In the biased form a row of weight 2 is
    the row twice. In the unbiased one it is not: two equal rows are a pair that counts, one row
    of weight 2 is none.

    Time grows with N M. Memory grows with N + M for the library's kernels, which bring their own
    gradient; a callable's matrix is held whole. Gradients flow to both sample sets, once: second
    derivatives raise. Inside a `tf.function` values cannot be checked.

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        kernel: A name of `lrmf_tfp.kernels.KERNELS`, as wide as the samples' median distance; a
            kernel of `lrmf_tfp.kernels`; or a function of `x` `[N, D]`, `y` `[M, D]` that gives
            `[N, M]`. Inside a `tf.function` give the kernel itself.
        unbiased: Leave out the pairs of a point with itself; needs 2 rows of each.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar, in the units of the kernel.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: If shapes or columns differ, values are not finite, rows are too few, weights
            are negative, all 0 or given twice, a `Sample` has conditions, or the kernel is
            unknown.

    Examples:
        >>> from lrmf_tfp.kernels import GaussianKernel
        >>> value = mmd_squared([[0.0]], [[1.0]], kernel=GaussianKernel(1.0))
        >>> round(float(value), 4)
        0.7869

    References:
        [1] Gretton, Borgwardt, Rasch, Schoelkopf, Smola, A Kernel Two-Sample Test, JMLR 2012,
            lemma 6, eq. (3) unbiased and eq. (5) biased.
    """
    min_rows = 2 if unbiased else 1
    pair = as_weighted_pair(source, target, source_weights, target_weights, min_rows=min_rows)
    if unbiased:
        check_spread(pair.source_weights, "source_weights")
        check_spread(pair.target_weights, "target_weights")
    found = as_kernel(kernel, pair)
    if not isinstance(found, RadialKernel):
        return terms.callable_mmd(pair, found, unbiased=unbiased)
    precise = terms.precise(pair, found)
    constant = WeightedPair(*map(tf.stop_gradient, precise))
    value, gradients = terms.radial_mmd(constant, found, unbiased=unbiased)
    value = with_gradients(value, gradients, precise.source, precise.target)
    return tf.cast(value, pair.source.dtype)


def energy_distance(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    unbiased: bool = False,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the energy distance `2 E|x - y| - E|x - x'| - E|y - y'|` of two sample sets.

    It is `mmd_squared` with the kernel `-|x - y|`: no bandwidth to choose, and a gradient that
    reaches far. For D = 1 it is the square of `scipy.stats.energy_distance`.

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        unbiased: Leave out the pairs of a point with itself; needs 2 rows of each.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar, in the units of the samples; >= 0 in the biased form.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: As `mmd_squared`.

    Examples:
        >>> float(energy_distance([[0.0]], [[3.0]]))
        6.0

    References:
        [1] Szekely and Rizzo, Energy statistics, Journal of Statistical Planning and Inference
            2013.
    """
    return mmd_squared(
        source,
        target,
        kernel=EnergyKernel(),
        unbiased=unbiased,
        source_weights=source_weights,
        target_weights=target_weights,
    )


def mmd_squared_linear_time(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    kernel: str | RadialKernel = "gaussian",
    seed: int | Tensor = 0,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the unbiased estimate of the squared MMD that looks at every sample once.

    Mean of `k(x, x') + k(y, y') - k(x, y') - k(x', y)` over disjoint pairs of rows, which the seed
    draws, whatever order the rows are in. Time grows with N log N; the price is a variance that
    falls with 1 / N for every gap, where that of `mmd_squared` falls with 1 / N^2 near 0.

    A pair weighs as much as the product of its rows: the quotients of sums are consistent, and
    unbiased where all weights are equal. Rows of weight 0 count as absent; a row of weight 2 is
    not the row twice, which would come in two pairs.

    Args:
        source: Samples `[N, D]`, N >= 2, or a `Sample` with its weights.
        target: Samples `[M, D]`, M >= 2, or a `Sample`; some rows of the longer set are not used.
        kernel: A name or a kernel of `lrmf_tfp.kernels`, as in `mmd_squared`.
        seed: Seed of the pairs, a whole number or a stateless seed `[2]`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar, in the units of the kernel; may be below 0.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: As `mmd_squared`; or if a set has fewer than 2 rows.

    References:
        [1] Gretton et al., A Kernel Two-Sample Test, JMLR 2012, lemma 14.
    """
    pair = as_weighted_pair(source, target, source_weights, target_weights, min_rows=2)
    check_spread(pair.source_weights, "source_weights")
    check_spread(pair.target_weights, "target_weights")
    found = as_radial(kernel, pair)
    value = terms.linear_time_mmd(terms.precise(pair, found), found, as_seed(seed))
    return tf.cast(value, pair.source.dtype)


def mmd_squared_random_features(
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    kernel: str | RadialKernel = "gaussian",
    num_features: int = 500,
    seed: int | Tensor = 0,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the squared MMD of random Fourier features, an approximation in linear time.

    `|mean(f(x)) - mean(f(y))|^2` with `f(x) = [cos(w x), sin(w x)] / sqrt(R)`, where the R
    frequencies are drawn from the kernel's spectral density. The error of the biased MMD falls
    with `1 / sqrt(R)`. Differentiable as often as you like.

    Args:
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        kernel: `"gaussian"`, `"laplace"`, or a `GaussianKernel` with one bandwidth or a
            `LaplaceKernel`.
        num_features: Number of frequencies R.
        seed: Seed of the frequencies, a whole number or a stateless seed `[2]`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        Scalar >= 0.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: As `mmd_squared`; or if the kernel has no random features.

    References:
        [1] Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NeurIPS 2007,
            algorithm 1.
    """
    check_positive_int(num_features, "num_features")
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    frequencies = as_radial(kernel, pair).frequencies(
        num_features, pair.source.shape[1], seed=as_seed(seed), dtype=pair.source.dtype
    )
    return terms.feature_mmd(pair, frequencies)


def mmd_witness(
    points: Samples | Sample,
    source: Samples | Sample,
    target: Samples | Sample,
    *,
    kernel: str | RadialKernel = "gaussian",
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
) -> Tensor:
    """Return the witness `w(z) = mean(k(z, x)) - mean(k(z, y))` of the MMD at points.

    It is high where the source is denser than the target and low where it is the other way
    round, and `mean(w(x)) - mean(w(y))` is the biased `mmd_squared`. The critic of unit norm is
    `w / sqrt(mmd_squared)`.

    Args:
        points: Where to evaluate, `[G, D]`; weights do not count.
        source: Samples `[N, D]`, or a `Sample` with its weights.
        target: Samples `[M, D]`, or a `Sample`.
        kernel: A name or a kernel of `lrmf_tfp.kernels`, as in `mmd_squared`.
        source_weights: Weights `[N]` >= 0 of any scale; equal ones by default.
        target_weights: Weights `[M]`, likewise.

    Returns:
        The witness `[G]`, in the units of the kernel.

    Raises:
        TypeError: If samples are not numbers.
        ValueError: As `mmd_squared`.

    References:
        [1] Gretton et al., A Kernel Two-Sample Test, JMLR 2012, section 2.3.
    """
    pair = as_weighted_pair(source, target, source_weights, target_weights)
    z = tf.cast(as_points(points, "points", columns=columns_of(source)), pair.source.dtype)
    if z.shape[1] != pair.source.shape[1]:
        raise ValueError(
            f"`points` must have shape [G, {pair.source.shape[1]}] to match `source`; "
            f"got {z.shape.as_list()}."
        )
    found = as_radial(kernel, pair)
    precise = terms.precise(pair, found)
    value = terms.witness(tf.cast(z, precise.source.dtype), precise, found)
    return tf.cast(value, pair.source.dtype)
