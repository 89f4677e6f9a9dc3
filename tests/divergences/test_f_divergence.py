"""The table of f-divergences: conjugates, bounds and ratios against quadrature and theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

from lrmf_tfp.divergences import F_DIVERGENCES
from lrmf_tfp.divergences.f_divergence.table import as_f_divergence

PAIRS = {
    "A": (stats.norm(1.0, 1.0), stats.norm(0.0, 2.0)),
    "B": (stats.norm(0.0, 1.0), stats.norm(0.5, 1.2)),
}
# Values by quadrature of the definitions in the literature, to ten digits.
TRUTH = {
    "kl": (0.4431471806, 0.1163493346),
    "reverse_kl": (1.3068528194, 0.1626784432),
    "pearson": (0.7440263415, 0.1995973377),
    "neyman": (math.inf, 0.7402282143),
    "squared_hellinger": (0.2983890757, 0.0666238494),
    "jensen_shannon": (0.1281749731, 0.0320968920),
    "gan": (-1.1299444150, -1.3221005772),
    "total_variation": (0.3900656601, 0.1929884956),
}
CASES = [(n, p) for n in TRUTH for p in PAIRS if math.isfinite(TRUTH[n]["AB".index(p)])]
F = {  # f(u) as the f-GAN paper and textbooks write it
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1.0) ** 2,
    "neyman": lambda u: (1.0 - u) ** 2 / u,
    "squared_hellinger": lambda u: (np.sqrt(u) - 1.0) ** 2,
    "jensen_shannon": lambda u: 0.5 * (u * np.log(u) - (u + 1.0) * np.log((u + 1.0) / 2.0)),
    "gan": lambda u: u * np.log(u) - (u + 1.0) * np.log(u + 1.0),
    "total_variation": lambda u: 0.5 * np.abs(u - 1.0),
}
NAMES = sorted(F_DIVERGENCES)


def as_float64(values):
    return tf.constant(values, tf.float64)


def log_ratio(pair, x):
    p, q = PAIRS[pair]
    return p.logpdf(x) - q.logpdf(x)


def output_of(divergence, log_ratios):
    """The raw output v whose g(v) is the optimal critic, by bisection at all points at once."""
    wanted = divergence.optimal_critic(as_float64(log_ratios)).numpy()
    low, high = np.full_like(wanted, -40.0), np.full_like(wanted, 40.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = divergence.activation(as_float64(middle)).numpy() < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return middle


def grid(low=-16.0, high=18.0, num=40_001):
    x, step = np.linspace(low, high, num, retstep=True)
    return x, step


def test_the_eight_are_there():
    assert set(F_DIVERGENCES) == set(TRUTH)
    assert all(each.name == name for name, each in F_DIVERGENCES.items())


@pytest.mark.parametrize("name", NAMES)
def test_f_is_that_of_the_literature(name):
    u = np.geomspace(1e-3, 1e3, 61)
    found = F_DIVERGENCES[name].f_of_log_ratio(as_float64(np.log(u)))
    np.testing.assert_allclose(found, F[name](u), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "pair"), CASES)
def test_value_by_quadrature(name, pair):
    x, step = grid()
    _, q = PAIRS[pair]
    terms = F_DIVERGENCES[name].f_of_log_ratio(as_float64(log_ratio(pair, x))).numpy()
    value = np.sum(q.pdf(x) * terms) * step
    assert value == pytest.approx(TRUTH[name]["AB".index(pair)], abs=2e-8)


@pytest.mark.parametrize(("name", "pair"), CASES)
def test_the_bound_is_tight_at_the_optimal_critic(name, pair):
    """`E_p T* - E_q f*(T*) = D_f`, the identity that makes every row of the table right."""
    divergence = F_DIVERGENCES[name]
    x, step = grid()
    p, q = PAIRS[pair]
    critic = divergence.optimal_critic(as_float64(log_ratio(pair, x)))
    conjugate = divergence.conjugate(critic).numpy()
    value = np.sum(p.pdf(x) * critic.numpy() - q.pdf(x) * conjugate) * step
    assert value == pytest.approx(TRUTH[name]["AB".index(pair)], abs=1e-6)


@pytest.mark.parametrize(("name", "pair"), CASES)
def test_any_other_critic_gives_less(name, pair):
    divergence = F_DIVERGENCES[name]
    x, step = grid(-5.0, 6.0, 221)
    p, q = PAIRS[pair]
    if name == "total_variation":  # its best output is infinite
        best = 30.0 * np.sign(log_ratio(pair, x))
    else:
        best = output_of(divergence, log_ratio(pair, x))

    def bound(v):
        gain, cost = divergence.activation(v).numpy(), divergence.conjugate_of_output(v).numpy()
        return np.sum(p.pdf(x) * gain - q.pdf(x) * cost) * step

    highest = bound(as_float64(best))
    for change in (0.1, -0.1, 0.3 * np.sin(x), 0.2 * x):
        changed = best * 0.01 + change if name == "total_variation" else best + change
        assert bound(as_float64(changed)) < highest - 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_conjugate_is_the_supremum_of_its_definition(name):
    """`f*(t) = sup_u (t u - f(u))`, on a fine grid of u."""
    divergence = F_DIVERGENCES[name]
    inside = divergence.activation(as_float64(np.linspace(-1.5, 1.5, 7))).numpy()
    u = np.concatenate([np.geomspace(1e-9, 1e3, 400_001), [1.0]])
    with np.errstate(over="ignore"):
        supremum = [np.max(t * u - F[name](u)) for t in inside]
    np.testing.assert_allclose(divergence.conjugate(as_float64(inside)), supremum, atol=1e-6)


def test_pearson_conjugate_has_the_branch_of_ratios_that_cannot_be_negative():
    assert F_DIVERGENCES["pearson"].conjugate(as_float64([-2.0, -5.0, 2.0])).numpy().tolist() == [
        -1.0,
        -1.0,
        3.0,
    ]


@pytest.mark.parametrize("name", NAMES)
def test_composition_is_the_stable_form(name):
    divergence = F_DIVERGENCES[name]
    v = as_float64(np.linspace(-6.0, 6.0, 49))
    composed = divergence.conjugate(divergence.activation(v))
    np.testing.assert_allclose(divergence.conjugate_of_output(v), composed, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "total_variation"])
def test_an_output_tells_the_log_ratio(name):
    divergence = F_DIVERGENCES[name]
    true = np.linspace(-2.0, 2.0, 9)
    found = divergence.log_ratio_of_output(as_float64(output_of(divergence, true)))
    np.testing.assert_allclose(found, true, atol=1e-9)


def test_outputs_that_no_ratio_has():
    assert F_DIVERGENCES["total_variation"].log_ratio_of_output is None
    low = F_DIVERGENCES["pearson"].log_ratio_of_output(as_float64([-2.0, -3.0]))
    assert low.numpy().tolist() == [-math.inf, -math.inf]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_no_output_overflows_or_loses_its_gradient_to_nan(name, dtype):
    divergence = F_DIVERGENCES[name]
    v = tf.constant([-500.0, -100.0, -40.0, 0.0, 40.0, 100.0, 500.0], dtype)
    for function in (divergence.activation, divergence.conjugate_of_output):
        with tf.GradientTape() as tape:
            tape.watch(v)
            value = function(v)
        slopes = tape.gradient(value, v)
        assert np.all(np.isfinite(value))
        assert np.all(np.isfinite(tf.square(slopes)))
        assert np.all(slopes >= 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_infinite_log_ratios_give_limits_without_a_gradient(name):
    divergence = F_DIVERGENCES[name]
    ends = as_float64([-math.inf, math.inf])
    with tf.GradientTape() as tape:
        tape.watch(ends)
        value = divergence.f_of_log_ratio(ends)
    assert value.numpy()[0] == divergence.f_at_zero
    assert tape.gradient(value, ends).numpy().tolist() == [0.0, 0.0]
    far = 300.0  # the limits are approached
    near_zero = float(divergence.f_of_log_ratio(as_float64(-far)))
    slope = float(divergence.adjoint_of_log_ratio(as_float64(far)))
    for found, limit in ((near_zero, divergence.f_at_zero), (slope, divergence.slope_at_infinity)):
        if math.isinf(limit):
            assert found >= far
        else:
            assert found == pytest.approx(limit, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_adjoint_changes_the_places_of_p_and_q(name):
    divergence = F_DIVERGENCES[name]
    log_ratios = as_float64(np.linspace(-3.0, 3.0, 13))
    swapped = divergence.adjoint_of_log_ratio(log_ratios) * tf.exp(log_ratios)
    np.testing.assert_allclose(swapped, divergence.f_of_log_ratio(log_ratios), atol=1e-12)
    assert F_DIVERGENCES[divergence.adjoint].adjoint == name


@pytest.mark.parametrize("name", NAMES)
def test_bound_is_the_difference_of_two_means(name):
    divergence = F_DIVERGENCES[name]
    x, y = as_float64([0.1, -0.4, 0.3]), as_float64([0.2, 0.5])
    by_hand = np.mean(divergence.activation(x)) - np.mean(divergence.conjugate_of_output(y))
    assert float(divergence.bound(x, y)) == pytest.approx(by_hand, abs=1e-14)


def test_jensen_shannon_is_half_of_f_gan_s():
    """f-GAN's generator value is 2 JSD, and its GAN value 2 JSD - log 4."""

    def integrand(x):
        ratio = np.exp(log_ratio("A", x))
        return PAIRS["A"][1].pdf(x) * 2.0 * F["jensen_shannon"](ratio)

    doubled = integrate.quad(integrand, -30.0, 30.0, epsabs=1e-12)[0]
    assert doubled == pytest.approx(2.0 * TRUTH["jensen_shannon"][0], abs=1e-9)
    assert TRUTH["gan"][0] == pytest.approx(doubled - math.log(4.0), abs=1e-9)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'pearson'"):
        as_f_divergence("person")
    assert as_f_divergence(F_DIVERGENCES["kl"]) is F_DIVERGENCES["kl"]
