"""KL in closed form and from samples: known values, invariances, bias, and rows that coincide."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp.densities import flow_density, shifted_beta
from lrmf_tfp.divergences import kl_closed_form, kl_gaussian, kl_nearest_neighbours
from lrmf_tfp.flows import affine_flow, real_nvp_flow


def constant(value):
    return tf.constant(value, tf.float64)


def plane(loc, scale):
    return tfd.Independent(tfd.Normal(constant(loc), constant([scale, scale])), 1)


def normal_kl(m1, s1, m2, s2):
    return math.log(s2 / s1) - 0.5 + (s1**2 + (m1 - m2) ** 2) / (2.0 * s2**2)


def test_the_published_value_and_its_wrong_direction():
    q, p = plane([1.0, 4.0], 1.0), plane([-3.0, 2.0], 2.5)
    assert float(kl_closed_form(q, p)) == pytest.approx(2.5925814637, abs=1e-10)
    assert float(kl_closed_form(p, q)) == pytest.approx(13.4174185363, abs=1e-10)


def test_float32_is_good_to_five_e_minus_seven():
    q = tfd.Independent(tfd.Normal([1.0, 4.0], [1.0, 1.0]), 1)
    p = tfd.Independent(tfd.Normal([-3.0, 2.0], [2.5, 2.5]), 1)
    assert float(kl_closed_form(q, p)) == pytest.approx(2.5925814637, abs=5e-7)


def test_gaussians_that_are_written_differently():
    covariance = constant([[1.5, 0.4], [0.4, 1.0]])
    full = tfd.MultivariateNormalTriL(constant([0.3, -0.2]), tf.linalg.cholesky(covariance))
    diagonal = plane([1.0, 4.0], 2.0)
    as_full = tfd.MultivariateNormalTriL(constant([1.0, 4.0]), constant(2.0 * np.eye(2)))
    for first, second, same in ((full, diagonal, (full, as_full)), (diagonal, full, None)):
        expected = tfd.kl_divergence(*(same or (as_full, full)))
        assert float(kl_closed_form(first, second)) == pytest.approx(float(expected), abs=1e-12)


def test_beta_has_its_textbook_value_and_no_shift_covers_another():
    def textbook(a1, b1, a2, b2):
        return (
            special.betaln(a2, b2)
            - special.betaln(a1, b1)
            + (a1 - a2) * special.psi(a1)
            + (b1 - b2) * special.psi(b1)
            + (a2 - a1 + b2 - b1) * special.psi(a1 + b1)
        )

    p = shifted_beta(3.0, 5.0, dtype=tf.float64)
    q = shifted_beta(2.0, 3.0, dtype=tf.float64)
    assert float(kl_closed_form(p, q)) == pytest.approx(0.0571489385, abs=1e-10)
    assert float(kl_closed_form(q, p)) == pytest.approx(0.0809462996, abs=1e-10)
    assert float(kl_closed_form(p, q)) == pytest.approx(textbook(3, 5, 2, 3), abs=1e-12)
    for shift in (-1e-3, 0.3, 5.0):
        moved = shifted_beta(2.0, 3.0, shift=shift, dtype=tf.float64)
        assert float(kl_closed_form(p, moved)) == math.inf


def test_a_common_bijector_changes_nothing():
    flow = real_nvp_flow(2, hidden_units=(4,))
    bases = [
        tfd.MultivariateNormalDiag([loc, 0.0], [1.0, scale])
        for loc, scale in ((0.0, 1.0), (1.0, 2.0))
    ]
    moved = [flow_density(flow, base=base) for base in bases]
    assert float(kl_closed_form(*moved)) == float(tfd.kl_divergence(*bases))
    shift = tfb.Shift(constant([1.0, 2.0]))
    pushed = [tfd.TransformedDistribution(plane([loc, 0.0], 1.0), shift) for loc in (0.0, 2.0)]
    assert float(kl_closed_form(*pushed)) == pytest.approx(2.0, abs=1e-12)


def test_what_has_no_closed_form_is_refused_in_one_line():
    first, second = (flow_density(affine_flow(2)) for _ in range(2))
    with pytest.raises(ValueError, match="`p` and `q` must have a KL in closed form") as caught:
        kl_closed_form(first, second)
    assert "kl_monte_carlo" in str(caught.value)
    assert "\n" not in str(caught.value)


PAIRS = {"A": (1.0, 1.0, 0.0, 2.0), "B": (0.0, 1.0, 0.5, 1.2)}


def samples(pair, seed, n=4000, m=3000):
    rng = np.random.default_rng(seed)
    p_mean, p_scale, q_mean, q_scale = PAIRS[pair]
    return rng.normal(p_mean, p_scale, size=(n, 1)), rng.normal(q_mean, q_scale, size=(m, 1))


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("pair", PAIRS)
def test_neighbours_find_the_kl_of_gaussians(pair, k):
    estimates = [kl_nearest_neighbours(*samples(pair, s), num_neighbours=k) for s in range(5)]
    assert np.mean(estimates) == pytest.approx(normal_kl(*PAIRS[pair]), abs=0.05)


def test_neighbours_go_by_the_order_of_the_arguments():
    draws = [samples("B", seed) for seed in range(5)]
    reverse = np.mean([kl_nearest_neighbours(y, x, num_neighbours=5) for x, y in draws])
    assert reverse == pytest.approx(0.1626784432, abs=0.04)


def test_neighbours_fall_short_where_tails_are_not_covered():
    """The docstring's warning: samples of N(0, 2^2) far from all samples of N(1, 1)."""
    draws = [samples("A", seed) for seed in range(5)]
    reverse = np.mean([kl_nearest_neighbours(y, x, num_neighbours=1) for x, y in draws])
    assert 0.8 < reverse < 1.2 < normal_kl(0.0, 2.0, 1.0, 1.0)


def test_neighbours_match_brute_force():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 3)), rng.normal(0.5, 1.2, size=(70, 3))
    k = 4
    within = np.sort(np.linalg.norm(x[:, None] - x[None], axis=-1), axis=1)[:, k]
    across = np.sort(np.linalg.norm(x[:, None] - y[None], axis=-1), axis=1)[:, k - 1]
    expected = 3 * np.mean(np.log(across / within)) + math.log(70 / 59)
    found = kl_nearest_neighbours(x, y, num_neighbours=k)
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_neighbours_match_brute_force_with_weights():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 2)), rng.normal(0.5, 1.2, size=(20, 2))
    a, b, k = rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(20)), 3
    terms = []
    for i in range(30):
        to_x, to_y = np.linalg.norm(x - x[i], axis=1), np.linalg.norm(y - x[i], axis=1)
        near, there = np.argsort(to_x)[1 : k + 1], np.argsort(to_y)[:k]
        share = np.log(a[near].sum() / (1.0 - a[i]) / b[there].sum())
        terms.append(2 * np.log(to_y[there[-1]] / to_x[near[-1]]) + share)
    found = kl_nearest_neighbours(
        x, y, num_neighbours=k, source_weights=3.0 * a, target_weights=1e-9 * b
    )
    assert float(found) == pytest.approx(a @ terms, abs=1e-12)


@pytest.mark.parametrize(
    "estimate", [kl_gaussian, functools.partial(kl_nearest_neighbours, num_neighbours=10)]
)
def test_weights_of_importance_make_one_law_of_another(estimate):
    """Draws of N(0, 2^2) that stand for N(1, 1): the KL of that against N(0, 2^2)."""
    values = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(0.0, 2.0, (4000, 1)), rng.normal(0.0, 2.0, (3000, 1))
        weights = np.exp(0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2)
        values.append(float(estimate(x, y, source_weights=weights)))
    assert np.mean(values) == pytest.approx(normal_kl(*PAIRS["A"]), abs=0.05)


def test_one_row_with_nearly_all_weight_gives_a_number():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    for heavy in (1e8, 1e20):
        value = kl_nearest_neighbours(x, y, source_weights=[heavy, 1, 1, 1, 1, 1])
        assert np.isfinite(float(value))


@pytest.mark.parametrize("function", [kl_nearest_neighbours, kl_gaussian])
def test_sample_estimates_are_invariant_and_differentiable(function):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(40, 2)), rng.normal(0.5, 1.3, size=(30, 2))
    value = float(function(x, y))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert float(function(3.0 * x @ turn + 7.0, 3.0 * y @ turn + 7.0)) == pytest.approx(value)
    x, y = tf.constant(x), tf.constant(y)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        loss = function(x, y)
    slopes = tape.gradient(loss, [x, y])
    step, move = 1e-6, rng.normal(size=(40, 2))
    change = float(function(x + step * move, y)) - float(function(x - step * move, y))
    assert float(tf.reduce_sum(slopes[0] * move)) == pytest.approx(change / (2 * step), rel=1e-5)
    assert float(tf.function(function)(x, y)) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_plug_in_knows_gaussians_at_any_scale(dtype, scale):
    rng = np.random.default_rng(3)
    x, y = rng.normal(1.0, 1.0, (20_000, 1)), rng.normal(0.0, 2.0, (20_000, 1))
    value = kl_gaussian((scale * x).astype(dtype), (scale * y).astype(dtype))
    assert value.dtype == dtype
    assert float(value) == pytest.approx(0.4431471806, abs=0.02)


def test_plug_in_has_the_bias_that_its_docstring_says():
    dims, rows = 3, 200
    values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values.append(
            float(kl_gaussian(rng.normal(size=(rows, dims)), rng.normal(size=(rows, dims))))
        )
    expected = dims * (dims + 3) / 4 * (2.0 / rows)
    assert np.mean(values) == pytest.approx(expected, rel=0.15)


def test_bad_samples_are_answered_in_one_line():
    fine = np.random.default_rng(0).normal(size=(5, 2))
    holed = fine.copy()
    holed[1, 1] = np.nan
    cases = [
        ((fine, fine[:, :1]), r"`target` must have shape \[M, 2\]"),
        ((holed, fine), "`source` must be finite"),
        ((fine[:0], fine), "`source` must have at least"),
        ((fine[:1], fine), "`source` must have at least 2 rows"),
        ((np.ones((5, 2)), fine), "`source` must"),
    ]
    for arguments, message in cases:
        for function in (kl_nearest_neighbours, kl_gaussian):
            with pytest.raises(ValueError, match=message) as caught:
                function(*arguments)
            assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="`source` and `target` must differ"):
        kl_nearest_neighbours(fine, fine)
    with pytest.raises(ValueError, match="`num_neighbours` must be at least 1"):
        kl_nearest_neighbours(fine, fine + 1.0, num_neighbours=0)
