"""The rows of one call of `Aligner.fit`: split, standardised, and recognised later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrmf_tfp._core.typing import Array, IntArray
from lrmf_tfp.flows import ClosedForm, FixedAffineLayer, Flow
from lrmf_tfp.samples.batch import Batch
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.split import split_rows
from lrmf_tfp.samples.standardize import Standardizer, common_moments

__all__ = ["MIN_ROWS", "NEAR_RATIO", "NEAR_SHIFT", "Rows", "Standards", "fresh_rows", "row_hashes"]

MIN_ROWS = 10
"""Fewest rows of a domain that `fit` accepts."""

Hashes = NDArray[np.uint64]

_ROWS_AT_ONCE = 65536

NEAR_SHIFT, NEAR_RATIO = 1.0, 2.0
"""What `start="auto"` calls near: means within so many target scales, scales within this ratio."""


class Standards(NamedTuple):
    """The moments by which the model sees samples."""

    source: Standardizer
    target: Standardizer
    conditions: Standardizer | None = None

    @staticmethod
    def of(source: Sample, target: Sample, *, start: str) -> Standards:
        """Return the moments of both domains; the target's for both where nothing is moved."""
        first, second = Standardizer.of(source), Standardizer.of(target)
        if start == "auto":
            start = "identity" if _near(first, second) else "moments"
        conditions = None
        if source.conditions is not None and target.conditions is not None:
            both = (
                Sample(source.conditions, source.weights),
                Sample(target.conditions, target.weights),
            )
            conditions = Standardizer(*common_moments(both))
        return Standards(second if start == "identity" else first, second, conditions)

    @property
    def start(self) -> str:
        """Where the map starts, `"identity"` or `"moments"`."""
        return "identity" if self.source is self.target else "moments"

    def batch(self, sample: Sample, moments: Standardizer, *, dtype: str) -> Batch:
        """Return a sample as the model sees it."""
        conditions = sample.conditions
        if conditions is not None and self.conditions is not None:
            conditions = self.conditions.apply(conditions, dtype)
        return Batch(moments.apply(sample.rows, dtype), sample.training_weights, conditions)


class Rows:
    """Rows of both domains, some for training and some held out.

    Attributes:
        standards: The moments of source and target.
        train: Training rows of each domain, standardised.
        held_out: Held-out rows of each domain, standardised.
    """

    def __init__(
        self,
        domains: Mapping[str, Sample],
        standards: Standards,
        *,
        validation_fraction: float,
        dtype: str,
        seed: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._domains = tuple(domains.values())
        self.standards = standards
        self._kept: list[IntArray] = []
        self._judged: list[IntArray] = []
        for sample in self._domains:
            kept, judged = split_rows(len(sample), validation_fraction, rng, fewest=2)
            self._kept.append(kept)
            self._judged.append(judged)
        moments = (standards.source, standards.target)
        self.train, self.held_out = (
            tuple(
                standards.batch(sample.take(rows), each, dtype=dtype)
                for sample, rows, each in zip(self._domains, chosen, moments, strict=True)
            )
            for chosen in (self._kept, self._judged)
        )

    @property
    def raw_train(self) -> tuple[Sample, ...]:
        """Training rows of each domain as they came."""
        return tuple(s.take(rows) for s, rows in zip(self._domains, self._kept, strict=True))

    @property
    def held_out_weights(self) -> tuple[Array | None, ...]:
        """Weights of the held-out rows as they came, signs included."""
        return tuple(
            None if sample.weights is None else sample.weights[rows]
            for sample, rows in zip(self._domains, self._judged, strict=True)
        )

    def closed_form(self, spec: ClosedForm, *, dtype: tf.DType) -> Flow:
        """Return a closed-form flow of the training rows, between standardised samples.

        It is computed in the user's coordinates, because CORAL and optimal transport depend on
        the units.
        """
        flow = spec.solve(*self.raw_train, dtype=dtype)
        if not flow.layers:
            return flow
        layer = cast(FixedAffineLayer, flow.layers[0])
        source, target = self.standards.source, self.standards.target
        standardized = layer.between(
            source_loc=source.loc,
            source_scale=source.scale,
            target_loc=target.loc,
            target_scale=target.scale,
        )
        return standardized.as_flow(name=flow.name)

    def recognizable(self) -> dict[str, Hashes]:
        """Return what tells trained from fresh rows later; see `fresh_rows`."""
        names = ("source", "target")
        return {
            name: np.unique(row_hashes(sample.take(rows)))
            for name, sample, rows in zip(names, self._domains, self._kept, strict=True)
        }


def row_hashes(sample: Sample) -> Hashes:
    """Return a 64-bit hash `[N]` of each row, the same for float32 copies."""
    hashes = np.empty(len(sample), np.uint64)
    size = sum(part.shape[1] for part in _parts(sample))
    odd = np.random.default_rng(0).integers(1, 2**63, size=size, dtype=np.uint64) * 2 + 1
    for start in range(0, len(sample), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        with np.errstate(over="ignore"):
            parts = [part[block].astype(np.float32) for part in _parts(sample)]
        bits = np.column_stack(parts).astype(np.float64) + 0.0
        words = bits.view(np.uint64)
        mixed = (words ^ (words >> np.uint64(29))) * odd
        hashes[block] = np.bitwise_xor.reduce(mixed ^ (mixed >> np.uint64(32)), axis=1)
    return hashes


def fresh_rows(sample: Sample, trained: Hashes) -> Sample:
    """Return the rows of a sample whose hashes are not among those of trained rows."""
    return sample.take(np.flatnonzero(~np.isin(row_hashes(sample), trained)))


def _parts(sample: Sample) -> list[Array]:
    return [sample.rows, *([] if sample.conditions is None else [sample.conditions])]


def _near(source: Standardizer, target: Standardizer) -> bool:
    shift = np.abs(source.loc - target.loc) / target.scale
    ratio = np.maximum(source.scale / target.scale, target.scale / source.scale)
    return bool(np.all(shift <= NEAR_SHIFT) and np.all(ratio <= NEAR_RATIO))
