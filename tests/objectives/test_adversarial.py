"""The adversarial game: a smooth critic, two losses, two optimisers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp import divergences
from lrmf_tfp.flows import affine_flow, identity_flow
from lrmf_tfp.objectives import AdversarialObjective, Critic
from lrmf_tfp.objectives.adversarial import spectral_norm
from lrmf_tfp.training import FitConfig, fit
from tests.cases import perturb


def with_singular_values(rng, values, shape):
    left, right = (np.linalg.qr(rng.normal(size=(n, len(values))))[0] for n in shape)
    return left @ np.diag(values) @ right.T, left, right


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 128)])
def test_spectral_norm_is_the_largest_singular_value(rng, shape):
    matrix, left, right = with_singular_values(rng, [3.0, 1.0], shape)
    matrix = tf.constant(matrix)
    with tf.GradientTape() as tape:
        tape.watch(matrix)
        norm = spectral_norm(matrix)
    assert float(norm) == pytest.approx(3.0, rel=1e-6)
    wanted = np.outer(left[:, 0], right[:, 0])  # the derivative of a singular value
    np.testing.assert_allclose(tape.gradient(norm, matrix), wanted, atol=1e-5)


def test_spectral_norm_of_a_random_layer_is_close(rng):
    matrix = rng.normal(size=(128, 128))
    assert float(spectral_norm(matrix)) == pytest.approx(np.linalg.norm(matrix, 2), rel=0.06)


def test_critic_with_spectral_norms_is_lipschitz(rng):
    critic = perturb(Critic(2, hidden_units=(16, 16), dtype=tf.float64), scale=2.0)
    x, y = rng.normal(size=(2, 500, 2)) * 3.0
    slopes = np.abs(critic(x) - critic(y)) / np.linalg.norm(x - y, axis=1)
    assert slopes.max() < 1.02


def test_a_critic_of_zeros_gives_numbers():
    critic = Critic(2, hidden_units=(4,))
    for variable in critic.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    assert np.all(np.isfinite(critic(tf.ones([3, 2]))))


def test_hinge_losses_are_the_definition(rng):
    x, y = rng.normal(size=(7, 2)).astype(np.float32), rng.normal(size=(9, 2)).astype(np.float32)
    critic = perturb(Critic(2, hidden_units=(8,)), scale=0.5)
    flow = perturb(affine_flow(2))
    terms = AdversarialObjective(flow, critic)(x, y)
    of_moved, of_target = critic(flow.forward(x)).numpy(), critic(y).numpy()
    assert float(terms.loss) == pytest.approx(-of_moved.mean(), rel=1e-5)
    hinge = np.maximum(0.0, 1.0 - of_target).mean() + np.maximum(0.0, 1.0 + of_moved).mean()
    assert float(terms.critic_loss) == pytest.approx(hinge, rel=1e-5)


def test_gradient_penalty_of_a_linear_critic_is_exact(rng):
    x, y = rng.normal(size=(7, 2)), rng.normal(size=(5, 2))
    critic = Critic(2, hidden_units=(), spectral_norm=False, dtype=tf.float64)
    critic.layers[0].kernel.assign([[3.0], [4.0]])
    objective = AdversarialObjective(
        identity_flow(2, dtype=tf.float64), critic, regulariser="gradient_penalty", penalty=2.0
    )
    gap = (x @ [3.0, 4.0]).mean() - (y @ [3.0, 4.0]).mean()
    terms = objective(x, y, seed=tf.constant([0, 1]))
    assert float(terms.critic_loss) == pytest.approx(gap + 2.0 * (5.0 - 1.0) ** 2, rel=1e-9)


def test_two_players_each_with_its_own_loss_and_pace():
    objective = AdversarialObjective(affine_flow(2), Critic(2, hidden_units=(8,)), critic_steps=3)
    flow, critic = objective.groups()
    assert (flow.loss, flow.every) == ("loss", 3)
    assert (critic.loss, critic.every) == ("critic_loss", 1)
    held = {id(v) for v in flow.variables} | {id(v) for v in critic.variables}
    assert held == {id(v) for v in objective.trainable_variables}


def test_without_held_out_samples_the_last_weights_are_kept(rng):
    x, y = rng.normal(size=(2, 64, 2)).astype(np.float32)
    objective = AdversarialObjective(affine_flow(2), Critic(2, hidden_units=(8,)))
    config = FitConfig(num_steps=40, steps_per_call=4, batch_size=8, jit_compile=False)
    assert fit(objective, (x, y + 9.0), config).best_step == 40
    held_out = fit(objective, (x, y + 9.0), config, validation=(x, y + 9.0))
    assert held_out.best_value == pytest.approx(float(objective.validation_loss(x, y + 9.0)))


def test_held_out_loss_is_the_energy_distance(rng):
    x, y = rng.normal(size=(2, 20, 2)).astype(np.float32)
    objective = AdversarialObjective(identity_flow(2), Critic(2))
    wanted = divergences.energy_distance(x, y)
    assert float(objective.validation_loss(x, y)) == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"regulariser": "clipping"}, "`regulariser`.*'clipping'"),
        ({"penalty": 0.0}, "`penalty` must be"),
        ({"critic_steps": 0}, "`critic_steps` must be at least 1; got 0"),
    ],
)
def test_bad_options_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        AdversarialObjective(identity_flow(2), Critic(2), **options)
