"""Solvers: their order, both directions, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.flows.ode import FIXED_STEP_METHODS, FixedStepSolver

ORDERS = {"rk4": 4, "dormand_prince": 5}


def swing(time, state):
    """`z' = cos(t) z`, solved by `exp(sin(t))`."""
    (z,) = state
    return (tf.cos(time) * z,)


def solved(method, num_steps):
    start = (tf.ones([1], tf.float64),)
    (end,) = FixedStepSolver(num_steps, method).solve(swing, start, start=0.0, end=2.0)
    return float(end[0])


@pytest.mark.parametrize("method", FIXED_STEP_METHODS)
def test_error_falls_with_the_order_of_the_method(method):
    coarse, fine = (abs(solved(method, n) - np.exp(np.sin(2.0))) for n in (10, 20))
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


def test_gradient_is_that_of_the_solution():
    z = tf.constant([1.5], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(z)
        (end,) = FixedStepSolver(20).solve(swing, (z,), start=0.0, end=2.0)
    assert float(tape.gradient(end, z)[0]) == pytest.approx(np.exp(np.sin(2.0)), rel=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"num_steps": 0}, "`num_steps` must be at least 1; got 0"),
        ({"method": "euler"}, "`method` must be one of 'dormand_prince', 'rk4'; got 'euler'"),
    ],
)
def test_bad_settings_are_named(kwargs, match):
    with pytest.raises(ValueError, match=match):
        FixedStepSolver(**kwargs)
