"""The door of this package: two samples of one kind, and what they are as laws.

NumPy only. A sample stands for the law in which a row has the probability that its weight says.
Estimates in closed form are functions of that law and of nothing else, and so are the same for
rows in another order, for a row given twice and one of twice the weight, and for rows without
mass, which are left out at the door.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from lrmf_tfp._core.typing import Array, IntArray, Samples
from lrmf_tfp.samples import Sample
from lrmf_tfp.samples.domains import as_domains, in_order_of

__all__ = ["Distinct", "Pair", "as_pair", "as_points", "distinct", "mean", "quiet", "shares"]

F = TypeVar("F", bound=Callable[..., Any])

_LARGEST = 1e150


class Pair(NamedTuple):
    """Samples of p and of q, rows `[N, D]` and `[M, D]` of one dtype, every row with mass."""

    numerator: Sample
    """Of p."""
    denominator: Sample
    """Of q."""

    @property
    def num_dims(self) -> int:
        """D."""
        return self.numerator.values.shape[1]

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The dtype of the rows, the wider one of the two."""
        return self.numerator.values.dtype

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns, if one of the two came as a frame."""
        return self.numerator.feature_names or self.denominator.feature_names


class Distinct(NamedTuple):
    """The law that a sample stands for: its different rows, in an order of their own."""

    rows: Array
    """`[K, D]` float64, sorted, no two alike."""
    shares: Array
    """`[K]`, above 0, sums to 1."""
    places: IntArray
    """`[N]`, which of them each row of the sample is."""

    @property
    def num_effective(self) -> float:
        """Kish's effective number of rows, K where all have the same share."""
        return float(1.0 / np.sum(np.square(self.shares)))

    @property
    def is_even(self) -> bool:
        """Whether all rows have the same share."""
        return bool(np.ptp(self.shares) == 0.0)


def as_pair(
    numerator: Samples | Sample, denominator: Samples | Sample, *, min_rows: int = 2
) -> Pair:
    """Check the two samples of a ratio or a critic.

    Args:
        numerator: Samples of p `[N, D]`; see `Sample.of` for what they may come as.
        denominator: Samples of q `[M, D]`; columns with names are brought into the order of p's.
        min_rows: Fewest rows with mass of each.

    Raises:
        TypeError: If values are not real numbers.
        ValueError: If shapes or columns do not fit, rows are too few, values are not finite or
            too large to be squared, a weight is negative, or there are conditions.
    """
    domains = as_domains({"numerator": numerator, "denominator": denominator}, min_rows=min_rows)
    for name, sample in domains.items():
        _check(sample, name)
    dtype = np.result_type(*(sample.values for sample in domains.values()))
    rows = (replace(s, values=s.rows.astype(dtype, copy=False)) for s in domains.values())
    pair = Pair(*rows)
    largest = max(float(np.max(np.abs(sample.values))) for sample in pair)
    if largest > _LARGEST:
        raise ValueError(
            f"`numerator` and `denominator` must be at most {_LARGEST:.0e} in size, for squared "
            f"distances to be float64 numbers; got {largest:.0e}."
        )
    return pair


def as_points(
    x: Samples | Sample, *, num_dims: int, names: tuple[str, ...] | None = None
) -> Array:
    """Return the points `[B, D]` at which a fitted function is asked, as they came or float64.

    Args:
        x: Samples `[B, D]`.
        num_dims: D of the fit.
        names: Names of the columns of the fit, which those of a frame must be.

    Raises:
        TypeError: If values are not numbers.
        ValueError: If values are not finite, the width or the columns are others, or there are
            conditions.
    """
    sample = in_order_of(Sample.of(x, name="x"), names, name="x")
    _check_bare(sample, "x")
    rows = sample.rows
    if rows.shape[1] != num_dims:
        raise ValueError(
            f"`x` must have shape [B, {num_dims}] to match the fit; got {list(rows.shape)}."
        )
    return rows


def quiet(function: F) -> F:
    """Decorate what computes with exponentials, whose 0 and infinity are right answers.

    They stay so where the user's program has told NumPy to raise.
    """

    @functools.wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(under="ignore", over="ignore"):
            return function(*args, **kwargs)

    return cast("F", decorated)


@quiet
def shares(sample: Sample) -> Array:
    """Return the probability of each row `[N]`, float64."""
    weights = sample.training_weights
    if weights is None:
        return np.full(len(sample), 1.0 / len(sample))
    weights = weights / weights.max()
    return weights / weights.sum()


@quiet
def distinct(sample: Sample) -> Distinct:
    """Return the law of a sample."""
    rows = sample.values.astype(np.float64) + 0.0  # of the two zeros only one is left
    unique, places = np.unique(rows, axis=0, return_inverse=True)
    places = places.reshape(-1)
    weights = sample.training_weights
    if weights is not None:
        weights = weights / weights.max()
    mass = np.bincount(places, weights, minlength=len(unique)).astype(np.float64)
    return Distinct(unique, mass / mass.sum(), places)


@quiet
def mean(values: Array, weights: Array | None = None) -> float:
    """Return the mean of `values` `[N]`, by weights `[N]` of any scale if there are some."""
    if weights is not None:
        weights = weights / weights.max()
    return float(np.average(values.astype(np.float64, copy=False), weights=weights))


def _check(sample: Sample, name: str) -> None:
    _check_bare(sample, name)
    if sample.weights is not None and np.min(sample.weights) < 0.0:
        row = int(np.argmin(sample.weights))
        raise ValueError(
            f"`{name}` must have weights of at least 0, for a ratio of two laws; "
            f"got {sample.weights[row]:g} in row {row}."
        )


def _check_bare(sample: Sample, name: str) -> None:
    if sample.conditions is not None:
        raise ValueError(
            f"`conditions` of `{name}` must be left out, for a ratio of two laws of `x` alone; "
            f"got {sample.condition_size} columns."
        )
