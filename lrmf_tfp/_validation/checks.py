"""Checks of single settings and of finished arrays.

NumPy only. A message is one line that names the argument in back-ticks, then the rule, then what
was found: "`target` must have shape [M, 3] to match `source`; got [100, 2]."
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "check_choice",
    "check_finite",
    "check_fraction",
    "check_not_negative",
    "check_positive",
    "check_positive_int",
    "check_positive_ints",
    "check_seed",
    "check_varies",
    "shortened",
]

FloatArray = NDArray[np.floating[Any]]

# A column counts as constant when it spreads over fewer than this many rounding steps.
_CONSTANT_ROUNDING_STEPS = 8.0
_ROWS_AT_ONCE = 65536


def check_choice(value: str, name: str, choices: Iterable[str]) -> str:
    """Return `value`; raise ValueError, with the nearest proposed, if not among `choices`."""
    known = sorted(choices)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    listed = ", ".join(repr(choice) for choice in known)
    raise ValueError(f"`{name}` must be one of {listed}; got {shortened(value)}{hint}.")


def check_positive_int(value: int, name: str, *, lowest: int = 1) -> int:
    """Return `value` as int; raise TypeError if not whole, ValueError if below `lowest`."""
    return _as_int(value, name, lowest=lowest)


def check_positive_ints(values: Iterable[int], name: str) -> tuple[int, ...]:
    """Return `values` as ints; each is checked like that of `check_positive_int`."""
    return tuple(check_positive_int(value, name) for value in values)


def check_seed(value: int, name: str) -> int:
    """Return `value` as int; raise TypeError if not a whole number, ValueError if below 0.

    Whole numbers of any size are seeds: those that 62 bits do not hold, such as hashes and the
    entropy of a `np.random.SeedSequence`, are mixed down, so that it and the next ones are int64.
    """
    seed = _as_int(value, name, lowest=0)
    if seed < 2**62:
        return seed
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(2))


def check_same_width(first: Sequence[Any], second: Sequence[Any], names: tuple[str, str]) -> None:
    """Raise ValueError if two shapes `[N, D]` differ in D."""
    if first[1] != second[1]:
        raise ValueError(
            f"`{names[1]}` must have shape [M, {first[1]}] to match `{names[0]}`; "
            f"got {list(second)}."
        )


def check_positive(value: float, name: str) -> float:
    """Return `value` as float; raise ValueError unless it is finite and above 0."""
    number = _as_float(value, name)
    if not (math.isfinite(number) and number > 0.0):
        raise ValueError(f"`{name}` must be finite and above 0; got {value}.")
    return number


def check_not_negative(value: float, name: str) -> float:
    """Return `value` as float; raise ValueError unless it is finite and at least 0."""
    number = _as_float(value, name)
    if not (math.isfinite(number) and number >= 0.0):
        raise ValueError(f"`{name}` must be finite and at least 0; got {value}.")
    return number


def check_fraction(value: float, name: str) -> float:
    """Return `value` as float; raise ValueError unless it lies strictly between 0 and 1."""
    number = _as_float(value, name)
    if not 0.0 < number < 1.0:
        raise ValueError(f"`{name}` must lie strictly between 0 and 1; got {value}.")
    return number


def check_finite(samples: FloatArray, name: str, *, columns: Sequence[str] | None = None) -> None:
    """Raise ValueError, with the first place, if the samples `[N, D]` are not all finite.

    Args:
        samples: the samples; looked at block by block.
        name: name of the argument, for messages.
        columns: names of the columns, if they have any.
    """
    count, first = 0, None
    for start in range(0, len(samples), _ROWS_AT_ONCE):
        wrong = np.argwhere(~np.isfinite(samples[start : start + _ROWS_AT_ONCE]))
        count += len(wrong)
        if first is None and len(wrong):
            first = (start + int(wrong[0][0]), int(wrong[0][1]))
    if first is None:
        return
    values = "value" if count == 1 else "values"
    column = repr(columns[first[1]]) if columns else first[1]
    raise ValueError(
        f"`{name}` must be finite; got {count} non-finite {values}, "
        f"the first in row {first[0]}, column {column}."
    )


def check_varies(value: ArrayLike, name: str, *, unit: str = "column") -> None:
    """Raise ValueError if a column of the samples `[N, D]` is constant, up to rounding."""
    array = np.asarray(value)
    lowest, highest = array.min(axis=0), array.max(axis=0)
    magnitude = np.maximum(np.abs(lowest), np.abs(highest))
    rounding = _CONSTANT_ROUNDING_STEPS * np.finfo(array.dtype).eps
    constant = np.flatnonzero(highest - lowest <= rounding * magnitude)
    if constant.size:
        raise ValueError(
            f"`{name}` must vary in every {unit}; got a constant {unit} {constant[0]}."
        )


def shortened(value: object) -> str:
    """Return a value as text of one line and 80 characters at most, for messages."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _as_int(value: int, name: str, *, lowest: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{name}` must be a whole number; got {shortened(value)}.")
    if value < lowest:
        raise ValueError(f"`{name}` must be at least {lowest}; got {value}.")
    return int(value)


def _as_float(value: object, name: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"`{name}` must be a number; got {shortened(value)}.")
    return float(value)
