"""The variational objective: its terms are the bounds' formulas; any network; training."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.divergences import F_DIVERGENCES, VARIATIONAL_BOUNDS
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import VariationalObjective
from lrmf_tfp.samples import Batch
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.reference import finite_difference

# g(v) and f*(g(v)) of each, as the papers have them; "jensen_shannon" is half of f-GAN's "JS".
FORMULAS = {
    "kl": (lambda v: v, lambda v: np.exp(v - 1)),
    "reverse_kl": (lambda v: -np.exp(-v), lambda v: v - 1),
    "pearson": (lambda v: v, lambda v: np.where(v >= -2, v**2 / 4 + v, -1)),
    "squared_hellinger": (lambda v: 1 - np.exp(-v), lambda v: np.exp(v) - 1),
    "jensen_shannon": (
        lambda v: 0.5 * (np.log(2) - np.log1p(np.exp(-v))),
        lambda v: 0.5 * (np.log1p(np.exp(v)) - np.log(2)),
    ),
    "gan": (lambda v: -np.log1p(np.exp(-v)), lambda v: np.log1p(np.exp(v))),
    "neyman": (lambda v: 1 - np.exp(-v), lambda v: 2 - 2 * np.exp(-v / 2)),
    "total_variation": (lambda v: np.tanh(v) / 2, lambda v: np.tanh(v) / 2),
}


def network(last_gain=1.0, dtype=tf.float64, **options):
    return MLP(
        2, 1, hidden_units=(8,), activation="tanh", last_gain=last_gain, dtype=dtype, **options
    )


@pytest.fixture
def batches(rng):
    return rng.normal(size=(7, 2)) + 0.5, 2.0 * rng.normal(size=(9, 2))


@pytest.mark.parametrize("name", FORMULAS)
def test_bound_is_the_formula(name, batches):
    objective = VariationalObjective(network(), divergence=name)
    terms = objective(*map(tf.constant, batches))
    v, w = (objective.network(tf.constant(batch)).numpy()[:, 0] for batch in batches)
    activation, conjugate = FORMULAS[name]
    wanted = np.mean(activation(v)) - np.mean(conjugate(w))
    assert float(terms.bound) == pytest.approx(wanted, rel=1e-12)
    assert float(terms.loss) == -float(terms.bound)


def test_donsker_varadhan_is_the_formula(batches):
    objective = VariationalObjective(network(), divergence="donsker_varadhan")
    v, w = (objective.network(tf.constant(batch)).numpy()[:, 0] for batch in batches)
    wanted = np.mean(v) - np.log(np.mean(np.exp(w)))
    assert float(objective(*map(tf.constant, batches)).bound) == pytest.approx(wanted, rel=1e-12)


def weighted(batches, rng):
    return tuple(Batch(tf.constant(x), tf.constant(rng.uniform(size=len(x)))) for x in batches)


@pytest.mark.parametrize("name", FORMULAS)
def test_weights_make_the_means_weighted(name, batches, rng):
    objective, (x, y) = VariationalObjective(network(), divergence=name), weighted(batches, rng)
    v, w = (objective.network(batch.values).numpy()[:, 0] for batch in (x, y))
    activation, conjugate = FORMULAS[name]
    wanted = np.average(activation(v), weights=x.weights)
    wanted -= np.average(conjugate(w), weights=y.weights)
    assert float(objective(x, y).bound) == pytest.approx(wanted, rel=1e-12)


def test_weights_of_donsker_varadhan_stand_inside_the_logarithm(batches, rng):
    objective = VariationalObjective(network(), divergence="donsker_varadhan")
    x, y = weighted(batches, rng)
    v, w = (objective.network(batch.values).numpy()[:, 0] for batch in (x, y))
    wanted = np.average(v, weights=x.weights) - np.log(np.average(np.exp(w), weights=y.weights))
    assert float(objective(x, y).bound) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("divergence", VARIATIONAL_BOUNDS)
def test_a_row_without_mass_counts_as_absent(divergence, batches):
    """However far away it is."""
    objective = VariationalObjective(network(), divergence=divergence)
    plain = [Batch(tf.constant(x), tf.constant(2.0 * np.ones(len(x)))) for x in batches]
    far = np.full((1, 2), 1e6)
    more = [Batch(tf.concat([x, far], 0), tf.concat([w, [0.0]], 0)) for x, w, _ in plain]
    values = []
    for pair in (batches, plain, more):
        with tf.GradientTape() as tape:
            loss = objective(*pair).loss
        slope = tape.gradient(loss, objective.network.layers[-1].bias)
        values.append((float(loss), float(slope[0])))
    np.testing.assert_allclose(values[1:], [values[0]] * 2, rtol=1e-12)


def test_a_divergence_may_be_given_as_an_object(batches):
    for given in ("neyman", F_DIVERGENCES["neyman"]):
        assert VariationalObjective(network(), divergence=given).divergence.name == "neyman"


@pytest.mark.parametrize("divergence", VARIATIONAL_BOUNDS)
def test_gradient_is_that_of_finite_differences(divergence, batches):
    objective = VariationalObjective(network(), divergence=divergence)
    bias = objective.network.layers[0].bias
    x, y = map(tf.constant, batches)
    with tf.GradientTape() as tape:
        loss = objective(x, y).loss
    found = tape.gradient(loss, bias).numpy()[3]

    def at(values):
        bias.assign(values)
        return objective(x, y).loss

    assert found == pytest.approx(finite_difference(at, bias.numpy(), (3,)), abs=1e-7)


class Rows(tf.Module):
    """A network that returns `[B]`."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __call__(self, x):
        return self.inner(x)[:, 0]


def test_outputs_with_and_without_a_last_axis_are_the_same(batches):
    x, y = map(tf.constant, batches)
    plain, flat = VariationalObjective(network()), VariationalObjective(Rows(network()))
    assert plain.outputs(x).shape == flat.outputs(x).shape == [7]
    assert float(plain(x, y).loss) == float(flat(x, y).loss)
    assert len(flat.trainable_variables) == 4


def test_one_training_step_raises_the_bound_of_the_batch(batches):
    objective = VariationalObjective(network(dtype=tf.float32))
    data = tuple(batch.astype(np.float32) for batch in batches)
    before = float(objective(*map(tf.constant, data)).bound)
    config = FitConfig(num_steps=20, optimizer=Adam(1e-2), average_decay=0.0, jit_compile=False)
    result = fit(objective, data, config)
    assert float(objective(*map(tf.constant, data)).bound) > before + 1e-3
    np.testing.assert_allclose(result.history["loss"], -result.history["bound"], rtol=1e-6)
    assert objective.main_stage == "critic"


@pytest.mark.parametrize("divergence", VARIATIONAL_BOUNDS)
def test_large_outputs_give_finite_losses_and_gradients(divergence, batches):
    """An exponent of 1e4 overflows every float."""
    inner = network(dtype=tf.float32)
    inner.layers[-1].kernel.assign(1e4 * tf.ones_like(inner.layers[-1].kernel))
    objective = VariationalObjective(inner, divergence=divergence)
    x, y = (tf.constant(batch, tf.float32) for batch in batches)
    with tf.GradientTape() as tape:
        loss = objective(x, y).loss
    slopes = tape.gradient(loss, objective.trainable_variables)
    assert all(np.all(np.isfinite(part)) for part in (loss, *slopes))


def test_bad_arguments_are_named(batches):
    with pytest.raises(ValueError, match="`divergence` must be one of.*'wasserstein'"):
        VariationalObjective(network(), divergence="wasserstein")
    wide = MLP(2, 3, hidden_units=(4,), dtype=tf.float64)
    match = r"`network` must return shape \[B\] or \[B, 1\]; got \[7, 3\]"
    with pytest.raises(ValueError, match=match):
        VariationalObjective(wide)(*map(tf.constant, batches))
