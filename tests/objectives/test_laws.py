"""The laws of objectives without densities, over the table in `tests/cases.py`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.flows import affine_flow, identity_flow
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.cases import OBJECTIVES, perturb

SEED = (0, 3)
GAMES = {"adversarial", "adversarial_penalty", "gan", "mmd_gan"}  # which want short steps
LONG = {"adversarial", "adversarial_penalty", "gram", "mmd_gan", "mmd_net", "sinkhorn"}  # to train
QUICK_TO_COMPILE = {"energy", "emd", "gan"}
# XLA draws the penalty's points by an algorithm of its own.
DRAWN_ANEW = {"adversarial_penalty": {"critic_loss"}}


def cases(slow):
    """The names of all objectives, some in the slow lane."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in OBJECTIVES
    ]


@pytest.fixture(params=OBJECTIVES)
def name(request):
    return request.param


@pytest.fixture
def build(name):
    return OBJECTIVES[name]


def batches(rng, rows=40, dtype=np.float32):
    x, y = rng.normal(size=(rows, 2)), rng.normal(size=(rows, 2)) + [1.5, -1.0]
    return x.astype(dtype), y.astype(dtype)


@pytest.mark.parametrize("name", cases(LONG), indirect=True)
def test_a_shift_is_found(name, build, rng):
    x, y = batches(rng, 400)
    objective = build(affine_flow(2))
    pace = max(group.every for group in objective.groups())
    rate, steps = (1e-2, 800) if name in GAMES else (2e-2, 300)
    optimizer = Adam(rate, beta_1=0.9 if pace == 1 else 0.0, beta_2=0.9)
    config = FitConfig(
        num_steps=steps * pace, batch_size=100, optimizer=optimizer, jit_compile=False
    )
    fit(objective, (x, y), config, validation=(x, y))
    moved = objective.flow.forward(x).numpy()
    assert np.abs(moved.mean(axis=0) - y.mean(axis=0)).max() < 0.2
    assert np.abs(moved.std(axis=0) - y.std(axis=0)).max() < 0.35


def test_terms_are_finite_scalars_and_the_first_is_the_loss(build, rng):
    terms = build(affine_flow(2))(*batches(rng), seed=tf.constant(SEED))
    assert terms._fields[0] == "loss"
    for value in terms:
        assert value.shape == []
        assert np.isfinite(value)


def test_every_group_gets_a_gradient_of_its_own_loss(build, rng):
    objective = build(perturb(affine_flow(2)))
    pair = batches(rng)
    for group in objective.groups():
        with tf.GradientTape() as tape:
            loss = getattr(objective(*pair, seed=tf.constant(SEED)), group.loss)
        slopes = tape.gradient(loss, group.variables)
        assert all(slope is not None for slope in slopes)
        assert any(np.abs(slope).max() > 1e-6 for slope in slopes)


def test_same_seed_same_terms(build, rng):
    objective, pair = build(affine_flow(2)), batches(rng)
    first, again = (objective(*pair, seed=tf.constant(SEED)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_held_out_loss_is_least_where_the_clouds_are_one(build, rng):
    objective = build(identity_flow(2))
    x, y = batches(rng)
    apart, equal = (float(objective.validation_loss(x, target)) for target in (y, x + 1e-3))
    assert equal < 0.1 * apart


@pytest.mark.parametrize("name", cases(set(OBJECTIVES) - QUICK_TO_COMPILE), indirect=True)
def test_says_truly_that_xla_can_compile_it(name, build, rng):
    objective = build(affine_flow(2, dtype=tf.float64))
    pair, seed = batches(rng, dtype=np.float64), tf.constant(SEED)
    function = tf.function(objective, autograph=False, jit_compile=objective.jit_compatible)
    found = function(*map(tf.constant, pair), seed=seed)
    for term, wanted in objective(*pair, seed=seed)._asdict().items():
        value = getattr(found, term)
        assert np.isfinite(value), term
        if term not in DRAWN_ANEW.get(name, ()):
            np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-12, err_msg=term)
