"""FFJORD: divergences by hand, Hutchinson's estimate, the error of the steps, bad input."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import simpson

from lrmf_tfp.densities import flow_density
from lrmf_tfp.flows import back_to_back_flow, ffjord_flow, real_nvp_flow
from lrmf_tfp.networks import ACTIVATIONS, VelocityField
from lrmf_tfp.objectives import copy_variables, energy_objective
from lrmf_tfp.ode import AdaptiveSolver, FixedStepSolver, refine_steps, step_error
from lrmf_tfp.ode.solves import noted_solves, penalty_of
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.cases import perturb


def small_flow(size=3, *, scale=0.3, **kwargs):
    flow = ffjord_flow(size, hidden_units=(8, 8), dtype=tf.float64, **kwargs)
    return perturb(flow, scale=scale)


def graph(function):
    """Return the function as a graph: step by step in Python, solvers are slow."""
    return tf.function(function, autograph=False)


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


@pytest.mark.parametrize("noise", ["rademacher", pytest.param("gaussian", marks=pytest.mark.slow)])
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
    told = step_error(flow, x)
    y, log_det = flow.forward_and_log_det(x)
    layer.solver = FixedStepSolver(100, "dormand_prince")
    exact_y, exact_log_det = graph(flow.forward_and_log_det)(x)
    assert float(told.position) == pytest.approx(np.abs(y - exact_y).max(), rel=0.3)
    assert float(told.log_det) == pytest.approx(np.abs(log_det - exact_log_det).max(), rel=0.3)
    left = graph(lambda x: step_error(flow, x))(x)
    assert float(left.log_det) < 1e-3 * float(told.log_det)


@pytest.mark.parametrize("inverse", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_steps_are_doubled_until_the_error_is_small(rng, inverse):
    solver = FixedStepSolver(2, tolerance=1e-2)
    flow = small_flow(2, num_blocks=2, solver=solver)
    x = tf.constant(rng.normal(size=(50, 2)))
    assert float(max(step_error(flow, x, inverse=inverse))) > 1e-2
    left = refine_steps(flow, x, inverse=inverse)
    steps = [int(layer.num_steps) for layer in flow.layers]
    assert float(max(left)) <= 1e-2
    assert max(steps) in (4, 8, 16)
    for layer in flow.layers:
        layer.num_steps.assign(max(steps) // 2)
    assert float(max(step_error(flow, x, inverse=inverse))) > 1e-2 / 2


def test_doubling_ends_at_the_most_steps(rng):
    solver = FixedStepSolver(2, tolerance=1e-9, max_steps=9)
    flow = small_flow(2, scale=0.8, solver=solver)
    left = refine_steps(flow, tf.constant(rng.normal(size=(50, 2))))
    assert int(flow.layers[0].num_steps) == 8
    assert float(max(left)) > 1e-9


def test_what_solves_nothing_has_no_error(rng):
    x = tf.constant(rng.normal(size=(5, 2)), tf.float32)
    for found in (step_error(real_nvp_flow(2), x), refine_steps(real_nvp_flow(2), x)):
        assert [float(part) for part in found] == [0.0, 0.0]
    assert [float(part) for part in step_error(small_flow(2), np.zeros((0, 2)))] == [0.0, 0.0]


def test_an_unknown_solver_is_named():
    with pytest.raises(TypeError, match=r"`solver` must be a solver, such as .* got 'rk4'"):
        ffjord_flow(2, solver="rk4")


def test_solves_are_found_behind_densities_and_inverses(rng):
    flow = small_flow(2, num_blocks=2)
    turned = back_to_back_flow(flow, small_flow(2))
    x = tf.constant(rng.normal(size=(5, 2)))
    with noted_solves() as solves:
        flow_density(turned).log_prob(x)
    assert [(solve.start, solve.end) for solve in solves] == [(1.0, 0.0), (0.0, 1.0), (0.0, 1.0)]
    with noted_solves() as solves:
        flow_density(real_nvp_flow(2)).log_prob(tf.cast(x, tf.float32))
    assert solves == []


def test_the_number_of_steps_is_saved_with_the_weights(tmp_path):
    flow, other = small_flow(2), small_flow(2)
    flow.layers[0].num_steps.assign(32)
    path = tf.train.Checkpoint(flow=flow).write(str(tmp_path / "flow"))
    tf.train.Checkpoint(flow=other).read(path)
    assert int(other.layers[0].num_steps) == 32


def test_many_steps_there_and_back_cancel(rng):
    flow = perturb(small_flow(2, scale=0.0, solver=FixedStepSolver(16, "dormand_prince")))
    x = np.clip(1.5 * rng.normal(size=(500, 2)), -3.0, 3.0)
    y, there = graph(flow.forward_and_log_det)(x)
    back, again = graph(flow.inverse_and_log_det)(y)
    np.testing.assert_allclose(back, x, atol=1e-10)
    np.testing.assert_allclose(again, -there, atol=1e-9)
    assert np.abs(y - x).max() > 1e-2


def test_adaptive_solver_agrees_with_many_steps(rng):
    flow = small_flow(2, scale=0.8, solver=AdaptiveSolver(1e-8, 1e-8))
    x = tf.constant(rng.normal(size=(50, 2)))
    y, log_det = graph(flow.forward_and_log_det)(x)
    assert float(max(graph(lambda x: step_error(flow, x))(x))) < 1e-6
    flow.layers[0].solver = FixedStepSolver(100, "dormand_prince")
    exact_y, exact_log_det = graph(flow.forward_and_log_det)(x)
    np.testing.assert_allclose(y, exact_y, atol=1e-6)
    np.testing.assert_allclose(log_det, exact_log_det, atol=1e-6)


@pytest.mark.parametrize("trace", ["exact", "rademacher"])
def test_regularisers_charge_the_integrals_of_the_paper(rng, trace):
    flow = small_flow(
        2, kinetic_weight=0.5, jacobian_weight=2.0, trace=trace, solver=FixedStepSolver(4)
    )
    (layer,) = flow.layers
    copies = {"exact": 1, "rademacher": 4000}[trace]
    x = tf.constant(np.repeat(rng.normal(size=(4, 2)), copies, axis=0))
    with noted_solves() as solves:
        y, _ = flow.forward_and_log_det(x)
        flow.inverse_and_log_det(y)
    forward, backward = (np.reshape(solve.cost, [4, -1]).mean(axis=1) for solve in solves)
    places = layer.trajectory(x[::copies], num_times=9).numpy()
    charges = []
    for k, place in enumerate(places):
        time = tf.constant(k / 8, tf.float64)
        value, jacobian = layer.field.value_and_jacobian(time, tf.constant(place))
        steepness = np.sum(np.square(jacobian), axis=(1, 2))
        charges.append(0.5 * np.sum(np.square(value), axis=1) + 2.0 * steepness)
    wanted = simpson(charges, dx=1 / 8, axis=0)
    tolerance = {"exact": 1e-2, "rademacher": 0.1}[trace]
    np.testing.assert_allclose(forward, wanted, rtol=tolerance)
    np.testing.assert_allclose(backward, wanted, rtol=tolerance)
    assert penalty_of(solves[:1]).numpy() == pytest.approx(forward.mean())


def test_nothing_is_charged_while_nobody_listens(rng):
    flow = small_flow(2, kinetic_weight=1.0)
    free = small_flow(2)
    copy_variables(flow, free)
    x = tf.constant(rng.normal(size=(4, 2)))
    for found, wanted in zip(
        flow.forward_and_log_det(x), free.forward_and_log_det(x), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


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
        ({"kinetic_weight": -1.0}, "`kinetic_weight` must be finite and at least 0; got -1.0"),
        ({"jacobian_weight": np.nan}, "`jacobian_weight` must be finite and at least 0; got nan"),
    ],
)
def test_bad_arguments_are_named(kwargs, match):
    with pytest.raises(ValueError, match=match):
        ffjord_flow(**{"event_size": 2, **kwargs})


@pytest.mark.parametrize(
    ("trace", "compiled"),
    [
        ("exact", False),
        pytest.param("exact", True, marks=pytest.mark.slow),
        pytest.param("rademacher", False, marks=pytest.mark.slow),
    ],
)
def test_all_gradients_are_the_same(rng, trace, compiled):
    flow = small_flow(2, scale=0.3, trace=trace)
    (layer,) = flow.layers
    x = tf.constant(rng.normal(size=(6, 2)))

    def gradients(kind, **options):
        layer.solver = FixedStepSolver(128, gradient=kind)

        @functools.partial(tf.function, autograph=False, **options)
        def run(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y, log_det = flow.forward_and_log_det(x)
                loss = tf.reduce_sum(y**3) + tf.reduce_sum(log_det**2)
            return tape.gradient(loss, [x, *flow.trainable_variables])

        return run(x)

    wanted = gradients("plain")
    for found in (gradients("recomputed", jit_compile=compiled), gradients("adjoint")):
        for part, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(part, other, atol=1e-9 * max(1.0, np.abs(other).max()))
            assert np.abs(other).max() > 1e-6


def test_recomputing_works_eagerly(rng):
    flow = perturb(ffjord_flow(2, hidden_units=(8,), solver=FixedStepSolver(2)))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(flow.forward_and_log_det(rng.normal(size=(20, 2)))[1])
    for slope in tape.gradient(total, flow.trainable_variables):
        assert np.isfinite(slope).all()


@pytest.mark.slow
def test_recomputing_trains(rng):
    flow = ffjord_flow(2, hidden_units=(8,), solver=FixedStepSolver(2))
    x = rng.normal(size=(200, 2)).astype(np.float32)
    target = (2.0 * x + 1.0).astype(np.float32)
    config = FitConfig(num_steps=200, batch_size=64, optimizer=Adam(2e-2), jit_compile=False)
    fit(energy_objective(flow), (x, target), config)
    moved = flow.forward(x).numpy()
    assert np.abs(moved.mean(axis=0) - target.mean(axis=0)).max() < 0.3
