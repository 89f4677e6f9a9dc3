"""Kernel mean matching as an estimator: fixed design, its numbers, and its bias."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from lrmf_tfp.divergences import kernel_mean_matching
from lrmf_tfp.kernels import GaussianKernel, RadialKernel
from lrmf_tfp.ratios import KernelMeanMatching
from lrmf_tfp.samples import Sample

KL, PEARSON, JSD = 0.4431471806, 0.7440263415, 0.1281749731  # N(1, 1) against N(0, 4)


def pair_a(seed, rows=1000):
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 1.0, (rows, 1)), rng.normal(0.0, 2.0, (rows, 1))


def test_unconstrained_it_is_the_function(rng):
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2))
    kernel = [GaussianKernel(0.5), GaussianKernel(2.0)]
    estimator = KernelMeanMatching(kernel=kernel, ridge=0.01, nonnegative=False).fit(x, y)
    wanted = kernel_mean_matching(x, y, kernel=kernel, ridge=0.01).numpy()
    np.testing.assert_allclose(estimator.ratio(y), wanted, rtol=1e-9)
    assert estimator.mean_ratio == pytest.approx(wanted.mean())
    assert estimator.pearson() == pytest.approx(np.mean((wanted - 1.0) ** 2))


def objective(x, y, p, q, *, width, ridge):
    """What is minimised over r, its gradient, and the curvature, by the definition."""
    within = np.exp(-cdist(y, y, "sqeuclidean") / (2.0 * width**2))
    across = np.exp(-cdist(y, x, "sqeuclidean") / (2.0 * width**2)) @ p
    matrix = q[:, None] * within * q + ridge * np.sum(q**2) * np.diag(q)

    def value_and_gradient(r):
        slope = matrix @ r - q * across
        return 0.5 * r @ matrix @ r - r @ (q * across), slope

    return value_and_gradient


def small_case(rng, *, shift):
    """Weighted rows with little overlap, so that many constraints bind."""
    x, y = rng.normal(size=(25, 2)) + shift, rng.normal(size=(18, 2))
    weights = rng.uniform(0.2, 1.0, 25), rng.uniform(0.2, 1.0, 18)
    return x, y, *(w / w.sum() for w in weights)


@pytest.mark.parametrize("mean", [None, 0.1, 0.0])
@pytest.mark.parametrize("shift", [0.7, 3.0])
def test_constrained_it_satisfies_the_conditions_of_karush_kuhn_and_tucker(rng, shift, mean):
    """With multipliers m >= 0 of r >= 0 and t of the mean: slope = m + t q and m r = 0."""
    x, y, p, q = small_case(rng, shift=shift)
    settings = {"kernel": GaussianKernel(0.8), "ridge": 0.05, "mean_tolerance": mean}
    estimator = KernelMeanMatching(**settings)
    estimator.fit(Sample.of(x, weights=p), Sample.of(y, weights=q))
    ratios = estimator.ratio(y)
    slope = objective(x, y, p, q, width=0.8, ridge=0.05)(ratios)[1] / q
    free = ratios > 1e-12
    assert 0 < free.sum() < 18
    multiplier = np.mean(slope[free])
    np.testing.assert_allclose(slope[free], multiplier, atol=1e-9)
    assert np.all(slope[~free] >= multiplier - 1e-9)
    if mean is None:
        assert abs(multiplier) < 1e-9
    elif shift == 3.0:  # too little of p is reached, so that the condition binds from below
        assert multiplier > 1e-6
        assert estimator.mean_ratio == pytest.approx(1.0 - mean, rel=1e-12)
    assert ratios.min() == 0.0


@pytest.mark.parametrize("mean", [None, 0.0])
def test_constrained_it_is_what_a_general_minimiser_finds(rng, mean):
    x, y, p, q = small_case(rng, shift=2.0)
    estimator = KernelMeanMatching(kernel=GaussianKernel(0.8), ridge=0.05, mean_tolerance=mean)
    estimator.fit(Sample.of(x, weights=p), Sample.of(y, weights=q))
    function = objective(x, y, p, q, width=0.8, ridge=0.05)
    constraints = [] if mean is None else [{"type": "eq", "fun": lambda r: q @ r - 1.0}]
    found = minimize(
        lambda r: 1e3 * function(r)[0],
        np.ones(18),
        jac=lambda r: 1e3 * function(r)[1],
        bounds=[(0.0, None)] * 18,
        constraints=constraints,
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 2000},
    )
    np.testing.assert_allclose(estimator.ratio(y), found.x, atol=1e-3)
    assert function(estimator.ratio(y))[0] <= function(found.x)[0] + 1e-12


def test_without_overlap_only_the_constrained_ratios_stay_ratios():
    """50 units apart: the truth is 0, the unconstrained ones go from -22 to 26."""
    x = np.random.default_rng(0).normal(1.0, 0.35, (300, 2))
    free = KernelMeanMatching(nonnegative=False).fit(x, x + 50.0)
    assert free.ratio(x + 50.0).min() < -20.0
    kept = KernelMeanMatching().fit(x, x + 50.0)
    assert kept.ratio(x + 50.0).min() == 0.0
    assert kept.ratio(x + 50.0).max() < 20.0
    assert kept.mean_ratio < 0.65  # what tells; a kernel narrower than the gap tells all
    narrow = KernelMeanMatching(kernel=GaussianKernel(1.0)).fit(x, x + 50.0)
    assert narrow.ratio(x + 50.0).max() < 1e-100
    assert narrow.mean_ratio < 1e-100
    piled = KernelMeanMatching(mean_tolerance=0.01).fit(x, x + 50.0)
    assert piled.mean_ratio == pytest.approx(0.99, rel=1e-9)
    assert piled.ratio(x + 50.0).max() > kept.ratio(x + 50.0).max()


def test_unconstrained_ratios_can_have_a_mean_of_one_too(rng):
    x, y = rng.normal(size=(30, 2)) + 1.0, rng.normal(size=(20, 2))
    settings = {"kernel": GaussianKernel(1.0), "nonnegative": False}
    free = KernelMeanMatching(**settings).fit(x, y)
    kept = KernelMeanMatching(**settings, mean_tolerance=0.0).fit(x, y)
    assert kept.mean_ratio == pytest.approx(1.0, rel=1e-12)
    assert abs(free.mean_ratio - 1.0) > 1e-3
    within = np.exp(-0.5 * cdist(y, y, "sqeuclidean"))
    moved = np.linalg.solve(within + 0.1 * np.eye(20), np.ones(20))  # along which the mean moves
    gap = (kept.ratio(y) - free.ratio(y)) / moved
    np.testing.assert_allclose(gap, gap[0], rtol=1e-6)


@pytest.mark.parametrize("nonnegative", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_divergences_come_near_the_truth(nonnegative):
    """Means over 5 draws of 200; their standard errors are about .03, .08 and .012."""
    estimators = [KernelMeanMatching(nonnegative=nonnegative) for _ in range(5)]
    fits = [each.fit(*pair_a(seed, 200)) for seed, each in enumerate(estimators)]
    assert np.mean([each.kl() for each in fits]) == pytest.approx(KL, abs=0.1)
    assert np.mean([each.pearson() for each in fits]) == pytest.approx(PEARSON, abs=0.2)
    assert np.mean([each.jensen_shannon() for each in fits]) == pytest.approx(JSD, abs=0.03)
    assert np.mean([each.mean_ratio for each in fits]) == pytest.approx(1.0, abs=0.01)


def test_weights_estimate_the_law_that_they_make():
    """Rows of N(0, 4) by weights p / q stand for p = N(1, 1), on either side."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.0, 2.0, (2, 400, 1))
    weights = np.exp(np.log(2.0) + 0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2)
    weighted = Sample.of(x, weights=weights)
    above = KernelMeanMatching().fit(weighted, y)
    assert above.kl() == pytest.approx(KL, abs=0.1)
    below = KernelMeanMatching().fit(rng.normal(1.0, 1.0, (400, 1)), weighted)
    assert below.kl() == pytest.approx(0.0, abs=0.05)
    assert below.mean_ratio == pytest.approx(1.0, abs=0.01)


def test_ratios_below_zero_have_no_logarithm():
    x, y = pair_a(0)
    settings = {"kernel": GaussianKernel(1.0), "ridge": 1e-3, "nonnegative": False}
    estimator = KernelMeanMatching(**settings).fit(x, y)
    below = estimator.ratio(y) <= 0.0
    assert below.any()
    assert np.all(np.isneginf(estimator.log_ratio(y)) == below)
    assert np.isfinite(estimator.kl())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_row_of_the_denominator_has_its_ratio(rng, dtype):
    """In any order, any number of times."""
    x, y = (rng.normal(size=(rows, 2)).astype(dtype) for rows in (30, 20))
    y[3] = 0.0
    estimator = KernelMeanMatching().fit(x, y)
    ratios = estimator.ratio(y)
    chosen = rng.integers(0, 20, 50)
    np.testing.assert_array_equal(estimator.ratio(y[chosen]), ratios[chosen])
    assert estimator.ratio([[-0.0, 0.0]]) == ratios[3]


def test_other_points_are_refused(rng):
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2))
    weights = np.r_[0.0, np.ones(19)]
    estimator = KernelMeanMatching().fit(x, Sample.of(y, weights=weights))
    for points, row in ((x, 0), (y[::-1], 19), (np.vstack([y[1:4], x[:1]]), 3)):
        match = f"`x` must be the denominator's samples.*the first in row {row}"
        with pytest.raises(ValueError, match=match) as caught:
            estimator.log_ratio(points)
        assert "\n" not in str(caught.value)
    before = y[1].copy()
    y[1] += 1.0  # the fit has a copy of its own
    with pytest.raises(ValueError, match="`x` must be the denominator's samples"):
        estimator.ratio(y[1:])
    assert estimator.ratio(before[None]) > 0.0


@pytest.mark.parametrize(
    ("ridge", "free", "kept"),
    [(1e-3, 3.2, 2.0), (1e-2, 0.92, 0.8), (1e-1, 0.34, 0.32), (1.0, 0.12, 0.12)],
)
def test_a_small_ridge_makes_pearson_its_own_bias(ridge, free, kept):
    """Equal distributions, N = 100, D = 2, unit bandwidth: the truth is 0. Medians; skewed."""
    for nonnegative, bias in ((False, free), (True, kept)):
        found = []
        for seed in range(15):
            x, y = np.random.default_rng(seed).normal(size=(2, 100, 2))
            settings = {"kernel": GaussianKernel(1.0), "ridge": ridge}
            estimator = KernelMeanMatching(**settings, nonnegative=nonnegative).fit(x, y)
            found.append(estimator.pearson())
        assert np.median(found) == pytest.approx(bias, rel=0.3)


def test_bad_settings_are_named(rng):
    x = rng.normal(size=(10, 1))
    with pytest.raises(ValueError, match="`ridge` must be finite and above 0; got 0"):
        KernelMeanMatching(ridge=0).fit(x, x)
    with pytest.raises(ValueError, match="`kernel` must be one of"):
        KernelMeanMatching(kernel="square").fit(x, x)
    with pytest.raises(ValueError, match="`kernel` must be positive definite; got the energy"):
        KernelMeanMatching(kernel=["gaussian", "energy"]).fit(x, x)
    for kernel in ([], 3, None):
        with pytest.raises(TypeError, match="`kernel` must be a name, a kernel or several"):
            KernelMeanMatching(kernel=kernel).fit(x, x)
    with pytest.raises(TypeError, match="`kernel` must be a name or a RadialKernel; got 3"):
        KernelMeanMatching(kernel=[3]).fit(x, x)
    with pytest.raises(ValueError, match="`mean_tolerance` must be finite and at least 0; got -1"):
        KernelMeanMatching(mean_tolerance=-1).fit(x, x)


class NoKernel(RadialKernel):
    """A function of the distance that is not positive definite."""

    def scale(self, dtype):
        return tf.ones([], dtype)

    def value_and_decay(self, u):
        return -tf.exp(-u), -tf.exp(-u)


def test_a_system_that_is_not_positive_definite_is_named(rng):
    with pytest.raises(ValueError, match="`ridge` must be large enough for a kernel system of 9"):
        KernelMeanMatching(kernel=NoKernel()).fit(rng.normal(size=(9, 1)), rng.normal(size=(9, 1)))


def test_rounding_alone_does_not_make_a_system_singular():
    """Kernel matrices of points that are almost one have eigenvalues a rounding below 0."""
    y = np.linspace(0.0, 1e-3, 200)[:, None]
    estimator = KernelMeanMatching(kernel=GaussianKernel(1.0), ridge=1e-18).fit(y + 1e-6, y)
    assert np.all(np.isfinite(estimator.ratio(y)))
    assert estimator.mean_ratio == pytest.approx(1.0, abs=1e-2)
