"""The quadratic program of kernel mean matching, to its exact solution.

`min x' H x / 2 - b' x` subject to `x >= 0` and, if asked for, `low <= c' x <= high`. NumPy in
float64, for H positive definite and c above 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import brentq

from lrmf_tfp._core.typing import Array

__all__ = ["Program", "solve_program"]

_Mask = NDArray[np.bool_]

_PATIENCE = 3  # exchanges of whole blocks that may fail to help before single ones follow
_TOLERANCE = 1e-12  # of a slack, in units of the largest entry of b
_LARGEST_MULTIPLIER = 1e12


class Program(NamedTuple):
    """What is minimised, and under what."""

    matrix: Array
    """H, `[N, N]`."""
    linear: Array
    """b, `[N]`."""
    weights: Array
    """c, `[N]`, above 0."""
    nonnegative: bool
    """Whether `x >= 0`."""
    bounds: tuple[float, float] | None
    """Least and largest `c' x`, above 0; None where it is free."""


def solve_program(program: Program) -> Array:
    """Return the solution `[N]`.

    Without the condition on `c' x` by exchanging blocks of active constraints, each time with one
    Cholesky factorisation of the free part, until none is wrong; a handful of times as a rule.
    With it, `b - t c` takes the place of b for the multiplier t at which the condition holds,
    which is the root of a function that falls.

    Raises:
        numpy.linalg.LinAlgError: If H is not positive definite.

    References:
        [1] Kim and Park, Fast Nonnegative Matrix Factorization: an Active-set-like Method and
            Comparisons, SIAM J. Sci. Comput. 2011, algorithm 2 (block principal pivoting).
    """
    path = _Path(program)
    solution = path.at(0.0)
    if program.bounds is None:
        return solution
    low, high = program.bounds
    reached = float(program.weights @ solution)
    if low <= reached <= high:
        return solution
    return path.reaching(low if reached < low else high)


class _Path:
    """The solutions for all multipliers t of `c' x`, each started from the one before."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._free: _Mask = np.ones(len(program.linear), dtype=bool)

    def at(self, multiplier: float) -> Array:
        """Return the solution for `b - t c`."""
        linear = self._program.linear - multiplier * self._program.weights
        if not self._program.nonnegative:
            return _solved(self._program.matrix, linear, self._free)
        solution, self._free = _nonnegative(self._program.matrix, linear, self._free)
        return solution

    def reaching(self, total: float) -> Array:
        """Return the solution with `c' x` equal to a number above 0."""
        weights = self._program.weights
        if self._program.nonnegative:

            def excess(multiplier: float) -> float:
                return float(weights @ self.at(multiplier)) - total

            self.at(brentq(excess, *_bracket(excess), xtol=1e-300, rtol=1e-12))
        # What is free is right now, so that the condition can be met to the last digit.
        free, (first, second) = self._free, self._basis()
        multiplier = (weights[free] @ first - total) / (weights[free] @ second)
        solution = np.zeros_like(weights)
        solution[free] = first - multiplier * second
        return np.maximum(solution, 0.0) if self._program.nonnegative else solution

    def _basis(self) -> Array:
        """Return `H^-1 b` and `H^-1 c` of the free part, `[2, F]`."""
        free = self._free
        right = np.stack([self._program.linear[free], self._program.weights[free]], axis=1)
        return cho_solve(cho_factor(self._program.matrix[np.ix_(free, free)]), right).T


def _bracket(excess: Callable[[float], float]) -> tuple[float, float]:
    """Return multipliers on both sides of the root of a falling function."""
    sign = 1.0 if excess(0.0) > 0.0 else -1.0
    near, far = 0.0, sign
    while sign * excess(far) > 0.0 and abs(far) < _LARGEST_MULTIPLIER:
        near, far = far, 4.0 * far
    return near, far


def _nonnegative(matrix: Array, linear: Array, free: _Mask) -> tuple[Array, _Mask]:
    """Return the solution under `x >= 0`, and which entries are free there."""
    tolerance = _TOLERANCE * max(float(np.max(np.abs(linear))), np.finfo(np.float64).tiny)
    fewest, patience = len(linear) + 1, _PATIENCE
    for _ in range(10 * len(linear) + 100):
        solution = _solved(matrix, linear, free)
        slack = matrix @ solution - linear
        wrong = np.flatnonzero(np.where(free, solution < 0.0, slack < -tolerance))
        if not wrong.size:
            return solution, free
        if wrong.size < fewest:
            fewest, patience = wrong.size, _PATIENCE
        else:
            patience -= 1
        free = free.copy()
        exchanged = wrong if patience > 0 else wrong[-1:]  # Murty's rule always comes to an end
        free[exchanged] = ~free[exchanged]
    raise np.linalg.LinAlgError("rounding keeps the active constraints from settling")


def _solved(matrix: Array, linear: Array, free: _Mask) -> Array:
    solution = np.zeros_like(linear)
    if free.any():
        factor = cho_factor(matrix[np.ix_(free, free)])
        solution[free] = cho_solve(factor, linear[free])
    return solution
