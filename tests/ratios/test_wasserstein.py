"""The critic of W1: four methods, one value; constraints, extensions, errors."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from lrmf_tfp.ratios import (
    Critic,
    DifferentiableCritic,
    _lipschitz,
    wasserstein_critic,
)
from lrmf_tfp.samples import Sample

METHODS = ("all_pairs", "cross", "neighbours", "sorting")
CASES = {
    "disjoint": (15, 15, 2.0),
    "overlapping": (40, 40, 0.0),
    "unequal": (40, 25, 0.3),
    "few_and_many": (7, 50, 1.2),
    "one_each": (1, 1, -0.7),
}


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def betas(num_source, num_target, shift, seed=0):
    """Beta(3, 5) and Beta(2, 3) + shift, the shift applied once."""
    rng = np.random.default_rng(seed)
    return rng.beta(3, 5, [num_source, 1]), rng.beta(2, 3, [num_target, 1]) + shift


def excess(critic):
    """By how much the values rise above a slope of 1, over all pairs of points."""
    steps = np.abs(critic.point_values[:, None] - critic.point_values)
    return np.max(steps - (1.0 + 1e-9) * cdist(critic.points, critic.points))


@pytest.mark.parametrize("case", CASES)
def test_distance_is_scipys(method, case):
    x, y = betas(*CASES[case])
    critic = wasserstein_critic(x, y, method=method)
    wanted = wasserstein_distance(x[:, 0], y[:, 0])
    assert critic.distance == pytest.approx(wanted, abs=1e-9)
    gap = critic.point_values[: len(x)].mean() - critic.point_values[len(x) :].mean()
    assert gap == pytest.approx(wanted, abs=1e-9)
    assert excess(critic) < 1e-14
    assert critic.point_values.min() == 0.0


@pytest.mark.parametrize("shape", [(20, 20), (17, 29)])
@pytest.mark.parametrize("method", ["all_pairs", "cross"])
def test_distance_in_the_plane_is_that_of_the_best_plan(method, shape, rng):
    x, y = rng.normal(size=(shape[0], 2)), rng.normal(size=(shape[1], 2)) + [1.0, 0.3]
    critic = wasserstein_critic(x, y, method=method)
    costs = cdist(x, y)
    plain = ot.emd2(np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), costs)
    assert critic.distance == pytest.approx(plain, abs=1e-9)
    if len(x) == len(y):
        assert critic.distance == pytest.approx(costs[linear_sum_assignment(costs)].mean())
    assert excess(critic) < 1e-14


def test_it_is_a_critic_without_a_gradient():
    critic = wasserstein_critic([[0.0]], [[1.0]])
    assert isinstance(critic, Critic)
    assert not isinstance(critic, DifferentiableCritic)
    assert type(critic([[0.5]])) is np.ndarray


@pytest.mark.parametrize("case", CASES)
def test_weighted_distance_is_scipys(method, case):
    x, y = betas(*CASES[case])
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.1, 1.0, len(z)) for z in (x, y)]
    pair = [Sample.of(z, weights=w) for z, w in zip((x, y), weights, strict=True)]
    critic = wasserstein_critic(*pair, method=method)
    wanted = wasserstein_distance(x[:, 0], y[:, 0], *weights)
    assert critic.distance == pytest.approx(wanted, abs=1e-9)
    values = np.split(critic.point_values, [len(x)])
    gap = [np.average(v, weights=w) for v, w in zip(values, weights, strict=True)]
    assert gap[0] - gap[1] == pytest.approx(wanted, abs=1e-9)
    assert excess(critic) < 1e-14


@pytest.mark.parametrize("method", ["all_pairs", "cross"])
def test_weighted_distance_in_the_plane_is_that_of_the_best_plan(method, rng):
    x, y = rng.normal(size=(17, 2)), rng.normal(size=(14, 2)) + [1.0, 0.3]
    weights = [rng.uniform(0.1, 1.0, len(z)) for z in (x, y)]
    pair = [Sample.of(z, weights=w) for z, w in zip((x, y), weights, strict=True)]
    a, b = (w / w.sum() for w in weights)
    wanted = ot.emd2(a, b, cdist(x, y))
    assert wasserstein_critic(*pair, method=method).distance == pytest.approx(wanted, abs=1e-9)


def test_shares_that_rounding_makes_unequal_are_equal():
    """A tenth three times against three tenths: between them the critic is level."""
    x = Sample.of([[0.0], [0.1], [0.2], [9.0]], weights=[0.1, 0.1, 0.1, 0.7])
    y = Sample.of([[0.3], [8.0]], weights=[0.3, 0.7])
    critic = wasserstein_critic(x, y)
    assert critic([[1.0]])[0] == pytest.approx(critic([[7.0]])[0], abs=1e-12)
    assert critic.distance == pytest.approx(0.1 * (0.3 + 0.2 + 0.1) + 0.7, rel=1e-12)


def test_ties_within_and_between_the_sets(method):
    x, y = np.array([[0.0], [0.0], [1.0]]), np.array([[1.0], [1.0], [0.0], [3.0]])
    critic = wasserstein_critic(x, y, method=method)
    assert critic.distance == pytest.approx(wasserstein_distance(x[:, 0], y[:, 0]), abs=1e-12)
    for place in (0.0, 1.0):
        assert np.ptp(critic.point_values[critic.points[:, 0] == place]) < 1e-12


def test_equal_samples_have_distance_zero(method):
    x, _ = betas(12, 1, 0.0)
    assert wasserstein_critic(x, x[::-1], method=method).distance == pytest.approx(0.0, abs=1e-12)
    same = wasserstein_critic([[2.0]], [[2.0], [2.0]], method=method)
    assert same.distance == 0.0
    assert np.all(same.point_values == 0.0)


def test_disjoint_supports_give_the_difference_of_means_and_slope_minus_one(method):
    x, y = betas(30, 20, 2.0)
    critic = wasserstein_critic(x, y, method=method)
    assert critic.distance == pytest.approx(y.mean() - x.mean(), abs=1e-12)
    gap = np.linspace(x.max(), y.min(), 50)[:, None]
    for extension in (critic.upper, critic.lower, critic):
        np.testing.assert_allclose(np.diff(extension(gap)) / np.diff(gap[:, 0]), -1.0, atol=1e-9)


def test_population_value_of_the_shifted_pair():
    """W1 of Beta(3, 5) and Beta(2, 3) + 2 is 2 + 2/5 - 3/8; standard error 1e-3."""
    x, y = betas(50_000, 50_000, 2.0)
    assert wasserstein_critic(x, y).distance == pytest.approx(2.025, abs=5e-3)


def test_the_shift_applied_twice_would_be_another_distance():
    x, y = betas(500, 500, 2.0)
    once, twice = (wasserstein_critic(x, y + more).distance for more in (0.0, 2.0))
    assert twice - once == pytest.approx(2.0, abs=1e-12)
    assert once == pytest.approx(2.025, abs=0.05)


@pytest.mark.parametrize("size", [1, 2])
def test_extensions_are_lipschitz_and_go_through_the_values(size, rng):
    x, y = rng.normal(size=(13, size)), rng.normal(size=(9, size)) + 0.5
    critic = wasserstein_critic(x, y, method="all_pairs")
    z = rng.uniform(-4.0, 4.0, size=(300, size))
    upper, lower, middle = critic.upper(z), critic.lower(z), critic(z)
    assert np.all(lower <= upper + 1e-12)
    np.testing.assert_allclose(middle, 0.5 * (lower + upper))
    distances = cdist(z, z)
    for extension, there in [
        (critic.upper, upper),
        (critic.lower, lower),
        (critic, middle),
    ]:
        assert np.max(np.abs(there[:, None] - there) - distances) < 1e-12
        np.testing.assert_allclose(extension(critic.points), critic.point_values, atol=1e-12)


def test_extensions_are_the_extreme_ones(rng):
    """Any 1-Lipschitz function through the values lies between the two."""
    x, y = betas(10, 12, 0.3)
    critic = wasserstein_critic(x, y)
    z = np.linspace(-1.0, 3.0, 101)
    order = np.argsort(critic.points[:, 0])
    between = np.interp(z, critic.points[order, 0], critic.point_values[order])
    assert np.all(critic.lower(z) <= between + 1e-12)
    assert np.all(between <= critic.upper(z) + 1e-12)


def test_beyond_the_samples_the_extensions_part_and_the_midpoint_is_flat():
    critic = wasserstein_critic(*betas(15, 15, 2.0))
    z = np.array([-2.0, -1.0, 4.0, 5.0])
    np.testing.assert_allclose(np.diff(critic.upper(z))[[0, 2]], [-1.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(np.diff(critic.lower(z))[[0, 2]], [1.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(np.diff(critic(z))[[0, 2]], 0.0, atol=1e-12)


def test_values_move_with_the_samples(method):
    x, y = betas(20, 30, 0.1)
    plain = wasserstein_critic(x, y, method=method)
    moved = wasserstein_critic(1e6 * x + 3e7, 1e6 * y + 3e7, method=method)
    assert moved.distance == pytest.approx(1e6 * plain.distance, rel=1e-9)


def test_equal_shares_leave_the_critic_level():
    critic = wasserstein_critic([0.0, 3.0], [1.0, 2.0])
    assert critic.point_values.tolist() == [
        1.0,
        1.0,
        0.0,
        0.0,
    ]  # 0 between 1 and 2: free, so level


def fastest(function, repeats=5):
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.slow
def test_time_of_the_sort_and_of_all_pairs(rng):
    """About twice one sort of all points, and 40 ms for the solver, on a quiet core."""
    x, y = rng.normal(size=(2, 25_000))
    sort = fastest(lambda: np.argsort(np.concatenate([x, y]), kind="stable"))
    assert fastest(lambda: wasserstein_critic(x, y)) < 4 * sort
    few = betas(60, 60, 0.3)
    assert fastest(lambda: wasserstein_critic(*few, method="all_pairs")) < 0.1


def test_a_solver_that_fails_is_reported(monkeypatch):
    failed = SimpleNamespace(status=4, message="numerical difficulties")
    monkeypatch.setattr(_lipschitz, "linprog", lambda *args, **kwargs: failed)
    with pytest.raises(RuntimeError, match="3 points and 2 constraints.*: numerical difficulties"):
        wasserstein_critic([0.0], [1.0, 2.0], method="cross")


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (([0.0], [np.nan]), ValueError, "`denominator` must be finite; got 1 non-finite value"),
        (([[0.0, 1.0]], [[1.0]]), ValueError, r"`denominator` must have shape \[M, 2\]"),
        ((["a"], [1.0]), TypeError, "`numerator` must be numeric"),
        (([], [1.0]), ValueError, "`numerator` must have at least 1 row; got 0"),
        (([[0.0], [1.0, 2.0]], [1.0]), ValueError, "`numerator` must have rows of one length"),
    ],
)
def test_bad_samples_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        wasserstein_critic(*arguments)


@pytest.mark.parametrize("method", ["sorting", "neighbours"])
def test_methods_of_the_line_refuse_the_plane(method, rng):
    match = f"`method` must be 'all_pairs' or 'cross' for 2 dimensions; got '{method}'"
    with pytest.raises(ValueError, match=match):
        wasserstein_critic(*rng.normal(size=(2, 5, 2)), method=method)


def test_other_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`method` must be one of.*did you mean 'sorting'"):
        wasserstein_critic([0.0], [1.0], method="sort")
    critic = wasserstein_critic([0.0], [1.0])
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 1\].*; got \[1, 2\]"):
        critic.upper([[0.0, 1.0]])
    with pytest.raises(ValueError, match="`x` must be finite"):
        critic([np.inf])
