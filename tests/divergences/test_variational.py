"""Bounds by a critic's outputs: where they are tight, which is higher, overflow, errors."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from scipy.stats import norm

from lrmf_tfp import divergences
from lrmf_tfp.divergences import (
    VARIATIONAL_BOUNDS,
    DonskerVaradhan,
    donsker_varadhan_bound,
    variational_bound,
)
from lrmf_tfp.divergences.f_divergence.variational import as_variational_bound
from lrmf_tfp.samples import Sample
from tests.reference import finite_difference, gradients

# Pair B: p = N(0, 1), q = N(0.5, 1.44).
PAIR_B = {
    "kl": 0.1163493346,
    "reverse_kl": 0.1626784432,
    "pearson": 0.1995973377,
    "neyman": 0.7402282143,
    "squared_hellinger": 0.0666238494,
    "jensen_shannon": 0.0320968920,
    "gan": -1.3221005772,
    "total_variation": 0.1929884956,
    "donsker_varadhan": 0.1163493346,
}
# v that attains each bound, from the log-ratio l.
OPTIMAL = {
    "kl": lambda log_r: 1.0 + log_r,
    "reverse_kl": lambda log_r: log_r,
    "pearson": lambda log_r: 2.0 * np.expm1(log_r),
    "neyman": lambda log_r: 2.0 * log_r,
    "squared_hellinger": lambda log_r: 0.5 * log_r,
    "jensen_shannon": lambda log_r: log_r,
    "gan": lambda log_r: log_r,
    "total_variation": lambda log_r: 1e3 * log_r,
    "donsker_varadhan": lambda log_r: log_r - 7.0,
}
NUM_QUANTILES = 400_000


def log_ratio_b(x):
    return norm.logpdf(x) - norm.logpdf(x, 0.5, 1.2)


@pytest.fixture(scope="module")
def points():
    """Equally likely quantiles of p and q: means over them are the midpoint rule."""
    levels = (np.arange(NUM_QUANTILES) + 0.5) / NUM_QUANTILES
    return norm.ppf(levels), norm.ppf(levels, 0.5, 1.2)


@pytest.fixture(params=PAIR_B)
def name(request):
    return request.param


def test_the_optimal_output_attains_the_divergence(name, points):
    """The rule errs by what lies beyond the last quantile: much only for E_p[r^-2] of Neyman."""
    found = variational_bound(name, *(OPTIMAL[name](log_ratio_b(x)) for x in points))
    tolerance = {"neyman": 0.05, "reverse_kl": 1e-4}.get(name, 1e-5)
    assert float(found) == pytest.approx(PAIR_B[name], abs=tolerance)


@pytest.mark.parametrize("bump", [0.3, -0.3])
def test_any_other_output_gives_less(name, points, bump):
    best, other = (
        float(
            variational_bound(
                name, *(OPTIMAL[name](log_ratio_b(x)) + size * np.exp(-(x**2)) for x in points)
            )
        )
        for size in (0.0, 1e3 * bump if name == "total_variation" else bump)
    )
    assert other < best - 1e-4


def test_donsker_varadhan_is_the_definition_and_sees_no_constant(rng):
    v, w = rng.normal(size=30), rng.normal(size=20)
    wanted = v.mean() - (logsumexp(w) - np.log(20))
    assert float(donsker_varadhan_bound(v, w)) == pytest.approx(wanted, rel=1e-12)
    assert float(donsker_varadhan_bound(v + 900.0, w + 900.0)) == pytest.approx(wanted, rel=1e-9)


def test_donsker_varadhan_is_at_least_the_bound_of_nguyen(rng):
    """log(a) <= a / e, with equality where E_q[exp(v)] = e."""
    for _ in range(20):
        v, w = rng.normal(size=30) * 2.0, rng.normal(size=20)
        lower, higher = float(variational_bound("kl", v, w)), float(donsker_varadhan_bound(v, w))
        assert lower <= higher
    shift = 1.0 - (logsumexp(w) - np.log(20))
    tight = float(variational_bound("kl", v + shift, w + shift))
    assert tight == pytest.approx(higher, rel=1e-12)


def test_donsker_varadhan_is_too_high_on_few_samples(rng):
    """By var_q(exp(v)) / (2 M) at the optimum, for a critic that is fixed; Nguyen's is not."""
    size, draws = 50, 4000
    x, y = rng.normal(size=[draws, size]), rng.normal(0.5, 1.2, size=[draws, size])
    l_x, l_y = log_ratio_b(x), log_ratio_b(y)
    by_logarithm = l_x.mean(1) - np.log(np.exp(l_y).mean(1))
    by_mean = 1.0 + l_x.mean(1) - np.exp(l_y).mean(1)
    error = by_mean.std() / np.sqrt(draws)
    assert by_mean.mean() == pytest.approx(PAIR_B["kl"], abs=4 * error)
    excess = by_logarithm.mean() - PAIR_B["kl"]
    assert excess == pytest.approx(PAIR_B["pearson"] / (2 * size), abs=4 * error)
    few = [float(donsker_varadhan_bound(a, b)) for a, b in zip(l_x[:5], l_y[:5], strict=True)]
    np.testing.assert_allclose(few, by_logarithm[:5])


@pytest.mark.parametrize("size", [1e2, 1e4])
def test_outputs_of_any_size_give_numbers_and_gradients(name, size):
    v = np.array([-size, 0.0, size], np.float32)
    value = float(variational_bound(name, v, v))
    assert np.isfinite(value)
    slopes = gradients(lambda a, b: variational_bound(name, a, b), v, v)
    assert all(np.all(np.isfinite(slope)) for slope in slopes)


def test_gradient_is_that_of_finite_differences(name, rng):
    v, w = rng.normal(size=6), rng.normal(size=5)
    slopes = gradients(lambda a, b: variational_bound(name, a, b), v, w)
    wanted = finite_difference(lambda a: variational_bound(name, a, w), v, (2,))
    assert slopes[0][2] == pytest.approx(wanted, abs=1e-8)
    wanted = finite_difference(lambda b: variational_bound(name, v, b), w, (3,))
    assert slopes[1][3] == pytest.approx(wanted, abs=1e-8)


def test_weights_are_repeated_outputs(name, rng):
    v, w = rng.normal(size=5), rng.normal(size=4)
    a, b = np.array([2, 0, 1, 1, 3]), np.array([1, 2, 0, 1])
    wanted = pytest.approx(
        float(variational_bound(name, np.repeat(v, a), np.repeat(w, b))), rel=1e-12
    )
    weights = {"numerator_weights": 0.1 * a, "denominator_weights": 1e30 * b}
    assert float(variational_bound(name, v, w, **weights)) == wanted
    samples = Sample.of(v[:, None], a), Sample.of(w[:, None], b)
    assert float(variational_bound(name, *samples)) == wanted
    high = np.where(a > 0, v, 300.0), np.where(b > 0, w, 300.0)
    inside = tf.function(functools.partial(variational_bound, name), autograph=False)
    tensors = {side: tf.constant(each, tf.float64) for side, each in weights.items()}
    assert float(inside(*map(tf.constant, high), **tensors)) == wanted
    slopes = gradients(lambda p, q: inside(p, q, **tensors), *high)
    assert all(np.all(np.isfinite(slope)) for slope in slopes)


def test_bad_weights_are_named():
    with pytest.raises(ValueError, match="`numerator_weights` must not all be 0; got 2 zeros"):
        variational_bound("kl", [0.0, 1.0], [0.0], numerator_weights=[0.0, 0.0])
    weighted = Sample.of([[0.0], [1.0]], [1, 2])
    with pytest.raises(ValueError, match="`numerator_weights` must be left out where"):
        variational_bound("kl", weighted, [0.0], numerator_weights=[1, 1])
    with pytest.raises(ValueError, match=r"`denominator_outputs` must have shape \[N, 1\]"):
        donsker_varadhan_bound([0.0], Sample.of([[0.0, 1.0]]))


def test_every_bound_has_a_name_and_comes_as_an_object_too(rng):
    assert set(VARIATIONAL_BOUNDS) == set(PAIR_B)
    v, w = rng.normal(size=6), rng.normal(size=5)
    for name, bound in VARIATIONAL_BOUNDS.items():
        assert bound.name == name
        assert as_variational_bound(name) is bound
        assert as_variational_bound(bound) is bound
        assert float(variational_bound(bound, v, w)) == float(variational_bound(name, v, w))
    assert as_variational_bound(DonskerVaradhan()).name == "donsker_varadhan"


def test_dtypes_are_kept_and_the_wider_one_wins():
    single, double = np.ones(3, np.float32), np.ones(3)
    assert variational_bound("kl", single, single).dtype == tf.float32
    assert variational_bound("kl", single, double).dtype == tf.float64
    assert donsker_varadhan_bound([1, 2], [3]).dtype == tf.float64


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_compiles(name, jit_compile, rng):
    v, w = tf.constant(rng.normal(size=6)), tf.constant(rng.normal(size=5))
    inside = tf.function(
        lambda a, b: variational_bound(name, a, b), autograph=False, jit_compile=jit_compile
    )
    assert float(inside(v, w)) == pytest.approx(float(variational_bound(name, v, w)), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (("kl", [np.nan], [0.0]), ValueError, "`numerator_outputs` must be finite; got nan"),
        (
            ("kl", [0.0], [1.0, np.inf]),
            ValueError,
            "`denominator_outputs` must be finite; got inf",
        ),
        (("kl", [[0.0]], [0.0]), ValueError, r"`numerator_outputs` must have shape \[N\]; got"),
        (("kl", [0.0], []), ValueError, r"`denominator_outputs` must have shape \[N\]; got"),
        (("kl", ["a"], [0.0]), TypeError, "`numerator_outputs` must be numeric"),
        (
            ("dv", [0.0], [0.0]),
            ValueError,
            "`divergence` must be one of 'donsker_varadhan', 'gan'",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        divergences.variational_bound(*arguments)
