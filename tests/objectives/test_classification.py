"""The classification objective: its optimum, its stability and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import quad
from scipy.stats import norm

from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import ClassificationObjective
from lrmf_tfp.samples import Batch

P, Q = norm(1.0, 1.0), norm(0.0, 2.0)
OPTIMUM = 1.1299444  # 2 log 2 - 2 JSD of the two


class Logits(tf.Module):
    """A function of samples `[B, 1]` in place of a network."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def __call__(self, x):
        return self.function(x)


def true_log_ratio(x):
    return math.log(2.0) + 0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2


def quantiles(law, rows=20_000):
    """Samples without noise: a mean over them is an integral to about 1e-5."""
    return law.ppf((np.arange(rows) + 0.5) / rows)[:, None]


def loss_of(function, *, prior=0.0):
    objective = ClassificationObjective(Logits(function), prior_log_odds=prior)
    return float(objective(quantiles(P), quantiles(Q)).loss)


def least_loss(share):
    """`2 E[H(label | x)]` at Bayes' posterior, by quadrature."""

    def integrand(x):
        p, q = share * P.pdf(x), (1.0 - share) * Q.pdf(x)
        total = np.logaddexp(np.log(p), np.log(q))
        return -2.0 * (p * (np.log(p) - total) + q * (np.log(q) - total))

    return quad(integrand, -12.0, 12.0, epsabs=1e-11)[0]


def test_least_loss_is_that_of_the_table():
    assert least_loss(0.5) == pytest.approx(OPTIMUM, abs=1e-6)


@pytest.mark.parametrize("odds", [1.0, 4.0, 0.1])
def test_the_optimum_is_the_shifted_log_ratio(odds):
    prior = math.log(odds)
    best = loss_of(lambda x: true_log_ratio(x) + prior, prior=prior)
    assert best == pytest.approx(least_loss(odds / (1.0 + odds)), abs=1e-4)
    for change in (lambda x: 0.1 + 0.0 * x, lambda x: -0.1 + 0.0 * x, lambda x: 0.1 * x, np.sin):
        worse = loss_of(lambda x, c=change: true_log_ratio(x) + prior + c(x[:, 0]), prior=prior)
        assert worse > best + 1e-4


def test_the_loss_starts_at_two_logarithms_of_two():
    network = MLP(2, 1, hidden_units=(4,))
    for prior in (0.0, 3.0):
        objective = ClassificationObjective(network, prior_log_odds=prior)
        terms = objective(tf.ones([5, 2]), tf.zeros([3, 2]))
        assert [float(term) for term in terms] == pytest.approx(
            [2 * math.log(2)] + [math.log(2)] * 2
        )


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_large_logits_do_not_saturate(dtype):
    """A loss by way of the sigmoid is infinite here, or flat."""
    objective = ClassificationObjective(Logits(lambda x: x))
    x = tf.constant([[-1000.0]], dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = objective(x, -x).loss
    assert loss.dtype == dtype
    assert float(loss) == pytest.approx(2000.0)
    assert float(tape.gradient(loss, x)[0, 0]) == pytest.approx(-2.0)


def test_weights_make_the_means_weighted(rng):
    x, y = rng.normal(size=(7, 1)), rng.normal(size=(4, 1))
    weights = [rng.uniform(size=len(z)) for z in (x, y)]
    objective = ClassificationObjective(Logits(lambda z: 2.0 * z), prior_log_odds=math.log(3.0))
    terms = objective(*(Batch(z, tf.constant(w)) for z, w in zip((x, y), weights, strict=True)))
    of_x = np.average(np.logaddexp(0.0, -2.0 * x[:, 0]), weights=weights[0])
    of_y = np.average(np.logaddexp(0.0, 2.0 * y[:, 0]), weights=weights[1])
    wanted = [2.0 * (0.75 * of_x + 0.25 * of_y), of_x, of_y]
    assert [float(term) for term in terms] == pytest.approx(wanted, rel=1e-12)


def test_whole_weights_are_repeated_rows_and_zeros_are_none(rng):
    x, y, times = rng.normal(size=(5, 1)), rng.normal(size=(4, 1)), [0, 3, 1, 2, 0]
    objective = ClassificationObjective(Logits(lambda z: z**2 - 1.0))
    weighted = objective(Batch(x, tf.constant(times, tf.float64)), y)
    repeated = objective(np.repeat(x, times, axis=0), y)
    assert [float(a) for a in weighted] == pytest.approx([float(a) for a in repeated], rel=1e-12)


@pytest.mark.parametrize("odds", [-1000.0, 1000.0])
def test_odds_beyond_every_exponential_leave_one_set(odds):
    terms = ClassificationObjective(Logits(lambda z: z), prior_log_odds=odds)([[0.5]], [[0.5]])
    kept = terms.numerator_loss if odds > 0.0 else terms.denominator_loss
    assert float(terms.loss) == pytest.approx(2.0 * float(kept))


def test_either_shape_of_logits_serves(rng):
    x, y = rng.normal(size=(7, 1)), rng.normal(size=(4, 1))
    flat = ClassificationObjective(Logits(lambda x: 2.0 * x[:, 0]))(x, y)
    column = ClassificationObjective(Logits(lambda x: 2.0 * x))(x, y)
    assert [float(term) for term in flat] == [float(term) for term in column]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`prior_log_odds` must be finite; got nan"):
        ClassificationObjective(Logits(lambda x: x), prior_log_odds=math.nan)
    wide = ClassificationObjective(MLP(1, 2, hidden_units=(3,)))
    with pytest.raises(
        ValueError, match=r"`network` must return shape \[B\] or \[B, 1\]; got \[4, 2\]"
    ):
        wide(tf.ones([4, 1]), tf.ones([4, 1]))
