"""Flows and free points on a divergence: the right samples, kernels and directions."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp import divergences, kernels, objectives
from lrmf_tfp.flows import affine_flow
from lrmf_tfp.samples import Sample
from lrmf_tfp.training import SGD, FitConfig, fit
from tests.cases import perturb


def clouds(rng, rows=60):
    x, y = rng.normal(size=(rows, 2)), rng.normal(size=(rows, 2)) * [1.0, 2.0] + 1.0
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize(
    ("build", "divergence"),
    [
        (objectives.emd_objective, divergences.emd),
        (
            functools.partial(objectives.emd_objective, cost="squared_euclidean"),
            functools.partial(divergences.emd, cost="squared_euclidean"),
        ),
        (
            objectives.energy_objective,
            functools.partial(divergences.energy_distance, unbiased=True),
        ),
        (
            functools.partial(objectives.sinkhorn_objective, epsilon=0.2),
            functools.partial(divergences.sinkhorn_divergence, epsilon=0.2, cost="euclidean"),
        ),
        (
            # Kernels hold tensors: made when called, for an import must not run an op.
            lambda flow: objectives.MMDObjective(flow, kernel=kernels.LaplaceKernel(0.7)),
            lambda x, y: divergences.mmd_squared(
                x, y, kernel=kernels.LaplaceKernel(0.7), unbiased=True
            ),
        ),
    ],
    ids=["emd", "emd_squared", "energy", "sinkhorn", "mmd"],
)
def test_loss_is_the_divergence_of_the_moved_source(rng, build, divergence):
    flow = perturb(affine_flow(2), scale=0.3)
    x, y = clouds(rng)
    wanted = divergence(flow.forward(x), y)
    assert float(build(flow)(x, y).loss) == pytest.approx(float(wanted), rel=1e-5)


def test_directions_are_those_of_the_seed(rng):
    x, y = clouds(rng)
    objective = objectives.sliced_wasserstein_objective(affine_flow(2), num_projections=3)
    first, second = (float(objective(x, y, seed=tf.constant([0, k])).loss) for k in (0, 1))
    wanted = divergences.sliced_wasserstein(
        x, y, num_projections=3, power=1.0, seed=tf.constant([0, 1])
    )
    assert second == pytest.approx(float(wanted), rel=1e-6)
    assert first != pytest.approx(second, rel=1e-3)


def test_a_kernels_name_gets_its_width_from_the_training_samples(rng):
    x, y = clouds(rng)
    objective = objectives.MMDObjective(affine_flow(2), kernel="gaussian")
    config = FitConfig(num_steps=2, batch_size=8, steps_per_call=2, jit_compile=False)
    fit(objective, (x, y), config, validation=(x, y))
    wanted = kernels.median_distance(x, y)
    assert float(objective.kernel.bandwidth) == pytest.approx(float(wanted), rel=1e-6)


def test_a_width_is_that_of_the_weighted_training_samples(rng):
    x, y = clouds(rng)
    far = np.concatenate([x, np.full([200, 2], 50.0, np.float32)])
    weights = np.r_[rng.random(60) + 0.1, np.full(200, 0.0)]
    objective = objectives.MMDObjective(affine_flow(2), kernel="laplace")
    config = FitConfig(num_steps=2, batch_size=8, steps_per_call=2, jit_compile=False)
    data = Sample.of(far, weights), Sample.of(y)
    fit(objective, data, config, validation=data, seed=2**63 + 5)
    wanted = kernels.median_distance(x, y, source_weights=weights[:60])
    assert float(objective.kernel.bandwidth) == pytest.approx(wanted, rel=1e-6)
    assert wanted != pytest.approx(kernels.median_distance(x, y), rel=1e-3)


def test_points_on_emd_end_where_the_target_is(rng):
    x, y = rng.normal(size=(12, 1)), rng.normal(size=(12, 1)) + 3.0
    objective = objectives.PositionsObjective(x, divergences.emd, jit_compatible=False)
    config = FitConfig(
        num_steps=800, optimizer=SGD(12 * 0.01), clip_norm=1e6, average_decay=0.0, batch_size=12
    )
    fit(objective, (y.astype(np.float32),), config)
    found = np.sort(objective.positions.numpy(), axis=0)
    np.testing.assert_allclose(found, np.sort(y, axis=0), atol=0.02)  # within two steps


def test_points_do_not_move_at_the_minimum(rng):
    x, _ = clouds(rng)
    divergence = functools.partial(divergences.mmd_squared, kernel=kernels.GaussianKernel(1.0))
    objective = objectives.PositionsObjective(x, divergence)
    with tf.GradientTape() as tape:
        loss = objective(x).loss
    assert float(loss) == pytest.approx(0.0, abs=1e-6)
    assert np.abs(tape.gradient(loss, objective.positions)).max() < 1e-7


@pytest.mark.parametrize(
    ("positions", "match"),
    [([[np.nan]], "`positions` must be finite"), ([0.0], r"`positions` must have shape")],
)
def test_bad_positions_are_named(positions, match):
    with pytest.raises(ValueError, match=match):
        objectives.PositionsObjective(positions, divergences.emd)
