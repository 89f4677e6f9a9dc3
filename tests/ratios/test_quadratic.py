"""The quadratic program against SciPy's non-negative least squares and its own conditions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from lrmf_tfp.ratios._quadratic import Program, solve_program


def program(rng, size, *, condition=1e3, nonnegative=True, bounds=None):
    vectors = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = (vectors * np.geomspace(1.0, condition, size)) @ vectors.T
    return Program(matrix, rng.normal(size=size), rng.uniform(0.1, 1.0, size), nonnegative, bounds)


def assert_optimal(problem, x, *, rtol=1e-9):
    """`H x - b + t c = m`, m >= 0, m x = 0, for one t."""
    slope = (problem.matrix @ x - problem.linear) / problem.weights
    free = x > 0.0
    scale = np.abs(problem.linear / problem.weights).max()
    multiplier = slope[free].mean() if free.any() else slope.min()
    np.testing.assert_allclose(slope[free], multiplier, atol=rtol * scale)
    assert np.all(slope[~free] >= multiplier - rtol * scale)
    return multiplier / scale


@pytest.mark.parametrize("size", [1, 2, 7, 60])
@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_it_is_non_negative_least_squares(size, condition, seed):
    problem = program(np.random.default_rng(seed), size, condition=condition)
    found = solve_program(problem)
    root = np.linalg.cholesky(problem.matrix)
    wanted, _ = nnls(root.T, np.linalg.solve(root, problem.linear), maxiter=100 * size)
    np.testing.assert_allclose(found, wanted, atol=1e-9 * max(np.abs(wanted).max(), 1e-3))
    assert abs(assert_optimal(problem, found)) < 1e-9 or not found.any()


@pytest.mark.parametrize("total", [1e-3, 0.7, 50.0])
@pytest.mark.parametrize("size", [2, 40])
def test_a_total_is_met_with_one_multiplier(size, total, seed):
    problem = program(np.random.default_rng(seed), size, bounds=(total, total))
    found = solve_program(problem)
    assert problem.weights @ found == pytest.approx(total, rel=1e-9)
    assert np.all(found >= 0.0)
    assert_optimal(problem, found)


def test_bounds_that_do_not_bind_change_nothing(rng):
    plain = solve_program(program(rng, 30))
    problem = program(np.random.default_rng(0), 30)
    reached = problem.weights @ plain
    wide = problem._replace(bounds=(0.5 * reached, 2.0 * reached))
    np.testing.assert_array_equal(solve_program(wide), plain)
    for bounds, wanted in (((2 * reached, 9 * reached), 2), ((0.0, 0.5 * reached), 0.5)):
        found = solve_program(problem._replace(bounds=bounds))
        assert problem.weights @ found == pytest.approx(wanted * reached, rel=1e-9)


def test_nothing_to_gain_gives_zero():
    problem = Program(np.eye(4), -np.ones(4), np.ones(4), nonnegative=True, bounds=None)
    assert not solve_program(problem).any()
    kept = solve_program(problem._replace(bounds=(2.0, 3.0)))
    np.testing.assert_allclose(kept, 0.5, rtol=1e-9)


def test_without_signs_it_is_the_linear_solution(rng):
    problem = program(rng, 20, nonnegative=False)
    wanted = np.linalg.solve(problem.matrix, problem.linear)
    np.testing.assert_allclose(solve_program(problem), wanted, rtol=1e-9)
    met = solve_program(problem._replace(bounds=(0.3, 0.3)))
    assert problem.weights @ met == pytest.approx(0.3, rel=1e-12)
    slope = (problem.matrix @ met - problem.linear) / problem.weights
    np.testing.assert_allclose(slope, slope[0], rtol=1e-6)


def test_a_matrix_that_is_not_positive_definite_is_refused():
    problem = Program(-np.eye(3), np.ones(3), np.ones(3), nonnegative=True, bounds=None)
    with pytest.raises(np.linalg.LinAlgError):
        solve_program(problem)
