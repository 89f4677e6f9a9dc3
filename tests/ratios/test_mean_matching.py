"""Kernel mean matching as an estimator: fixed design, its numbers, and its bias."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp.divergences import kernel_mean_matching
from lrmf_tfp.kernels import GaussianKernel
from lrmf_tfp.ratios import KernelMeanMatching

KL, PEARSON, JSD = 0.4431471806, 0.7440263415, 0.1281749731  # N(1, 1) against N(0, 4)


def pair_a(seed, rows=1000):
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 1.0, (rows, 1)), rng.normal(0.0, 2.0, (rows, 1))


def test_it_is_the_function(rng):
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2))
    kernel = [GaussianKernel(0.5), GaussianKernel(2.0)]
    estimator = KernelMeanMatching(kernel=kernel, ridge=0.01).fit(x, y)
    wanted = kernel_mean_matching(x, y, kernel=kernel, ridge=0.01).numpy()
    np.testing.assert_array_equal(estimator.ratio(y), wanted)
    assert estimator.mean_ratio == pytest.approx(wanted.mean())
    assert estimator.pearson() == pytest.approx(np.mean((wanted - 1.0) ** 2))


def test_divergences_come_near_the_truth():
    """Means over 5 draws of 1,000; their standard errors are about .016, .035 and .006."""
    fits = [KernelMeanMatching().fit(*pair_a(seed)) for seed in range(5)]
    assert np.mean([each.kl() for each in fits]) == pytest.approx(KL, abs=0.06)
    assert np.mean([each.pearson() for each in fits]) == pytest.approx(PEARSON, abs=0.12)
    assert np.mean([each.jensen_shannon() for each in fits]) == pytest.approx(JSD, abs=0.02)
    assert np.mean([each.mean_ratio for each in fits]) == pytest.approx(1.0, abs=0.01)


def test_ratios_below_zero_have_no_logarithm():
    x, y = pair_a(0)
    estimator = KernelMeanMatching(kernel=GaussianKernel(1.0), ridge=1e-3).fit(x, y)
    below = estimator.ratio(y) <= 0.0
    assert below.any()
    assert np.all(np.isneginf(estimator.log_ratio(y)) == below)
    assert np.isfinite(estimator.kl())


def test_other_points_are_refused(rng):
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2))
    estimator = KernelMeanMatching().fit(x, y)
    for points in (x, y[::-1], y[:5]):
        with pytest.raises(ValueError, match="`x` must be the denominator's samples") as caught:
            estimator.log_ratio(points)
        assert "\n" not in str(caught.value)
    y[0] += 1.0  # the fit has a copy of its own
    with pytest.raises(ValueError, match="`x` must be the denominator's samples"):
        estimator.ratio(y)


@pytest.mark.parametrize(("ridge", "bias"), [(1e-3, 3.2), (1e-2, 0.92), (1e-1, 0.34), (1.0, 0.12)])
def test_a_small_ridge_makes_pearson_its_own_bias(ridge, bias):
    """Equal distributions, N = 100, D = 2, unit bandwidth: the truth is 0. Medians; skewed."""
    found = []
    for seed in range(30):
        x, y = np.random.default_rng(seed).normal(size=(2, 100, 2))
        estimator = KernelMeanMatching(kernel=GaussianKernel(1.0), ridge=ridge).fit(x, y)
        found.append(estimator.pearson())
    assert np.median(found) == pytest.approx(bias, rel=0.3)


def test_bad_settings_are_named(rng):
    x = rng.normal(size=(10, 1))
    with pytest.raises(ValueError, match="`ridge` must be finite and above 0; got 0"):
        KernelMeanMatching(ridge=0).fit(x, x)
    with pytest.raises(ValueError, match="`kernel` must be one of"):
        KernelMeanMatching(kernel="square").fit(x, x)
