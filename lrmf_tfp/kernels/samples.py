"""A set of rows and their weights, as kernels and divergences take it.

NumPy only. What has weights comes as a `Sample`, or as rows and weights apart; never as both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lrmf_tfp._core.typing import Array, Samples, Weights
from lrmf_tfp._validation import (
    as_samples,
    as_vector,
    check_same_width,
    column_names,
    is_frame,
)
from lrmf_tfp.samples.domains import in_order_of
from lrmf_tfp.samples.sample import Sample

__all__ = ["as_sample", "as_weights", "weighted_samples"]


def as_sample(
    value: Samples | Sample,
    name: str,
    *,
    weighs: bool = True,
    weights_name: str | None = None,
    min_rows: int = 1,
) -> Sample:
    """Return rows `[N, D]`, checked, with weights >= 0 where they came with some that differ.

    Args:
        value: Rows in any form that `Sample.of` takes, or a `Sample`.
        name: What the caller calls the rows.
        weighs: Whether the weights of a `Sample` count; else it must not have any.
        weights_name: What the caller calls weights that come apart; `<name>_weights` by default.
        min_rows: Fewest rows that are accepted.

    Raises:
        TypeError: If values are not numbers.
        ValueError: If shapes do not fit, a value is not finite, or a `Sample` has conditions, or
            weights that must not be.
    """
    if not isinstance(value, Sample):
        rows = as_samples(value, name, min_rows=min_rows)
        return Sample(rows, feature_names=column_names(value) if is_frame(value) else None)
    if value.conditions is not None:
        raise ValueError(
            f"`{name}` must have no conditions, on which nothing here depends; "
            f"got {value.condition_size} columns of them."
        )
    if value.weights is not None and not weighs:
        raise ValueError(
            f"`{weights_name or f'{name}_weights'}` must be left out where `{name}` is a Sample "
            "with weights; got both."
        )
    rows = as_samples(value.rows, name, min_rows=min_rows)
    return Sample(rows, weights=value.training_weights, feature_names=value.feature_names)


def weighted_samples(
    source: Samples | Sample,
    target: Samples | Sample,
    source_weights: Weights | None = None,
    target_weights: Weights | None = None,
    *,
    names: tuple[str, str] = ("source", "target"),
) -> tuple[Sample, Sample]:
    """Return two such sets of one width, without rows of weight 0, columns in the first's order.

    Raises:
        TypeError: If values or weights are not numbers.
        ValueError: See `as_sample` and `as_weights`; or if widths or names of columns differ.
    """
    first, second = (
        _weighed(each, weights, name)
        for each, weights, name in zip(
            (source, target), (source_weights, target_weights), names, strict=True
        )
    )
    check_same_width(first.rows.shape, second.rows.shape, names)
    return first, in_order_of(second, first.feature_names, name=names[1])


def as_weights(value: Weights | None, name: str, *, num_rows: int) -> Array:
    """Return weights `[N]` as float64 numbers >= 0, not all 0.

    Raises:
        TypeError: If they are not numbers.
        ValueError: If there is not one a row, or they break that rule.
    """
    weights = as_vector(value, name, num_rows=num_rows).astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0.0)))
    if wrong.size:
        raise ValueError(
            f"`{name}` must be finite and at least 0; got {weights[wrong[0]]:g} in row {wrong[0]}."
        )
    if not np.any(weights):
        raise ValueError(f"`{name}` must not all be 0; got {num_rows} zeros.")
    return weights


def _weighed(value: Samples | Sample, weights: Weights | None, name: str) -> Sample:
    sample = as_sample(value, name, weighs=weights is None)
    if weights is not None:
        found = as_weights(weights, f"{name}_weights", num_rows=len(sample))
        sample = replace(sample, weights=found)
    return sample.without_empty_rows()
