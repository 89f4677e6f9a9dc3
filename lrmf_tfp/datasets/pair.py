"""The two sets of samples that an alignment is about, kept together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp import _validation
from lrmf_tfp.samples.domains import check_domains_vary
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.split import split_rows
from lrmf_tfp.samples.standardize import Standardizer

__all__ = ["DomainPair"]

S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True, eq=False)
class DomainPair:
    """Samples of a source and of a target domain, not paired row by row.

    The source is moved, the target stays: an aligner learns `flow.forward(source) ≈ target`.
    Labels and parameters are never used to align; they only measure and show how well it worked.
    Everything is checked once, when the pair is made. Samples are rows `[N, D]` or images
    `[N, H, W]`, `[N, H, W, C]`.

    Raises:
        TypeError: if samples or labels are not numbers.
        ValueError: if shapes do not fit together or a value is not finite.

    Examples:
        >>> pair = DomainPair([[0.0, 1.0], [2.0, 3.0]], [[5.0, 5.0]])
        >>> pair.num_dims, pair.swap().source.shape
        (2, (1, 2))
    """

    source: NDArray[np.floating[Any]]
    """Samples to move, `[N, D]` or `[N, H, W, C]`."""

    target: NDArray[np.floating[Any]]
    """Samples to match, `[M, D]` or `[M, H, W, C]`."""

    source_labels: NDArray[np.int64] | None = None
    """One whole number a source row, `[N]`, or None."""

    target_labels: NDArray[np.int64] | None = None
    """One whole number a target row, `[M]`, or None."""

    name: str = ""
    """What to call the pair in titles."""

    source_parameters: NDArray[np.floating[Any]] | None = None
    """Where on its surface or curve each source row was drawn, `[N, K]`, or None."""

    target_parameters: NDArray[np.floating[Any]] | None = None
    """Where on its surface or curve each target row was drawn, `[M, K]`, or None."""

    def __post_init__(self) -> None:
        """Check the fields and store them as arrays."""
        source, target = _as_pair(self.source, self.target)
        for field, value in {
            "source": source,
            "target": target,
            "source_labels": _validation.as_labels(
                self.source_labels, "source_labels", num_rows=len(source)
            ),
            "target_labels": _validation.as_labels(
                self.target_labels, "target_labels", num_rows=len(target)
            ),
            "source_parameters": _as_parameters(
                self.source_parameters, "source_parameters", num_rows=len(source)
            ),
            "target_parameters": _as_parameters(
                self.target_parameters, "target_parameters", num_rows=len(target)
            ),
        }.items():
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        """Return the sizes instead of the samples."""
        labels = "no labels" if self.source_labels is None else "labels"
        return (
            f"DomainPair(name={self.name!r}, source={list(self.source.shape)}, "
            f"target={list(self.target.shape)}, {labels})"
        )

    @property
    def num_dims(self) -> int:
        """D, the number of columns of both sets, or of pixels times channels of images."""
        return math.prod(self.source.shape[1:])

    def samples(self) -> dict[str, Sample]:
        """Return the domains by name, with their labels: `{"source": ..., "target": ...}`."""
        return {
            "source": Sample(self.source, labels=self.source_labels),
            "target": Sample(self.target, labels=self.target_labels),
        }

    def standardized(self) -> DomainPair:
        """Return the pair with both sets standardised by the target's moments.

        `(x - mean(target)) / std(target)` per column, for the source too: the difference between
        the two stays, in units of the target's spread. Images have one scale a channel: many of
        their pixels never change. Far outliers enter no moment, see `Standardizer.of`.

        Raises:
            ValueError: if a column, or a channel of images, of the target is constant.
        """
        target = self.samples()["target"]
        check_domains_vary({"target": target})
        units = Standardizer.of(target)
        moved = (
            units.apply(x.reshape(len(x), -1), x.dtype).reshape(x.shape)
            for x in (self.source, self.target)
        )
        return replace(self, source=next(moved), target=next(moved))

    def swap(self) -> DomainPair:
        """Return the pair with source and target exchanged."""
        return replace(
            self,
            source=self.target,
            target=self.source,
            source_labels=self.target_labels,
            target_labels=self.source_labels,
            source_parameters=self.target_parameters,
            target_parameters=self.source_parameters,
        )

    def split(self, fraction: float, *, seed: int = 0) -> tuple[DomainPair, DomainPair]:
        """Split both sets at random into rows to train on and rows held out.

        Args:
            fraction: part of the rows that is held out, strictly between 0 and 1; rounded, at
                least one row a set on either side.
            seed: seed of the shuffle.

        Returns:
            The pair to train on and the held-out pair.

        Raises:
            ValueError: if `fraction` is not strictly between 0 and 1, or a set has one row only.
        """
        _validation.check_fraction(fraction, "fraction")
        _as_pair(self.source, self.target, min_rows=2)
        rng = np.random.default_rng(seed)
        source_rows, target_rows = (
            map(np.sort, split_rows(len(samples), fraction, rng))
            for samples in (self.source, self.target)
        )
        train, held_out = (
            replace(
                self,
                source=self.source[source],
                target=self.target[target],
                source_labels=_take(self.source_labels, source),
                target_labels=_take(self.target_labels, target),
                source_parameters=_take(self.source_parameters, source),
                target_parameters=_take(self.target_parameters, target),
            )
            for source, target in zip(source_rows, target_rows, strict=True)
        )
        return train, held_out


def _as_pair(
    source: object, target: object, *, min_rows: int = 1
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Return two sets of rows, or of images, of one shape."""
    first, shape = _validation.as_events(source, "source", min_rows=min_rows)
    second, other = _validation.as_events(target, "target", min_rows=min_rows)
    if shape != other:
        wanted = ", ".join(map(str, shape))
        raise ValueError(
            f"`target` must have shape [M, {wanted}] to match `source`; "
            f"got {[len(second), *other]}."
        )
    if len(shape) == 1:
        return first, second
    return first.reshape(-1, *shape), second.reshape(-1, *shape)


def _as_parameters(value: object, name: str, *, num_rows: int) -> NDArray[np.floating[Any]] | None:
    """Return parameters `[N, K]`, one row a sample, or None if there are none."""
    if value is None:
        return None
    array = _validation.as_samples(value, name)
    if len(array) != num_rows:
        raise ValueError(f"`{name}` must have shape [{num_rows}, K]; got {list(array.shape)}.")
    return array


def _take(values: NDArray[S] | None, rows: NDArray[np.intp]) -> NDArray[S] | None:
    return None if values is None else values[rows]
