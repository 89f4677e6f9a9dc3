"""Ratios are functions of the two laws that weighted samples stand for, and of no unit."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp.kernels import GaussianKernel, median_distance
from lrmf_tfp.ratios import KernelMeanMatching, LeastSquaresRatio, mmd_critic, wasserstein_critic
from lrmf_tfp.ratios._kernels import typical_distance
from lrmf_tfp.ratios._rows import as_pair, distinct
from lrmf_tfp.samples import Sample

ESTIMATORS = {
    "least_squares": lambda: LeastSquaresRatio(num_centres=15),
    "mean_matching": KernelMeanMatching,
    "mean_matching, free": lambda: KernelMeanMatching(nonnegative=False),
    "mean_matching, mean 1": lambda: KernelMeanMatching(
        kernel=["multi_gaussian", GaussianKernel(0.8)], mean_tolerance=0.0
    ),
    "wasserstein": lambda: Critic(lambda *pair: wasserstein_critic(*pair, method="cross")),
    "mmd": lambda: Critic(mmd_critic),
}
NUMBERS = ("kl", "pearson", "jensen_shannon")


class Critic:
    """A critic as an estimator of one number, to run through the same laws."""

    def __init__(self, function):
        self.function = function

    def fit(self, numerator, denominator):
        self.critic = self.function(numerator, denominator)
        return self

    def ratio(self, x):
        return self.critic(x)


def numbers_of(estimator):
    if isinstance(estimator, Critic):
        critic = estimator.critic
        return [critic.mmd if hasattr(critic, "mmd") else critic.distance]
    return [getattr(estimator, name)() for name in NUMBERS]


def assert_same(first, second, x, *, rtol=1e-8):
    np.testing.assert_allclose(numbers_of(second), numbers_of(first), rtol=rtol)
    np.testing.assert_allclose(second.ratio(x), first.ratio(x), rtol=rtol, atol=rtol)


@pytest.fixture(params=ESTIMATORS)
def build(request):
    return ESTIMATORS[request.param]


@pytest.fixture
def samples(rng):
    return rng.normal(1.0, 1.0, (30, 2)), rng.normal(0.0, 2.0, (25, 2))


def weighted(samples, weights):
    return tuple(Sample.of(x, weights=w) for x, w in zip(samples, weights, strict=True))


def test_whole_weights_are_repeated_rows(build, samples, rng):
    times = [rng.integers(1, 4, len(x)) for x in samples]
    repeated = [np.repeat(x, k, axis=0) for x, k in zip(samples, times, strict=True)]
    for scale in (1.0, 1e-200):
        weights = [scale * k for k in times]
        assert_same(build().fit(*repeated), build().fit(*weighted(samples, weights)), samples[1])


def test_the_same_weight_for_all_is_none(build, samples):
    constant = [np.full(len(x), 7.0) for x in samples]
    first = build().fit(*samples)
    assert_same(first, build().fit(*weighted(samples, constant)), samples[1], rtol=1e-12)


def test_rows_without_mass_are_absent(build, samples, rng):
    """However far they lie: no width, centre or moment sees them."""
    masses = [rng.uniform(0.5, 1.5, len(x)) for x in samples]
    padded = [np.vstack([np.full((9, 2), 1e12), x]) for x in samples]
    weights = [np.r_[np.zeros(9), w] for w in masses]
    first = build().fit(*weighted(samples, masses))
    assert_same(first, build().fit(*weighted(padded, weights)), samples[1], rtol=1e-12)
    dropped = [x[w > 1.0] for x, w in zip(samples, masses, strict=True)]
    kept = [(w > 1.0).astype(float) for w in masses]
    second = build().fit(*weighted(samples, kept))
    assert_same(build().fit(*dropped), second, dropped[1], rtol=1e-12)


def test_the_order_of_rows_does_not_matter(build, samples, rng):
    masses = [rng.uniform(0.5, 1.5, len(x)) for x in samples]
    orders = [rng.permutation(len(x)) for x in samples]
    moved = [x[k] for x, k in zip(samples, orders, strict=True)]
    weights = [w[k] for w, k in zip(masses, orders, strict=True)]
    first = build().fit(*weighted(samples, masses))
    assert_same(first, build().fit(*weighted(moved, weights)), samples[1], rtol=1e-9)


@pytest.mark.parametrize(("dtype", "unit"), [(np.float32, 1e-25), (np.float64, 1e-140)])
@pytest.mark.parametrize("name", ["least_squares", "mean_matching"])
def test_no_unit_is_too_small_or_too_large(name, dtype, unit, samples):
    build = ESTIMATORS[name]
    x, y = (z.astype(dtype) for z in samples)
    plain = build().fit(x, y)
    for factor in (dtype(unit), dtype(1.0 / unit)):
        scaled = build().fit(factor * x, factor * y)
        np.testing.assert_allclose(scaled.kl(), plain.kl(), rtol=1e-4)
        np.testing.assert_allclose(scaled.ratio(factor * y), plain.ratio(y), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("order", ["in turns", "one after another"])
def test_four_classes_in_any_order_have_one_width(order):
    """Every fourth row of those that take turns is of one class, 1.8 wide; all are 15 apart."""
    rng = np.random.default_rng(0)
    label = np.arange(1000) % 4
    x = rng.normal(size=(1000, 2)) + 10.0 * label[:, None]
    y = rng.normal(size=(1000, 2)) + 10.0 * label[:, None] + 1.0
    chosen = np.arange(1000) if order == "in turns" else np.argsort(label, kind="stable")
    law_p, law_q = (distinct(sample) for sample in as_pair(x[chosen], y[chosen]))
    pooled = np.vstack([x, y])
    pairs = rng.integers(0, 2000, (2, 20_000))
    exact = np.median(np.linalg.norm(pooled[pairs[0]] - pooled[pairs[1]], axis=1))
    assert exact == pytest.approx(14.8, abs=0.3)
    assert typical_distance(law_p, law_q) == pytest.approx(exact, rel=0.05)
    estimator = LeastSquaresRatio(num_centres=5, ridges=[0.1]).fit(x[chosen], y[chosen])
    shuffled = LeastSquaresRatio(num_centres=5, ridges=[0.1]).fit(x, y)
    assert estimator.bandwidth_ == shuffled.bandwidth_
    np.testing.assert_array_equal(estimator.centres_, shuffled.centres_)


def test_the_width_is_a_weighted_median(rng):
    """Of distances between different rows, by the product of their shares."""
    x, y = rng.normal(size=(12, 2)), rng.normal(size=(9, 2)) + 1.0
    even = [distinct(sample) for sample in as_pair(x, y)]
    assert typical_distance(*even) == pytest.approx(median_distance(x, y), rel=1e-12)
    times = [rng.integers(1, 5, len(z)) for z in (x, y)]
    laws = [distinct(sample) for sample in as_pair(*weighted((x, y), times))]
    mass = np.concatenate([law.shares for law in laws])
    rows = np.concatenate([law.rows for law in laws])
    first, second = np.triu_indices(len(rows), 1)
    distances = np.linalg.norm(rows[first] - rows[second], axis=1)
    order = np.argsort(distances)
    reached = np.cumsum((mass[first] * mass[second])[order])
    wanted = distances[order][np.searchsorted(reached, 0.5 * reached[-1])]
    assert typical_distance(*laws) == pytest.approx(wanted, rel=1e-12)


def test_many_weighted_rows_are_thinned_by_weight(rng):
    """A tenth of the rows, far away, has one in a thousand of the mass."""
    x = np.vstack([rng.normal(size=(900, 2)), rng.normal(size=(100, 2)) + 1e3])
    weights = np.r_[np.ones(900), np.full(100, 0.01)]
    laws = [distinct(sample) for sample in as_pair(*weighted((x, x + 0.1), (weights, weights)))]
    near = [distinct(sample) for sample in as_pair(x[:900], x[:900] + 0.1)]
    assert typical_distance(*laws) == pytest.approx(typical_distance(*near), rel=0.1)


def test_rows_that_are_all_one_have_a_width():
    laws = [distinct(sample) for sample in as_pair(np.ones((5, 2)), np.ones((4, 2)))]
    assert typical_distance(*laws) == 1.0
    weights = [np.arange(1.0, 6.0), np.arange(1.0, 5.0)]
    x, y = np.repeat([[0.0], [1.0]], [4, 1], axis=0), np.zeros((4, 1))
    laws = [distinct(sample) for sample in as_pair(*weighted((x, y), weights))]
    assert typical_distance(*laws) == pytest.approx(1.0)


def test_distinct_rows_are_sorted_and_counted():
    sample = as_pair([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0], [-0.0, 5.0]], [[0.0, 0.0]], min_rows=1)
    law = distinct(sample.numerator)
    np.testing.assert_array_equal(law.rows, [[0.0, 5.0], [1.0, 2.0]])
    np.testing.assert_array_equal(law.shares, [0.5, 0.5])
    np.testing.assert_array_equal(law.places, [1, 0, 1, 0])
    assert law.num_effective == pytest.approx(2.0)
