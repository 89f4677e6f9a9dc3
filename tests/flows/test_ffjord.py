"""FFJORD: divergences by hand, Hutchinson's estimate, the error of the steps, bad input."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.flows import FixedStepSolver, ffjord_flow
from lrmf_tfp.networks import ACTIVATIONS, VelocityField
from lrmf_tfp.objectives import energy_objective
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.cases import perturb


def small_flow(size=3, *, scale=0.3, **kwargs):
    flow = ffjord_flow(size, hidden_units=(8, 8), dtype=tf.float64, **kwargs)
    return perturb(flow, scale=scale)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("hidden_units", [(8,), (8, 6)])
def test_derivatives_are_those_of_automatic_differentiation(rng, activation, hidden_units):
    field = VelocityField(3, hidden_units=hidden_units, activation=activation, dtype=tf.float64)
    perturb(field, scale=0.5)
    x, direction = tf.constant(rng.normal(size=(7, 3))), tf.constant(rng.normal(size=(7, 3)))
    time = tf.constant(0.3, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        wanted = field.value(time, x)
    jacobian = tape.batch_jacobian(wanted, x)
    value, divergence = field.value_and_divergence(time, x)
    np.testing.assert_allclose(value, wanted, atol=1e-12)
    np.testing.assert_allclose(divergence, tf.linalg.trace(jacobian), atol=1e-9)
    value, product = field.value_and_product(time, x, direction)
    np.testing.assert_allclose(product, tf.linalg.matvec(jacobian, direction), atol=1e-9)
    assert np.abs(divergence).max() > 1e-2


def test_the_field_depends_on_time(rng):
    field = perturb(VelocityField(2, hidden_units=(8,)), scale=0.5)
    x = tf.constant(rng.normal(size=(4, 2)), tf.float32)
    assert np.abs(field.value(0.0, x) - field.value(1.0, x)).max() > 1e-2


@pytest.mark.parametrize("noise", ["rademacher", "gaussian"])
def test_hutchinson_is_right_in_the_mean_and_repeats_itself(rng, noise):
    flow = small_flow(trace=noise)
    (layer,) = flow.layers
    rows = tf.constant(np.repeat(rng.normal(size=(1, 3)), 20_000, axis=0))
    _, estimates = layer.forward_and_log_det(rows)
    _, again = layer.forward_and_log_det(rows)
    np.testing.assert_array_equal(estimates, again)
    layer.trace = "exact"
    _, exact = layer.forward_and_log_det(rows[:1])
    spread = np.std(estimates)
    assert spread > 1e-3
    assert np.mean(estimates) == pytest.approx(float(exact[0]), abs=4 * spread / np.sqrt(20_000))


def test_many_dimensions_are_estimated_by_default(rng):
    few, many = (small_flow(size, scale=0.05) for size in (16, 17))
    for flow, noisy in ((few, False), (many, True)):
        x = tf.constant(rng.normal(size=(5, flow.event_size)))
        _, found = flow.forward_and_log_det(x)
        flow.layers[0].trace = "exact"
        _, exact = flow.forward_and_log_det(x)
        assert bool(np.abs(found - exact).max() > 1e-9) is noisy


def test_step_error_tells_how_wrong_the_steps_are(rng):
    flow = small_flow(2, scale=0.8, solver=FixedStepSolver(4))
    (layer,) = flow.layers
    x = tf.constant(rng.normal(size=(50, 2)))
    told = layer.step_error(x)
    y, log_det = flow.forward_and_log_det(x)
    layer.solver = FixedStepSolver(200, "dormand_prince")
    exact_y, exact_log_det = flow.forward_and_log_det(x)
    assert float(told.position) == pytest.approx(np.abs(y - exact_y).max(), rel=0.3)
    assert float(told.log_det) == pytest.approx(np.abs(log_det - exact_log_det).max(), rel=0.3)
    assert float(layer.step_error(x).log_det) < 1e-3 * float(told.log_det)


def test_trajectory_goes_from_the_source_to_its_image(rng):
    flow = small_flow(2)
    x = tf.constant(rng.normal(size=(6, 2)))
    path = flow.layers[0].trajectory(x, num_times=5)
    assert path.shape == (5, 6, 2)
    np.testing.assert_array_equal(path[0], x)
    np.testing.assert_allclose(path[-1], flow.forward(x), atol=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"event_size": 0}, "`event_size` must be at least 1; got 0"),
        ({"num_blocks": 0}, "`num_blocks` must be at least 1; got 0"),
        ({"hidden_units": ()}, "`hidden_units` must have at least 1 entry; got none"),
        ({"trace": "exactly"}, "`trace`.*'exactly'"),
        ({"activation": "rule"}, "`activation`.*got 'rule'"),
    ],
)
def test_bad_arguments_are_named(kwargs, match):
    with pytest.raises(ValueError, match=match):
        ffjord_flow(**{"event_size": 2, **kwargs})


def test_only_fixed_steps_can_be_halved():
    flow = small_flow(2, solver=object())
    with pytest.raises(TypeError, match="`solver` must be a FixedStepSolver to be halved"):
        flow.layers[0].step_error(tf.zeros([1, 2], tf.float64))


@pytest.mark.parametrize("compile_with_xla", [False, True])
@pytest.mark.parametrize("trace", ["exact", "rademacher"])
def test_recomputed_gradients_are_the_plain_ones(rng, trace, compile_with_xla):
    flow = small_flow(2, scale=0.5, trace=trace)
    (layer,) = flow.layers
    x = tf.constant(rng.normal(size=(6, 2)))

    def gradients(recompute):
        layer.solver = FixedStepSolver(5, recompute=recompute)

        @functools.partial(tf.function, autograph=False, jit_compile=compile_with_xla)
        def run(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y, log_det = flow.forward_and_log_det(x)
                loss = tf.reduce_sum(y**3) + tf.reduce_sum(log_det**2)
            return tape.gradient(loss, [x, *flow.trainable_variables])

        return run(x)

    for found, wanted in zip(gradients(True), gradients(False), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
        assert np.abs(wanted).max() > 1e-6


def test_recomputing_works_eagerly_and_trains(rng):
    flow = ffjord_flow(2, hidden_units=(8,), solver=FixedStepSolver(4, recompute=True))
    x = rng.normal(size=(200, 2)).astype(np.float32)
    target = (2.0 * x + 1.0).astype(np.float32)
    config = FitConfig(num_steps=200, batch_size=64, optimizer=Adam(2e-2))
    fit(energy_objective(flow), (x, target), config)
    moved = flow.forward(x).numpy()
    assert np.abs(moved.mean(axis=0) - target.mean(axis=0)).max() < 0.3
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(flow.forward_and_log_det(x)[1])
    assert all(slope is not None for slope in tape.gradient(total, flow.trainable_variables))
