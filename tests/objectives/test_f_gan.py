"""f-GAN: which divergence each loss descends, by quadrature, and the order of the players."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from lrmf_tfp.densities import gaussian_density
from lrmf_tfp.divergences import F_DIVERGENCES
from lrmf_tfp.flows import affine_flow
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import FGANObjective, implicit_generator
from lrmf_tfp.training import Adam, FitConfig, fit

# p = N(0, 1) is the data, q = N(0.7, 1.3^2) the model; derivatives in the model's mean.
MEAN, SCALE = 0.7, 1.3
OF_FORWARD_KL = 0.41420118  # d/dm of (s^2 + m^2 - 1) / ... = m / s^2 for KL(p || q)
OF_REVERSE_KL = 0.70000000  # m, for KL(q || p)
OF_PEARSON = 30.311514  # of the integral of q^2 / p


def path_gradient(loss_at):
    """d/dm E_z[loss(m + s z)] with the critic frozen, by quadrature over z."""
    z, step = np.linspace(-18.0, 18.0, 36_001, retstep=True)
    mass = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi) * step
    x = tf.constant(MEAN + SCALE * z, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = loss_at(x)
    return float(np.sum(mass * tape.gradient(loss, x).numpy()))


def log_ratio(x):
    return -0.5 * x**2 + 0.5 * ((x - MEAN) / SCALE) ** 2 + np.log(SCALE)


def saturating(name):
    divergence = F_DIVERGENCES[name]
    return lambda x: -divergence.conjugate(divergence.optimal_critic(log_ratio(x)))


def non_saturating(name):
    return lambda x: -F_DIVERGENCES[name].optimal_critic(log_ratio(x))


def test_constants_are_those_of_the_closed_forms():
    assert pytest.approx(MEAN / SCALE**2, abs=1e-8) == OF_FORWARD_KL
    assert pytest.approx(MEAN, abs=1e-8) == OF_REVERSE_KL
    variance = 2.0 - SCALE**2  # of 2 S_p - S_q, in int q^2 / p
    pearson = np.exp(MEAN**2 / variance) / (SCALE * np.sqrt(variance))
    assert pearson * 2.0 * MEAN / variance == pytest.approx(OF_PEARSON, rel=1e-6)


def test_the_saturating_loss_descends_the_divergence_that_is_named():
    assert path_gradient(saturating("kl")) == pytest.approx(OF_FORWARD_KL, abs=1e-7)
    assert path_gradient(saturating("reverse_kl")) == pytest.approx(OF_REVERSE_KL, abs=1e-7)


def test_the_swapped_loss_descends_another_one():
    """What a GAN's generator does: with a critic for KL it follows the reverse KL, and so on."""
    assert path_gradient(non_saturating("kl")) == pytest.approx(OF_REVERSE_KL, abs=1e-7)
    half_pearson = path_gradient(non_saturating("reverse_kl"))
    assert half_pearson == pytest.approx(0.5 * OF_PEARSON, rel=1e-4)


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "jensen_shannon", "squared_hellinger"])
def test_gradient_of_the_generator_is_that_of_its_loss(name):
    """The objective's gradient in the model, with a critic that is not optimal, by hand."""
    model, critic = gaussian_density(1, dtype=tf.float64), _critic(1, dtype=tf.float64)
    objective = FGANObjective(model, critic, divergence=name)
    data, seed = tf.ones([6, 1], tf.float64), tf.constant([1, 2])
    with tf.GradientTape() as tape:
        loss = objective(data, seed=seed).loss
    slope = tape.gradient(loss, model.loc).numpy()
    noise = model.sample(6, seed=seed)  # loc 0, scale 1: the draw is the noise
    x = tf.constant(noise)
    with tf.GradientTape() as tape:
        tape.watch(x)
        cost = -tf.reduce_mean(F_DIVERGENCES[name].conjugate_of_output(critic(x)[:, 0]))
    np.testing.assert_allclose(slope[0], np.sum(tape.gradient(cost, x)), rtol=1e-10)


def _critic(size, **kwargs):
    return MLP(size, 1, hidden_units=(8,), activation="tanh", last_gain=1.0, **kwargs)


def test_terms_are_the_bound_and_its_negative():
    objective = FGANObjective(gaussian_density(2), _critic(2), divergence="donsker_varadhan")
    data = tf.random.stateless_normal([5, 2], [0, 1])
    terms = objective(data, seed=tf.constant([0, 3]))
    assert float(terms.loss) == -float(terms.critic_loss)
    assert float(objective.bound(data, seed=tf.constant([0, 3]))) == float(terms.loss)


def test_the_critic_warms_up_and_then_moves_more_often():
    model, critic = gaussian_density(2), _critic(2)
    objective = FGANObjective(model, critic, critic_steps=3, warmup=4)
    generator, other = objective.groups()
    steps = tf.range(12, dtype=tf.int64)
    assert [int(s) for s in steps if bool(generator.moves(s))] == [6, 9]
    assert [int(generator.num_moves(s)) for s in steps] == [0] * 7 + [1] * 3 + [2] * 2
    assert all(bool(other.moves(s)) for s in steps)
    assert [int(other.num_moves(s)) for s in steps] == list(range(12))
    config = FitConfig(
        num_steps=20, steps_per_call=4, batch_size=8, average_decay=0.0, jit_compile=False
    )
    places = []
    data = (np.ones([50, 2], np.float32),)
    fit(objective, data, config, callbacks=[lambda event: places.append(model.loc.numpy())])
    assert places[0].tolist() == [0.0, 0.0]  # still in the warm-up
    assert np.all(places[-1] > 0.0)


@pytest.mark.parametrize("kind", ["density", "network", "flow"])
def test_any_generator_follows_the_data(kind):
    generator = {
        "density": lambda: gaussian_density(1),
        "network": lambda: implicit_generator(1, noise_size=2, hidden_units=(8,)),
        "flow": lambda: affine_flow(1),
    }[kind]()
    rng = np.random.default_rng(0)
    data = rng.normal(1.0, 0.7, size=(1000, 1)).astype(np.float32)
    start = rng.normal(size=(1000, 1)).astype(np.float32)
    objective = FGANObjective(generator, _critic(1), divergence="jensen_shannon", warmup=50)
    domains = (start, data) if kind == "flow" else (data,)
    rates = {"generator": Adam(0.02, beta_1=0.5), "critic": Adam(0.005, beta_1=0.5)}
    settings = FitConfig(
        num_steps=1200,
        batch_size=64,
        optimizer=rates,
        jit_compile=False,
        average_decay=0.98,
        clip_norm=1.0,
    )
    fit(objective, domains, settings)
    moved = generator.forward(start) if kind == "flow" else generator.sample(4000, seed=1)
    assert np.mean(moved) == pytest.approx(1.0, abs=0.15)
    assert np.std(moved) == pytest.approx(0.7, abs=0.15)


def test_a_generator_that_is_fixed_leaves_the_critic_to_learn():
    objective = FGANObjective(tfd.MultivariateNormalDiag([1.0, 1.0], [1.0, 1.0]), _critic(2))
    assert objective.groups()[0].variables == ()
    data = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    before = float(objective.bound(data))
    fit(objective, (data,), FitConfig(num_steps=200, batch_size=100, jit_compile=False))
    assert before + 0.3 < float(objective.bound(data)) < 1.3  # KL is 1


def test_bad_arguments_are_answered_in_one_line():
    model, critic = gaussian_density(2), _critic(2)
    cases = [
        ({"divergence": "jsd"}, "`divergence` must be one of"),
        ({"critic_steps": 0}, "`critic_steps` must be at least 1"),
        ({"warmup": -1}, "`warmup` must be at least 0"),
    ]
    for options, message in cases:
        with pytest.raises(ValueError, match=message) as caught:
            FGANObjective(model, critic, **options)
        assert "\n" not in str(caught.value)
    objective = FGANObjective(model, critic)
    with pytest.raises(ValueError, match="must have 3 columns; got 2"):
        objective(tf.ones([4, 3]), seed=tf.constant([0, 0]))
    with pytest.raises(ValueError, match="at least 2 rows"):
        objective(tf.ones([1, 2]), seed=tf.constant([0, 0]))
