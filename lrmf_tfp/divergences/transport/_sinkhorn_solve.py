"""A Sinkhorn problem from options to potentials and gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.divergences._arguments import as_scale
from lrmf_tfp.divergences._pair import WeightedPair
from lrmf_tfp.divergences._units import times_power
from lrmf_tfp.divergences.transport._sinkhorn_cost import (
    DENSE_ENTRIES,
    DenseGeometry,
    Geometry,
    InUnits,
    StreamedGeometry,
    mean_cost,
)
from lrmf_tfp.divergences.transport._sinkhorn_loop import (
    Potentials,
    self_potential,
    transport_potentials,
)

__all__ = ["Options", "as_options", "solve", "solve_self", "with_epsilon"]

_DEFAULT_EPSILON = 0.05


class Options(NamedTuple):
    """How to solve."""

    epsilon: Tensor | None
    """Regularisation: as it is given, float64, in units of the cost, or None; for the solver as a
    number of the samples' dtype, in units of the scaled samples' cost."""
    tolerance: Tensor
    """Largest L1 error of the marginals."""
    max_iterations: Tensor
    """Most iterations at `epsilon`, int32."""


def as_options(
    epsilon: Tensor | float | None,
    tolerance: Tensor | float | None,
    max_iterations: int,
    *,
    dtype: tf.DType,
) -> Options:
    """Return checked options as tensors, so that a new value is not a new trace."""
    return Options(
        epsilon=None if epsilon is None else as_scale(epsilon, "epsilon", dtype=tf.float64),
        tolerance=as_scale(tolerance, "tolerance", dtype=dtype),
        max_iterations=tf.constant(check_positive_int(max_iterations, "max_iterations")),
    )


def with_epsilon(options: Options, units: InUnits, *, power: int) -> Options:
    """Return the options with epsilon in units; 0.05 of the mean cost where none is given."""
    if options.epsilon is None:
        return options._replace(epsilon=_DEFAULT_EPSILON * mean_cost(units.pair, power=power))
    epsilon = times_power(options.epsilon, units.unit, -power)
    # Beyond, plans are a b' to the last digit; at infinity they would be NaN.
    highest = float(units.unit.dtype.max) ** 0.5
    return options._replace(epsilon=tf.cast(tf.minimum(epsilon, highest), units.unit.dtype))


def solve(
    pair: WeightedPair, options: Options, *, power: int
) -> tuple[Potentials, tuple[Tensor, Tensor]]:
    """Return the potentials between two samples and the value's gradients in both."""

    def run(geometry: Geometry) -> tuple[Potentials, tuple[Tensor, Tensor]]:
        end = transport_potentials(geometry, power=power, **options._asdict())
        return end, geometry.gradients(end.source, end.target, options.epsilon)

    return _dense_or_streamed(run, pair, power=power)


# A function of its own, so that the two samples of a divergence share one trace.
@functools.partial(tf.function, autograph=False)
def solve_self(pair: WeightedPair, options: Options, *, power: int) -> tuple[Potentials, Tensor]:
    """Return the potential of a sample with itself and the gradient in one of its two places."""

    def run(geometry: Geometry) -> tuple[Potentials, Tensor]:
        end = self_potential(geometry, **options._asdict())
        return end, geometry.gradients(end.source, end.target, options.epsilon)[0]

    return _dense_or_streamed(run, pair, power=power)


def _dense_or_streamed(run: Callable[[Geometry], Any], pair: WeightedPair, *, power: int) -> Any:
    """Return `run` of the geometry that fits, chosen at run time if sizes are not known."""

    def dense() -> Any:
        return run(DenseGeometry(pair, power=power))

    def streamed() -> Any:
        return run(StreamedGeometry(pair, power=power))

    sizes = pair.source.shape[0], pair.target.shape[0]
    if None not in sizes:
        return dense() if sizes[0] * sizes[1] <= DENSE_ENTRIES else streamed()
    entries = tf.size(pair.source_weights, tf.int64) * tf.size(pair.target_weights, tf.int64)
    return tf.cond(entries <= DENSE_ENTRIES, dense, streamed)
