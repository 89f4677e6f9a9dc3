"""The laws of objectives without densities, over the table in `tests/cases.py`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.flows import affine_flow, identity_flow
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.cases import OBJECTIVES, perturb

SEED = (0, 3)


@pytest.fixture(params=OBJECTIVES)
def build(request):
    return OBJECTIVES[request.param]


def batches(rng, rows=40):
    x, y = rng.normal(size=(rows, 2)), rng.normal(size=(rows, 2)) + [1.5, -1.0]
    return x.astype(np.float32), y.astype(np.float32)


def test_a_shift_is_found(build, rng):
    x, y = batches(rng, 400)
    objective = build(affine_flow(2))
    pace = max(group.every for group in objective.groups())
    optimizer = Adam(1e-2, beta_1=0.9 if pace == 1 else 0.0, beta_2=0.9)
    config = FitConfig(
        num_steps=800 * pace, batch_size=100, optimizer=optimizer, jit_compile=False
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
    x, y = batches(rng, 200)
    apart, equal = (float(objective.validation_loss(x, target)) for target in (y, x + 1e-3))
    assert equal < 0.1 * apart


def test_says_truly_whether_xla_can_compile_it(build, rng):
    objective = build(affine_flow(2))
    function = tf.function(objective, autograph=False, jit_compile=objective.jit_compatible)
    terms = function(*map(tf.constant, batches(rng)), seed=tf.constant(SEED))
    np.testing.assert_allclose(
        terms, objective(*batches(rng), seed=tf.constant(SEED)), rtol=1, atol=10
    )
    assert np.all(np.isfinite(terms))
