"""`Sample`: the rows of one domain with what belongs to them, checked once.

NumPy only. What a user passes anywhere as samples becomes one of these at the door; what an
objective sees of it is a `Batch`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lrmf_tfp._core.typing import Array, IntArray, Samples
from lrmf_tfp._validation import (
    as_events,
    as_labels,
    as_samples,
    as_vector,
    check_choice,
    column_names,
    is_frame,
)
from lrmf_tfp.samples.batch import Batch

__all__ = ["NEGATIVE", "Sample", "effective_number"]

NEGATIVE = ("refuse", "absolute")
"""What is done with negative weights."""


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """Rows of one domain, with weights, conditions and labels if they have any.

    Make one with `Sample.of`, which checks; plain arrays and frames are the shorthand for a sample
    without anything else. Nothing is copied that need not be.

    A weighted sample stands for the law in which row i has the probability `w_i / sum(w)`: what is
    fitted to it draws rows by weight, and every mean over it is a weighted mean. Rows of weight 0
    count as absent. A sample with conditions stands for the law of `values` *given* `conditions`.

    Examples:
        >>> sample = Sample.of([[1.0], [2.0], [3.0]], weights=[1, 1, 2])
        >>> sample
        Sample(values=[3, 1], weights=[3])
        >>> round(sample.num_effective, 2)
        2.67
    """

    values: Array
    """`[N, D]`, or `[N, H, W]`, `[N, H, W, C]` of images; floats, finite."""
    weights: Array | None = None
    """`[N]` float64, of any scale; negative ones only if they were let in. None: all alike."""
    conditions: Array | None = None
    """`[N, C]` floats: what the law of a row is conditional on; never moved."""
    labels: IntArray | None = None
    """`[N]` whole numbers, for evaluation only: training never sees them."""
    feature_names: tuple[str, ...] | None = None
    """Names of the D columns, if `values` came as a frame."""
    condition_names: tuple[str, ...] | None = None
    """Names of the C columns, if `conditions` came as a frame."""

    @classmethod
    def of(
        cls,
        x: Samples | Sample,
        weights: Samples | None = None,
        conditions: Samples | None = None,
        labels: Samples | None = None,
        *,
        negative: str = "refuse",
        name: str = "x",
        min_rows: int = 1,
    ) -> Sample:
        """Check samples and what belongs to them.

        Args:
            x: Samples `[N, D]` or images `[N, H, W]`, `[N, H, W, C]`: arrays, memory maps (which
                stay on disk), lists, tensors, data frames of pandas, polars and pyarrow, finite
                `tf.data.Dataset`s; or a `Sample`, to which the rest is added.
            weights: One number a row `[N]`, of any positive scale.
            conditions: Covariates `[N, C]` or `[N]`, in any of the forms of `x`.
            labels: One whole number a row `[N]`.
            negative: `"refuse"` negative weights, or `"absolute"`: train on `|w|` and evaluate
                with the signs, as simulated events with negative weights ask for.
            name: Name of `x` in messages.
            min_rows: Fewest rows that are accepted.

        Returns:
            The sample.

        Raises:
            TypeError: If values, weights, conditions or labels are not numbers.
            ValueError: If shapes do not fit, a value is not finite, or the weights break a rule.
        """
        check_choice(negative, "negative", NEGATIVE)
        if isinstance(x, Sample):
            sample = x
            _check_rows(len(x), name, min_rows=min_rows)
        else:
            rows, shape = as_events(x, name, min_rows=min_rows)
            values = rows if len(shape) == 1 else rows.reshape(-1, *shape)
            sample = cls(values, feature_names=column_names(x) if is_frame(x) else None)
        if weights is not None:
            checked = _as_weights(weights, num_rows=len(sample), negative=negative)
            sample = replace(sample, weights=checked)
        if conditions is not None:
            named = column_names(conditions) if is_frame(conditions) else None
            checked = as_conditions(conditions, num_rows=len(sample))
            sample = replace(sample, conditions=checked, condition_names=named)
        if labels is not None:
            sample = replace(sample, labels=as_labels(labels, "labels", num_rows=len(sample)))
        return sample

    def __len__(self) -> int:
        """Return N, the number of rows."""
        return len(self.values)

    def __repr__(self) -> str:
        """Return the shapes of what is there."""
        parts = {
            name: list(part.shape)
            for name in ("values", "weights", "conditions", "labels")
            if (part := getattr(self, name)) is not None
        }
        return f"Sample({', '.join(f'{name}={shape}' for name, shape in parts.items())})"

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one row: `(D,)`, or `(H, W, C)` of images, gray ones with C = 1."""
        shape = self.values.shape[1:]
        return (*shape, 1) if len(shape) == 2 else shape

    @property
    def condition_size(self) -> int:
        """C, the number of conditions; 0 without any."""
        return 0 if self.conditions is None else self.conditions.shape[1]

    @property
    def rows(self) -> Array:
        """The values as rows `[N, D]`."""
        return self.values.reshape(len(self.values), -1)

    @property
    def training_weights(self) -> Array | None:
        """`|w|` `[N]`, or None where all rows weigh the same."""
        if self.weights is None or np.ptp(self.weights) == 0.0:
            return None
        return np.abs(self.weights)

    @property
    def num_effective(self) -> float:
        """Kish's effective number of rows, `sum(w)^2 / sum(w^2)`; N without weights."""
        if self.weights is None:
            return float(len(self))
        return effective_number(self.weights)

    def take(self, rows: IntArray) -> Sample:
        """Return the sample of some rows, by their numbers or a mask."""
        parts = {
            name: part[rows]
            for name in ("values", "weights", "conditions", "labels")
            if (part := getattr(self, name)) is not None
        }
        return replace(self, **parts)

    def without_empty_rows(self) -> Sample:
        """Return the sample without its rows of weight 0, which are in no law."""
        if self.weights is None or np.all(self.weights):
            return self
        return self.take(np.flatnonzero(self.weights))

    def batch(self) -> Batch:
        """Return rows, training weights and conditions, as an objective takes them."""
        return Batch(self.rows, self.training_weights, self.conditions)


def as_conditions(value: Samples, *, num_rows: int, name: str = "conditions") -> Array:
    """Return conditions as floats `[N, C]`.

    Raises:
        TypeError: If they are not numbers.
        ValueError: If they are not finite or not one row each.
    """
    if not is_frame(value) and np.ndim(value) == 1:
        value = as_vector(value, name, num_rows=num_rows)[:, None]
    conditions = as_samples(value, name)
    if len(conditions) != num_rows:
        raise ValueError(
            f"`{name}` must have shape [{num_rows}, C]; got {list(conditions.shape)}."
        )
    return conditions


def _as_weights(value: Samples, *, num_rows: int, negative: str) -> Array:
    weights = as_vector(value, "weights", num_rows=num_rows).astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(weights))
    if wrong.size:
        raise ValueError(f"`weights` must be finite; got {weights[wrong[0]]} in row {wrong[0]}.")
    below = np.flatnonzero(weights < 0.0)
    if below.size and negative == "refuse":
        raise ValueError(
            "`weights` must be at least 0, or `negative` be 'absolute' (train on |w|, evaluate "
            f"with the signs); got {weights[below[0]]:g} in row {below[0]}."
        )
    if not np.any(weights):
        raise ValueError(f"`weights` must not all be 0; got {num_rows} zeros.")
    if np.sum(weights / np.abs(weights).max()) <= 0.0:
        raise ValueError(f"`weights` must sum to more than 0; got {np.sum(weights):g}.")
    return weights


def _check_rows(num_rows: int, name: str, *, min_rows: int) -> None:
    if num_rows < min_rows:
        rows = "row" if min_rows == 1 else "rows"
        raise ValueError(f"`{name}` must have at least {min_rows} {rows}; got {num_rows}.")


def effective_number(weights: Array) -> float:
    """Return Kish's effective number of rows of weights `[N]` of any scale and sign."""
    unit = weights / np.abs(weights).max()  # of which no square overflows
    return float(np.sum(unit) ** 2 / np.sum(unit**2))
