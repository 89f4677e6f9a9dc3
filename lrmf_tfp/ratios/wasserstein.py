"""The critic of the Wasserstein-1 distance between two samples, exactly.

`W1 = max(mean(f(x)) - mean(f(y)))` over all functions f of Lipschitz constant 1. Only the values
of f at the samples count: see `_lipschitz` for the programs that find them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Samples, Tensor
from lrmf_tfp._validation import check_choice
from lrmf_tfp.ratios._lipschitz import METHODS, ON_LINES, Atoms, lowest_cone
from lrmf_tfp.ratios._module import PointwiseModule
from lrmf_tfp.ratios._rows import as_pair, as_points, mean, quiet
from lrmf_tfp.ratios.critic import SavedCritic
from lrmf_tfp.ratios.saved import described_pair
from lrmf_tfp.samples import Sample

__all__ = ["WassersteinCritic", "wasserstein_critic"]


class WassersteinCritic(SavedCritic):
    """An optimal critic of two samples, and its extensions to all of space.

    At the samples the critic has `point_values`; elsewhere every function between `lower` and
    `upper` whose Lipschitz constant is 1 is as good, for the samples do not tell (McShane,
    Whitney). All three extensions have Lipschitz constant 1 and go through the values; calling
    the critic returns the one in the middle. The values themselves are one optimum of several
    wherever equal shares of both sets lie on one side. An extension has kinks, and so no gradient
    that could be promised.

    Points may be given as `[B]` on the line. NumPy in float64, no TensorFlow but for `save`.

    References:
        [1] McShane, Extension of range of functions, Bulletin of the AMS 1934, theorem 1.
    """

    @property
    def points(self) -> Array:
        """`[N + M, D]`, the numerator's rows with mass, then the denominator's."""
        return self.arrays["points"]

    @property
    def point_values(self) -> Array:
        """`[N + M]`, the critic at the points, in the units of the samples; the least is 0."""
        return self.arrays["point_values"]

    @property
    def distance(self) -> float:
        """`mean(f(x)) - mean(f(y))` over the samples, their Wasserstein-1 distance."""
        return float(self.metadata["distance"])

    def __call__(self, x: Samples | Sample) -> Array:
        """Return `(upper + lower) / 2` `[B]`, constant beyond the samples of a line."""
        return 0.5 * (self.upper(x) + self.lower(x))

    def upper(self, x: Samples | Sample) -> Array:
        """Return `min(point_values + |x - points|)` `[B]` at `x` `[B, D]`, the highest critic.

        Raises:
            TypeError: If `x` is not numeric.
            ValueError: If `x` is not finite, of another width or has other columns.
        """
        return self._extended(x, 1.0)

    def lower(self, x: Samples | Sample) -> Array:
        """Return `max(point_values - |x - points|)` `[B]`, the lowest critic.

        Errors as `upper`.
        """
        return self._extended(x, -1.0)

    def _extended(self, x: Samples | Sample, sign: float) -> Array:
        names = self.feature_names
        points = as_points(_as_column(x), num_dims=self.num_dims, names=names)
        return sign * lowest_cone(points.astype(np.float64), self.points, sign * self.point_values)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return what makes the critic again: its arrays say all, and need no SavedModel."""
        return _critic, (self.metadata, self.points, self.point_values)


class WassersteinModule(PointwiseModule):
    """What is saved of a critic: its three extensions."""

    def __init__(self, points: Array, values: Array) -> None:
        super().__init__(points.shape[1], name="wasserstein_critic")
        places, heights = tf.constant(points), tf.constant(values)

        def extended(x: Tensor, sign: float) -> Tensor:
            def at(point: Tensor) -> Tensor:
                return tf.reduce_min(sign * heights + tf.norm(places - point, axis=1))

            return sign * tf.map_fn(at, tf.cast(x, tf.float64))

        self._provide(
            {
                "value": lambda x: 0.5 * (extended(x, 1.0) + extended(x, -1.0)),
                "upper": lambda x: extended(x, 1.0),
                "lower": lambda x: extended(x, -1.0),
            }
        )


@quiet
def wasserstein_critic(
    numerator: Samples | Sample, denominator: Samples | Sample, *, method: str = "sorting"
) -> WassersteinCritic:
    """Return an optimal critic of the Wasserstein-1 distance of two samples.

    `max(mean(f(x)) - mean(f(y)))` over `|f(a) - f(b)| <= |a - b|`, in the Euclidean distance, x
    from the numerator, y from the denominator; the means are weighted where rows have weights.
    The methods differ in which of these constraints they write down; the value is the same.

    * `"sorting"`: no program. Between neighbours on the line f falls with slope -1 where more
      of the numerator lies to the left, rises where more of the denominator does, and is level
      where the shares are equal. Time N log N.
    * `"neighbours"`: the `2 (N + M - 1)` constraints of neighbours on the line, which imply
      the others.
    * `"all_pairs"`: all `(N + M)(N + M - 1)`, for any D and some hundreds of points.
    * `"cross"`: the `N M` constraints `f(x) - f(y) <= |x - y|`, for any D. They settle the value
      (duality of transport); f is then made 1-Lipschitz as `min(f(y) + |x - y|)`.

    `lrmf_tfp.divergences.emd` gives the value alone, for some thousands of rows.

    Args:
        numerator: Samples `[N, D]`, or `[N]` on the line; a `Sample` where rows have weights.
        denominator: Samples `[M, D]`, or `[M]`, likewise.
        method: One of the above; `"sorting"` and `"neighbours"` need D = 1.

    Returns:
        The critic, with its distance.

    Raises:
        RuntimeError: If the solver of a linear program stops before the optimum.
        TypeError: If samples are not numbers.
        ValueError: If shapes do not fit, a value is not finite, or the method is unknown or not
            one for D dimensions.

    Examples:
        >>> critic = wasserstein_critic([[0.0], [1.0]], [[3.0], [5.0]])
        >>> critic.distance, critic([[0.0], [4.0]]).tolist()
        (3.5, [5.0, 1.0])

    References:
        [1] Peyre and Cuturi, Computational Optimal Transport, 2019, arXiv:1803.00567, section
            6.1; remark 2.30 on the line.
    """
    check_choice(method, "method", METHODS)
    pair = as_pair(_as_column(numerator), _as_column(denominator), min_rows=1)
    if pair.num_dims > 1 and method in ON_LINES:
        others = " or ".join(repr(name) for name in sorted(set(METHODS) - ON_LINES))
        raise ValueError(
            f"`method` must be {others} for {pair.num_dims} dimensions; got {method!r}."
        )
    atoms = Atoms.of(pair)
    values = METHODS[method](atoms)
    values -= values.min()
    size = atoms.num_numerator
    parts = (values[:size], values[size:])
    means = [mean(v, s.training_weights) for v, s in zip(parts, pair, strict=True)]
    described = {**described_pair(pair, "WassersteinCritic"), "dtype": "float64"}
    metadata = {**described, "method": method, "distance": means[0] - means[1]}
    return _critic(metadata, atoms.points, values)


def _critic(metadata: dict[str, Any], points: Array, values: Array) -> WassersteinCritic:
    module = WassersteinModule(points, values)
    return WassersteinCritic(module, metadata, arrays={"points": points, "point_values": values})


def _as_column(samples: Samples | Sample) -> Samples | Sample:
    """Return samples `[N]` on the line as `[N, 1]`, and others as they are."""
    if isinstance(samples, Sample):
        return samples
    shape = getattr(samples, "shape", None)
    if shape is None:
        try:
            shape = np.shape(samples)
        except ValueError:  # ragged; the check that follows says so
            return samples
    return np.reshape(samples, [-1, 1]) if len(shape) == 1 else samples
