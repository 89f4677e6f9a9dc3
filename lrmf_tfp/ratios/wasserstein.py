"""The critic of the Wasserstein-1 distance between two sample sets, exactly (level 5).

`W1 = max(mean(f(x)) - mean(f(y)))` over all functions f of Lipschitz constant 1. Only the values
of f at the samples count, so that f is the solution of a linear program; on a line a sort solves
it. Everything is NumPy in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array
from scipy.spatial.distance import cdist

from lrmf_tfp._core.typing import Array, IntArray, Samples
from lrmf_tfp._validation import as_pair, as_samples, check_choice

__all__ = ["WassersteinCritic", "wasserstein_critic"]

_BLOCK_ENTRIES = 4_000_000  # distances held at a time


@dataclass(frozen=True, eq=False)
class WassersteinCritic:
    """An optimal critic of two sample sets, and its extensions to all of space.

    At the samples the critic has `values`; elsewhere every function between `lower` and `upper`
    whose Lipschitz constant is 1 is as good, for the samples do not tell (McShane, Whitney). All
    three extensions have Lipschitz constant 1 and go through the values. The values themselves
    are one optimum of several wherever equal shares of both sets lie on one side.

    References:
        [1] McShane, Extension of range of functions, Bulletin of the AMS 1934, theorem 1.
    """

    points: Array
    """`[N + M, D]`, the source's rows, then the target's."""
    values: Array
    """`[N + M]`, the critic at the points, in the units of the samples; the least is 0."""
    distance: float
    """`mean(values[:N]) - mean(values[N:])`, the Wasserstein-1 distance of the samples."""

    def upper(self, z: Samples) -> Array:
        """Return `min(values + |z - points|)` `[G]` at points `z` `[G, D]`, the highest critic.

        Raises:
            TypeError: If `z` is not numeric.
            ValueError: If `z` is not finite or of another width.
        """
        return self._extended(z, 1.0)

    def lower(self, z: Samples) -> Array:
        """Return `max(values - |z - points|)` `[G]`, the lowest critic; errors as `upper`."""
        return self._extended(z, -1.0)

    def midpoint(self, z: Samples) -> Array:
        """Return `(upper + lower) / 2` `[G]`, constant beyond the samples of a line."""
        return 0.5 * (self.upper(z) + self.lower(z))

    def _extended(self, z: Samples, sign: float) -> Array:
        z = as_samples(_as_column(z), "z", dtype=np.float64)
        if z.shape[1] != self.points.shape[1]:
            raise ValueError(
                f"`z` must have shape [G, {self.points.shape[1]}] to match the samples; "
                f"got {list(z.shape)}."
            )
        return sign * _lowest_cone(z, self.points, sign * self.values)


def wasserstein_critic(
    source: Samples, target: Samples, *, method: str = "sorting"
) -> WassersteinCritic:
    """Return an optimal critic of the Wasserstein-1 distance, high on source, low on target.

    `max(mean(f(x)) - mean(f(y)))` over `|f(a) - f(b)| <= |a - b|`, in the Euclidean distance.
    The methods differ in which of these constraints they write down; the value is the same.

    * `"sorting"`: no program. Between neighbours on the line f falls with slope -1 where more
      of the source lies to the left, rises where more of the target does, and is level where
      the shares are equal. Time N log N.
    * `"neighbours"`: the `2 (N + M - 1)` constraints of neighbours on the line, which imply
      the others.
    * `"all_pairs"`: all `(N + M)(N + M - 1)`, for any D and some hundreds of points.
    * `"cross"`: the `N M` constraints `f(x) - f(y) <= |x - y|`, for any D. They settle the value
      (duality of transport); f is then made 1-Lipschitz as `min(f(y) + |z - y|)`.

    `lrmf_tfp.divergences.emd` gives the value alone, for some thousands of rows.

    Args:
        source: Samples `[N, D]`, or `[N]` on the line.
        target: Samples `[M, D]`, or `[M]`.
        method: One of the above; `"sorting"` and `"neighbours"` need D = 1.

    Returns:
        The critic at the samples, with its distance.

    Raises:
        RuntimeError: If the solver of a linear program stops before the optimum.
        TypeError: If samples are not numbers.
        ValueError: If shapes do not fit, a value is not finite, or the method is unknown or not
            one for D dimensions.

    Examples:
        >>> critic = wasserstein_critic([[0.0], [1.0]], [[3.0], [5.0]])
        >>> critic.distance, critic.values.tolist()
        (3.5, [5.0, 4.0, 2.0, 0.0])

    References:
        [1] Peyre and Cuturi, Computational Optimal Transport, 2019, arXiv:1803.00567, section
            6.1; remark 2.30 on the line.
    """
    check_choice(method, "method", _METHODS)
    x, y = as_pair(_as_column(source), _as_column(target), dtype=np.float64)
    if x.shape[1] > 1 and method in _ON_LINES:
        others = " or ".join(repr(name) for name in sorted(set(_METHODS) - _ON_LINES))
        raise ValueError(f"`method` must be {others} for {x.shape[1]} dimensions; got {method!r}.")
    points = np.concatenate([x, y])
    values = _METHODS[method](points, len(x))
    values -= values.min()
    distance = float(values[: len(x)].mean() - values[len(x) :].mean())
    return WassersteinCritic(points, values, distance)


def _by_sorting(points: Array, num_source: int) -> Array:
    """Return the values by the sign of `F_source - F_target` between neighbours."""
    order = np.argsort(points[:, 0])  # ties do not matter: no gap lies between them
    num_target = len(points) - num_source
    # Shares times N M, so that equal ones are equal to the last digit.
    shares = np.where(order < num_source, num_target, -num_source)
    slopes = -np.sign(np.cumsum(shares)[:-1])
    values = np.zeros(len(points))
    values[order[1:]] = np.cumsum(slopes * np.diff(points[order, 0]))
    return values


def _by_neighbours(points: Array, num_source: int) -> Array:
    order = np.argsort(points[:, 0])
    left, right = order[:-1], order[1:]
    rows, columns = np.concatenate([left, right]), np.concatenate([right, left])
    return _lipschitz(points, _solved(points, num_source, rows, columns))


def _by_all_pairs(points: Array, num_source: int) -> Array:
    rows, columns = np.nonzero(~np.eye(len(points), dtype=bool))
    return _lipschitz(points, _solved(points, num_source, rows, columns))


def _by_cross_pairs(points: Array, num_source: int) -> Array:
    rows, columns = np.indices([num_source, len(points) - num_source]).reshape(2, -1)
    found = _solved(points, num_source, rows, columns + num_source)
    return _lowest_cone(points, points[num_source:], found[num_source:])


def _solved(points: Array, num_source: int, rows: IntArray, columns: IntArray) -> Array:
    """Return `f` that maximises the difference of means subject to `f[row] - f[column] <= d`."""
    num_points, num_rows = len(points), len(rows)
    costs = np.full(num_points, 1.0 / (num_points - num_source))
    costs[:num_source] = -1.0 / num_source
    index = np.arange(num_rows)
    signs = np.concatenate([np.ones(num_rows), -np.ones(num_rows)])
    places = (np.concatenate([index, index]), np.concatenate([rows, columns]))
    matrix = coo_array((signs, places), shape=(num_rows, num_points)).tocsr()
    limits = np.linalg.norm(points[rows] - points[columns], axis=1)
    scale = limits.max() or 1.0  # the solver's tolerances are absolute
    found = linprog(costs, A_ub=matrix, b_ub=limits / scale, bounds=(0.0, None), method="highs")
    if found.status != 0:
        raise RuntimeError(
            f"the linear program of {num_points} points and {num_rows} constraints was not "
            f"solved: {found.message}"
        )
    return scale * np.asarray(found.x, np.float64)


def _lipschitz(points: Array, values: Array) -> Array:
    """Return the values without what the solver's tolerance left above a slope of 1."""
    return _lowest_cone(points, points, values)


def _lowest_cone(z: Array, points: Array, values: Array) -> Array:
    """Return `min(values + |z - points|)` `[G]`, some rows of `z` at a time."""
    step = max(1, _BLOCK_ENTRIES // len(points))
    blocks = [z[start : start + step] for start in range(0, len(z), step)]
    return np.concatenate([np.min(values + cdist(block, points), axis=1) for block in blocks])


def _as_column(samples: Samples) -> Samples:
    """Return samples `[N]` on the line as `[N, 1]`, and others as they are."""
    shape = getattr(samples, "shape", None)
    if shape is None:
        try:
            shape = np.shape(samples)
        except ValueError:  # ragged; the check that follows says so
            return samples
    return np.reshape(samples, [-1, 1]) if len(shape) == 1 else samples


_METHODS: dict[str, Callable[[Array, int], Array]] = {
    "all_pairs": _by_all_pairs,
    "cross": _by_cross_pairs,
    "neighbours": _by_neighbours,
    "sorting": _by_sorting,
}
_ON_LINES = {"neighbours", "sorting"}
