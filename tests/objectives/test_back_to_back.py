"""Back-to-back flows: two fits that do not know of each other, and the map between them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.densities import flow_density
from lrmf_tfp.flows import affine_flow, back_to_back_flow, real_nvp_flow
from lrmf_tfp.objectives import BackToBackObjective
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.cases import perturb


def build(make_flow):
    source, target = flow_density(make_flow()), flow_density(make_flow())
    flow = back_to_back_flow(source.bijector, target.bijector)
    return BackToBackObjective(flow, source_density=source, target_density=target)


def small_flow():
    return real_nvp_flow(2, num_layers=2, hidden_units=(8,), dtype=tf.float64)


def test_starts_at_the_identity(rng):
    x = rng.normal(size=(9, 2))
    np.testing.assert_allclose(build(small_flow).flow.forward(x), x, atol=1e-12)


def test_the_map_goes_through_the_noise(rng):
    objective = build(small_flow)
    perturb(objective.source_density, seed=1)
    perturb(objective.target_density, seed=2)
    x = rng.normal(size=(9, 2))
    noise = objective.source_density.bijector.inverse(x)
    wanted = objective.target_density.bijector.forward(tf.identity(noise))
    np.testing.assert_allclose(objective.flow.forward(x), wanted, atol=1e-10)
    back = objective.flow.inverse(tf.identity(wanted))
    np.testing.assert_allclose(back, x, atol=1e-8)


def test_each_group_has_the_gradient_of_its_own_fit(rng):
    objective = build(small_flow)
    x, y = rng.normal(size=(9, 2)), 2.0 * rng.normal(size=(9, 2))
    source, target = objective.groups()
    with tf.GradientTape(persistent=True) as tape:
        terms = objective(x, y)
    assert float(terms.loss) == pytest.approx(float(terms.nll_source + terms.nll_target))
    assert all(slope is None for slope in tape.gradient(terms.nll_source, target.variables))
    assert all(slope is not None for slope in tape.gradient(terms.nll_source, source.variables))
    assert len(source.variables) + len(target.variables) == len(objective.trainable_variables)


def test_affine_pair_takes_over_the_moments(rng):
    x = (rng.normal(size=(2000, 2)) * [1.0, 0.5]).astype(np.float32)
    y = (rng.normal(size=(2000, 2)) @ [[1.5, 0.4], [0.0, 0.8]] + 1.0).astype(np.float32)
    objective = build(lambda: affine_flow(2))
    config = FitConfig(num_steps=800, batch_size=500, optimizer=Adam(2e-2), jit_compile=False)
    fit(objective, (x, y), config)
    moved = objective.flow.forward(x).numpy()
    np.testing.assert_allclose(moved.mean(axis=0), y.mean(axis=0), atol=0.08)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(y.T), atol=0.15)
