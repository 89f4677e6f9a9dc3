"""The game, and generators on MMD: losses by hand, weights in a box, groups and paces."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp import datasets, divergences
from lrmf_tfp.flows import affine_flow, identity_flow
from lrmf_tfp.kernels import GaussianKernel, LaplaceKernel
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import (
    ClippedMLP,
    DivergenceTerms,
    FGANObjective,
    GANObjective,
    MMDGANObjective,
    MMDNetObjective,
    Objective,
    implicit_generator,
)
from lrmf_tfp.objectives.generative.clipped import clipped
from lrmf_tfp.samples import Batch
from lrmf_tfp.training import SGD, Adam, ConstantSchedule, FitConfig, fit


def clouds(rng, rows=20):
    return rng.normal(size=(rows, 2)), rng.normal(size=(rows + 3, 2)) + 0.5


def network(inputs, outputs, seed=1):
    return MLP(
        inputs,
        outputs,
        hidden_units=(8,),
        activation="relu",
        last_gain=1.0,
        seed=seed,
        dtype=tf.float64,
    )


def test_gan_losses_are_binary_cross_entropies(rng):
    x, y = clouds(rng)
    critic = network(2, 1)
    terms = GANObjective(identity_flow(2, dtype=tf.float64), critic)(x, y)
    of_x, of_y = (1.0 / (1.0 + np.exp(-critic(points).numpy())) for points in (x, y))
    wanted = -0.5 * (np.log(of_y).mean() + np.log(1.0 - of_x).mean())
    np.testing.assert_allclose(terms.discriminator_loss, wanted, rtol=1e-10)
    np.testing.assert_allclose(terms.loss, -np.log(of_x).mean(), rtol=1e-10)


WEIGHTED = {
    "gan": lambda flow: GANObjective(flow, network(2, 1)),
    "kl": lambda flow: FGANObjective(flow, network(2, 1)),
    "hellinger": lambda flow: FGANObjective(flow, network(2, 1), divergence="squared_hellinger"),
    "donsker": lambda flow: FGANObjective(flow, network(2, 1), divergence="donsker_varadhan"),
    "mmd_net": MMDNetObjective,
    "mmd_gan": lambda flow: MMDGANObjective(flow, network(2, 3), network(3, 2, seed=2)),
}


@pytest.mark.parametrize("name", WEIGHTED)
def test_a_row_of_weight_3_counts_as_three_rows(name, rng):
    """On both sides, in every term and in the held-out loss, whatever the scale of the weights.

    A row of weight 0 counts as none.
    """
    objective = WEIGHTED[name](identity_flow(2, dtype=tf.float64))
    sets = clouds(rng, rows=6)
    counts = [np.arange(len(rows)) % 4 for rows in sets]
    repeated = [np.repeat(rows, count, axis=0) for rows, count in zip(sets, counts, strict=True)]
    scaled = [1e300 * counts[0], 1e-300 * counts[1]]
    weighted = [Batch(rows, weights) for rows, weights in zip(sets, scaled, strict=True)]
    assert objective.takes_weights
    np.testing.assert_allclose(objective(*weighted), objective(*repeated), rtol=1e-9)
    found, wanted = (objective.validation_loss(*batches) for batches in (weighted, repeated))
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert objective.most_validation_rows == 2000  # of an energy distance, which is quadratic


def test_gan_losses_stay_finite_where_sigmoids_saturate():
    critic = network(2, 1)
    critic.layers[-1].bias.assign([800.0])
    terms = GANObjective(identity_flow(2, dtype=tf.float64), critic)(np.eye(2), np.eye(2))
    assert np.all(np.isfinite(terms))
    assert float(terms.discriminator_loss) == pytest.approx(400.0, rel=0.05)


def test_best_discriminator_has_the_loss_of_the_jensen_shannon_divergence(rng):
    # p = N(1, 1) and q = N(0, 4): log 2 - JSD = 0.5649722, with the JSD by quadrature.
    p, q = rng.normal(1.0, 1.0, size=(200_000, 1)), rng.normal(0.0, 2.0, size=(200_000, 1))

    class LogRatio(tf.Module):
        def __call__(self, x):
            return (
                -0.5 * (x - 1.0) ** 2
                + 0.5 * (x / 2.0) ** 2
                + tf.math.log(tf.constant(2.0, x.dtype))
            )

    terms = GANObjective(identity_flow(1, dtype=tf.float64), LogRatio())(q, p)
    assert float(terms.discriminator_loss) == pytest.approx(0.5649722, abs=3e-3)


def test_gan_has_two_players_with_their_own_losses():
    objective = GANObjective(affine_flow(2), MLP(2, 1, hidden_units=(4,)), discriminator_steps=3)
    generator, critic = objective.groups()
    assert (generator.loss, generator.every) == ("loss", 3)
    assert (critic.loss, critic.every) == ("discriminator_loss", 1)


def test_mmd_net_minimises_the_root_of_the_biased_mmd(rng):
    x, y = clouds(rng)
    kernel = LaplaceKernel(0.7)
    squared = float(divergences.mmd_squared(x, y, kernel=kernel))
    terms = MMDNetObjective(identity_flow(2, dtype=tf.float64), kernel=kernel)(x, y)
    np.testing.assert_allclose(terms.mmd_squared, squared, rtol=1e-12)
    np.testing.assert_allclose(terms.loss, np.sqrt(squared + 1e-6), rtol=1e-12)


def test_mmd_net_of_equal_samples_has_a_finite_gradient(rng):
    x = rng.normal(size=(9, 2)).astype(np.float32)
    flow = affine_flow(2)
    with tf.GradientTape() as tape:
        loss = MMDNetObjective(flow)(x, x).loss
    assert all(
        np.all(np.isfinite(slope)) for slope in tape.gradient(loss, flow.trainable_variables)
    )


def test_mmd_gan_losses_are_the_definition(rng):
    x, y = clouds(rng)
    encoder, decoder = network(2, 3), network(3, 2, seed=2)
    kernel = GaussianKernel(0.8)
    terms = MMDGANObjective(
        identity_flow(2, dtype=tf.float64),
        encoder,
        decoder,
        kernel=kernel,
        code_weight=2.0,
        side_weight=3.0,
    )(x, y)
    u, v = encoder(x).numpy(), encoder(y).numpy()
    mmd = np.sqrt(float(divergences.mmd_squared(u, v, kernel=kernel)) + 1e-6)
    side = -np.maximum(v.mean(axis=0) - u.mean(axis=0), 0.0).mean()
    errors = [np.sum((p - decoder(c).numpy()) ** 2, axis=1).mean() for p, c in ((x, u), (y, v))]
    np.testing.assert_allclose(terms.one_side, side, rtol=1e-10)
    np.testing.assert_allclose(terms.loss, mmd + 3.0 * side, rtol=1e-10)
    np.testing.assert_allclose(terms.reconstruction, errors[1], rtol=1e-10)
    np.testing.assert_allclose(terms.code_loss, 2.0 * sum(errors) - mmd - 3.0 * side, rtol=1e-10)


def test_mmd_gan_moves_codes_more_often_and_decoder_with_encoder():
    encoder = ClippedMLP(2, 3, hidden_units=(4,))
    decoder = MLP(3, 2, hidden_units=(4,))
    generator, code = MMDGANObjective(affine_flow(2), encoder, decoder, code_steps=5).groups()
    assert (generator.loss, generator.every) == ("loss", 5)
    assert (code.loss, code.every) == ("code_loss", 1)
    wanted = {v.ref() for part in (encoder, decoder) for v in part.trainable_variables}
    assert {v.ref() for v in code.variables} == wanted


def test_clipped_weights_keep_the_slopes_that_lead_inwards():
    weights = tf.constant([-0.3, -0.1, 0.05, 0.1, 0.3], tf.float64)
    for slope, wanted in ((1.0, [0, 0, 1, 1, 1]), (-1.0, [-1, -1, -1, 0, 0])):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            used = clipped(weights, 0.1)
            loss = slope * tf.reduce_sum(used)
        np.testing.assert_allclose(used, [-0.1, -0.1, 0.05, 0.1, 0.1])
        np.testing.assert_array_equal(tape.gradient(loss, weights), wanted)


class Pull(Objective):
    """Wants the network's output at 1 to be as large as can be, or as small."""

    def __init__(self, network, sign):
        super().__init__()
        self.network = network
        self.sign = sign

    def __call__(self, *batches, seed=None):
        return DivergenceTerms(-self.sign * tf.reduce_mean(self.network(tf.ones([1, 1]))))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_clipped_network_stays_at_the_wall_and_comes_back(sign):
    network = ClippedMLP(1, 1, hidden_units=(), bound=0.1, seed=1)
    kernel = network.layers[0].dense.kernel
    assert abs(float(kernel[0, 0])) <= 0.1 + 1e-7
    optimizer = SGD(0.01, schedule=ConstantSchedule())
    config = FitConfig(
        num_steps=60, optimizer=optimizer, average_decay=0.0, batch_size=4, jit_compile=False
    )
    data = (np.zeros((4, 1), np.float32),)
    fit(Pull(network, sign), data, config)
    assert float(network(tf.ones([1, 1]))[0, 0]) == pytest.approx(sign * 0.2)  # kernel and bias
    assert abs(float(kernel[0, 0])) < 0.1 + 0.011  # one step beyond the wall at most
    fit(Pull(network, -sign), data, config)
    assert float(network(tf.ones([1, 1]))[0, 0]) == pytest.approx(-sign * 0.2)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: GANObjective(None, None, discriminator_steps=0), "`discriminator_steps` must be"),
        (lambda: MMDGANObjective(None, None, None, code_steps=0), "`code_steps` must be at least"),
        (lambda: MMDGANObjective(None, None, None, code_weight=-1.0), "`code_weight` must be"),
        (lambda: MMDGANObjective(None, None, None, side_weight=-1.0), "`side_weight` must be"),
        (lambda: ClippedMLP(1, 1, hidden_units=(), bound=0.0), "`bound` must be finite and above"),
    ],
)
def test_bad_options_are_named(make, match):
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mmd_net", "gan"])
def test_the_others_learn_the_ring_too(name):
    ring = datasets.mode_ring(10_000)
    generator = implicit_generator(2, noise_size=2)
    critic = MLP(2, 1, hidden_units=(100, 100), activation="relu", last_gain=1.0)
    objective = {
        "mmd_net": lambda: MMDNetObjective(generator),
        "gan": lambda: GANObjective(generator, critic),
    }[name]()
    optimizer = None if name == "mmd_net" else Adam(1e-3, beta_1=0.5, schedule=ConstantSchedule())
    config = FitConfig(num_steps=2000, batch_size=100, optimizer=optimizer)
    before = ring.coverage(generator.sample(2000, seed=5)).high_quality
    fit(objective, (ring.samples,), config)
    found = ring.coverage(generator.sample(2000, seed=5))
    assert found.high_quality > before + 0.2
