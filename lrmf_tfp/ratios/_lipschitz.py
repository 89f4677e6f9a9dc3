"""The values of the best function of Lipschitz constant 1 at two samples.

A linear program; on a line a sort solves it. NumPy in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array
from scipy.spatial.distance import cdist

from lrmf_tfp._core.typing import Array, IntArray
from lrmf_tfp.ratios._rows import Pair, shares

__all__ = ["Atoms", "METHODS", "ON_LINES", "lowest_cone"]

_BLOCK_ENTRIES = 4_000_000  # distances held at a time


class Atoms(NamedTuple):
    """The points of both samples and the mass of each."""

    points: Array
    """`[N + M, D]`, float64, the numerator's rows, then the denominator's."""
    masses: Array
    """`[N + M]`, the numerator's above 0, the denominator's below, each set's of one sum."""
    num_numerator: int
    """N."""
    is_exact: bool
    """Whether sums of masses are exact, so that equal shares cancel to the last digit."""

    @staticmethod
    def of(pair: Pair) -> Atoms:
        """Return the atoms of two samples."""
        points = np.concatenate([sample.values.astype(np.float64) for sample in pair])
        sizes = [len(sample) for sample in pair]
        if all(sample.training_weights is None for sample in pair):  # shares times N M
            masses = np.repeat([float(sizes[1]), -float(sizes[0])], sizes)
            return Atoms(points, masses, sizes[0], is_exact=True)
        masses = np.concatenate([shares(pair.numerator), -shares(pair.denominator)])
        return Atoms(points, masses, sizes[0], is_exact=False)


def lowest_cone(x: Array, points: Array, values: Array) -> Array:
    """Return `min(values + |x - points|)` `[B]`, some rows of `x` at a time."""
    step = max(1, _BLOCK_ENTRIES // len(points))
    blocks = [x[start : start + step] for start in range(0, len(x), step)]
    return np.concatenate([np.min(values + cdist(block, points), axis=1) for block in blocks])


def _by_sorting(atoms: Atoms) -> Array:
    """Return the values by the sign of `F_numerator - F_denominator` between neighbours."""
    order = np.argsort(atoms.points[:, 0])  # ties do not matter: no gap lies between them
    reached = np.cumsum(atoms.masses[order])[:-1]
    if not atoms.is_exact:  # what rounding leaves of equal shares
        rounding = len(order) * np.finfo(np.float64).eps
        reached = np.where(np.abs(reached) <= rounding, 0.0, reached)
    values = np.zeros(len(order))
    values[order[1:]] = np.cumsum(-np.sign(reached) * np.diff(atoms.points[order, 0]))
    return values


def _by_neighbours(atoms: Atoms) -> Array:
    order = np.argsort(atoms.points[:, 0])
    left, right = order[:-1], order[1:]
    rows, columns = np.concatenate([left, right]), np.concatenate([right, left])
    return _lipschitz(atoms.points, _solved(atoms, rows, columns))


def _by_all_pairs(atoms: Atoms) -> Array:
    rows, columns = np.nonzero(~np.eye(len(atoms.points), dtype=bool))
    return _lipschitz(atoms.points, _solved(atoms, rows, columns))


def _by_cross_pairs(atoms: Atoms) -> Array:
    size = atoms.num_numerator
    rows, columns = np.indices([size, len(atoms.points) - size]).reshape(2, -1)
    found = _solved(atoms, rows, columns + size)
    return lowest_cone(atoms.points, atoms.points[size:], found[size:])


def _solved(atoms: Atoms, rows: IntArray, columns: IntArray) -> Array:
    """Return `f` that maximises the difference of means subject to `f[row] - f[column] <= d`."""
    points, num_rows = atoms.points, len(rows)
    costs = -atoms.masses / np.sum(atoms.masses[: atoms.num_numerator])
    index = np.arange(num_rows)
    signs = np.concatenate([np.ones(num_rows), -np.ones(num_rows)])
    places = (np.concatenate([index, index]), np.concatenate([rows, columns]))
    matrix = coo_array((signs, places), shape=(num_rows, len(points))).tocsr()
    limits = np.linalg.norm(points[rows] - points[columns], axis=1)
    scale = limits.max() or 1.0  # the solver's tolerances are absolute
    found = linprog(costs, A_ub=matrix, b_ub=limits / scale, bounds=(0.0, None), method="highs")
    if found.status != 0:
        raise RuntimeError(
            f"the linear program of {len(points)} points and {num_rows} constraints was not "
            f"solved: {found.message}"
        )
    return scale * np.asarray(found.x, np.float64)


def _lipschitz(points: Array, values: Array) -> Array:
    """Return the values without what the solver's tolerance left above a slope of 1."""
    return lowest_cone(points, points, values)


METHODS: dict[str, Callable[[Atoms], Array]] = {
    "all_pairs": _by_all_pairs,
    "cross": _by_cross_pairs,
    "neighbours": _by_neighbours,
    "sorting": _by_sorting,
}
"""Ways to the values `[N + M]`, by name."""
ON_LINES = {"neighbours", "sorting"}
"""Those that need one dimension."""
