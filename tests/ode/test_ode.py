"""Solvers: their order, both directions, three kinds of gradients, bad input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import solve_ivp

from lrmf_tfp.ode import AdaptiveSolver, FixedStepSolver
from lrmf_tfp.ode.solvers import FIXED_STEP_METHODS, GRADIENTS

ORDERS = {"rk4": 4, "dormand_prince": 5}


def swing(time, state):
    """`z' = cos(t) z`, solved by `exp(sin(t))`."""
    (z,) = state
    return (tf.cos(time) * z,)


def error_of(solver):
    """Solve the swing from 0 to 2 in a graph and return how wrong the end is."""
    run = tf.function(lambda z: solver.solve(swing, (z,), start=0.0, end=2.0), autograph=False)
    (end,) = run(tf.ones([1], tf.float64))
    return abs(float(end[0]) - np.exp(np.sin(2.0)))


@pytest.mark.parametrize("method", FIXED_STEP_METHODS)
def test_error_falls_with_the_order_of_the_method(method):
    coarse, fine = (error_of(FixedStepSolver(n, method)) for n in (10, 20))
    assert np.log2(coarse / fine) == pytest.approx(ORDERS[method], abs=0.5)
    assert fine < 1e-5


@pytest.mark.parametrize("method", FIXED_STEP_METHODS)
def test_a_polynomial_of_time_is_exact(method):
    """Both methods integrate cubics without error."""
    solver = FixedStepSolver(2, method)
    (end,) = solver.solve(
        lambda t, z: (4.0 * t**3 + 1.0,), (tf.zeros([], tf.float64),), start=1.0, end=3.0
    )
    assert float(end) == pytest.approx(3.0**4 - 1.0 + 2.0, rel=1e-12)


def test_backwards_undoes_forwards():
    solver = FixedStepSolver(50)
    start = (tf.constant([2.0, -1.0], tf.float64),)
    there = solver.solve(swing, start, start=0.3, end=1.7)
    (back,) = solver.solve(swing, there, start=1.7, end=0.3)
    np.testing.assert_allclose(back, start[0], atol=1e-7)


SOLVERS = {
    "fixed": FixedStepSolver(64, "dormand_prince"),
    "adaptive": AdaptiveSolver(rtol=1e-9, atol=1e-9, max_steps=200),
}


@pytest.mark.parametrize(
    ("name", "gradient", "mode"),
    [
        *((name, gradient, "graph") for name in SOLVERS for gradient in GRADIENTS),
        ("adaptive", "recomputed", "xla"),
        pytest.param("fixed", "recomputed", "eager", marks=pytest.mark.slow),
        pytest.param("fixed", "adjoint", "eager", marks=pytest.mark.slow),
        pytest.param("fixed", "plain", "xla", marks=pytest.mark.slow),
        pytest.param("adaptive", "adjoint", "xla", marks=pytest.mark.slow),
    ],
)
def test_gradient_is_that_of_the_solution(name, gradient, mode):
    """`z(2) = z(0) exp(w sin 2)`, so that both gradients are known."""
    solver = dataclasses.replace(SOLVERS[name], gradient=gradient)
    weight = tf.Variable(0.7, dtype=tf.float64)

    def run(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            (end,) = solver.solve(
                lambda t, state: (weight * tf.cos(t) * state[0],), (z,), start=0.0, end=2.0
            )
            total = tf.reduce_sum(end)
        return end, *tape.gradient(total, [z, weight])

    if mode != "eager":
        run = tf.function(run, autograph=False, jit_compile=mode == "xla")
    end, in_z, in_weight = run(tf.constant([1.5, -0.5], tf.float64))
    growth = np.exp(0.7 * np.sin(2.0))
    np.testing.assert_allclose(end, [1.5 * growth, -0.5 * growth], atol=1e-8)
    np.testing.assert_allclose(in_z, [growth, growth], atol=1e-8)
    np.testing.assert_allclose(in_weight, 1.0 * growth * np.sin(2.0), atol=1e-8)


def test_plain_steps_have_second_derivatives():
    z = tf.constant([1.0], tf.float64)
    solver = FixedStepSolver(100, gradient="plain")
    with tf.GradientTape() as outer:
        outer.watch(z)
        with tf.GradientTape() as inner:
            inner.watch(z)
            (end,) = solver.solve(lambda t, s: (-(s[0] ** 2),), (z,), start=0.0, end=1.0)
        slope = inner.gradient(end, z)
    assert float(outer.gradient(slope, z)[0]) == pytest.approx(-2.0 / 8.0, rel=1e-6)


def test_adaptive_steps_agree_with_scipy():
    """A stiff oscillator; SciPy has the same pair of methods."""

    def oscillate(time, state):
        x, y = state
        return y, 20.0 * (1.0 - x**2) * y - x + tf.cos(time)

    start = (tf.constant([2.0], tf.float64), tf.constant([0.0], tf.float64))
    solver = AdaptiveSolver(1e-9, 1e-9)
    run = tf.function(lambda z: solver.solve(oscillate, z, start=0.0, end=3.0), autograph=False)
    found = run(start)
    wanted = solve_ivp(
        lambda t, z: [z[1], 20.0 * (1.0 - z[0] ** 2) * z[1] - z[0] + np.cos(t)],
        (0.0, 3.0),
        [2.0, 0.0],
        rtol=1e-10,
        atol=1e-12,
        method="Radau",
    )
    np.testing.assert_allclose(np.ravel(found), wanted.y[:, -1], atol=1e-7)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7, 1e-9])
def test_adaptive_error_follows_the_tolerance(tolerance):
    assert error_of(AdaptiveSolver(rtol=tolerance, atol=tolerance)) < 20 * tolerance


def test_adaptive_steps_are_short_only_where_they_must_be():
    def bump(time, state):
        return (tf.exp(-0.5 * ((time - 0.5) / 0.01) ** 2) * state[0],)

    state = (tf.ones([1], tf.float64),)
    solver = AdaptiveSolver(1e-6, 1e-6)

    @tf.function(autograph=False)
    def count(start, end):
        return solver.num_steps(bump, state, start=start, end=end)

    assert int(count(0.7, 1.0)) <= 3 < 8 <= int(count(0.4, 0.6))


def test_finer_solvers_err_less():
    for solver in (FixedStepSolver(4), AdaptiveSolver(1e-3, 1e-3)):
        assert error_of(solver.finer()) < 0.3 * error_of(solver)


def explode(time, state):
    """`z' = z^2` from 1 has left every bound at time 1."""
    del time
    return (state[0] ** 2,)


def test_a_state_that_does_not_stay_finite_is_named():
    start = (tf.ones([1]),)
    match = r"`x` must keep a finite state; got nan or inf at time 1\.\d+, step \d of 8"
    with pytest.raises(FloatingPointError, match=match):
        FixedStepSolver(8).solve(explode, start, start=0.0, end=2.0)
    match = r"within 1000 steps; got to time 1 in \d+ steps"
    with pytest.raises(FloatingPointError, match=match):
        AdaptiveSolver().solve(explode, start, start=0.0, end=2.0)


def test_too_few_steps_are_named_and_never_a_wrong_number():
    solver = AdaptiveSolver(1e-8, 1e-8, max_steps=5)
    start = (tf.ones([1]),)
    with pytest.raises(FloatingPointError, match=r"reach time 2 .* within 5 steps; got to time 0"):
        solver.solve(swing, start, start=0.0, end=2.0)
    graph = tf.function(lambda z: solver.solve(swing, (z,), start=0.0, end=2.0))
    assert np.isnan(graph(start[0])[0].numpy()).all()


@pytest.mark.parametrize(
    ("build", "kwargs", "match"),
    [
        (FixedStepSolver, {"num_steps": 0}, "`num_steps` must be at least 1; got 0"),
        (FixedStepSolver, {"num_steps": 500}, "`num_steps` must be at most `max_steps`, 256"),
        (
            FixedStepSolver,
            {"method": "euler"},
            "`method` must be one of 'dormand_prince', 'rk4'; got 'euler'",
        ),
        (FixedStepSolver, {"gradient": "none"}, "`gradient` must be one of .* got 'none'"),
        (FixedStepSolver, {"tolerance": 0.0}, "`tolerance` must be finite and above 0"),
        (AdaptiveSolver, {"rtol": -1.0}, "`rtol` must be finite and above 0; got -1.0"),
        (AdaptiveSolver, {"atol": 0.0}, "`atol` must be finite and above 0; got 0.0"),
        (AdaptiveSolver, {"max_steps": 0}, "`max_steps` must be at least 1; got 0"),
        (AdaptiveSolver, {"gradient": "none"}, "`gradient` must be one of .* got 'none'"),
    ],
)
def test_bad_settings_are_named(build, kwargs, match):
    with pytest.raises(ValueError, match=match):
        build(**kwargs)
